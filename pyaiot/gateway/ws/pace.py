# SPDX-License-Identifier: BSD-3-Clause
"""How fast one connection may speak: a token bucket, which the next one takes over. Pure: ``now`` is monotonic seconds.

If each connection began with a bucket of its own, who connects again and again would speak as fast as it likes. And
that an older one is over is not seen while it is not read: so those that are new share a bucket, too.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from pyaiot.addresses import group_of

#: Updates a second, on average, and at once after a rest. A message without a value counts for one.
MAX_UPDATES_PER_S = 1_000.0
MAX_BURST = 1_000.0
#: Updates at once of who has only come.
FIRST_BURST = 64.0
#: What a message counts for that closes its connection: to check a token costs as much, and so does the next request.
REJECTED_COST = 20
#: So long, in seconds, the connections of an address are newcomers, and say no more together than one may: nobody has
#: to wait longer for what others said, and who goes on by connecting again has to stay as long each time.
PROBATION_S = 2.0
#: The shortest time to read nothing: who is too fast is read some messages at a time, not one by one.
MIN_PAUSE_S = 0.02
#: Paces of connections that are over, in all; as many addresses with newcomers; and how often those that are whole
#: again are looked for when there are as many. More are forgotten.
MAX_IDLE = 16_384
SWEEP_S = 0.5


class Pace:
    """The account of one connection; one is less than another when there is less in it."""

    __slots__ = ("_at", "_left", "_shared", "_waited_s", "settles_at")

    def __init__(self, now: float, left: float) -> None:
        self._left = left
        self._at = now
        #: The account that it has in common with the other newcomers of its address, while it is one.
        self._shared: Pace | None = None
        self._waited_s = 0.0
        #: Until when it is one, if it is still there then.
        self.settles_at = 0.0

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
        if self._shared is not None:
            self._shared.take(updates, now)
        return 0.0 if left >= 0.0 else max(MIN_PAUSE_S, -left / MAX_UPDATES_PER_S)

    # Newcomers

    @property
    def is_new(self) -> bool:
        """Whether to ask :meth:`wait` before anything is taken of it."""
        return self._shared is not None

    @property
    def has_waited(self) -> bool:
        """Whether it had to, as a newcomer: then its end may not have been seen."""
        return self._waited_s > 0.0

    def wait(self, now: float) -> float:
        """How long to take nothing of this newcomer, for what others said, in seconds (0: go on); then ask again.

        Who has waited in vain waits as long again: thousands at one time are to ask seldom.
        """
        if self._shared is None or not (debt_s := self._shared.take(0, now)):
            return 0.0
        pause_s = max(MIN_PAUSE_S, min(max(debt_s, self._waited_s), self.settles_at - now))
        self._waited_s += pause_s
        return pause_s

    def enter(self, shared: Pace, now: float) -> None:
        """It is a newcomer's, from now on."""
        self._shared = shared
        self.enter_again(now)

    def enter_again(self, now: float) -> None:
        """It stays a newcomer's, as who it is of will not stay."""
        self.settles_at = now + PROBATION_S

    def settle(self) -> None:
        """It is a newcomer's no more."""
        self._shared = None
        self._waited_s = 0.0


class Paces:
    """The paces of connections that are over, by address (see addresses.group_of), until they are whole again.

    Who comes takes over the emptiest of its address. So a fleet behind one address has as many as it has connections,
    and who leaves to come again has what it left.
    """

    def __init__(self) -> None:
        #: What the newcomers of an address have together.
        self._shared: dict[str, Pace] = {}
        self._idle: dict[str, list[Pace]] = {}
        self._total = 0
        self._swept_at = float("-inf")

    def __len__(self) -> int:
        return self._total

    def begin(self, address: str, now: float) -> Pace:
        """The pace of a new connection; if it is in debt, that is to be waited for (``take(0, now)``)."""
        group = group_of(address)
        pace = self._take_over(group, now) or Pace(now, FIRST_BURST)
        pace.enter(self._shared_by(group, now), now)
        return pace

    def _take_over(self, group: str, now: float) -> Pace | None:
        idle = self._idle.get(group)
        if idle is None:
            return None
        pace = heappop(idle)
        self._total -= 1
        whole = pace.whole_at <= now
        if whole or not idle:  # when the emptiest is whole, all are
            self._total -= len(idle)
            del self._idle[group]
        return None if whole else pace

    def _shared_by(self, group: str, now: float) -> Pace:
        shared = self._shared.get(group)
        if shared is None:
            shared = Pace(now, MAX_BURST)
            if len(self._shared) >= MAX_IDLE:
                self._sweep(now)
            if len(self._shared) < MAX_IDLE:
                self._shared[group] = shared
        return shared

    def end(self, address: str, pace: Pace, now: float) -> None:
        """The connection is over; what it said has been taken."""
        pace.settle()
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
        self._shared = {group: shared for group, shared in self._shared.items() if shared.whole_at > now}
        kept = {group: [pace for pace in idle if pace.whole_at > now] for group, idle in self._idle.items()}
        self._idle = {group: idle for group, idle in kept.items() if idle}
        for idle in self._idle.values():
            heapify(idle)
        self._total = sum(map(len, self._idle.values()))
