# SPDX-License-Identifier: BSD-3-Clause
"""Actuations that wait for a node that is away (PROTOCOL.md section 3.4). Pure: ``now`` comes in, in seconds.

::

    waiting ──its node is there──▶ running ──▶ delivered, or failed
       └──its time is over──▶ expired

Each is started at most once, never after its time, and ends exactly once. Those for one node run one after the other,
in the order in which they were asked for. All of it is in memory, and gone with the process.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pyaiot.broker.actuations import PlannedWrite, State, ended
from pyaiot.broker.writes import Outcome

#: Actuations that wait or run: in all, for one node, of one service; and the bytes of their bodies.
MAX_WAITING: Final = 4_096
MAX_WAITING_PER_NODE: Final = 16
MAX_WAITING_PER_SERVICE: Final = 1_024
MAX_WAITING_BYTES: Final = 16 * 1024 * 1024
#: Those that run at once: many nodes may be back at the same time.
MAX_RUNNING: Final = 128
#: How long it is known how one ended, in seconds, and of how many.
KEEP_S: Final = 3_600.0
MAX_KEPT: Final = 4_096
#: Entries of those that have ended stay in the heap of deadlines until there are this many more than others.
MAX_STALE_DEADLINES: Final = 1_000


#: What becomes of a write whose service lost its right to write before it began.
REVOKED: Final = Outcome("forbidden", "the token that asked for it was revoked")


class Full(Exception):
    """There is no room for another; ``str()`` says which bound was met."""


@dataclass(slots=True, eq=False)
class Parked:
    """One actuation for the node ``uid`` of one of ``accounts``, if there are any.

    ``asked_by`` is what the service is known by, ``size`` that of its body.
    """

    id: str
    uid: str
    asked_by: bytes | None
    writes: tuple[PlannedWrite, ...]
    size: int
    expires_at: float
    accounts: tuple[str, ...] = ()
    running: bool = False
    state: State = "waiting"
    outcomes: tuple[Outcome, ...] = ()
    ended_at: float = 0.0


class ParkedActuations:
    """All of one broker. ``new_id`` gives names that nobody can guess, nor has had before."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._open: dict[str, Parked] = {}
        self._lines: dict[str, deque[Parked]] = {}
        self._per_service: dict[bytes | None, int] = {}
        self._bytes = 0
        self._running = 0
        self._deadlines: list[tuple[float, str]] = []
        # Nodes whose first in line may run, in the order in which they came back.
        self._due: dict[str, None] = {}
        self._ended: dict[str, Parked] = {}
        self.endings: dict[State, int] = {"delivered": 0, "failed": 0, "expired": 0}

    def __len__(self) -> int:
        return len(self._open)

    def has(self, uid: str) -> bool:
        """Whether something waits for the node, or runs: what comes later has to wait behind it."""
        return uid in self._lines

    def find(self, id: str) -> Parked | None:
        """The actuation ``id``; None when there is none, or none any more."""
        return self._open.get(id) or self._ended.get(id)

    def park(
        self,
        uid: str,
        writes: tuple[PlannedWrite, ...],
        *,
        asked_by: bytes | None,
        size: int,
        ttl_s: float,
        now: float,
        accounts: tuple[str, ...] = (),
    ) -> Parked:
        """Keep an actuation for the node until it is there, for ``ttl_s`` at most. Raises Full."""
        if len(self._lines.get(uid, ())) >= MAX_WAITING_PER_NODE:
            raise Full(f"{MAX_WAITING_PER_NODE} actuations are waiting for this device")
        if self._per_service.get(asked_by, 0) >= MAX_WAITING_PER_SERVICE:
            raise Full(f"{MAX_WAITING_PER_SERVICE} actuations of this service are waiting")
        if len(self._open) >= MAX_WAITING or self._bytes + size > MAX_WAITING_BYTES:
            raise Full("too many actuations are waiting")
        parked = Parked(self._new_id(), uid, asked_by, writes, size, now + ttl_s, accounts)
        self._open[parked.id] = parked
        self._lines.setdefault(uid, deque()).append(parked)
        self._per_service[asked_by] = self._per_service.get(asked_by, 0) + 1
        self._bytes += size
        heapq.heappush(self._deadlines, (parked.expires_at, parked.id))
        if len(self._deadlines) > 2 * len(self._open) + MAX_STALE_DEADLINES:
            self._deadlines = [entry for entry in self._deadlines if entry[1] in self._open]
            heapq.heapify(self._deadlines)
        return parked

    def node_is_there(self, uid: str) -> bool:
        """The node came (back): what waits for it is due. Whether there is something."""
        line = self._lines.get(uid)
        if line is None or line[0].running:
            return False
        self._due[uid] = None
        return True

    def start(self, now: float, is_there: Callable[[str], bool]) -> list[Parked]:
        """Those that are to run now, one a node. The caller's duty is to call :meth:`finish` with what became of each.

        A node that is not there any more is not due until it is told again.
        """
        self.expire(now)
        started = []
        while self._due and self._running < MAX_RUNNING:
            uid = next(iter(self._due))
            del self._due[uid]
            if is_there(uid):
                parked = self._lines[uid][0]
                parked.running = True
                self._running += 1
                started.append(parked)
        return started

    def finish(self, parked: Parked, outcomes: tuple[Outcome, ...], now: float) -> None:
        """One that was started is over; the next for its node is due."""
        self._running -= 1
        self._end(parked, outcomes, now)
        self.node_is_there(parked.uid)

    def revoke(self, may_write: Callable[[bytes | None], bool], now: float) -> None:
        """Rights changed: what waits of services that may not write any more is never done.

        Not so what runs: whoever runs it has to ask before each write.
        """
        for parked in [each for each in self._open.values() if not each.running and not may_write(each.asked_by)]:
            self._end(parked, _all(parked, REVOKED), now)

    def expire(self, now: float) -> None:
        """The time of some is over; what became of others has been known for long enough."""
        while self._deadlines and self._deadlines[0][0] <= now:
            parked = self._open.get(heapq.heappop(self._deadlines)[1])
            if parked is not None and not parked.running:
                self._end(parked, _all(parked, Outcome("expired", "the device did not come back in time")), now)
        while self._ended and next(iter(self._ended.values())).ended_at + KEEP_S <= now:
            del self._ended[next(iter(self._ended))]

    def next_deadline(self) -> float | None:
        """When :meth:`start` has something to do, which is at once (0.0) or later; None while nothing waits."""
        if self._due and self._running < MAX_RUNNING:
            return 0.0
        while self._deadlines and ((parked := self._open.get(self._deadlines[0][1])) is None or parked.running):
            heapq.heappop(self._deadlines)
        deadlines = [self._deadlines[0][0]] if self._deadlines else []
        if self._ended:
            deadlines.append(next(iter(self._ended.values())).ended_at + KEEP_S)
        return min(deadlines, default=None)

    def _end(self, parked: Parked, outcomes: tuple[Outcome, ...], now: float) -> None:
        line = self._lines[parked.uid]
        line.remove(parked)
        if not line:
            del self._lines[parked.uid]
            self._due.pop(parked.uid, None)
        del self._open[parked.id]
        self._bytes -= parked.size
        self._per_service[parked.asked_by] -= 1
        if not self._per_service[parked.asked_by]:
            del self._per_service[parked.asked_by]
        parked.running = False
        parked.outcomes = outcomes
        parked.state, _ = ended(outcomes)
        parked.ended_at = now
        self.endings[parked.state] += 1
        # What was to be written is not needed any more.
        parked.writes = tuple(PlannedWrite(write.name, write.resource, None) for write in parked.writes)
        self._ended[parked.id] = parked
        if len(self._ended) > MAX_KEPT:
            del self._ended[next(iter(self._ended))]


def _all(parked: Parked, outcome: Outcome) -> tuple[Outcome, ...]:
    return (outcome,) * len(parked.writes)
