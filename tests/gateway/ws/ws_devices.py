# SPDX-License-Identifier: BSD-3-Clause
"""The two sides that the adapter stands between, for tests: the real core of a gateway, and devices of every kind."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close

from pyaiot.gateway.adapter import GoneReason
from pyaiot.gateway.ws.adapter import WsAdapter
from pyaiot.gateway.ws.connection import Connection
from pyaiot.testing.recorder import MAX_TIME_S, unix_ms
from pyaiot.testing.running import settled
from tests.gateway.recording import RecordingGateway
from tests.patience import PATIENCE_S


class Gateway(RecordingGateway):
    """For a WebSocket adapter."""

    adapter: WsAdapter

    def __init__(self, max_time_s: float = MAX_TIME_S) -> None:
        super().__init__(WsAdapter.protocol, WsAdapter.title, max_time_s)
        #: Whose discoveries are over, in order.
        self.discovered: list[str] = []

    def reset(self, uid: str) -> None:
        raise AssertionError("no WebSocket device resets")

    def gone(self, uid: str, why: GoneReason) -> None:
        if not self.known(uid):
            self._note("gone", uid, why)  # it could have known
        super().gone(uid, why)

    def expire(self) -> None:
        """Time-outs happen now, as the gateway's timer makes them."""
        self.core.expire(time.monotonic(), unix_ms())
        self._note("expired")

    async def until(self, so: Callable[[], Any], what: str = "what is waited for") -> None:
        """Wait until ``so()`` is true; of some counters nobody tells."""
        await settled(lambda: bool(so()), lambda: f"not in time: {what}; last told: {self.log[-10:]}")

    async def close(self) -> None:
        """Wait until what is under way has ended by itself."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _discover(self, uid: str) -> None:
        await super()._discover(uid)
        self.discovered.append(uid)


class Device:
    """A device on the websockets library, which answers pings by itself."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def update(self, data: dict[str, Any], **more: Any) -> None:
        await self.connection.send(json.dumps({"type": "update", "data": data, **more}))

    async def hear(self) -> Any:
        """The next message of the gateway."""
        async with asyncio.timeout(PATIENCE_S):
            return json.loads(await self.connection.recv())

    async def closed(self) -> tuple[int, str]:
        """Wait until the gateway has closed the connection; code and reason."""
        close: Close | None = None
        try:
            while True:
                await self.hear()
        except ConnectionClosed as closed:
            close = closed.rcvd
        assert close is not None, "closed without a close frame"
        return close.code, close.reason


@asynccontextmanager
async def device(gateway: Gateway, query: str = "", *, asked: bool = True, **options: Any) -> AsyncIterator[Device]:
    """A connected device; ``asked``: the gateway's first question has been taken."""
    options.setdefault("proxy", None)
    async with connect(f"ws://127.0.0.1:{gateway.adapter.port}/node{query}", **options) as connection:
        made = Device(connection)
        if asked:
            assert await made.hear() == {"request": "discover"}
        yield made


UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)


def upgrade(path: str = "/node", more: str = "") -> bytes:
    return UPGRADE.format(path=path, more=more).encode()


@asynccontextmanager
async def raw(gateway: Gateway, path: str = "/node", *, more: str = "", **options: Any) -> AsyncIterator[Any]:
    """Reader and writer of an upgraded connection that answers nothing by itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.adapter.port, **options)
    try:
        writer.write(upgrade(path, more))
        async with asyncio.timeout(PATIENCE_S):
            head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        yield reader, writer
    finally:
        writer.transport.abort()


@contextmanager
def nobody_served(gateway: Gateway) -> Iterator[list[Connection]]:
    """As when others have all the turns; those who wait have theirs afterwards."""
    turns = gateway.adapter._server.turns
    waiting: list[Connection] = []

    def wait(who: Connection) -> None:
        if not who.waiting:
            who.waiting = True
            waiting.append(who)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turns, "have", wait)
        patch.setattr(turns, "add", wait)
        yield waiting
    for who in waiting:
        who.waiting = False
        turns.add(who)
