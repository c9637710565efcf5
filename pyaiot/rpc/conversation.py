# SPDX-License-Identifier: BSD-3-Clause
"""One side of a conversation in JSON-RPC, without the connection (Sans-I/O). Pure: ``now`` comes in, in seconds.

Texts that came go in by :meth:`Conversation.receive`, which gives the calls to serve; each of them is ended by
:meth:`~Conversation.answer` or :meth:`~Conversation.refuse`, notifications too. What goes out is handed to ``send``,
one text at a time. Requests of ours end exactly once: by the peer's answer, at their deadline, when they are
forgotten, or when the conversation is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import UNSET

from pyaiot.rpc.batches import Batch, HeldAnswers
from pyaiot.rpc.decoding import parse
from pyaiot.rpc.encoding import encode_error, encode_notification, encode_request, encode_result
from pyaiot.rpc.errors import RpcError
from pyaiot.rpc.limits import Limits
from pyaiot.rpc.messages import MAX_DEPTH, Id, Invalid, Message, Notification, Params, Request, Response, Version
from pyaiot.rpc.pending import Done, PendingRequests
from pyaiot.wire.messages import JSON

#: Calls of the peer, and requests of ours, that may be under way.
MAX_CALLS: Final = 1024
MAX_REQUESTS: Final = 1024

#: What the codec, and Limits, say of what JSON cannot.
_NOT_JSON: Final = (TypeError, ValueError, RecursionError, msgspec.MsgspecError)


@dataclass(slots=True)
class Counters:
    """What happened in one conversation, or in several that share it."""

    requests: int = 0
    notifications: int = 0
    malformed: int = 0
    #: Answers to nothing that we asked, or asked no more.
    unexpected_answers: int = 0
    #: Requests and notifications of the peer that were one too many.
    too_many: int = 0
    timeouts: int = 0


class Call:
    """What the peer asks for (or tells: ``is_notification``). ``version`` is that of JSON-RPC it came in."""

    __slots__ = ("_batch", "_open", "id", "is_notification", "method", "params", "version")

    def __init__(self, item: Request | Notification, batch: Batch | None) -> None:
        self.is_notification = type(item) is Notification
        self.id: Id = None if self.is_notification else item.id  # type: ignore[union-attr]
        self.method = item.method
        self.params: Params = item.params
        self.version: Version = item.version
        self._batch = batch
        self._open = True


class Conversation:
    """See the module. ``version`` is what the peer is spoken to in before it has asked for anything itself.

    Of what comes each message is at most ``max_depth`` deep. What goes out is held to ``limits``, which the peer has;
    None: whoever gives it has checked it. ``send`` and each ``done`` must not raise.
    """

    def __init__(
        self,
        send: Callable[[bytes], None],
        *,
        version: Version = 2,
        max_calls: int = MAX_CALLS,
        max_depth: int = MAX_DEPTH,
        limits: Limits | None = None,
        counters: Counters | None = None,
    ) -> None:
        self._send = send
        self._max_calls = max_calls
        self._max_depth = max_depth
        self._limits = limits
        self._pending = PendingRequests()
        self._held = HeldAnswers()
        self._last_id = 0
        self.version: Version = version
        self.counters = counters or Counters()
        #: Calls of the peer that have not been answered yet.
        self.serving = 0
        self._owed = 0
        self.is_closed = False
        #: Why the connection has to be closed (1003): a peer of 1.0 sent something malformed. None: it has not.
        self.fault: str | None = None

    def __len__(self) -> int:
        """How many requests of ours are under way."""
        return len(self._pending)

    @property
    def owes_answer(self) -> bool:
        """Whether the peer waits for an answer to something."""
        return self._owed > 0

    # The peer's calls

    def receive(self, text: str | bytes) -> list[Call]:
        """Take one text; the calls in it, to be served. Answers to our own requests are handed to their ``done``."""
        if self.is_closed:
            return []
        parsed = parse(text, self._max_depth)
        if not parsed.is_batch:
            call = self._take(parsed.items[0], None)
            return [] if call is None else [call]
        batch = self._held.begin()
        calls = [call for item in parsed.items if (call := self._take(item, batch)) is not None]
        self._settle(batch)
        return calls

    def _take(self, item: Message, batch: Batch | None) -> Call | None:
        if type(item) is Response:
            self._answered(item)
            return None
        if type(item) is Invalid:
            self._take_invalid(item, batch)
            return None
        assert isinstance(item, Request | Notification)
        self.version = item.version
        call = Call(item, batch)
        if call.is_notification:
            self.counters.notifications += 1
        else:
            self.counters.requests += 1
            self._owed += 1
        if batch is not None and not call.is_notification:
            self._held.expect(batch)
        self.serving += 1
        if self.serving > self._max_calls:
            self.counters.too_many += 1
            self.refuse(
                call, RpcError.of("busy", f"more than {self._max_calls} calls of this connection are under way")
            )
            return None
        if batch is not None and batch.is_refused:
            self.counters.too_many += 1
            self.refuse(call, RpcError.of("busy", "too many answers wait for others of their batches"))
            return None
        return call

    def _take_invalid(self, item: Invalid, batch: Batch | None) -> None:
        self.counters.malformed += 1
        version: Version = 1 if item.version == 1 or (self.version == 1 and batch is None) else 2
        if version == 1 and self.fault is None:
            self.fault = str(item.error)
        if item.is_response:
            # Never answered: two peers would go on answering each other for ever.
            pending = self._pop(item.id)
            if pending is not None:
                pending(RpcError.of("failed", f"what the peer answered cannot be read: {item.error}"))
        elif batch is not None:
            self._held.hold(batch, encode_error(item.id, item.error))
        else:
            self._send(encode_error(item.id, item.error, version))

    def answer(self, call: Call, result: JSON) -> None:
        """End a call: ``result`` is any JSON, or a msgspec.Raw. Only the first ending of a call counts.

        Raises TypeError: it cannot be sent; the peer was told of a fault of ours.
        """
        if self.is_closed or not call._open:
            return
        if call.is_notification:
            self._end(call, b"")
            return
        try:
            encoded = encode_result(call.id, result, call.version)
            self._check(result, encoded)
        except _NOT_JSON as error:
            self.refuse(call, RpcError.internal())
            raise TypeError(f"{call.method}: what it gave cannot be sent: {error}") from error
        self._end(call, encoded)

    def refuse(self, call: Call, error: RpcError) -> None:
        """End a call by an error, of which a notification is not told. Raises TypeError as :meth:`answer`."""
        if self.is_closed or not call._open:
            return
        if call.is_notification:
            self._end(call, b"")
            return
        try:
            encoded = encode_error(call.id, error, call.version)
            self._check([error.code, None if error.data is UNSET else error.data], encoded)
        except _NOT_JSON as fault:
            self._end(call, encode_error(call.id, RpcError.internal(), call.version))
            raise TypeError(f"{call.method}: its error cannot be sent: {fault}") from fault
        self._end(call, encoded)

    def _check(self, value: Any, encoded: bytes) -> None:
        if self._limits is not None:
            self._limits.check(value, encoded)

    def _end(self, call: Call, encoded: bytes) -> None:
        call._open = False
        self.serving -= 1
        if not encoded:
            return
        self._owed -= 1
        batch = call._batch
        if batch is None:
            self._send(encoded)
            return
        if not self._held.has_room_for(batch, encoded):
            error = RpcError.of(
                "unsupported", "it was done, but the answers are too long for one batch: ask one by one"
            )
            encoded = encode_error(call.id, error)
        self._held.hold(batch, encoded)
        self._settle(batch)

    def _settle(self, batch: Batch) -> None:
        answers = self._held.settle(batch)
        if answers is not None:
            self._send(answers)

    # Our own

    def notify(self, method: str, params: JSON = None) -> None:
        """Tell the peer, in its version; ``params``: list, dict, None, or encoded (bytes).

        Raises RpcError ``invalid_params``: it is more than ``limits``.
        """
        if self.is_closed:
            return
        try:
            encoded = encode_notification(method, params, self.version)
            self._check(params, encoded)
        except _NOT_JSON as error:
            raise RpcError.invalid_params(str(error)) from error
        self._send(encoded)

    def request(self, method: str, params: JSON, deadline: float, done: Done) -> int | None:
        """Ask the peer, in its version; the request's id, or None where it has ended already.

        ``done`` is called exactly once: with the result as JSON, or with what the peer answered as its error,
        ``timeout`` at ``deadline``, ``busy``, ``left``, or ``invalid_params``: they are more than ``limits``.
        """
        if self.is_closed:
            done(RpcError.of("left", "the connection is closed"))
            return None
        if len(self._pending) >= MAX_REQUESTS:
            done(RpcError.of("busy", f"more than {MAX_REQUESTS} calls to this peer are under way"))
            return None
        id = self._last_id + 1
        try:
            encoded = encode_request(id, method, params, self.version)
            self._check(params, encoded)
        except _NOT_JSON as error:
            done(RpcError.invalid_params(f"it was not sent: {error}"))
            return None
        self._last_id = id
        self._pending.add(id, deadline, done)
        self._send(encoded)
        return id

    def forget(self, id: int) -> None:
        """Nobody waits for this request any more: its ``done`` is not called, and its answer is ignored."""
        self._pending.take(id)

    def _answered(self, item: Response) -> None:
        done = self._pop(item.id)
        if done is None:
            self.counters.unexpected_answers += 1
        else:
            done(item.result if item.error is None else item.error)  # type: ignore[arg-type]

    def _pop(self, id: Id) -> Done | None:
        return self._pending.take(id) if type(id) is int else None  # True would be 1

    # Time, and the end

    def next_deadline(self) -> float | None:
        """When :meth:`expire` has something to do."""
        return self._pending.next_deadline()

    def expire(self, now: float) -> None:
        """Requests that were not answered in time have ended, too."""
        while (done := self._pending.take_late(now)) is not None:
            self.counters.timeouts += 1
            done(RpcError.of("timeout", "no answer in time: whether it was done is not known"))

    def close(self, why: str = "the connection was lost: whether it was done is not known") -> None:
        """The connection ended: so have all requests (``left``), and what is answered now goes nowhere."""
        self.is_closed = True
        self._held.drop()
        for done in self._pending.take_all():
            done(RpcError.of("left", why))
