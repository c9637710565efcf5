# SPDX-License-Identifier: BSD-3-Clause
"""Requests of ours that wait for their answers, each until its deadline. Pure: ``now`` comes in, in seconds."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from pyaiot.rpc.errors import RpcError

#: Deadlines of requests that ended are kept until they outnumber the others, and this.
MAX_IDLE_DEADLINES: Final = 256

#: Told how a request ended: its result as JSON, or an error.
Done: TypeAlias = Callable[["msgspec.Raw | RpcError"], None]


class PendingRequests:
    """By their ids. Whatever hands out a ``done`` has forgotten its request: it is called once, by whoever took it."""

    __slots__ = ("_deadlines", "_waiting")

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[Done, float]] = {}
        self._deadlines: list[tuple[float, int]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, id: int, deadline: float, done: Done) -> None:
        """It is on its way; ``id`` is used only once."""
        self._waiting[id] = (done, deadline)
        heapq.heappush(self._deadlines, (deadline, id))
        if len(self._deadlines) > 2 * len(self._waiting) + MAX_IDLE_DEADLINES:
            self._deadlines = [(due, id) for id, (_, due) in self._waiting.items()]
            heapq.heapify(self._deadlines)

    def take(self, id: int) -> Done | None:
        """The request ends; None: there is none such, or it has ended."""
        waiting = self._waiting.pop(id, None)
        return None if waiting is None else waiting[0]

    def next_deadline(self) -> float | None:
        """The earliest; None: nothing waits."""
        while self._deadlines and self._deadlines[0][1] not in self._waiting:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def take_late(self, now: float) -> Done | None:
        """One whose deadline has come; None: there is none."""
        deadline = self.next_deadline()
        if deadline is None or deadline > now:
            return None
        return self.take(heapq.heappop(self._deadlines)[1])

    def take_all(self) -> list[Done]:
        """Every request ends, in the order of their ids."""
        waiting, self._waiting = self._waiting, {}
        self._deadlines.clear()
        return [done for done, _ in waiting.values()]
