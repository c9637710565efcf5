# SPDX-License-Identifier: BSD-3-Clause
"""What the broker asks of nodes: each write and each read has one result, which is told here. Pure.

A request is refused at once, or becomes an order for the adapter; how that ended comes back by ``write_done``,
``write_failed`` and ``read_ended``. Times are monotonic seconds, ``at`` is Unix milliseconds, all given in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Protocol

from msgspec.structs import replace

from pyaiot.gateway.adapter import Refused
from pyaiot.gateway.orders import Ask, Counters, Order, Perform
from pyaiot.gateway.outbox import Kind, Outbox
from pyaiot.gateway.reads import Reads
from pyaiot.gateway.updates import MAX_VALUE_BYTES
from pyaiot.gateway.writes import Answer, Writes
from pyaiot.nodes.node import PROTOCOL, Node
from pyaiot.wire.codec import encode
from pyaiot.wire.messages import JSON, Read, Result, Write
from pyaiot.wire.names import is_resource

#: More of a reason is not told.
MAX_REASON_CHARACTERS = 512


class Report(Protocol):
    """Takes a value that a node has: GatewayCore.updated."""

    def __call__(self, uid: str, resource: str, data: JSON, now: float, at: int) -> None:
        """Raises adapter.Refused."""


class Requests:
    """The requests for ``nodes``. Orders are appended to ``orders``, results to ``outbox``."""

    def __init__(
        self, nodes: Mapping[str, Node], orders: deque[Order], outbox: Outbox, counters: Counters, report: Report
    ) -> None:
        self._nodes = nodes
        self._outbox = outbox
        self._counters = counters
        self._report = report
        self.writes = Writes(orders)
        self.reads = Reads(orders, nodes, self._answer_read)

    # The broker asks

    def write(self, message: Write, now: float) -> None:
        """The broker asks for a write. It is run at most once, and answered exactly once."""
        if message.resource[:1] == "/":
            message = replace(message, resource=message.resource[1:])
        if self.writes.asked_before(message.id):
            self._counters.writes_repeated += 1
        elif message.uid not in self._nodes:
            self._answer(Answer(message.id, "unknown", "the gateway has no such node"))
        elif not is_resource(message.resource):
            self._answer(Answer(message.id, "unsupported", "no resource can have that name"))
        elif len(encode(message.data)) > MAX_VALUE_BYTES:
            self._answer(Answer(message.id, "unsupported", f"a value has at most {MAX_VALUE_BYTES} bytes"))
        elif (answer := self.writes.begin(message, now)) is not None:
            self._answer(answer)

    def read(self, message: Read, now: float) -> None:
        """The broker asks what a resource is now. It is answered exactly once."""
        node = self._nodes.get(message.uid)
        if message.resource[:1] == "/":
            message = replace(message, resource=message.resource[1:])
        if self.writes.asked_before(message.id):
            self._counters.writes_repeated += 1
        elif node is not None and (message.resource in node.attributes or message.resource == PROTOCOL):
            self._answer_read(Answer(message.id, "unsupported", "the gateway itself states that of this device"))
        else:
            self.reads.begin(message, now)

    def session_over(self) -> None:
        """Ids may come again in the next session; what is under way goes on, as the broker may still wait for it."""
        self.writes.session_over()

    # The adapter has done

    def write_done(self, order: Perform, value: JSON | None, now: float, at: int) -> None:
        """The adapter has written; ``value`` is what the device now has, or None where it reports that itself."""
        self._expire_writes(now)
        unanswered = self.writes.done(order)
        if value is not None:
            try:
                self._report(order.uid, order.resource, value, now, at)
            except Refused:
                pass  # counted; the write has happened nevertheless
        self._conclude(unanswered, Answer(order.id))

    def write_failed(self, order: Perform, code: str, reason: str, now: float) -> None:
        """The adapter has not written, or does not know: ``code`` and ``reason`` as in adapter.WriteFailed."""
        self._expire_writes(now)
        self._conclude(self.writes.done(order), Answer(order.id, code, reason))

    def read_ended(self, order: Ask, now: float, code: str | None = None, reason: str = "") -> None:
        """The adapter has told the value; or it has not, with ``code`` and ``reason`` as in adapter.WriteFailed."""
        self.reads.expire(now)
        in_time = self.reads.done(order) if code is None else self.reads.failed(order, code, reason)
        if not in_time:
            self._counters.writes_late += 1

    # The core

    def node_out(self, uid: str) -> None:
        """The node is out: its reads are answered, and those of its writes that were never tried."""
        for answer in self.writes.node_out(uid):
            self._answer(answer)
        self.reads.node_out(uid)

    def next_deadline(self) -> float | None:
        """When :meth:`expire` may have something to do; None while nothing is under way."""
        deadlines = self.writes.next_deadline(), self.reads.next_deadline()
        return min((each for each in deadlines if each is not None), default=None)

    def expire(self, now: float) -> None:
        """Answer the writes and reads whose time is over."""
        self._expire_writes(now)
        self.reads.expire(now)

    # Inside

    def _expire_writes(self, now: float) -> None:
        for answer in self.writes.expire(now):
            self._answer(answer)

    def _conclude(self, unanswered: bool, answer: Answer) -> None:
        if unanswered:
            self._answer(answer)
        else:
            self._counters.writes_late += 1

    def _answer(self, answer: Answer) -> None:
        self._counters.writes[answer.code or "ok"] += 1
        self._tell_result(answer)

    def _answer_read(self, answer: Answer) -> None:
        self._counters.reads[answer.code or "ok"] += 1
        self._tell_result(answer)

    def _tell_result(self, answer: Answer) -> None:
        if answer.code is None:
            message = Result(id=answer.id, ok=True)
        else:
            reason = answer.reason[:MAX_REASON_CHARACTERS].encode(errors="replace").decode()
            message = Result(id=answer.id, ok=False, code=answer.code, reason=reason)
        self._outbox.append(encode(message), Kind.STATE)
