# SPDX-License-Identifier: BSD-3-Clause
"""How fast one connection may speak: a token bucket. Pure: ``now`` is monotonic seconds."""

from __future__ import annotations

#: Updates a second, on average, and at once after a rest. A message without a value counts for one.
MAX_UPDATES_PER_S = 1_000.0
MAX_BURST = 1_000.0
#: The shortest time to read nothing: who is too fast is read some messages at a time, not one by one.
MIN_PAUSE_S = 0.02


class Pace:
    """The account of one connection."""

    __slots__ = ("_at", "_left")

    def __init__(self, now: float) -> None:
        self._left = MAX_BURST
        self._at = now

    def take(self, updates: int, now: float) -> float:
        """That many have come; how long to read nothing of this connection now, in seconds (0: go on)."""
        left = self._left + (now - self._at) * MAX_UPDATES_PER_S
        self._left = left = (left if left < MAX_BURST else MAX_BURST) - updates
        self._at = now
        return 0.0 if left >= 0.0 else max(MIN_PAUSE_S, -left / MAX_UPDATES_PER_S)
