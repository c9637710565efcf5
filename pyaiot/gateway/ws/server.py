# SPDX-License-Identifier: BSD-3-Clause
"""The port that devices connect to: all connections, and the one timer that finds the silent, the late and the slow."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from websockets.http11 import Request

from pyaiot.gateway.adapter import DeviceEvents
from pyaiot.gateway.ws.admission import MAX_CONNECTIONS, NotAdmitted, Places
from pyaiot.gateway.ws.connection import Connection
from pyaiot.gateway.ws.counters import Counters
from pyaiot.gateway.ws.deadlines import Deadlines
from pyaiot.gateway.ws.fair_queue import Group
from pyaiot.gateway.ws.pace import Paces
from pyaiot.gateway.ws.sessions.contract import Code, Session
from pyaiot.gateway.ws.stream import Stream
from pyaiot.gateway.ws.turns import WorkTurns
from pyaiot.listening import connection_limit
from pyaiot.tls.ports import DevicePorts

logger = logging.getLogger("pyaiot.gateway.ws")

#: How long a device may take for its HTTP request, and then to say who it is, in seconds.
REQUEST_S = 5.0
INTRODUCTION_S = 30.0
#: The same for a device that is nobody until then.
HURRY_S = 5.0
#: Every connection is sent a ping this often; one that says nothing until the next is dead: after 20 s at most.
PING_S = 10.0
#: How long a device may take to hang up after a close.
FAREWELL_S = 2.0
#: The same when the gateway stops.
STOP_S = 0.5
#: The timer is never armed for less, and then does so much at most: those that connected at once are pinged apart.
TIMER_GRAIN_S = 0.05
MAX_AT_ONCE = 256
#: What is read at once of a connection, in bytes: nobody else has to wait for longer than this takes.
READ_BYTES: Final = 16_384
#: Connections that the system keeps until they are accepted.
BACKLOG = 1_024

#: Makes the session for a request, on its path and its headers. Raises NotAdmitted.
Admit = Callable[[Request, Connection], Session]


class Server:
    """One port, or two that share all bounds: by TLS and without; fulfils host.Host."""

    def __init__(self, ports: DevicePorts, admit: Admit, counters: Counters) -> None:
        self._ports = ports
        self._admit = admit
        self.counters = counters
        self.buffer = memoryview(bytearray(READ_BYTES))
        self.turns = WorkTurns()
        self.paces = Paces()
        self._events: DeviceEvents | None = None
        self._places = Places()
        self._connections: set[Connection] = set()
        self._requests: Deadlines[Connection] = Deadlines(REQUEST_S)
        self._introductions: Deadlines[Connection] = Deadlines(INTRODUCTION_S)
        self._hurried: Deadlines[Connection] = Deadlines(HURRY_S)
        self._pings: Deadlines[Connection] = Deadlines(PING_S)
        self._farewells: Deadlines[Connection] = Deadlines(FAREWELL_S)
        self._deadlines = (self._requests, self._introductions, self._hurried, self._pings, self._farewells)
        self._timer: asyncio.TimerHandle | None = None
        self._held: set[Stream] = set()
        self._waiting: asyncio.Task[None] | None = None
        self._empty = asyncio.Event()
        self._servers: list[asyncio.Server] = []
        self._is_open = False

    def __len__(self) -> int:
        return len(self._connections)

    async def open(self, events: DeviceEvents) -> None:
        """Listen. Raises listening.CannotListen."""
        self._ports.open()
        self._events = events
        self._places.limit = connection_limit(MAX_CONNECTIONS)
        self._is_open = True
        self._servers = await self._ports.serve(lambda: Connection(self), BACKLOG)

    async def close(self) -> None:
        """Listen no more, and take leave of everybody, for STOP_S at most."""
        self._is_open = False
        for server in self._servers:
            server.close()
        self._servers.clear()
        if self._waiting is not None:
            self._waiting.cancel()
            await asyncio.gather(self._waiting, return_exceptions=True)
        for connection in list(self._connections):
            connection.close(Code.GOING_AWAY, "the gateway stops")
        try:
            async with asyncio.timeout(STOP_S):
                await self._emptied()
        except TimeoutError:
            for connection in list(self._connections):
                connection.abort()
            await self._emptied()
        self.turns.finish()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._events = None

    async def _emptied(self) -> None:
        while self._connections:
            self._empty.clear()
            await self._empty.wait()

    # host.Host

    def made(self, connection: Connection) -> Group | None:
        """See host.Host."""
        self.counters.connections += 1
        group = self._places.enter(connection.address) if self._is_open else None
        if group is None:
            self.counters.crowded += 1
            logger.warning("a connection from %s is dropped: there are too many", connection.address)
            return None
        self._connections.add(connection)
        self._begin(self._requests, connection)
        return group

    def lost(self, connection: Connection) -> None:
        """See host.Host."""
        if connection not in self._connections:
            return
        self._connections.discard(connection)
        self._held.discard(connection)
        for deadlines in self._deadlines:
            deadlines.end(connection)
        self._places.leave(connection.address)
        if not self._connections:
            self._empty.set()

    def admit(self, request: Request, connection: Connection) -> Session:
        """See host.Host."""
        if self._events is None:
            raise NotAdmitted(503, "The gateway stops.\n")
        return self._admit(request, connection)

    def asked(self, connection: Connection) -> None:
        """See host.Host."""
        self._requests.end(connection)

    def opened(self, connection: Connection) -> None:
        """See host.Host."""
        self._begin(self._hurried if connection.hurried else self._introductions, connection)
        self._begin(self._pings, connection)

    def settled(self, connection: Connection) -> None:
        """See host.Host."""
        self._introductions.end(connection)
        self._hurried.end(connection)

    def closing(self, connection: Connection) -> None:
        """See host.Host."""
        if connection in self._connections:
            for deadlines in self._deadlines:
                deadlines.end(connection)
            self._begin(self._farewells, connection)

    @property
    def crowded(self) -> bool:
        """See host.Host."""
        return self._events is not None and self._events.crowded

    def hold(self, stream: Stream) -> None:
        """See host.Host."""
        self._held.add(stream)
        if self._waiting is None or self._waiting.done():
            self._waiting = asyncio.get_running_loop().create_task(self._wait_for_room(), name="ws: wait for room")

    async def _wait_for_room(self) -> None:
        while self._held and self._events is not None:
            await self._events.room()
            held, self._held = self._held, set()
            for number, stream in enumerate(held):
                stream.go_on()
                if number % MAX_AT_ONCE == MAX_AT_ONCE - 1:
                    await asyncio.sleep(0)

    # The timer

    def _begin(self, deadlines: Deadlines[Connection], connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        deadlines.begin(connection, now)
        if self._timer is None or self._timer.when() > now + deadlines.span_s:
            self._arm(loop)

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ends = [end for deadlines in self._deadlines if (end := deadlines.next()) is not None]
        if ends:
            self._timer = loop.call_at(max(min(ends), loop.time() + TIMER_GRAIN_S), self._tick)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        try:
            for connection in self._requests.due(now, MAX_AT_ONCE):
                self.counters.late_requests += 1
                connection.abort()
            for introductions in (self._introductions, self._hurried):
                for connection in introductions.due(now, MAX_AT_ONCE):
                    if connection.held or connection.waiting:  # it may have said who it is, and waits for its turn
                        introductions.begin(connection, now)
                        continue
                    self.counters.unnamed += 1
                    connection.late()
            for connection in self._farewells.due(now, MAX_AT_ONCE):
                connection.abort()
            for connection in self._pings.due(now, MAX_AT_ONCE):
                self._prove(connection, now)
        finally:  # a fault of one is not to be the end of looking
            self._arm(loop)

    def _prove(self, connection: Connection, now: float) -> None:
        """The connection said nothing since its last ping: it is dead. Else it gets another."""
        if connection.held:
            # It has more to say than it may.
            connection.awaited = False
            if not connection.look():
                self.counters.hung_up += 1
                connection.abort()
                return
        elif connection.awaited:
            self.counters.silent += 1
            logger.info("a device at %s answers no ping", connection.address)
            connection.abort()
            return
        self._pings.begin(connection, now)
        if not connection.held:
            connection.ping()
