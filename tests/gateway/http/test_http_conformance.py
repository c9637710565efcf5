# SPDX-License-Identifier: BSD-3-Clause
"""The HTTP adapter does what every adapter has to do; its devices post values and poll for commands."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from urllib.parse import quote

from pyaiot.gateway.adapter import Adapter
from pyaiot.gateway.http.access import Access
from pyaiot.gateway.http.adapter import HttpAdapter
from pyaiot.testing.conformance import AdapterConformance
from pyaiot.testing.world import Device, World
from tests.gateway.http.http_devices import Answer, Connection

POST = (
    b"POST /v1/nodes/noisy HTTP/1.1\r\nHost: localhost\r\nContent-Length: 21\r\n"
    b'Content-Type: application/json\r\n\r\n{"temperature": 21.5}'
)
REQUESTS = (
    POST,
    b"GET /v1/nodes/noisy?wait=1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"DELETE /v1/nodes/noisy HTTP/1.1\r\nHost: localhost\r\n\r\n",
    POST.replace(b"Content-Length: 21", b"Content-Length: 99999999999"),
    POST.replace(b"Content-Length: 21", b"Transfer-Encoding: chunked"),
    POST.replace(b"noisy", b"%ff%00"),
    POST.replace(b"21.5}", b"[[[[["),
    b"x" * 20_000,
)


class HttpDevice(Device):
    """A device with one connection for what it says and one on which it waits for commands."""

    def __init__(self, port: int, uid: str) -> None:
        super().__init__(uid)
        self._port = port
        self._path = f"/v1/nodes/{quote(uid, safe='')}"
        self._connection: Connection | None = None
        self._polling: asyncio.Task[None] | None = None
        self._leaving = False
        self._turn = asyncio.Lock()

    async def hello(self) -> None:
        if (await self._ask("GET")).status == 204 and (self._polling is None or self._polling.done()):
            waits = asyncio.Event()
            self._polling = asyncio.create_task(self._poll(waits), name=f"HTTP device {self.uid}")
            await waits.wait()

    async def report(self, resource: str, text: str) -> None:
        await self._ask("POST", json.dumps({resource: text}).encode())

    async def leave(self) -> None:
        """A request for commands that comes late is a sign of life: so it says goodbye until that was answered."""
        self._leaving = True
        await self._ask("DELETE")
        while self._polling is not None and not self._polling.done():
            if not (await asyncio.wait({self._polling}, timeout=0.2))[0]:
                await self._ask("DELETE")
        await self.vanish()

    async def vanish(self) -> None:
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)
        if self._connection is not None:
            self._connection.close()

    async def _ask(self, method: str, body: bytes = b"") -> Answer:
        """Ask on the connection that there is, or on a new one."""
        async with self._turn:
            for _ in range(2):
                if self._connection is None:
                    self._connection = await Connection.open(self._port)
                try:
                    self._connection.ask(method, self._path, body)
                    return await self._connection.answer()
                except (OSError, EOFError):
                    self._connection.close()
                    self._connection = None
            raise OSError("not answered")

    async def _poll(self, waits: asyncio.Event) -> None:
        connection = await Connection.open(self._port)
        try:
            while not self._leaving:
                connection.ask("GET", f"{self._path}?wait=10")
                waits.set()
                answer = await connection.answer()
                if answer.status == 204:
                    continue
                if answer.status != 200:
                    return
                for write in answer.json["writes"]:
                    self.took(write["resource"], write["value"])
                    if self.manner != "ignore":
                        await self.report(write["resource"], write["value"] if self.manner == "confirm" else "no")
        except (OSError, EOFError):
            pass
        finally:
            waits.set()
            connection.close()


class HttpWorld(World):
    def adapter(self, port: int = 0) -> HttpAdapter:
        access = Access(trust_this_host=True, names=frozenset(("localhost",)))
        return HttpAdapter(access, host="127.0.0.1", port=port)

    def port(self, adapter: Adapter) -> int:
        assert isinstance(adapter, HttpAdapter)
        return adapter.port

    def device(self, adapter: Adapter, uid: str) -> HttpDevice:
        return HttpDevice(self.port(adapter), uid)

    async def noise(self, adapter: Adapter, chance: random.Random, count: int) -> None:
        for _ in range(0, count, 2):
            _, writer = await asyncio.open_connection("127.0.0.1", self.port(adapter))
            for _ in range(2):
                data = bytearray(chance.choice(REQUESTS))
                for _ in range(chance.randrange(4)):
                    data[chance.randrange(min(200, len(data)))] = chance.randrange(256)
                writer.write(data)
            with contextlib.suppress(OSError):
                writer.write_eof()
                await writer.drain()
            writer.transport.abort()

    def internal_errors(self, adapter: Adapter) -> int:
        assert isinstance(adapter, HttpAdapter)
        return adapter.counters.internal_errors


class TestHttpAdapter(AdapterConformance):
    def make_world(self) -> HttpWorld:
        return HttpWorld()
