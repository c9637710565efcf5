# SPDX-License-Identifier: BSD-3-Clause
"""Peers that speak as much as they can, on many connections: devices that behave are heard meanwhile."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count

import pytest

from tests.gateway.ws.conftest import MakeGateway
from tests.gateway.ws.ws_devices import Gateway, device, raw
from tests.raw_sockets import frame

KEYS = json.dumps({"type": "update", "data": {f"k{n}": n for n in range(1_000)}}).encode()
ENDLESS = {
    "1,000 keys a message": frame(1, KEYS) * 4,
    "pings": frame(9, b"") * 2_000,
    "empty fragments": (frame(1, b"{", fin=False) + frame(0, b"", fin=False) * 62 + frame(0, b'"type":"out"}')) * 30,
    "tiny texts": frame(1, b'{"type":"out"}') * 1_000,
}
ATTACKERS = 20
#: Values that the victim says, each when the one before has come.
VALUES = 20


@asynccontextmanager
async def attackers(gateway: Gateway, data: bytes, *, renewed: bool) -> AsyncIterator[list[int]]:
    """Send ``data`` for ever, on ATTACKERS connections; ``renewed``: once each time, as somebody else. The numbers."""
    numbers, used = count(), [0]

    async def attack() -> None:
        while True:
            try:
                async with raw(gateway, f"/node?id=bad{next(numbers)}") as (reader, writer):
                    used[0] += 1
                    writer.write(data)
                    await writer.drain()
                    while not renewed:
                        reader._buffer.clear()
                        writer.write(data)
                        await writer.drain()
                    await reader.read(100)
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                pass

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(attack()) for _ in range(ATTACKERS)]
        await gateway.until(lambda: used[0] >= ATTACKERS)
        try:
            yield used
        finally:
            for task in tasks:
                task.cancel()


@pytest.mark.parametrize("what", ENDLESS)
async def test_a_device_is_heard_while_20_connections_say_all_they_can(gateway: Gateway, what: str) -> None:
    async with device(gateway, "?id=good") as good, attackers(gateway, ENDLESS[what], renewed=False):
        counters = gateway.adapter.counters
        await gateway.until(lambda: counters.paced > 0)
        for number in range(VALUES):
            await good.update({"n": number})
            await gateway.until(lambda number=number: number in gateway.told("good", "n"))  # type: ignore[misc]
        assert gateway.told("good", "n") == list(range(VALUES))
        assert all(len(each._incoming or b"") < 2 * 16_384 for each in gateway.adapter._server._connections)
    assert counters.silent == counters.internal_errors == 0


async def test_a_device_is_heard_while_20_come_again_and_again_as_somebody_else(gateway: Gateway) -> None:
    async with device(gateway, "?id=good") as good, attackers(gateway, ENDLESS["tiny texts"], renewed=True) as used:
        number = 0
        while used[0] < 3 * ATTACKERS or number < VALUES:
            await good.update({"n": number})
            await gateway.until(lambda number=number: number in gateway.told("good", "n"))  # type: ignore[misc]
            number += 1
        assert gateway.told("good", "n") == list(range(number))
    assert gateway.adapter.counters.silent == gateway.adapter.counters.internal_errors == 0


@pytest.mark.parametrize(("why", "reset"), [("too fast", False), ("broker too slow", True)])
async def test_who_hangs_up_while_it_is_not_read_is_found(
    make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch, why: str, reset: bool
) -> None:
    monkeypatch.setattr("pyaiot.gateway.ws.server.PING_S", 1.0)
    monkeypatch.setattr("pyaiot.gateway.ws.pace.MAX_UPDATES_PER_S", 1.0)
    gateway = await make_gateway()
    server = gateway.adapter._server
    async with AsyncExitStack() as stack:
        stays = await stack.enter_async_context(raw(gateway, "/node?id=stays"))
        _, writer = await stack.enter_async_context(raw(gateway, "/node?id=leaves"))
        await gateway.until(lambda: gateway.known("leaves"))
        gateway.crowd(why == "broker too slow")
        for each in (stays[1], writer):
            each.write(frame(1, b'{"type":"update","data":{"n":1}}') * 500)
        await gateway.until(lambda: sum(each.held for each in server._connections) == 2)
        if reset:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        else:
            writer.write_eof()
        await gateway.until(lambda: gateway.count("gone", "leaves"))
        assert gateway.adapter.counters.hung_up == 1
        assert gateway.known("stays"), "who is held back and still there stays"
        await gateway.until(lambda: len(server) == 1)
        gateway.crowd(False)


async def test_what_was_said_before_leaving_is_told(gateway: Gateway) -> None:
    """In its turn: all of it came with the end of the connection."""
    for number in range(20):
        async with raw(gateway, f"/node?id=brief{number}") as (_, writer):
            writer.write(b"".join(frame(1, b'{"type":"update","data":{"n":%d}}' % value) for value in range(60)))
            writer.write_eof()
            await gateway.until(lambda number=number: gateway.count("gone", f"brief{number}"))  # type: ignore[misc]
        assert gateway.told(f"brief{number}", "n") == list(range(60))
