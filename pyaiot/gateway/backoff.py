# SPDX-License-Identifier: BSD-3-Clause
"""How long to wait before the next try to reach the broker. Pure: time and chance are given in.

Full jitter (each delay is a random part of a ceiling that doubles), so that a thousand gateways whose broker
restarted do not come back in step. During the first 30 s of an outage, which is a restart rather than a failure, the
ceiling stays at 2 s.
"""

from __future__ import annotations

from collections.abc import Callable

FIRST_S = 0.25
#: The ceiling during the first EARLY_S seconds of an outage, and later.
EARLY_CEILING_S = 2.0
EARLY_S = 30.0
CEILING_S = 30.0
#: The least delay after another gateway took this one's place: two of one name shall not fight.
REPLACED_S = 30.0


class Backoff:
    """The delays of one outage after another. ``random`` gives a float in [0, 1)."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._ceiling = FIRST_S
        self._since: float | None = None

    @property
    def since(self) -> float | None:
        """When the outage began (monotonic seconds); None while there is none."""
        return self._since

    def failed(self, now: float, *, replaced: bool = False) -> float:
        """The session ended, or did not begin, at ``now``: how many seconds to wait."""
        if self._since is None:
            self._since = now
        if replaced:
            return REPLACED_S * (1 + self._random())
        ceiling = min(self._ceiling, EARLY_CEILING_S if now - self._since < EARLY_S else CEILING_S)
        self._ceiling = 2 * ceiling
        return ceiling * self._random()

    def succeeded(self) -> None:
        """A session has proved itself: the outage is over."""
        self._since = None
        self._ceiling = FIRST_S
