# SPDX-License-Identifier: BSD-3-Clause
"""The reads that the broker has asked for and that are not answered yet. Pure; times are monotonic seconds, given in.

Each is answered exactly once. It succeeds only if the node told a value of the resource after the read had begun: that
is in the outbox then, before the answer. Reads do not wait for each other, nor for writes: one that has to see what was
written is asked for once the write is confirmed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyaiot.gateway.deadline_heap import DeadlineHeap
from pyaiot.gateway.orders import Abandon, Ask, Order
from pyaiot.gateway.writes import Answer
from pyaiot.nodes.node import Node
from pyaiot.wire.messages import Read
from pyaiot.wire.names import is_resource

MAX_READS_PER_NODE = 16
MAX_READS = 1_000
#: The longest that a read may be under way, in seconds, whatever time the broker gave it.
MAX_READ_S = 60.0


@dataclass(slots=True, eq=False)
class _Pending:
    """A read from its coming until the adapter is done with it; ``before`` is the value that was known at first."""

    order: Ask
    deadline: float
    before: bytes | None
    answered: bool = False


class Reads:
    """Reads under way at ``nodes``. Orders are appended to ``orders``; ``answer`` is called once for each read."""

    def __init__(self, orders: deque[Order], nodes: Mapping[str, Node], answer: Callable[[Answer], None]) -> None:
        self._orders = orders
        self._nodes = nodes
        self._answer = answer
        self._pending: dict[Ask, _Pending] = {}
        self._of_node: dict[str, list[_Pending]] = {}
        self._deadlines: DeadlineHeap[_Pending] = DeadlineHeap(lambda pending: pending.answered)

    def __len__(self) -> int:
        return len(self._pending)

    def begin(self, message: Read, now: float) -> None:
        """Take on a read, or answer why not."""
        node = self._nodes.get(message.uid)
        if node is None:
            self._answer(Answer(message.id, "unknown", "the gateway has no such node"))
        elif not is_resource(message.resource):
            self._answer(Answer(message.id, "unsupported", "no resource can have that name"))
        elif message.ttl_ms <= 0:
            self._answer(Answer(message.id, "expired", "the read came too late"))
        elif len(self._of_node.get(node.uid, ())) >= MAX_READS_PER_NODE:
            self._answer(Answer(message.id, "busy", f"{MAX_READS_PER_NODE} reads of the node are under way"))
        elif len(self._pending) >= MAX_READS:
            self._answer(Answer(message.id, "busy", f"{MAX_READS} reads are under way"))
        else:
            order = Ask(id=message.id, uid=node.uid, resource=message.resource)
            deadline = now + min(message.ttl_ms / 1000, MAX_READ_S)
            pending = _Pending(order, deadline, node.values.get(order.resource))
            self._pending[order] = pending
            self._of_node.setdefault(node.uid, []).append(pending)
            self._deadlines.push(pending, deadline, len(self._pending))
            self._orders.append(order)

    def done(self, order: Ask) -> bool:
        """The adapter says that the device has answered; false: that comes too late.

        Call :meth:`expire` just before, here and for :meth:`failed`.
        """
        pending = self._release(order)
        if pending is None:
            return False
        node = self._nodes.get(order.uid)
        value = None if node is None else node.values.get(order.resource)
        if value is None or value is pending.before:
            answer = Answer(order.id, "failed", "the gateway did not take what the device said; its log has more")
        else:
            answer = Answer(order.id)
        self._answer(answer)
        return True

    def failed(self, order: Ask, code: str, reason: str) -> bool:
        """The adapter has no answer: ``code`` and ``reason`` as in adapter.WriteFailed; false: that comes too late."""
        if self._release(order) is None:
            return False
        self._answer(Answer(order.id, code, reason))
        return True

    def expire(self, now: float) -> None:
        """Answer the reads whose time is over."""
        for pending in self._deadlines.due(now):
            self._end(pending, "timeout", "the device did not answer in time")

    def node_out(self, uid: str) -> None:
        """The node is out: answer all its reads."""
        for pending in self._of_node.get(uid, ()):
            if not pending.answered:
                self._end(pending, "offline", "the node went out")

    def next_deadline(self) -> float | None:
        """When :meth:`expire` may have something to do; None while no read is under way."""
        return self._deadlines.next()

    def _end(self, pending: _Pending, code: str, reason: str) -> None:
        """It keeps its place until the adapter is done with it."""
        pending.answered = True
        self._orders.append(Abandon(pending.order))
        self._answer(Answer(pending.order.id, code, reason))

    def _release(self, order: Ask) -> _Pending | None:
        """The adapter is done with it; None: it was answered already."""
        pending = self._pending.pop(order)
        of_node = self._of_node[order.uid]
        of_node.remove(pending)
        if not of_node:
            del self._of_node[order.uid]
        if pending.answered:
            return None
        pending.answered = True
        return pending
