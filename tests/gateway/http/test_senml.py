# SPDX-License-Identifier: BSD-3-Clause
"""SenML packs become readings as RFC 8428 says; whatever else comes raises the one declared error."""

from __future__ import annotations

import json
import random
from math import isfinite
from typing import Any

import pytest

from pyaiot.gateway.adapter import MAX_AGE_MS
from pyaiot.gateway.http.payloads import parse_report
from pyaiot.gateway.http.report import BadPayload, Reading, Report
from pyaiot.gateway.http.senml import MAX_RECORDS, parse_pack

NOW_S = 1_800_000_000.0
UID = "hut-7"


def pack(*records: Any) -> Report:
    return parse_pack(list(records), UID, NOW_S)


def read(*records: Any) -> list[tuple[Any, ...]]:
    return [tuple(reading) for reading in pack(*records).readings]


def refusal(*records: Any) -> str:
    with pytest.raises(BadPayload) as caught:
        pack(*records)
    return str(caught.value)


def test_one_record_is_one_reading() -> None:
    """RFC 8428 section 5.1.1."""
    assert read({"n": "urn:dev:ow:10e2073a01080063", "u": "Cel", "v": 23.1}) == [
        ("urn:dev:ow:10e2073a01080063", 23.1, "Cel", 0)
    ]


def test_base_values_count_for_their_record_and_those_behind_it_until_others_come() -> None:
    """Sections 4.1 and 5.1.2: name, unit, time and value."""
    records = [
        {"bn": "urn:dev:mac:0024befffe804ff1:", "bt": -60, "bu": "A", "bver": 10, "n": "voltage", "u": "V", "v": 230.5},
        {"n": "current", "t": 50, "v": 1.5},
        {"bn": "other/", "bu": "W", "n": "power", "t": 55, "v": 7},
        {"n": "x", "t": 60, "vs": "ok"},
    ]
    assert read(*records) == [
        ("urn:dev:mac:0024befffe804ff1:voltage", 230.5, "V", 60_000),
        ("urn:dev:mac:0024befffe804ff1:current", 1.5, "A", 10_000),
        ("other/power", 7, "W", 5_000),
        ("other/x", "ok", "W", 0),
    ]


def test_base_values_may_have_a_record_of_their_own() -> None:
    assert read({"bn": "a/", "bu": "Cel"}, {"n": "b", "v": 1}) == [("a/b", 1, "Cel", 0)]
    assert read({"bn": "a", "v": 1}, {"bn": "b", "v": 2}) == [("a", 1, None, 0), ("b", 2, None, 0)]


def test_all_four_kinds_of_values() -> None:
    found = read({"n": "v", "v": 1.5}, {"n": "vs", "vs": "text"}, {"n": "vb", "vb": True}, {"n": "vd", "vd": "aGkgCg"})
    assert [each[1] for each in found] == [1.5, "text", True, "aGkgCg"]


@pytest.mark.parametrize(
    ("base", "value", "expected"),
    [
        (0.1, 0.2, 0.3),
        (20.1, 1.2, 21.3),
        (20, 1, 21),
        (20, 0.5, 20.5),
        (-0.1, 0.1, 0.0),
        (1e300, 1e-300, 1e300),
        (0, 7, 7),
        (7, 0, 7),
    ],
)
def test_numbers_are_added_as_they_are_written(base: float, value: float, expected: float) -> None:
    ((_, found, _, _),) = read({"bv": base, "n": "x", "v": value})
    assert found == expected
    assert isinstance(found, int) == (isinstance(base, int) and isinstance(value, int))


def test_a_base_value_is_added_to_numbers_only_and_stands_for_one_that_is_missing() -> None:
    """Section 4.5.4."""
    found = read({"bv": 5, "n": "a", "vs": "x"}, {"n": "b", "vb": False}, {"n": "c", "v": 1}, {"n": "d"})
    assert [each[1] for each in found] == ["x", False, 6, 5]


@pytest.mark.parametrize(
    ("base", "time", "age_ms"),
    [
        (0, 0, 0),
        (0, -1.5, 1_500),
        (-10, 3, 7_000),
        (0, 100, 0),  # in the future: now
        (0, 2**28 - 1, 0),
        (0, 2**28, MAX_AGE_MS),  # 1978
        (NOW_S - 30, 0, 30_000),
        (NOW_S, -30, 30_000),
        (NOW_S, 30, 0),
        (-1e300, 0, MAX_AGE_MS),
        (1e300, 0, 0),
    ],
)
def test_times_are_relative_below_2_to_the_28th_and_absolute_from_there(base: float, time: float, age_ms: int) -> None:
    """Section 4.5.3."""
    ((_, _, _, found),) = read({"bt": base, "n": "x", "t": time, "v": 1})
    assert found == age_ms


