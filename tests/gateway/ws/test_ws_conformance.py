# SPDX-License-Identifier: BSD-3-Clause
"""The WebSocket adapter does what every adapter has to do; its devices say who they are in the URL."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from pyaiot.gateway.adapter import Adapter
from pyaiot.gateway.ws.adapter import WsAdapter
from pyaiot.testing.conformance import AdapterConformance
from pyaiot.testing.world import Device, World
from pyaiot.wire.messages import JSON
from tests.gateway.ws.test_ws_robustness import IMPROPER, PROPER
from tests.gateway.ws.ws_devices import upgrade


class WsDevice(Device):
    """A device on the websockets library."""

    def __init__(self, port: int, uid: str) -> None:
        super().__init__(uid)
        self._url = f"ws://127.0.0.1:{port}/node?id={quote(uid, safe='')}"
        self._connection: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None

    async def hello(self) -> None:
        if self._connection is None:
            try:
                self._connection = await connect(self._url, proxy=None, ping_interval=None)
            except InvalidHandshake:
                return  # it was refused
            self._reading = asyncio.create_task(self._read(self._connection), name=f"WebSocket device {self.uid}")
        try:
            await self._connection.ping()
        except ConnectionClosed:
            pass

    async def report(self, resource: str, text: str) -> None:
        if self._connection is not None:
            try:
                await self._connection.send(json.dumps({"type": "update", "data": {resource: text}}))
            except ConnectionClosed:
                pass  # the gateway did not like what was said before

    async def leave(self) -> None:
        if self._connection is not None:
            await self._connection.close()
        await self.vanish()

    async def vanish(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.transport.abort()
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self, connection: ClientConnection) -> None:
        try:
            async for text in connection:
                message = json.loads(text)
                if "request" in message:
                    for resource, value in self.asked().items():
                        await self.report(resource, value)
                if "payload" in message:
                    self.took(message["endpoint"], message["payload"])
                    if self.manner != "ignore":
                        value = message["payload"] if self.manner == "confirm" else "no"
                        await self.report(message["endpoint"], value)
        except ConnectionClosed:
            pass
        finally:
            if self._connection is connection:
                self._connection = None  # the next hello connects again


class WsWorld(World):
    unsupported: ClassVar[Sequence[JSON]] = ()

    def adapter(self, port: int = 0) -> WsAdapter:
        return WsAdapter(host="127.0.0.1", port=port)

    def port(self, adapter: Adapter) -> int:
        assert isinstance(adapter, WsAdapter)
        return adapter.port

    def device(self, adapter: Adapter, uid: str) -> WsDevice:
        return WsDevice(self.port(adapter), uid)

    async def noise(self, adapter: Adapter, chance: random.Random, count: int) -> None:
        for _ in range(0, count, 4):
            _, writer = await asyncio.open_connection("127.0.0.1", self.port(adapter))
            data = bytearray(upgrade("/node?id=noisy"))
            if chance.random() < 0.3:
                data[chance.randrange(len(data))] = chance.randrange(256)
            writer.write(data)
            for each in chance.choices(PROPER + IMPROPER, k=4):
                writer.write(each[: chance.randrange(1, len(each) + 1)] if chance.random() < 0.3 else each)
            writer.write_eof()
            try:
                await writer.drain()
            except OSError:
                pass
            writer.transport.abort()

    def internal_errors(self, adapter: Adapter) -> int:
        assert isinstance(adapter, WsAdapter)
        return adapter.counters.internal_errors


class TestWsAdapter(AdapterConformance):
    def make_world(self) -> WsWorld:
        return WsWorld()
