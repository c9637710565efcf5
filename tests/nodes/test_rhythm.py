# SPDX-License-Identifier: BSD-3-Clause
"""How often a node usually shows itself."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from pyaiot.nodes.rhythm import Rhythm


def interval_after(signs: Iterable[float], rhythm: Rhythm | None = None) -> float | None:
    """The interval after signs of life at these moments, as the core asks for it."""
    rhythm = rhythm or Rhythm(0.0)
    for now in signs:
        if now >= rhythm.due_at:
            rhythm.shown(now)
    return rhythm.interval_s


def test_nothing_is_known_before_three_gaps() -> None:
    assert interval_after([]) is None
    assert interval_after([5, 10]) is None
    assert interval_after([5, 10, 15]) == 5


@pytest.mark.parametrize(
    ("signs", "interval_s"),
    [
        pytest.param([30 * turn for turn in range(1, 20)], 30, id="one sign every 30 s"),
        pytest.param(
            [30 * turn + place / 10 for turn in range(20) for place in range(6)],
            30,
            id="six within a moment, every 30 s",
        ),
        pytest.param(
            sorted([*range(5, 300, 5), *(30 * turn + 2.3 for turn in range(1, 10))]),
            5,
            id="a value every 5 s, alive every 30",
        ),
        pytest.param(
            [7 * turn + place for turn in range(20) for place in range(3)], 5, id="three in turns, then a pause"
        ),
        pytest.param([place / 5 for place in range(200)], 1, id="five a second"),
        pytest.param([0.3 + 60 * turn for turn in range(20)], 60, id="discovered at once, then every minute"),
    ],
)
def test_the_usual_interval_is_found(signs: list[float], interval_s: float) -> None:
    found = interval_after(signs)
    assert found == pytest.approx(interval_s, rel=0.1)


@pytest.mark.parametrize(("before_s", "after_s"), [(5, 30), (5, 60), (30, 5), (30, 1), (600, 5), (1, 60), (2, 3)])
def test_another_interval_is_known_after_some_of_it(before_s: float, after_s: float) -> None:
    rhythm = Rhythm(0.0)
    interval_after([before_s * turn for turn in range(1, 20)], rhythm)
    begin = before_s * 19
    steps = 5 if after_s > before_s or before_s <= 8 * after_s else None
    turns = steps or int(2 * 5 * before_s / 8 / after_s) + 10  # while the old one is long, a moment is, too
    assert interval_after([begin + after_s * turn for turn in range(1, turns + 1)], rhythm) == pytest.approx(
        after_s, rel=0.25
    )


def test_one_long_silence_is_no_new_interval() -> None:
    rhythm = Rhythm(0.0)
    interval_after([5.0 * turn for turn in range(1, 20)], rhythm)
    assert interval_after([95 + 300], rhythm) == 15
    assert interval_after([95 + 300 + 5.0 * turn for turn in range(1, 6)], rhythm) == 5


def test_what_is_not_regular_does_not_flicker() -> None:
    rhythm, told, now = Rhythm(0.0), [], 0.0
    for place in range(200):
        now += 4.0 + (place * 7 % 5) / 2  # 4.0 … 6.0
        interval_after([now], rhythm)
        told.append(rhythm.interval_s or 6.0)
    assert min(told) >= 5
    assert max(told) <= 6
