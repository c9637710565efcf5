# SPDX-License-Identifier: BSD-3-Clause
"""A peer of JSON-RPC on asyncio, over any WebSocket: it calls and is called (PROTOCOL.md section 3.5).

::

    class Calculator(Peer):
        @method
        def add(self, a: float, b: float) -> float:
            return a + b

    async with websockets.connect(url) as websocket, Calculator().over(websocket) as peer:
        print(await peer.request("greet", ["you"]))
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, Protocol, Self, TypeVar

import msgspec

from pyaiot.rpc.conversation import Call, Conversation, Counters
from pyaiot.rpc.deadline_timer import DeadlineTimer
from pyaiot.rpc.decoding import read_result
from pyaiot.rpc.errors import RpcError
from pyaiot.rpc.limits import Limits
from pyaiot.rpc.messages import MAX_DEPTH, Version
from pyaiot.rpc.methods import Method, MethodTable
from pyaiot.wire.messages import JSON

log = logging.getLogger("pyaiot.rpc")

#: Calls of the peer that are served at a time.
MAX_CONCURRENT_CALLS: Final = 64
#: How long a request waits for its answer, where nothing else is said.
REQUEST_TIMEOUT_S: Final = 30.0
#: What may wait to be sent, in bytes; with more, nothing is read, and our own requests wait.
MAX_WAITING_BYTES: Final = 64 * 1024
#: A peer that takes nothing for so long is gone: both sides may be waiting for the other to read.
SEND_TIMEOUT_S: Final = 30.0
#: What the other side takes, where nothing else is said.
ANY_SIZE: Final = Limits()
CLOSE_MALFORMED: Final = 1003
MAX_CLOSE_REASON_BYTES: Final = 120

_F = TypeVar("_F", bound=Callable[..., Any])


class WebSocket(Protocol):
    """What is needed of a connection: those of ``websockets`` have it, on both sides. ``close`` is optional."""

    async def send(self, message: str, /) -> None:
        """Send one text message; raises when the connection is over."""

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        """The messages that come, until the connection is over."""


class Peer:
    """One side of one connection. A subclass declares methods by ``@method``, an object by ``@peer.method``.

    ``version`` is what the other side is spoken to in until it has asked for something itself; ``limits`` is what it
    takes, and ``max_depth`` how deep what it says may be nested.
    """

    def __init__(
        self,
        *,
        version: Version = 2,
        max_concurrent_calls: int = MAX_CONCURRENT_CALLS,
        max_depth: int = MAX_DEPTH,
        limits: Limits = ANY_SIZE,
    ) -> None:
        self._table = MethodTable.declared_in(self)
        self._conversation = Conversation(
            self._queue,
            version=version,
            max_calls=max(1, max_concurrent_calls),
            max_depth=max_depth,
            limits=limits,
        )
        self._outgoing: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._has_something = asyncio.Event()
        self._has_room = asyncio.Event()
        self._calls: set[asyncio.Future[Any]] = set()
        self._timer = DeadlineTimer(self._conversation)
        self._is_over = False

    @property
    def counters(self) -> Counters:
        """What came, and what was wrong with it."""
        return self._conversation.counters

    # For the other side

    def method(self, function: _F | str) -> Any:
        """Let the other side call ``function``: ``@peer.method``, or ``@peer.method("name on the wire")``."""
        if isinstance(function, str):
            return lambda declared: self._declare(function, declared)
        return self._declare(function.__name__, function)

    def _declare(self, name: str, function: _F) -> _F:
        self._table.add(Method.of(name, function))
        return function

    async def on_open(self) -> None:
        """The connection is there; to be overridden."""

    async def on_close(self, error: Exception | None) -> None:
        """It is gone: in order (None), or by ``error``; to be overridden."""

    # For this side

    async def request(self, method: str, params: JSON = None, *, timeout: float = REQUEST_TIMEOUT_S) -> JSON:
        """Call the other side's method; ``timeout`` in seconds. Returns its result.

        Raises RpcError: what it answered, or ``timeout``, ``expired`` (it was not sent), ``busy`` or ``left``
        (:attr:`RpcError.name`); or that ``params`` cannot be sent (``INVALID_PARAMS``).
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        answer: asyncio.Future[msgspec.Raw] = loop.create_future()

        def done(ending: msgspec.Raw | RpcError) -> None:
            if answer.done():
                return
            if isinstance(ending, RpcError):
                answer.set_exception(ending)
            else:
                answer.set_result(ending)

        try:
            async with asyncio.timeout_at(deadline):
                await self._room()
        except TimeoutError:
            raise RpcError.of("expired", "the other side does not read: it was not sent") from None
        id = self._conversation.request(method, params, deadline, done)
        self._timer.arm()
        try:
            return read_result(await answer)
        finally:
            if id is not None:
                self._conversation.forget(id)

    async def notify(self, method: str, params: JSON = None) -> None:
        """Tell the other side; nothing comes back, not even whether it came. Raises RpcError: it cannot be sent."""
        await self._room()
        self._conversation.notify(method, params)

    @asynccontextmanager
    async def over(self, websocket: WebSocket) -> AsyncIterator[Self]:
        """Run over ``websocket`` while the block does; it is not closed at the end."""
        running = asyncio.create_task(self.run(websocket), name="JSON-RPC peer")
        try:
            yield self
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def run(self, websocket: WebSocket) -> None:
        """Serve and be served until the connection is over; all that was under way has ended then. Once a peer."""
        error: Exception | None = None
        self._has_room.set()
        writer = asyncio.create_task(self._write(websocket), name="JSON-RPC writer")
        opening = asyncio.create_task(self.on_open(), name="JSON-RPC on_open")
        opening.add_done_callback(_log_fault)
        reader = asyncio.create_task(self._read(websocket), name="JSON-RPC reader")
        try:
            ended, _ = await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
            for each in ended:
                found = each.exception()
                if isinstance(found, Exception):
                    error = error or found
            if self._conversation.fault is not None:
                await self._close_malformed(websocket, self._conversation.fault, writer)
        finally:
            self._is_over = True
            self._has_room.set()
            self._timer.cancel()
            self._conversation.close()
            tasks = (reader, writer, opening, *self._calls)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.on_close(error)

    # Reading

    async def _read(self, websocket: WebSocket) -> None:
        async for text in websocket:
            for call in self._conversation.receive(text):
                self._serve(call)
            if self._conversation.fault is not None:
                return
            await self._room()

    def _serve(self, call: Call) -> None:
        try:
            result = self._table.find(call.method).call(call.params)
            if not inspect.isawaitable(result):
                self._conversation.answer(call, result)
                return
        except RpcError as error:
            self._refuse(call, error)
            return
        except asyncio.CancelledError:  # it cancelled something, and not us: nothing was awaited
            self._refuse(call, _cancelled())
            return
        except Exception as error:
            self._fault(call, error)
            return
        task = asyncio.ensure_future(result)
        self._calls.add(task)
        task.add_done_callback(partial(self._finish, call))

    def _finish(self, call: Call, task: asyncio.Future[Any]) -> None:
        self._calls.discard(task)
        if task.cancelled():
            self._refuse(call, _cancelled())
            return
        try:
            self._conversation.answer(call, task.result())
        except RpcError as error:
            self._refuse(call, error)
        except Exception as error:
            self._fault(call, error)

    def _refuse(self, call: Call, error: RpcError) -> None:
        try:
            self._conversation.refuse(call, error)
        except TypeError as fault:
            self._fault(call, fault)

    def _fault(self, call: Call, error: Exception) -> None:
        log.error("fault in the method %s", call.method, exc_info=error)
        self._conversation.refuse(call, RpcError.internal())

    # Writing

    def _queue(self, text: bytes) -> None:
        self._outgoing.append(text)
        self._waiting_bytes += len(text)
        self._has_something.set()
        if self._waiting_bytes > MAX_WAITING_BYTES:
            self._has_room.clear()

    async def _room(self) -> None:
        if self._is_over:
            raise RpcError.of("left", "the connection is closed")
        await self._has_room.wait()

    async def _write(self, websocket: WebSocket) -> None:
        """Send what is there; returns once all was, after :attr:`_is_over`."""
        while not self._is_over or self._outgoing:
            await self._has_something.wait()
            while self._outgoing:
                text = self._outgoing.popleft()
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await websocket.send(text.decode())
                self._waiting_bytes -= len(text)
                if self._waiting_bytes <= MAX_WAITING_BYTES:
                    self._has_room.set()
            self._has_something.clear()

    async def _close_malformed(self, websocket: WebSocket, fault: str, writer: asyncio.Task[None]) -> None:
        """JSON-RPC 1.0 section 1.3: who sends something invalid is not spoken with any more; it is told why first."""
        self._is_over = True
        self._has_something.set()
        await asyncio.wait((writer,))
        close = getattr(websocket, "close", None)
        if close is not None:
            reason = fault.encode()[:MAX_CLOSE_REASON_BYTES].decode(errors="ignore")
            await close(CLOSE_MALFORMED, reason)


def _cancelled() -> RpcError:
    return RpcError.of("failed", "the call was cancelled")


def _log_fault(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, RpcError):
        log.error("fault in on_open", exc_info=error)
