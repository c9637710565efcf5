# SPDX-License-Identifier: BSD-3-Clause
"""Many requests at once, over real sockets: those that take up room give way, and a good device is not disturbed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from pyaiot.gateway.http import limits
from pyaiot.gateway.http.limits import MAX_REQUESTS_PER_DEVICE, SMALL_BYTES
from tests.gateway.http.http_devices import PATIENCE_S, Connection, Gateway

#: A body that is not small, and has room among a few.
LARGE = 20_000
#: What slow senders leave away of it.
LACKING = 500


def shared(gateway: Gateway) -> Any:
    return gateway.adapter._server.shared


async def slow(gateway: Gateway, number: int, size: int = LARGE, *, chunked: bool = False) -> Connection:
    """Begin to send a body of ``size`` bytes, and stop before its end."""
    connection = await Connection.open(gateway.port)
    path = f"/v1/nodes/slow-{number}"
    if chunked:
        body = b"%x\r\n" % size + b" " * (size - LACKING)
        connection.ask("POST", path, body, {"Transfer-Encoding": "chunked", "Content-Length": ""})
    else:
        connection.ask("POST", path, b" " * (size - LACKING), {"Content-Length": str(size)})
    await connection.writer.drain()
    return connection


async def until_counted(gateway: Gateway, size: int) -> None:
    """Wait until so many bytes count."""
    async with asyncio.timeout(PATIENCE_S):
        while shared(gateway).bodies.total != size:
            await asyncio.sleep(0.002)


@pytest.mark.parametrize("chunked", [False, True])
async def test_slow_bodies_have_a_budget_and_disturb_nobody(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, chunked: bool
) -> None:
    each = LARGE - LACKING - SMALL_BYTES
    monkeypatch.setattr(limits, "MAX_BYTES", 4 * each)
    held = []
    for number in range(4):
        held.append(await slow(gateway, number, chunked=chunked))
        await until_counted(gateway, (number + 1) * each)
    assert (await gateway.device("good").post({"x": 1})).status == 204  # which is small
    assert gateway.adapter.counters.gave_way == 0
    padded = json.dumps({"x": 2}).encode().ljust(LARGE)
    assert (await gateway.device("good").post(padded)).status == 204  # those that were there first give way to it
    # It is a little larger than one of those that stopped.
    for connection in held[:2]:
        answer = await connection.answer()
        assert (answer.status, answer.headers["retry-after"], answer.headers["connection"]) == (408, "5", "close")
        assert answer.text.endswith("send it again")
    for connection in held[2:]:  # the others end as if there had been nobody else
        connection.writer.write(b" " * LACKING + b"\r\n0\r\n\r\n" * chunked)
        assert (await connection.answer()).status == 204
    assert gateway.adapter.counters.gave_way == 2
    for connection in held:
        connection.close()
    await until_counted(gateway, 0)
    await gateway.until(lambda: gateway.values("good").get("x") == 2)
    assert not gateway.service.known("slow-0")


async def test_bodies_that_wait_for_the_broker_count_too(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    room = asyncio.Event()

    class Crowd:
        crowded = True

        def __getattr__(self, name: str) -> Any:
            return getattr(gateway.service, name)

        async def room(self) -> None:
            await room.wait()

    gateway.adapter._events = Crowd()  # type: ignore[assignment]
    monkeypatch.setattr(limits, "MAX_BYTES", LARGE)
    first, second = await Connection.open(gateway.port), await Connection.open(gateway.port)
    first.ask("POST", "/v1/nodes/first", b'{"x": 1}'.ljust(LARGE))
    await until_counted(gateway, LARGE - SMALL_BYTES)
    second.ask("POST", "/v1/nodes/second", b'{"x": 1}'.ljust(LARGE))
    assert (await first.answer()).status == 408
    room.set()
    assert (await second.answer()).status == 204
    await gateway.until(lambda: gateway.values("second").get("x") == 1)
    assert not gateway.service.known("first")
    for connection in (first, second):
        connection.close()


async def test_one_device_has_only_a_few_requests_at_once(gateway: Gateway) -> None:
    held = [await Connection.open(gateway.port) for _ in range(MAX_REQUESTS_PER_DEVICE)]
    for connection in held:
        connection.ask("POST", "/v1/nodes/joe", b"{", {"Content-Length": "2"})
    async with asyncio.timeout(PATIENCE_S):
        while len(shared(gateway).requests) < len(held):
            await asyncio.sleep(0.002)
    answer = await gateway.device("joe").post({"x": 1})
    assert (answer.status, answer.headers["retry-after"]) == (429, "5")
    assert answer.text == f"{MAX_REQUESTS_PER_DEVICE} requests of this device are not answered yet"
    assert gateway.adapter.counters.too_many == 1
    assert (await gateway.device("ann").post({"x": 1})).status == 204
    held[0].close()  # it has gone
    held[1].writer.write(b"}")
    assert (await held[1].answer()).status == 204
    async with asyncio.timeout(PATIENCE_S):
        while len(shared(gateway).requests) > len(held) - 2:
            await asyncio.sleep(0.002)
    assert (await gateway.device("joe").post({"x": 1})).status == 204
    for connection in held:
        connection.close()
    async with asyncio.timeout(PATIENCE_S):
        while shared(gateway).requests:
            await asyncio.sleep(0.002)
