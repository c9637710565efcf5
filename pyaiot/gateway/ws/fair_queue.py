# SPDX-License-Identifier: BSD-3-Clause
"""Whose turn it is: fair queueing of groups, and within each of its members. Pure.

After start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996): what somebody is served is counted when it is over,
in seconds, so nothing has to be guessed beforehand. Who comes starts where its own last service ended, or where the
others are by now, which is where the last one that was taken started; but it keeps CREDIT_S of what it did not ask
for. Next is who would end first, if it takes as long as the last time. So nobody gets ahead of another who waits by
more than CREDIT_S and two services (tests hold it to that); and who asks for less than its share is served at once,
however many others there are and however much they want.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Final, Generic, Protocol, TypeVar, cast

#: What somebody may catch up who has asked for little, in seconds of service.
CREDIT_S = 0.01
#: Newcomers start so far from each other, in seconds of service: who comes as somebody new again and again, on however
#: many connections, has the share of one.
NEWCOMER_S = 0.001
#: ``served_until`` of who has not been served yet: it starts behind the newcomers before it, without credit.
NEVER: Final = float("-inf")


class Served(Protocol):
    """Somebody who is served by turns."""

    #: Where its last service ended, in seconds of service, or NEVER; while it waits, where the next one starts.
    served_until: float
    #: What its last service took, in seconds; 0 for who is new.
    took_s: float


S = TypeVar("S", bound=Served)


class Turns(Generic[S]):
    """Who waits, each once."""

    __slots__ = ("_arrivals", "_heap", "_newcomer", "_now")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, S]] = []
        self._now = 0.0
        #: Where the next newcomer starts, if the others are not further.
        self._newcomer = 0.0
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, who: S) -> None:
        """``who`` waits from now on, which it did not."""
        start = who.served_until
        if start == NEVER:
            start = max(self._now, self._newcomer)
            self._newcomer = start + NEWCOMER_S
        elif start < self._now - CREDIT_S:
            start = self._now - CREDIT_S
        who.served_until = start
        self._arrivals += 1
        heappush(self._heap, (start + who.took_s, self._arrivals, who))

    def take(self) -> S:
        """The next one, who is to be served now; then :func:`serve` says how long that took."""
        who = heappop(self._heap)[2]
        self._now = max(self._now, who.served_until)
        return who


def serve(who: Served, took_s: float) -> None:
    """``who``, that was taken, was served for so long."""
    who.served_until += took_s
    who.took_s = took_s


class Member(Served, Protocol):
    """One of a group."""

    @property
    def group(self) -> Group:
        """The group; always the same."""
        ...


class Group:
    """Those that have their turns in common, as they may be one and the same."""

    __slots__ = ("connections", "served_until", "took_s", "waiting")

    def __init__(self) -> None:
        self.served_until = NEVER
        self.took_s = 0.0
        self.waiting: Turns[Member] = Turns()
        #: How many there are of it.
        self.connections = 0


M = TypeVar("M", bound=Member)


class FairQueue(Generic[M]):
    """Members that wait, each once: first every group has its turn, and in a group every member."""

    def __init__(self) -> None:
        self._groups: Turns[Group] = Turns()
        self._serving: M | None = None
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def add(self, member: M) -> None:
        """``member`` waits from now on, which it did not."""
        group = member.group
        self._length += 1
        group.waiting.add(member)
        if len(group.waiting) == 1 and (self._serving is None or self._serving.group is not group):
            self._groups.add(group)

    def take(self) -> M:
        """The next one. It is served until :meth:`done` is called."""
        group = self._groups.take()
        self._serving = member = cast("M", group.waiting.take())
        self._length -= 1
        return member

    def done(self, took_s: float) -> None:
        """Who was taken was served for so long."""
        member, self._serving = self._serving, None
        if member is not None:
            group = member.group
            serve(member, took_s)
            serve(group, took_s)
            if group.waiting:
                self._groups.add(group)
