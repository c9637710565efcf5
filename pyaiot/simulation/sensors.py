# SPDX-License-Identifier: BSD-3-Clause
"""Values that move like a real sensor's: they drift with the time of day and wander a little around that.

Pure: the time comes in as an argument, and the same seed gives the same values at the same times.
"""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass

#: The daily course, in seconds.
DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class Character:
    """How a quantity behaves: ``mean`` ± ``swing`` over a day, and noise that wanders by ``wander`` around it.

    A disturbance fades with the time constant ``memory_s``; ``low`` and ``high`` are never left.
    """

    mean: float
    swing: float
    wander: float
    memory_s: float
    low: float
    high: float


TEMPERATURE = Character(mean=22.5, swing=2.5, wander=0.4, memory_s=300, low=-40, high=60)
PRESSURE = Character(mean=1013.2, swing=3.0, wander=0.8, memory_s=1800, low=950, high=1050)
HUMIDITY = Character(mean=45, swing=8, wander=1.5, memory_s=600, low=0, high=100)
ILLUMINANCE = Character(mean=320, swing=260, wander=25, memory_s=60, low=0, high=2000)
ECO2 = Character(mean=620, swing=180, wander=40, memory_s=400, low=400, high=5000)
TVOC = Character(mean=140, swing=60, wander=18, memory_s=300, low=0, high=1187)
SMALL_PARTICLES = Character(mean=38, swing=14, wander=5, memory_s=240, low=0, high=1000)
LARGE_PARTICLES = Character(mean=16, swing=6, wander=3, memory_s=240, low=0, high=1000)
UV_INDEX = Character(mean=3.5, swing=2.5, wander=0.4, memory_s=300, low=0, high=12)


class Sensor:
    """One quantity over time: an Ornstein–Uhlenbeck process around a daily sine."""

    def __init__(self, character: Character, *, seed: int | str = 0) -> None:
        self._character = character
        self._random = random.Random(f"sensor {seed}")
        self._phase = self._random.random()
        self._disturbance = self._random.gauss(0, character.wander)
        self._at: float | None = None

    def read(self, now_s: float) -> float:
        """The value at ``now_s``, seconds on any clock that only goes forward."""
        character = self._character
        if self._at is not None and now_s > self._at:
            keeps = math.exp(-(now_s - self._at) / character.memory_s)
            spread = character.wander * math.sqrt(1 - keeps * keeps)
            self._disturbance = self._disturbance * keeps + self._random.gauss(0, spread)
        self._at = now_s
        daily = character.swing * math.sin(2 * math.pi * (now_s / DAY_S + self._phase))
        return min(max(character.mean + daily + self._disturbance, character.low), character.high)


class Motion:
    """An inertial unit that lies on a table which is touched now and then: mg, µT and degrees a second."""

    def __init__(self, *, seed: int | str = 0) -> None:
        rest = {"acc": (0.0, 0.0, 1000.0), "mag": (21.0, -4.0, 43.0), "gyro": (0.0, 0.0, 0.0)}
        wander = {"acc": 12.0, "mag": 0.6, "gyro": 0.9}
        self._axes = {
            kind: [
                Sensor(Character(mean, 0.0, wander[kind], 1.5, -2000, 2000), seed=f"{seed} {kind} {axis}")
                for axis, mean in enumerate(means)
            ]
            for kind, means in rest.items()
        }

    def read(self, now_s: float) -> str:
        """The value of the ``imu`` resource: a JSON array of one object a sensor, as the firmware says it."""
        return json.dumps(
            [
                {"type": kind, "values": [round(axis.read(now_s), 1) for axis in axes]}
                for kind, axes in self._axes.items()
            ],
            separators=(",", ":"),
        )