def test_the_newest_is_told_last_whatever_the_order_of_the_records() -> None:
    """Section 4.6; what has one time keeps its order."""
    found = read(
        {"n": "x", "v": 3}, {"n": "x", "v": 1, "t": -9}, {"n": "x", "v": 2, "t": NOW_S - 4}, {"n": "x", "v": 4}
    )
    assert [each[1] for each in found] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("hut-7/temperature", "temperature"),
        ("hut-7:room/temperature", "room/temperature"),
        ("hut-71/temperature", "hut-71/temperature"),
        ("urn:dev:hut-7/x", "urn:dev:hut-7/x"),
        ("temperature", "temperature"),
        ("hut-7", "hut-7"),
    ],
)
def test_the_device_s_own_id_is_no_part_of_its_resources(name: str, resource: str) -> None:
    assert read({"n": name, "v": 1})[0][0] == resource
    assert read({"bn": name[:4], "n": name[4:], "v": 1})[0][0] == resource


def test_a_sum_without_a_value_is_refused_alone() -> None:
    report = pack({"n": "energy", "s": 5}, {"n": "power", "v": 3, "s": 5})
    assert report.readings == [Reading("power", 3)]
    assert report.refused == {"energy": "it has a sum and no value"}


def test_labels_that_are_not_known_are_ignored_unless_they_must_be_understood() -> None:
    """Section 4.4."""
    assert read({"n": "x", "v": 1, "ut": 60, "colour": {"any": ["thing"]}}) == [("x", 1, None, 0)]
    assert "'secret_' must be understood" in refusal({"n": "x", "v": 1, "secret_": 1})
    assert "record 2" in refusal({"n": "x", "v": 1}, {"bfeature_": True})


@pytest.mark.parametrize("version", [1, 5, 10, 10.0, 26])
def test_versions_that_are_understood(version: float) -> None:
    assert read({"bver": version, "n": "x", "v": 1}, {"n": "y", "v": 2, "bver": version})


@pytest.mark.parametrize("version", [0, -1, 11, 25, 27, 10.5, 1e300])
def test_a_version_that_is_not_understood_is_refused(version: float) -> None:
    assert "version" in refusal({"bver": version, "n": "x", "v": 1})


def test_all_records_have_one_version() -> None:
    assert "differs" in refusal({"n": "x", "v": 1}, {"bver": 26, "n": "y", "v": 1})
    assert "differs" in refusal({"bver": 26, "n": "x", "v": 1}, {"bver": 10, "n": "y", "v": 1})


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({}, "empty"),
        ([], "not an object"),
        (None, "not an object"),
        (1, "not an object"),
        ({"v": 1}, "no name"),
        ({"n": "", "v": 1}, "no name"),
        ({"n": "x"}, "no value"),
        ({"t": 1}, "no name"),
        ({"n": "x", "v": 1, "vs": "1"}, "more than one value (v, vs)"),
        ({"n": "x", "vb": True, "vd": ""}, "more than one value"),
        ({"n": "x", "v": "1"}, "v is not a number"),
        ({"n": "x", "v": True}, "v is not a number"),
        ({"n": "x", "v": None}, "v is not a number"),
        ({"n": "x", "vs": 1}, "vs is not a text"),
        ({"n": "x", "vb": 1}, "vb is not true or false"),
        ({"n": "x", "vd": "+/=="}, "base64url"),
        ({"n": "x", "vd": "a"}, "base64url"),
        ({"n": 1, "v": 1}, "n is not a text"),
        ({"bn": None, "n": "x", "v": 1}, "bn is not a text"),
        ({"n": "x", "v": 1, "t": "now"}, "t is not a number"),
        ({"n": "x", "v": 1, "ut": []}, "ut is not a number"),
        ({"n": "x", "v": 1, "bs": "1"}, "bs is not a number"),
        ({"n": "x", "u": 1, "v": 1}, "u is not a text"),
        ({"n": "a b", "v": 1}, "its name"),
        ({"n": "/x", "v": 1}, "its name"),
        ({"n": "_x", "v": 1}, "its name"),
        ({"n": "°C", "v": 1}, "its name"),
        ({"n": "x\n", "v": 1}, "its name"),
        ({"n": "hut-7/", "v": 1}, "of no resource"),
        ({"n": "x", "bv": 1e308, "v": 1e308}, "not finite"),
        ({"n": "x", "bv": 2**53 - 1, "v": 1}, "2**53"),
    ],
)
def test_what_breaks_the_rules_is_refused_as_a_whole(record: Any, words: str) -> None:
    reason = refusal({"n": "good", "v": 1}, record)
    assert words in reason
    assert reason.startswith("SenML record 2: ")


