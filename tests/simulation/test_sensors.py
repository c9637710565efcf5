# SPDX-License-Identifier: BSD-3-Clause
"""Simulated values move like a real sensor's."""

from __future__ import annotations

import itertools
import json
import statistics

import pytest

from pyaiot.nodes.values import read_value
from pyaiot.simulation.resources import SENSORS
from pyaiot.simulation.sensors import TEMPERATURE, Motion, Sensor


@pytest.mark.parametrize("name", SENSORS)
def test_values_stay_plausible_and_move_in_small_steps(name: str) -> None:
    character, form = SENSORS[name]
    sensor = Sensor(character, seed=1)
    values = [sensor.read(5.0 * step) for step in range(20_000)]  # more than a day, every five seconds
    assert all(character.low <= value <= character.high for value in values)
    assert abs(statistics.mean(values) - character.mean) < character.swing
    steps = [abs(b - a) for a, b in itertools.pairwise(values)]
    assert max(steps) < 5 * character.wander
    assert len(set(values)) > 10_000
    value, unit = read_value(form.format(values[0]), resource=name)
    assert isinstance(value, int | float)
    assert (unit is None) == (name == "uvindex")  # which has none


def test_the_same_seed_gives_the_same_values() -> None:
    courses = [[Sensor(TEMPERATURE, seed=seed).read(at) for at in (0.0, 5.0, 10.0)] for seed in (1, 1, 2)]
    assert courses[0] == courses[1] != courses[2]


def test_a_clock_that_stands_still_changes_nothing() -> None:
    sensor = Sensor(TEMPERATURE, seed=3)
    assert sensor.read(7.0) == sensor.read(7.0)


def test_motion_is_what_the_firmware_says() -> None:
    motion = Motion(seed=1)
    first, second = motion.read(0.0), motion.read(0.2)
    assert first != second
    axes = {part["type"]: part["values"] for part in json.loads(first)}
    assert set(axes) == {"acc", "mag", "gyro"}
    assert abs(axes["acc"][2] - 1000) < 100
    assert len(first) < 250
