# SPDX-License-Identifier: BSD-3-Clause
"""A broker whose every step the test decides, behind a real WebSocket server on loopback."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from pyaiot.keys import new_private_key
from pyaiot.wire import codec, handshake
from pyaiot.wire.messages import BrokerFrame, BrokerMessage
from tests.patience import PATIENCE_S

KEY = new_private_key()
GATEWAY_KEY = new_private_key()


class BrokerSession:
    """One connection of a gateway, from the broker's side."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.session: handshake.Session | None = None
        #: Messages as they came, with their ids, and how many there were in each frame.
        self.messages: list[tuple[int, dict[str, Any]]] = []
        self.frames: list[int] = []
        self.ack = 0
        self._more = asyncio.Event()

    async def begin(self, ack: int = 0) -> None:
        """Hello, auth, welcome."""
        hello = handshake.make_hello(KEY.public, secrets.token_bytes(32))
        await self.connection.send(hello)
        auth = await self.connection.recv()
        assert isinstance(auth, str)
        self.session = handshake.accept_auth(hello, auth, KEY, {"greenhouse": GATEWAY_KEY.public}.get)
        await self.connection.send(handshake.make_welcome(self.session, ack))

    async def serve(self, acknowledge: bool = True) -> None:
        """Take frames until the connection closes."""
        with suppress(ConnectionClosed):
            while True:
                text = await self.connection.recv()
                assert isinstance(text, str)
                assert self.session is not None
                raw = self.session.opener.open(text)
                frame = codec.decode_gateway_frame(raw)
                plain = msgspec.json.decode(raw)["messages"]
                self.messages += enumerate(plain, frame.first)
                self.frames.append(len(plain))
                self._more.set()
                if acknowledge:
                    await self.acknowledge(self.messages[-1][0])

    async def acknowledge(self, number: int) -> None:
        self.ack = number
        await self.send(BrokerFrame(ack=number))

    async def say(self, *messages: BrokerMessage) -> None:
        await self.send(BrokerFrame(messages=list(messages)))

    async def send(self, frame: BrokerFrame) -> None:
        await self.send_raw(codec.encode(frame))

    async def send_raw(self, body: bytes) -> None:
        """Any bytes, properly signed."""
        assert self.session is not None
        await self.connection.send(self.session.sealer.seal(body))

    async def has(self, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """What has come, once ``enough`` says so of it."""
        async with asyncio.timeout(PATIENCE_S):
            while not enough(found := [message for _, message in self.messages]):
                self._more.clear()
                await self._more.wait()
        return found

    async def closed(self) -> int | None:
        """Wait for the end; the code that the gateway gave."""
        async with asyncio.timeout(PATIENCE_S):
            await self.connection.wait_closed()
        return self.connection.close_code


Behaviour = Callable[[BrokerSession], Awaitable[None]]


async def well(session: BrokerSession) -> None:
    """As a broker should; ``session.ack`` says what it had kept."""
    await session.begin(session.ack)
    await session.serve()


class BrokerByHand:
    """Serves each connection by the next of ``behaviours``, and the last of them for ever."""

    def __init__(self, behaviours: Iterable[Behaviour]) -> None:
        self._behaviours = list(behaviours)
        self._sessions: asyncio.Queue[BrokerSession] = asyncio.Queue()
        self._all: list[BrokerSession] = []
        self.port = 0
        self.server: Server | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/gw"

    async def session(self) -> BrokerSession:
        """The next connection, as soon as it is there."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._sessions.get()

    async def stop(self) -> None:
        """Listen no more, and break every connection."""
        assert self.server is not None
        self.server.close(close_connections=False)
        for session in self._all:
            session.connection.transport.abort()
        await self.server.wait_closed()

    async def handle(self, connection: ServerConnection) -> None:
        session = BrokerSession(connection)
        behaviour = self._behaviours.pop(0) if len(self._behaviours) > 1 else self._behaviours[0]
        self._sessions.put_nowait(session)
        self._all.append(session)
        with suppress(ConnectionClosed):
            await behaviour(session)


@asynccontextmanager
async def broker(*behaviours: Behaviour, port: int = 0, **options: Any) -> AsyncIterator[BrokerByHand]:
    """A broker that listens; ``options`` are those of websockets' ``serve``."""
    by_hand = BrokerByHand(behaviours or (well,))
    options.setdefault("subprotocols", [Subprotocol(handshake.SUBPROTOCOL)])
    server = await serve(by_hand.handle, "127.0.0.1", port, compression=None, close_timeout=0.2, **options)
    by_hand.server = server
    by_hand.port = next(iter(server.sockets)).getsockname()[1]
    try:
        yield by_hand
    finally:
        await by_hand.stop()