def test_the_number_of_records_is_bounded() -> None:
    records = [{"n": "x", "v": number} for number in range(MAX_RECORDS)]
    assert len(read(*records)) == MAX_RECORDS
    assert str(MAX_RECORDS) in refusal(*records, {"n": "x", "v": 1})
    assert "at least one" in refusal()


SEEDS: list[Any] = [
    [{"n": "urn:dev:ow:10e2073a01080063", "u": "Cel", "v": 23.1}],
    [{"bn": "hut-7/", "bt": 1.8e9, "bu": "A", "bver": 10, "n": "a", "v": 1}, {"n": "b", "t": -5, "vs": "x"}],
    [{"bv": 20.1, "n": "t", "v": 1.2}, {"n": "e", "s": 3}, {"n": "d", "vd": "aGkgCg"}, {"n": "s", "vb": True}],
    {"temperature": 21.5, "led": {"value": True, "unit": "Cel", "age": 10}, "position": {"lat": 1, "lng": [2, "3"]}},
]
ODD: list[Any] = [
    *(None, True, 0, -1, 1, 10, 26, 2**28, 2**53 - 1, 1e308, -1e308, 5e-324, 0.1, -0.0, "", "x", "a_", "hut-7/", "°"),
    *("/", "a" * 70, [], {}, [[]], {"value": 1}, {"value": None, "age": -1}, {"value": 1, "unit": 3}, {"v": 1}),
]
KEYS = [
    "bn",
    "bt",
    "bu",
    "bv",
    "bs",
    "bver",
    "n",
    "u",
    "v",
    "vs",
    "vb",
    "vd",
    "s",
    "t",
    "ut",
    "x",
    "x_",
    "value",
    "age",
]


def mutate(rng: random.Random, tree: Any) -> Any:
    """The same thing with something in it exchanged, added or left out."""
    if rng.random() < 0.05:
        return rng.choice(ODD)
    if isinstance(tree, list):
        items = [mutate(rng, item) if rng.random() < 0.5 else item for item in tree]
        if items and rng.random() < 0.2:
            del items[rng.randrange(len(items))]
        if rng.random() < 0.2:
            items.append(rng.choice([*ODD, *tree]))
        return items
    if isinstance(tree, dict):
        items = {key: mutate(rng, value) if rng.random() < 0.3 else value for key, value in tree.items()}
        if items and rng.random() < 0.2:
            del items[rng.choice(list(items))]
        while rng.random() < 0.5:
            items[rng.choice(KEYS)] = rng.choice(ODD)
        return items
    return rng.choice(ODD)


def check(body: bytes, rng: random.Random) -> bool:
    """Whether it was taken; if so, by its rules."""
    try:
        report = parse_report(body, UID, NOW_S, senml=rng.random() < 0.3)
    except BadPayload as error:
        if not 0 < len(str(error)) < 400:
            raise AssertionError(f"no sentence for {body!r}") from error
        return False
    for reading in report.readings:
        assert type(reading.resource) is str
        assert reading.unit is None or type(reading.unit) is str
        assert type(reading.age_ms) is int
        assert 0 <= reading.age_ms <= MAX_AGE_MS
        assert not isinstance(reading.data, float) or isfinite(reading.data)
    assert all(report.refused.values())
    return True


def test_100_000_mutated_packs_raise_the_declared_error_or_nothing() -> None:
    rng = random.Random(8428)
    taken = sum(check(json.dumps(mutate(rng, SEEDS[turn % 4])).encode(), rng) for turn in range(100_000))
    assert 10_000 < taken < 90_000  # both ways are tried


def test_30_000_mutated_texts_raise_the_declared_error_or_nothing() -> None:
    rng = random.Random(7)
    seeds = [json.dumps(seed, ensure_ascii=False).encode() for seed in SEEDS]
    pieces = [b'{"', b'":', b"[", b"]}", b"\0", b"\xff", b"1e999", b"NaN", b"\\ud800", b"9" * 30, b"[" * 50, b'"a":1,']
    taken = 0
    for turn in range(30_000):
        body = bytearray(seeds[turn % 4])
        for _ in range(rng.randrange(1, 4)):
            where = rng.randrange(len(body) + 1)
            match rng.randrange(3):
                case 0:
                    body[where:where] = rng.choice(pieces)
                case 1:
                    del body[where : where + rng.randrange(6)]
                case 2 if where < len(body):
                    body[where] = rng.randrange(256)
        taken += check(bytes(body), rng)
    assert taken > 500
