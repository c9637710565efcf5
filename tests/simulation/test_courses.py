# SPDX-License-Identifier: BSD-3-Clause
"""A walk that comes round, an update that begins again, and what can be written to simulated things."""

from __future__ import annotations

import itertools
import json
import math

import pytest

from pyaiot.gateway.details import encode_about
from pyaiot.simulation.courses import BAD_ONE_IN, CENTRE, ROUND_S, UPDATE_S, FirmwareUpdate, Walk
from pyaiot.simulation.resources import ABOUTS, RESOURCES, make_resource
from pyaiot.wire.messages import About


def test_the_walk_is_slow_and_comes_round() -> None:
    places = [json.loads(Walk(seed=1).read(float(at))) for at in range(0, int(ROUND_S) + 1, 5)]
    for here, there in itertools.pairwise(places):
        metres = 111_320 * math.hypot(there["lat"] - here["lat"], (there["lng"] - here["lng"]) * 0.66)
        assert 0 < metres < 5 * 8  # no faster than a bicycle
    assert places[0] == places[-1]
    assert all(abs(place["lat"] - CENTRE[0]) < 0.02 and abs(place["lng"] - CENTRE[1]) < 0.02 for place in places)


def test_an_update_goes_its_way_and_a_bad_one_is_not_installed() -> None:
    update = FirmwareUpdate(seed=1)
    seen: list[str] = []
    versions: list[str] = []
    for half_s in range(int(UPDATE_S * (BAD_ONE_IN + 1)) * 2):
        now = half_s / 2
        state, percent = update.state(now), int(update.downloaded(now))
        assert (0 <= percent < 100) if state == "6" else percent == (100 if state in ("9", "11") else 0)
        if not seen or seen[-1] != state:
            seen.append(state)
        if not versions or versions[-1] != update.version(now):
            versions.append(update.version(now))
    assert "".join(seen).count("012691") >= BAD_ONE_IN - 1 or seen.count("11") >= BAD_ONE_IN - 1
    assert ["0", "1", "2", "3", "0"] in [seen[at : at + 5] for at in range(len(seen))]
    assert versions == [f"1.{number}.0" for number in range(len(versions))]
    assert len(versions) in (BAD_ONE_IN, BAD_ONE_IN + 1)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("led", ("0", "1"), ("2", "", "on")),
        ("robot", tuple("lruds"), ("x", "lr", "")),
        ("ribot", ("0:0:0\n", "-255:255:0\n", "10:-4:6\n"), ("0:0:0:0", "256:0:256\n", "1:1:3\n", "left")),
        ("mode", ("auto", "off"), ("Auto", "")),
        ("setpoint", ("5", "20.5", "30"), ("31", "warm", "nan", "")),
        ("text", ("", "Hello"), ("x" * 201,)),
        ("js", ("print(1)",), ()),
    ],
)
def test_what_can_be_written_is_kept_and_what_cannot_is_not(
    name: str, good: tuple[str, ...], bad: tuple[str, ...]
) -> None:
    resource = make_resource(name, seed=1, interval_s=5.0)
    assert resource.write is not None
    for value in good:
        assert resource.write(value) is not None
        assert resource.read() == value
    for value in bad:
        assert resource.write(value) is None
        assert resource.read() == good[-1]


def test_what_is_said_of_resources_is_true_and_taken() -> None:
    assert set(ABOUTS) <= set(RESOURCES)
    for name, about in ABOUTS.items():
        assert encode_about(About(**about))
        assert about["writable"] == (make_resource(name, seed=1, interval_s=5.0).write is not None)
