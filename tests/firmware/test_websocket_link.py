# SPDX-License-Identifier: BSD-3-Clause
"""A board on a real MicroPython and a WebSocket server that speaks PROTOCOL.md section 1.3.

The server is the Python library `websockets`, conducted by the test: what a gateway sees of the board's frames.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.firmware.board import device
from tests.patience import PATIENCE_S


class Gateway:
    """Asks each device that connects to discover itself, and keeps what it says."""

    def __init__(self) -> None:
        self.updates: list[dict[str, Any]] = []
        self.connections: list[ServerConnection] = []
        self.port = 0
        self._news = asyncio.Event()
        self._server: Server | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/node"

    async def start(self) -> None:
        self._server = await serve(self._serve, "127.0.0.1", self.port, compression=None, close_timeout=0.2)
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        """As a killed gateway: connections break without a word."""
        assert self._server is not None
        self._server.close(close_connections=False)
        for connection in self.connections:
            connection.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        assert connection.request.path == "/node"
        self.connections.append(connection)
        with suppress(ConnectionClosed):
            await connection.send('{"request": "discover"}')
            async for message in connection:
                self.updates.append(json.loads(message))
                self._news.set()
        self._news.set()

    async def until(self, so: Callable[[], Any]) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            while not (found := so()):
                self._news.clear()
                await self._news.wait()
        return found

    def values(self, resource: str) -> list[Any]:
        return [each["data"][resource] for each in self.updates if resource in each["data"]]

    async def has(self, resource: str, value: Any) -> None:
        await self.until(lambda: value in self.values(resource))


@asynccontextmanager
async def gateway() -> AsyncIterator[Gateway]:
    made = Gateway()
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def test_a_board_shows_everything_it_has_and_then_what_it_measures() -> None:
    async with gateway() as server, device(server.url) as board:
        await board.says("Connected to")
        await server.has("name", "Greenhouse")
        await server.has("position", [48.7, 2.2])
        await server.has("led", 0)
        board.value("temperature", 21.5, "Cel")
        await server.has("temperature", 21.5)
        assert [each.get("uid") for each in server.updates[:2]] == ["n1", None]
        measured = {"type": "update", "data": {"temperature": 21.5}, "units": {"temperature": "Cel"}}
        assert measured in server.updates


async def test_a_write_is_done_and_answered() -> None:
    async with gateway() as server, device(server.url) as board:
        await server.has("led", 0)
        await server.connections[0].send('{"endpoint": "led", "payload": "1"}')
        await board.says("^led 1$")
        await server.has("led", 1)
        await server.connections[0].send('{"endpoint": "mode", "payload": "night"}')
        await server.has("mode", "NIGHT")


async def test_what_is_hostile_ends_nothing() -> None:
    async with gateway() as server, device(server.url) as board:
        await server.has("led", 0)
        (connection,) = server.connections
        for message in ("x" * 4096, "[" * 1000, "{", "5", '{"endpoint": "../led", "payload": null}', b"\0\1\2" * 100):
            await connection.send(message)
        await connection.send(iter(['{"endpoint": ', '"led", ', '"payload": 1}']))
        await server.has("led", 1)
        state = await board.state()
        assert state.up
        assert (state.bad, state.refused) == (5, 1)
        assert not any("Lost" in line for line in board.process.lines)


async def test_values_are_kept_while_the_gateway_restarts_and_come_with_their_ages() -> None:
    loop = asyncio.get_running_loop()
    async with gateway() as server, device(server.url) as board:
        await server.has("led", 0)
        while (await board.state()).kept:
            pass
        await server.stop()
        await board.says("Lost")
        measured: dict[float, float] = {}
        for number in range(4):
            board.value("temperature", 20.5 + number)
            await board.state()
            measured[20.5 + number] = loop.time()
            await asyncio.sleep(0.4)  # the board's own pace
        server.updates.clear()
        await server.start()
        await server.has("temperature", 23.5)
        heard_at = loop.time()
        told = [each for each in server.updates if "temperature" in each["data"]][:4]
        assert [each["data"]["temperature"] for each in told] == [20.5, 21.5, 22.5, 23.5]
        for each in told:
            age = each.get("age", 0)
            assert abs(age - 1000 * (heard_at - measured[each["data"]["temperature"]])) < 1000
        assert told[0]["age"] > 1200
        while (await board.state()).kept:
            pass


async def test_a_gateway_that_closes_is_come_back_to() -> None:
    async with gateway() as server, device(server.url) as board:
        await server.has("led", 0)
        await server.connections[0].close(1003, "a bad message")
        assert "code 1003" in await board.says("Lost")
        await server.until(lambda: len(server.connections) == 2)
        board.value("temperature", 7)
        await server.has("temperature", 7)
