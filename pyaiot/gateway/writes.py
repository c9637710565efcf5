# SPDX-License-Identifier: BSD-3-Clause
"""The writes that the broker has asked for and that are not answered yet. Times are monotonic seconds, given in.

Each is run at most once, never after its time, and answered exactly once. Writes to one resource of a node run one
after the other, in the order in which they came: two PUTs on the way together could swap.

``offline`` is the answer to a write that was never tried. Once the adapter has it, only the adapter may say so.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from pyaiot.gateway.deadline_heap import DeadlineHeap
from pyaiot.gateway.orders import Abandon, Order, Perform
from pyaiot.wire.messages import Write

MAX_WRITES_PER_NODE = 16
MAX_WRITES = 1_000
#: Ids of a session that are remembered, so that no write is run twice. The link itself repeats nothing.
MAX_REMEMBERED_WRITES = 10_000
#: The longest that a write may be under way, in seconds, whatever time the broker gave it.
MAX_WRITE_S = 600.0


@dataclass(slots=True, eq=False)
class _Pending:
    """A write from its coming until the adapter is done with it."""

    order: Perform
    deadline: float
    running: bool = False
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What to tell the broker of the write ``id``; ``code`` None is a success."""

    id: int
    code: str | None = None
    reason: str = ""


class Writes:
    """Writes under way. Orders for the adapter are appended to ``orders``."""

    def __init__(
        self, orders: deque[Order], *, max_writes: int = MAX_WRITES, max_writes_per_node: int = MAX_WRITES_PER_NODE
    ) -> None:
        self._orders = orders
        self._max_writes = max_writes
        self._max_writes_per_node = max_writes_per_node
        # By node and resource. The first of a line runs, answered or not; those behind it are not answered.
        self._lines: dict[str, dict[str, deque[_Pending]]] = {}
        self._per_node: dict[str, int] = {}
        self._total = 0
        self._deadlines: DeadlineHeap[_Pending] = DeadlineHeap(lambda pending: pending.answered)
        self._asked: dict[int, None] = {}

    def __len__(self) -> int:
        return self._total

    def asked_before(self, number: int) -> bool:
        """Whether the session has asked for the write ``number`` before; from now on it has."""
        if number in self._asked:
            return True
        self._asked[number] = None
        if len(self._asked) > MAX_REMEMBERED_WRITES:
            self._asked = dict.fromkeys(list(self._asked)[MAX_REMEMBERED_WRITES // 2 :])
        return False

    def begin(self, message: Write, now: float) -> Answer | None:
        """Take on a write to a known node: it runs now, or after those before it. Or the answer that ends it."""
        if message.ttl_ms <= 0:
            return Answer(message.id, "expired", "the write came too late")
        if self._per_node.get(message.uid, 0) >= self._max_writes_per_node:
            return Answer(message.id, "busy", f"{self._max_writes_per_node} writes to the node are under way")
        if self._total >= self._max_writes:
            return Answer(message.id, "busy", f"{self._max_writes} writes are under way")
        order = Perform(id=message.id, uid=message.uid, resource=message.resource, data=message.data)
        pending = _Pending(order, now + min(message.ttl_ms / 1000, MAX_WRITE_S))
        self._per_node[order.uid] = self._per_node.get(order.uid, 0) + 1
        self._total += 1
        self._deadlines.push(pending, pending.deadline, self._total)
        line = self._lines.setdefault(order.uid, {}).setdefault(order.resource, deque())
        line.append(pending)
        if len(line) == 1:
            self._run(pending)
        return None

    def done(self, order: Perform) -> bool:
        """The adapter is done with ``order``: the next of its line runs. Whether it is still to be answered.

        Call :meth:`expire` just before, so that nothing is left in the line whose time is over.
        """
        lines = self._lines[order.uid]
        line = lines[order.resource]
        pending = line.popleft()
        unanswered = not pending.answered
        pending.answered = True
        if line:
            self._run(line[0])
        else:
            del lines[order.resource]
            if not lines:
                del self._lines[order.uid]
        self._release(pending)
        return unanswered

    def expire(self, now: float) -> list[Answer]:
        """The answers to writes whose time is over."""
        answers: list[Answer] = []
        for pending in self._deadlines.due(now):
            if pending.running:
                answers.append(Answer(pending.order.id, "timeout", "the device did not answer in time"))
            else:
                answers.append(Answer(pending.order.id, "expired", "earlier writes to the resource took too long"))
            self._end(pending)
        return answers

    def node_out(self, uid: str) -> list[Answer]:
        """The node is out: the answers to its writes that wait for their turn.

        One that runs is abandoned, and answered by how it then ends: the device may have it.
        """
        answers: list[Answer] = []
        for pending in self._all_of(uid):
            if pending.running:
                if not pending.answered:
                    self._orders.append(Abandon(pending.order))
            else:
                answers.append(Answer(pending.order.id, "offline", "the node went out"))
                self._end(pending)
        return answers

    def session_over(self) -> None:
        """Ids may come again in the next session, but for those of writes that are still under way."""
        self._asked = {pending.order.id: None for uid in self._lines for pending in self._all_of(uid)}

    def next_deadline(self) -> float | None:
        """When :meth:`expire` may have something to do; None while no write is under way."""
        return self._deadlines.next()

    def _all_of(self, uid: str) -> list[_Pending]:
        return [pending for line in self._lines.get(uid, {}).values() for pending in line]

    def _run(self, pending: _Pending) -> None:
        pending.running = True
        self._orders.append(pending.order)

    def _end(self, pending: _Pending) -> None:
        """Stop ``pending``, which has just been answered. One that runs keeps its place until the adapter is done."""
        pending.answered = True
        if pending.running:
            self._orders.append(Abandon(pending.order))
        else:
            self._lines[pending.order.uid][pending.order.resource].remove(pending)
            self._release(pending)

    def _release(self, pending: _Pending) -> None:
        uid = pending.order.uid
        self._total -= 1
        self._per_node[uid] -= 1
        if not self._per_node[uid]:
            del self._per_node[uid]
