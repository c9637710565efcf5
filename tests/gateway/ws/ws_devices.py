# SPDX-License-Identifier: BSD-3-Clause
"""The two sides that the adapter stands between, for tests: the real core of a gateway, and devices of every kind."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close

from pyaiot.gateway.core import GatewayCore
from pyaiot.gateway.orders import Discover, Forget
from pyaiot.gateway.outbox import Outbox
from pyaiot.gateway.ws.adapter import WsAdapter

WAIT_S = 8.0
AT = 1_700_000_000_000


class Gateway:
    """Implements DeviceEvents by the core, carries its orders out, and records what the adapter tells."""

    def __init__(self, max_time_s: float = 120.0) -> None:
        self.adapter: WsAdapter
        self.outbox = Outbox("0" * 16)
        self.core = GatewayCore(self.outbox, protocol="ws", title="WebSocket", timeout_s=max_time_s)
        #: What was told: ("new" | "seen" | "gone", uid), ("update", uid, resource, data).
        self.log: list[tuple[Any, ...]] = []
        self.extras: list[tuple[str | None, int]] = []
        self.discovered: list[str] = []
        self.is_crowded = False
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def seen(
        self,
        uid: str,
        *,
        attributes: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        proven: bool = True,
    ) -> bool:
        new = self.core.seen(uid, time.monotonic(), AT, attributes=attributes, timeout_s=timeout_s, proven=proven)
        self._note("new" if new else "seen", uid)
        return new

    def updated(self, uid: str, resource: str, data: Any, *, unit: str | None = None, age_ms: int = 0) -> None:
        self.core.updated(uid, resource, data, time.monotonic(), AT - age_ms, unit)
        self.extras.append((unit, age_ms))
        self._note("update", uid, resource, data)

    def reset(self, uid: str) -> None:
        raise AssertionError("no WebSocket device resets")

    def gone(self, uid: str, why: Any) -> None:
        self.core.gone(uid, why, AT)
        self._note("gone", uid)

    def known(self, uid: str) -> bool:
        return uid in self.core.registry

    @property
    def crowded(self) -> bool:
        return self.is_crowded

    async def room(self) -> None:
        await self.until(lambda: not self.is_crowded)

    def expire(self) -> None:
        """Time-outs happen now, as the gateway's timer makes them."""
        self.core.expire(time.monotonic(), AT)
        self._note("expired")

    def crowd(self, crowded: bool) -> None:
        self.is_crowded = crowded
        self._changed.set()

    def told(self, uid: str, resource: str) -> list[Any]:
        """The values of a resource, in order."""
        return [line[3] for line in self.log if line[:3] == ("update", uid, resource)]

    def count(self, *entry: Any) -> int:
        return sum(1 for line in self.log if line[: len(entry)] == entry)

    async def until(self, condition: Callable[[], Any], within_s: float = WAIT_S) -> None:
        async with asyncio.timeout(within_s):
            while not condition():
                self._changed.clear()
                # Some conditions are about counters, which tell nobody.
                try:
                    async with asyncio.timeout(0.01):
                        await self._changed.wait()
                except TimeoutError:
                    pass

    async def close(self) -> None:
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _note(self, *entry: Any) -> None:
        self.log.append(entry)
        self._changed.set()
        orders = self.core.orders
        while orders:
            match orders.popleft():
                case Discover(uid):
                    task = asyncio.get_running_loop().create_task(self._discover(uid), name=f"discover {uid}")
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
                case Forget(uid):
                    self.adapter.forget(uid)
        while (frame := self.outbox.next_frame(10_000)) is not None:
            self.outbox.acknowledge(frame[0] + len(frame[1]) - 1)

    async def _discover(self, uid: str) -> None:
        await self.adapter.discover(uid)
        self.discovered.append(uid)


class Device:
    """A device on the websockets library, which answers pings by itself."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def update(self, data: dict[str, Any], **more: Any) -> None:
        await self.connection.send(json.dumps({"type": "update", "data": data, **more}))

    async def hear(self) -> Any:
        """The next message of the gateway."""
        async with asyncio.timeout(WAIT_S):
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


def frame(opcode: int, payload: bytes, *, fin: bool = True, mask: bool = True, reserved: int = 0) -> bytes:
    """A frame as a device sends it (RFC 6455 section 5.2), or not quite."""
    first = (0x80 if fin else 0) | (reserved << 4) | opcode
    bit = 0x80 if mask else 0
    if len(payload) < 126:
        head = bytes((first, bit | len(payload)))
    else:
        head = struct.pack("!BBH", first, bit | 126, len(payload))
    key = os.urandom(4) if mask else b""
    masked = bytes(byte ^ key[n % 4] for n, byte in enumerate(payload)) if mask else payload
    return head + key + masked


@asynccontextmanager
async def raw(gateway: Gateway, path: str = "/node", *, more: str = "", **options: Any) -> AsyncIterator[Any]:
    """Reader and writer of an upgraded connection that answers nothing by itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.adapter.port, **options)
    try:
        writer.write(upgrade(path, more))
        async with asyncio.timeout(WAIT_S):
            head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        yield reader, writer
    finally:
        writer.transport.abort()


async def converse(gateway: Gateway, data: bytes, *, end: bool = True) -> bytes:
    """Send everything, take what comes until the gateway hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.adapter.port)
    answer = b""
    try:
        writer.write(data)
        if end:
            writer.write_eof()
        async with asyncio.timeout(WAIT_S):
            while chunk := await reader.read(65_536):
                answer += chunk
    except OSError:
        pass
    finally:
        writer.transport.abort()
    return answer
