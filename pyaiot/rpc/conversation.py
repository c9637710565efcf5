# SPDX-License-Identifier: BSD-3-Clause
"""One side of a conversation in JSON-RPC, without the connection (Sans-I/O). Pure: ``now`` comes in, in seconds.

Texts that came go in by :meth:`Conversation.receive`, which gives the calls to serve; each of them is ended by
:meth:`~Conversation.answer` or :meth:`~Conversation.refuse`, notifications too. What goes out is handed to ``send``,
one text at a time. Requests of ours end exactly once: by the peer's answer, at their deadline, when they are
forgotten, or when the conversation is closed.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET

from pyaiot.rpc import messages
from pyaiot.rpc.errors import RpcError
from pyaiot.rpc.limits import Limits
from pyaiot.rpc.messages import MAX_DEPTH, Id, Invalid, Notification, Params, Request, Response, Version
from pyaiot.wire.messages import JSON

#: Calls of the peer, and requests of ours, that may be under way.
MAX_CALLS: Final = 1024
MAX_REQUESTS: Final = 1024
#: What the answers to one batch may hold, in bytes; what does not fit any more is answered by an error.
MAX_BATCH_ANSWER_BYTES: Final = 256 * 1024
#: What answers that wait for others of their batches may hold, in bytes, all together, or one of them that is longer:
#: what does not fit any more is answered by an error. With this much of errors, too, further batches are ``busy``.
MAX_HELD_BYTES: Final = 256 * 1024
MAX_HELD_WITH_ERRORS_BYTES: Final = 1024 * 1024
#: An answer that is no longer than this is not replaced by another, which would be no shorter.
SHORT_ANSWER_BYTES: Final = 512
#: Deadlines of requests that ended are kept until they outnumber the others, and this.
MAX_IDLE_DEADLINES: Final = 256

#: What the codec, and Limits, say of what JSON cannot.
_NOT_JSON: Final = (TypeError, ValueError, RecursionError, msgspec.MsgspecError)

Done: TypeAlias = Callable[["msgspec.Raw | RpcError"], None]


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


class _Batch:
    """Answers that wait for the others of their batch; ``is_refused``: nothing of it is served."""

    __slots__ = ("answers", "is_refused", "outstanding", "size")

    def __init__(self, outstanding: int, *, is_refused: bool) -> None:
        self.answers: list[bytes] = []
        self.size = 0
        self.outstanding = outstanding
        self.is_refused = is_refused


class Call:
    """What the peer asks for (or tells: ``is_notification``). ``version`` is that of JSON-RPC it came in."""

    __slots__ = ("_batch", "_open", "id", "is_notification", "method", "params", "version")

    def __init__(self, item: Request | Notification, batch: _Batch | None) -> None:
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
        self._pending: dict[int, tuple[Done, float]] = {}
        self._deadlines: list[tuple[float, int]] = []
        self._last_id = 0
        self.version: Version = version
        self.counters = counters or Counters()
        #: Calls of the peer that have not been answered yet.
        self.serving = 0
        self._owed = 0
        #: Bytes of answers that wait for the others of their batches.
        self.held = 0
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
        parsed = messages.parse(text, self._max_depth)
        if not parsed.is_batch:
            call = self._take(parsed.items[0], None)
            return [] if call is None else [call]
        batch = _Batch(1, is_refused=self.held > MAX_HELD_WITH_ERRORS_BYTES)
        calls = [call for item in parsed.items if (call := self._take(item, batch)) is not None]
        self._settle(batch)
        return calls

    def _take(self, item: messages.Message, batch: _Batch | None) -> Call | None:
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
            batch.outstanding += 1
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

    def _take_invalid(self, item: Invalid, batch: _Batch | None) -> None:
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
            self._hold(batch, messages.encode_error(item.id, item.error))
        else:
            self._send(messages.encode_error(item.id, item.error, version))

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
            encoded = messages.encode_result(call.id, result, call.version)
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
            encoded = messages.encode_error(call.id, error, call.version)
            self._check([error.code, None if error.data is UNSET else error.data], encoded)
        except _NOT_JSON as fault:
            self._end(call, messages.encode_error(call.id, RpcError.internal(), call.version))
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
        waits = batch.outstanding > 1 and self.held > 0 and self.held + len(encoded) > MAX_HELD_BYTES
        if (waits or batch.size > MAX_BATCH_ANSWER_BYTES) and len(encoded) > SHORT_ANSWER_BYTES:
            error = RpcError.of(
                "unsupported", "it was done, but the answers are too long for one batch: ask one by one"
            )
            encoded = messages.encode_error(call.id, error)
        self._hold(batch, encoded)
        self._settle(batch)

    def _hold(self, batch: _Batch, encoded: bytes) -> None:
        batch.answers.append(encoded)
        batch.size += len(encoded)
        self.held += len(encoded)

    def _settle(self, batch: _Batch) -> None:
        batch.outstanding -= 1
        if batch.outstanding == 0 and batch.answers:
            self.held -= batch.size
            self._send(messages.join_batch(batch.answers))

    # Our own

    def notify(self, method: str, params: JSON = None) -> None:
        """Tell the peer, in its version; ``params``: list, dict, None, or encoded (bytes).

        Raises RpcError ``invalid_params``: it is more than ``limits``.
        """
        if self.is_closed:
            return
        try:
            encoded = messages.encode_notification(method, params, self.version)
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
            encoded = messages.encode_request(id, method, params, self.version)
            self._check(params, encoded)
        except _NOT_JSON as error:
            done(RpcError.invalid_params(f"it was not sent: {error}"))
            return None
        self._last_id = id
        self._pending[id] = (done, deadline)
        heapq.heappush(self._deadlines, (deadline, id))
        if len(self._deadlines) > 2 * len(self._pending) + MAX_IDLE_DEADLINES:
            self._deadlines = [(due, id) for id, (_, due) in self._pending.items()]
            heapq.heapify(self._deadlines)
        self._send(encoded)
        return id

    def forget(self, id: int) -> None:
        """Nobody waits for this request any more: its ``done`` is not called, and its answer is ignored."""
        self._pending.pop(id, None)

    def _answered(self, item: Response) -> None:
        done = self._pop(item.id)
        if done is None:
            self.counters.unexpected_answers += 1
        else:
            done(item.result if item.error is None else item.error)  # type: ignore[arg-type]

    def _pop(self, id: Id) -> Done | None:
        if type(id) is not int:  # True would be 1
            return None
        pending = self._pending.pop(id, None)
        return None if pending is None else pending[0]

    # Time, and the end

    def next_deadline(self) -> float | None:
        """When :meth:`expire` has something to do."""
        while self._deadlines and self._deadlines[0][1] not in self._pending:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def expire(self, now: float) -> None:
        """Requests that were not answered in time have ended, too."""
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            _, id = heapq.heappop(self._deadlines)
            done, _ = self._pending.pop(id)
            self.counters.timeouts += 1
            done(RpcError.of("timeout", "no answer in time: whether it was done is not known"))

    def close(self, why: str = "the connection was lost: whether it was done is not known") -> None:
        """The connection ended: so have all requests (``left``), and what is answered now goes nowhere."""
        self.is_closed = True
        pending, self._pending = self._pending, {}
        self._deadlines.clear()
        self.held = 0
        for done, _ in pending.values():
            done(RpcError.of("left", why))
