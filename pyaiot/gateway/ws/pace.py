# SPDX-License-Identifier: BSD-3-Clause
"""How fast one connection may speak: a token bucket, which the next one takes over. Pure: ``now`` is monotonic seconds.

If each connection began with a bucket of its own, who connects again and again would speak as fast as it likes.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from pyaiot.addresses import group_of

#: Updates a second, on average, and at once after a rest. A message without a value counts for one.
MAX_UPDATES_PER_S = 1_000.0
MAX_BURST = 1_000.0
#: Updates at once of who has only come.
FIRST_BURST = 64.0
#: The shortest time to read nothing: who is too fast is read some messages at a time, not one by one.
MIN_PAUSE_S = 0.02
#: Paces of connections that are over, in all; and how often those that are whole again are looked for when there are
#: as many. More are forgotten.
MAX_IDLE = 16_384
SWEEP_S = 0.5


class Pace:
    """The account of one connection; one is less than another when there is less in it."""

    __slots__ = ("_at", "_left")

    def __init__(self, now: float, left: float) -> None:
        self._left = left
        self._at = now

    def __lt__(self, other: Pace) -> bool:
        return self.whole_at > other.whole_at

    @property
    def whole_at(self) -> float:
        """When the whole burst is there again."""
        return self._at + (MAX_BURST - self._left) / MAX_UPDATES_PER_S

    def take(self, updates: int, now: float) -> float:
        """That many have come; how long to read nothing of this connection now, in seconds (0: go on)."""
        left = self._left + (now - self._at) * MAX_UPDATES_PER_S
        self._left = left = (left if left < MAX_BURST else MAX_BURST) - updates
        self._at = now
        return 0.0 if left >= 0.0 else max(MIN_PAUSE_S, -left / MAX_UPDATES_PER_S)


class Paces:
    """The paces of connections that are over, by address (see addresses.group_of), until they are whole again.

    Who comes takes over the emptiest of its address. So a fleet behind one address has as many as it has connections,
    and who leaves to come again has what it left.
    """

    def __init__(self) -> None:
        self._idle: dict[str, list[Pace]] = {}
        self._total = 0
        self._swept_at = float("-inf")

    def __len__(self) -> int:
        return self._total

    def begin(self, address: str, now: float) -> Pace:
        """The pace of a new connection; if it is in debt, that is to be waited for (``take(0, now)``)."""
        group = group_of(address)
        idle = self._idle.get(group)
        if idle is None:
            return Pace(now, FIRST_BURST)
        pace = heappop(idle)
        self._total -= 1
        whole = pace.whole_at <= now
        if whole or not idle:  # when the emptiest is whole, all are
            self._total -= len(idle)
            del self._idle[group]
        return Pace(now, FIRST_BURST) if whole else pace

    def end(self, address: str, pace: Pace, now: float) -> None:
        """The connection is over."""
        if pace.whole_at <= now:
            return
        if self._total >= MAX_IDLE:
            self._sweep(now)
            if self._total >= MAX_IDLE:
                return
        heappush(self._idle.setdefault(group_of(address), []), pace)
        self._total += 1

    def _sweep(self, now: float) -> None:
        if now < self._swept_at + SWEEP_S:
            return
        self._swept_at = now
        kept = {group: [pace for pace in idle if pace.whole_at > now] for group, idle in self._idle.items()}
        self._idle = {group: idle for group, idle in kept.items() if idle}
        for idle in self._idle.values():
            heapify(idle)
        self._total = sum(map(len, self._idle.values()))
