# SPDX-License-Identifier: BSD-3-Clause
"""What goes its way without anybody: a walk that comes round again, a firmware update that begins again.

Pure: the time comes in as an argument, and the same seed gives the same at the same time.
"""

from __future__ import annotations

import json
import math
import random

#: Around here, in degrees, and how far from it, in metres.
CENTRE = (48.7146, 2.2056)
RADIUS_M = 450.0
#: Once round, in seconds.
ROUND_S = 900.0
_METRES_PER_DEGREE = 111_320.0


class Walk:
    """A walk around the block; ``read`` is where it is."""

    def __init__(self, *, seed: int | str = 0) -> None:
        chance = random.Random(f"walk {seed}")
        self._phase = chance.random()
        self._radius_m = RADIUS_M * chance.uniform(0.6, 1.4)

    def read(self, now_s: float) -> str:
        """The value of the ``position`` resource: JSON, as the firmware says it."""
        angle = 2 * math.pi * (now_s / ROUND_S + self._phase)
        # Not quite a circle: streets are no circles, either.
        radius_m = self._radius_m * (1 + 0.25 * math.sin(3 * angle))
        lat = CENTRE[0] + radius_m * math.sin(angle) / _METRES_PER_DEGREE
        lng = CENTRE[1] + radius_m * math.cos(angle) / (_METRES_PER_DEGREE * math.cos(math.radians(CENTRE[0])))
        return json.dumps({"lat": round(lat, 6), "lng": round(lng, 6)}, separators=(",", ":"))


#: States of an update as the firmware numbers them (``suit_state``), and how long each takes, in seconds.
IDLE, TRIGGERED, VALIDATING, BAD_SIGNATURE, DOWNLOADING, DIGEST, COMPLETED = 0, 1, 2, 3, 6, 9, 11
_STEPS = ((IDLE, 40.0), (TRIGGERED, 3.0), (VALIDATING, 4.0), (DOWNLOADING, 30.0), (DIGEST, 5.0), (COMPLETED, 18.0))
UPDATE_S = sum(seconds for _, seconds in _STEPS)
#: One update in so many has a bad signature.
BAD_ONE_IN = 4


class FirmwareUpdate:
    """A device that is updated again and again since ``since_s``; now and then the update is not what it should be."""

    def __init__(self, *, seed: int | str = 0, since_s: float = 0.0) -> None:
        self._begin_s = since_s - random.Random(f"update {seed}").uniform(0, UPDATE_S / 2)

    def state(self, now_s: float) -> str:
        """``suit_state``."""
        return str(self._where(now_s)[0])

    def downloaded(self, now_s: float) -> str:
        """``dwnld``: how much of it has come, in per cent."""
        state, share = self._where(now_s)
        return str(int(100 * share) if state == DOWNLOADING else 100 * (state in (DIGEST, COMPLETED)))

    def version(self, now_s: float) -> str:
        """The version that runs: a newer one after each update that was good."""
        turn = self._turn(now_s)
        tried = turn + (self._where(now_s)[0] == COMPLETED)
        return f"1.{tried - tried // BAD_ONE_IN}.0"

    def _turn(self, now_s: float) -> int:
        return max(0, int((now_s - self._begin_s) // UPDATE_S))

    def _where(self, now_s: float) -> tuple[int, float]:
        """The state, and which share of it is over."""
        at_s = (now_s - self._begin_s) % UPDATE_S
        bad = self._turn(now_s) % BAD_ONE_IN == BAD_ONE_IN - 1
        for state, seconds in _STEPS:
            if at_s < seconds:
                return state, at_s / seconds
            at_s -= seconds
            if bad and state == VALIDATING:
                return BAD_SIGNATURE, 0.0
        return COMPLETED, 1.0
