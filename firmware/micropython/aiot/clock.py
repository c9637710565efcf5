# SPDX-License-Identifier: BSD-3-Clause
"""Milliseconds since the start, that never wrap.

``time.ticks_ms`` wraps (after 12 days on most ports); a value may wait for its link longer than it takes
to forget that. Small steps are added up instead: exact as long as somebody asks every few days.
"""

from time import ticks_diff, ticks_ms


class Clock:
    """Adds up the differences of a counter that wraps."""

    def __init__(self, ticks, diff):
        self._ticks = ticks
        self._diff = diff
        # Pycom's own firmware has (start, end), and unsigned; all others have end - start.
        self._end_first = diff(2, 1) == 1
        self._last = ticks()
        self._now = 0

    def now(self):
        """Milliseconds since this clock was made."""
        ticks = self._ticks()
        passed = self._diff(ticks, self._last) if self._end_first else self._diff(self._last, ticks)
        self._last = ticks
        if passed > 0:
            self._now += passed
        return self._now


now = Clock(ticks_ms, ticks_diff).now
