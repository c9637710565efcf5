# SPDX-License-Identifier: BSD-3-Clause
"""How often a node usually shows itself. Pure: times are seconds on the monotonic clock, given in.

The usual interval is the longest of the last few gaps between two showings. A node's signs of life come in bursts
(several values, and an *alive* between them), so what follows a showing within a moment belongs to it; the longest
gap counts, because it is that one after which silence means something. A silence that is far longer than what was
usual says little yet: it counts for no more than a few times that.

The hot path asks only ``now >= rhythm.due_at``.
"""

from __future__ import annotations

#: Signs of life within so much of the first of them are one showing: at least, and as a share of the interval.
MOMENT_S = 0.9
MOMENT_SHARE = 1 / 8
#: So many gaps in a row that are shorter than the usual one make it shorter.
MEMORY = 5
#: The interval is not known before so many gaps.
FIRST_GAPS = 3
#: A gap counts for at most so many times the interval as it was known before.
MAX_GROWTH = 3.0


class Rhythm:
    """The rhythm of one node; ``due_at`` is when a sign of life is a showing of its own, and :meth:`shown` is called.

    ``shown_at`` is the last showing, ``longest_s`` the longest gap that counts, ``recent_s`` the longest of those
    shorter ones that came since, of which there are ``shorter``; ``missing`` gaps until it is known.
    """

    __slots__ = ("due_at", "longest_s", "missing", "recent_s", "shorter", "shown_at")

    def __init__(self, now: float) -> None:
        self.shown_at = now
        self.due_at = now + MOMENT_S
        self.longest_s = 0.0
        self.recent_s = 0.0
        self.shorter = 0
        self.missing = FIRST_GAPS

    @property
    def interval_s(self) -> float | None:
        """How often the node usually shows itself; None while that is not known."""
        return None if self.missing else self.longest_s

    def shown(self, now: float) -> None:
        """The node shows itself, not before ``due_at``."""
        gap = now - self.shown_at
        self.shown_at = now
        longest = self.longest_s
        if self.missing:
            # Of the first gaps the longest counts in full; but the node was asked what it has just before them.
            self.missing -= 1
            self.longest_s = longest if longest > gap else gap
        elif gap >= longest:
            self.longest_s = min(gap, MAX_GROWTH * longest)
            self.recent_s, self.shorter = 0.0, 0
        else:
            if gap > self.recent_s:
                self.recent_s = gap
            self.shorter += 1
            if self.shorter == MEMORY:
                self.longest_s = self.recent_s
                self.recent_s, self.shorter = 0.0, 0
        moment = self.longest_s * MOMENT_SHARE
        self.due_at = now + (moment if moment > MOMENT_S else MOMENT_S)
