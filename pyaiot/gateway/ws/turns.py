# SPDX-License-Identifier: BSD-3-Clause
"""The work that devices make, a little at each turn of the event loop: in between, everybody else has theirs.

Work is done at once while nobody waits and there has been little of it; else by fair turns (see fair_queue). So however
much some ask for, be they thousands that come back at one moment or one who never stops, it takes TURN_S of a turn of
the loop, and whoever seldom asks is next.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from pyaiot.gateway.ws.fair_queue import FairQueue, Member

#: How long it may take of one turn, in seconds; at least one thing is done in each.
TURN_S = 0.004
#: Work that is done at once may take as long in a burst, and this share of the time in the long run.
AT_ONCE_SHARE = 0.5


class Worker(Member, Protocol):
    """Somebody who has work; here, a connection."""

    #: It waits for its turn.
    waiting: bool

    def work(self) -> bool:
        """Do a little of it, a few milliseconds at most; whether there is more."""
        ...


class WorkTurns:
    """Each worker waits once, so there are no more than connections."""

    def __init__(self) -> None:
        self._queue: FairQueue[Worker] = FairQueue()
        self._turn: asyncio.Handle | None = None
        #: What was done at once, less what is allowed since; and when that was so.
        self._done_s = 0.0
        self._at = 0.0

    def __len__(self) -> int:
        return len(self._queue)

    def have(self, worker: Worker) -> None:
        """Have ``worker`` work, at once if may be; it does not wait yet."""
        begin = time.monotonic()
        done_s = self._done_s - (begin - self._at) * AT_ONCE_SHARE
        if done_s >= TURN_S or self._queue:
            self.add(worker)
            return
        more = worker.work()
        end = time.monotonic()
        self._done_s = (done_s if done_s > 0.0 else 0.0) + (end - begin)
        self._at = begin
        if more:
            self.add(worker)

    def add(self, worker: Worker) -> None:
        """Have ``worker`` work when it is its turn; nothing, if it waits already."""
        if worker.waiting:
            return
        worker.waiting = True
        self._queue.add(worker)
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._take_turn)

    def finish(self) -> None:
        """Do all of it now."""
        while self._queue:
            self._serve_next()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _take_turn(self) -> None:
        now = time.monotonic()
        end = now + TURN_S
        try:
            while self._queue and now < end:
                now = self._serve_next()
        finally:  # a fault of one is not to be that of all behind it
            self._turn = asyncio.get_running_loop().call_soon(self._take_turn) if self._queue else None

    def _serve_next(self) -> float:
        """Serve one; when that was done."""
        worker = self._queue.take()
        worker.waiting = False
        more = False
        # Not the time on the clock: that the system let another process run is not the worker's doing.
        begin_cpu = time.thread_time()
        try:
            more = worker.work()
        finally:
            self._queue.done(time.thread_time() - begin_cpu)
        if more:
            self.add(worker)
        return time.monotonic()
