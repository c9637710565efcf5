# SPDX-License-Identifier: BSD-3-Clause
"""Nodes that are to be taken out: of gateways that stay away for too long, or that came back without them. Pure.

Thousands may be due at once: they are taken out little by little.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pyaiot.broker.entries import Why


class Due(NamedTuple):
    """A node that is to be taken out now, by its gateway's own ``uid``; None: no more of that gateway's are left."""

    gateway: str
    why: Why
    uid: str | None


@dataclass(slots=True)
class _Queue:
    why: Why
    #: A dict would find its first by a walk over all that went before.
    uids: OrderedDict[str, None]


class Leaving:
    """See the module. While it is true there is something to :meth:`take`. Gateways are meant by their names."""

    def __init__(self) -> None:
        #: Until when gateways that are away may come back, the first first: all have the same time.
        self._graces: dict[str, float] = {}
        self._queues: dict[str, _Queue] = {}

    def __bool__(self) -> bool:
        return bool(self._queues)

    def gateway_lost(self, gateway: str, deadline: float) -> None:
        """It may come back until ``deadline``, which is not before that of any lost earlier."""
        self._graces.pop(gateway, None)
        self._graces[gateway] = deadline

    def gateway_back(self, gateway: str) -> None:
        """None of its nodes is to be taken out any more."""
        self._graces.pop(gateway, None)
        self._queues.pop(gateway, None)

    def overdue(self, now: float) -> list[str]:
        """Gateways that did not come back in time; each is given once."""
        found = []
        while self._graces:
            gateway, deadline = next(iter(self._graces.items()))
            if deadline > now:
                break
            del self._graces[gateway]
            found.append(gateway)
        return found

    def put(self, gateway: str, why: Why, uids: Iterable[str]) -> None:
        """These of its nodes, and no others, are to be taken out; also if there are none it is due to :meth:`take`."""
        self._queues[gateway] = _Queue(why, OrderedDict.fromkeys(uids))

    def spare(self, gateway: str, uid: str) -> None:
        """That node is there, or is out already; harmless when it was not to be taken out."""
        queue = self._queues.get(gateway)
        if queue is not None:
            queue.uids.pop(uid, None)

    def take(self, limit: int) -> Iterator[Due]:
        """What is to be taken out next: at most ``limit`` nodes in all.

        Between two of them anything may happen here: who is told that a node is out may make changes of its own. What
        was not taken, if the iterator is left early, is still due.
        """
        for gateway, queue in list(self._queues.items()):
            while limit > 0 and queue.uids and self._queues.get(gateway) is queue:
                limit -= 1
                uid, _ = queue.uids.popitem(last=False)
                yield Due(gateway, queue.why, uid)
            if not queue.uids and self._queues.get(gateway) is queue:
                del self._queues[gateway]
                yield Due(gateway, queue.why, None)

    def next_deadline(self) -> float | None:
        """When there is something to do: 0 for at once; None while nothing waits."""
        return 0.0 if self._queues else next(iter(self._graces.values()), None)
