# SPDX-License-Identifier: BSD-3-Clause
"""The other sides of a broker, for tests: a gateway and a client on real sockets."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection, connect

from pyaiot.keys import Keys
from pyaiot.wire import codec, handshake
from pyaiot.wire.messages import BrokerFrame, Door, GatewayMessage, Read, Write
from tests.patience import PATIENCE_S


@dataclass
class Gateway:
    """A gateway's end of the link: says what it is told to, and collects what the broker says."""

    socket: ClientConnection
    answer: handshake.Answer
    ack: int
    next: int = 1
    frames: list[BrokerFrame] = field(default_factory=list)

    async def say(self, *messages: GatewayMessage) -> None:
        """Send one frame."""
        await self.send(codec.encode_gateway_frame(self.next, map(codec.encode, messages)))
        self.next += len(messages)

    async def send(self, body: bytes) -> None:
        """Send a signed frame with any body."""
        await self.socket.send(self.answer.sealer.seal(body))

    async def read(self) -> BrokerFrame:
        """The broker's next frame."""
        async with asyncio.timeout(PATIENCE_S):
            frame = codec.decode_broker_frame(self.answer.opener.open(str(await self.socket.recv())))
        self.frames.append(frame)
        self.ack = self.ack if frame.ack is None else frame.ack
        return frame

    async def acknowledged(self, id: int) -> None:
        """Wait until the broker has applied the message ``id``."""
        while self.ack < id:
            await self.read()

    async def write(self) -> Write:
        """Wait for a write."""
        while True:
            for message in (await self.read()).messages:
                if isinstance(message, Write):
                    return message

    async def asked(self) -> Read:
        """Wait for a read."""
        while True:
            for message in (await self.read()).messages:
                if isinstance(message, Read):
                    return message

    async def closed(self) -> tuple[int | None, str | None]:
        """Wait for the end; close code and reason."""
        return await closed(self.socket)


async def closed(socket: ClientConnection) -> tuple[int | None, str | None]:
    """Wait until the broker closes; code and reason."""
    async with asyncio.timeout(PATIENCE_S):
        try:
            while True:
                await socket.recv()
        except websockets.ConnectionClosed:
            return socket.close_code, socket.close_reason


@asynccontextmanager
async def raw_link(port: int) -> AsyncIterator[ClientConnection]:
    """A connection to ``/gw`` before any handshake."""
    url = f"ws://127.0.0.1:{port}/gw"
    async with connect(
        url, subprotocols=[handshake.SUBPROTOCOL], compression=None, proxy=None, close_timeout=0.5
    ) as socket:
        yield socket


@asynccontextmanager
async def gateway(
    port: int,
    keys: Keys,
    name: str = "coap",
    epoch: str | None = None,
    features: tuple[str, ...] = (),
    doors: tuple[Door, ...] = (),
) -> AsyncIterator[Gateway]:
    """A gateway with a session."""
    assert keys.trusted_broker is not None
    async with raw_link(port) as socket:
        answer = handshake.answer_hello(
            str(await socket.recv()),
            key=keys.gateways[name],
            name=name,
            broker=keys.trusted_broker,
            nonce=secrets.token_bytes(32),
            epoch=epoch or secrets.token_hex(8),
            features=features,
            doors=doors,
        )
        await socket.send(answer.auth)
        ack = handshake.read_welcome(answer, str(await socket.recv())).ack
        yield Gateway(socket, answer, ack, next=ack + 1)


@dataclass
class Client:
    """A client of ``/ws``: believes what it is told."""

    socket: ClientConnection
    view: dict[str, dict[str, Any]] = field(default_factory=dict)
    heard: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, message: Any) -> None:
        """Send anything as JSON."""
        await self.socket.send(json.dumps(message))

    async def join(self, *features: str, **more: Any) -> None:
        """Ask for the state."""
        await self.send({"type": "new", "data": "client", "features": list(features), **more})

    async def read(self) -> dict[str, Any]:
        """The next message, applied to the view."""
        async with asyncio.timeout(PATIENCE_S):
            message: dict[str, Any] = json.loads(await self.socket.recv())
        self.heard.append(message)
        match message["type"]:
            case "new":
                self.view.setdefault(message["uid"], {})
            case "update":
                self.view[message["uid"]][message["endpoint"]] = message["data"]
            case "reset":
                self.view[message["uid"]] = {}
            case "out":
                self.view.pop(message["uid"], None)
        return message

    async def until(self, type: str) -> dict[str, Any]:
        """Read on until a message of this type."""
        while (message := await self.read())["type"] != type:
            pass
        return message

    async def sees(self, view: dict[str, dict[str, Any]]) -> None:
        """Read on until the view is this one."""
        while self.view != view:
            await self.read()


@asynccontextmanager
async def client(port: int, **arguments: Any) -> AsyncIterator[Client]:
    """A client that has not said anything yet."""
    host = arguments.pop("host", "127.0.0.1")
    async with connect(
        f"ws://{host}:{port}/ws", compression=None, proxy=None, close_timeout=0.5, **arguments
    ) as socket:
        yield Client(socket)
