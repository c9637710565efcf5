# SPDX-License-Identifier: BSD-3-Clause
"""One connection to ``/rpc``, as methods see it: caller.Session (PROTOCOL.md section 3.5)."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

import msgspec

from pyaiot.broker.close_codes import CLOSE_MALFORMED
from pyaiot.broker.framing import text_frame
from pyaiot.broker.gate import Gate
from pyaiot.broker.hub import Hub
from pyaiot.broker.rpc.api import Api
from pyaiot.broker.rpc.caller import Caller, Source
from pyaiot.broker.rpc.outgoing import Line, Outgoing
from pyaiot.rpc.conversation import Call, Conversation
from pyaiot.rpc.deadline_timer import DeadlineTimer
from pyaiot.rpc.errors import RpcError
from pyaiot.rpc.messages import Version
from pyaiot.wire.messages import JSON

log = logging.getLogger("pyaiot.broker")


class Connection(Line, Protocol):
    """What the session is on."""

    @property
    def name(self) -> str:
        """The client's address, for the log."""

    def end(self, code: int, reason: str) -> None:
        """Close it."""

    def abort(self) -> None:
        """Drop it without a word."""


class RpcSession:
    """See caller.Session; what the connection does with it is at the end."""

    def __init__(self, connection: Connection, hub: Hub, api: Api) -> None:
        self._connection = connection
        self._hub = hub
        self._api = api
        self._outgoing = Outgoing(connection, hub.turns)
        self._conversation = Conversation(self._queue, counters=hub.rpc)
        #: Of the last message, what has not been served yet; while it has, ``_reading`` is shut.
        self._calls: deque[Call] = deque()
        self._reading = Gate()
        self._timer = DeadlineTimer(self._conversation)
        self._is_over = False
        self.caller = Caller(connection.name, None, self)
        self.on_end: list[Callable[[], None]] = []

    @property
    def name(self) -> str:
        """See caller.Session."""
        return self._connection.name

    @property
    def version(self) -> Version:
        """See caller.Session."""
        return self._conversation.version

    @property
    def is_behind(self) -> bool:
        """See caller.Session."""
        return self._outgoing.is_behind

    def notify(self, method: str, params: bytes) -> None:
        """See caller.Session."""
        if self._is_over:
            return
        if self._outgoing.has_room():
            self._conversation.notify(method, params)
            return
        log.warning("%s: client does not read; cut off", self.name)
        self._hub.counters.rpc_clients_cut_off += 1
        self.stop()
        self._connection.abort()

    def request(
        self, method: str, params: JSON, deadline_s: float, done: Callable[[msgspec.Raw | RpcError], None]
    ) -> None:
        """See caller.Session."""
        if not self._outgoing.has_room():
            done(RpcError.of("busy", "who is called does not read what it is sent"))
            return
        self._conversation.request(method, params, self._hub.now + deadline_s, done)
        self._timer.arm()

    def tell(self, frames: bytes) -> bool:
        """See caller.Session."""
        return self._outgoing.tell(frames)

    def deliver(self, frames: bytes) -> bool:
        """See caller.Session."""
        return self._outgoing.deliver(frames)

    def add_source(self, source: Source) -> None:
        """See caller.Session."""
        self._outgoing.add_source(source)

    def remove_source(self, source: Source) -> None:
        """See caller.Session."""
        self._outgoing.remove_source(source)

    def wake(self) -> None:
        """See caller.Session."""
        self._outgoing.wake()

    def close(self, code: int, reason: str) -> None:
        """See caller.Session. What was said before still goes out; nothing that comes is served any more."""
        if not self._is_over:
            self._outgoing.flush()
            self.stop()
            self._connection.end(code, reason)

    # What the connection does with it

    def receive(self, text: str | bytes) -> asyncio.Future[None] | None:
        """Take one message. The next is to be read after the future given here, if any: this one was served by then,
        not much waits for the client, and others had their turn."""
        if self._is_over:
            return None
        self._calls.extend(self._conversation.receive(text))
        if self._hub.turns.serve_all(self._calls, self._serve, self._served_later):
            return self._served()
        return self._reading.shut()

    def _served_later(self) -> None:
        waits = self._served()
        if waits is None:
            self._reading.open()
        else:
            waits.add_done_callback(lambda _: self._reading.open())

    def _serve(self, call: Call) -> None:
        self._api.serve(self._conversation, call, self.caller, self._outgoing.has_room)

    def _served(self) -> asyncio.Future[None] | None:
        """All of a message was served."""
        if self._conversation.fault is not None:
            self.close(CLOSE_MALFORMED, self._conversation.fault)
        return self._outgoing.until_read()

    def stop(self) -> None:
        """From here on nothing is served and nothing is said."""
        self._is_over = True
        self._calls.clear()
        self._outgoing.end()
        self._reading.open()

    def ended(self) -> None:
        """The connection is gone: so is all that was under way."""
        self.stop()
        self._timer.cancel()
        for end in self.on_end:
            try:
                end()
            except Exception:
                log.exception("%s: fault while its session ends; please report it", self.name)
        self._conversation.close("who was called has left")

    def _queue(self, text: bytes) -> None:
        self._outgoing.queue(text_frame(text))
