# SPDX-License-Identifier: BSD-3-Clause
"""Bytes that are no proper HTTP, on the real port: only their sender suffers, and nothing grows."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random

import pytest

from pyaiot import listening
from tests.gateway.http.http_devices import Connection, Gateway, running
from tests.patience import PATIENCE_S
from tests.raw_sockets import converse

POST = (
    b"POST /v1/nodes/esp?wait=1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b'Authorization: Basic am9lOng=\r\nContent-Length: 21\r\n\r\n{"temperature": 21.5}'
)
CHUNKED = (
    b'POST /v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"x": 1}\r\n0\r\n\r\n'
)
GET = b"GET /v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
DELETE = b"DELETE /v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\n\r\n"
PROPER = [POST.replace(b"Authorization: Basic am9lOng=\r\n", b""), CHUNKED, GET, DELETE]
IMPROPER = [
    b"",
    b"\0" * 100,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(200),
    b"GET /v1/nodes/esp\r\n\r\n",
    b"GET /v1/nodes/esp HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET http://evil.example/v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /v1/nodes/esp HTTP/1.1\r\n\r\n",
    b"POST /v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\nHost: other\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    b"POST /v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n{}",
    b"POST /v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2, 2\r\n\r\n{}",
    b"POST /v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + b"9" * 400 + b"\r\n\r\n{}",
    b"POST /v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\nContent-Length: \xb2\r\n\r\n{}",
    b"POST /v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n" + b" " * 500_000,
    CHUNKED.replace(b"Transfer", b"Content-Length: 2\r\nTransfer"),
    b"POST /v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n{}",
    b"POST /v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"POST /v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}",
    b"POST /v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
    b"GET /v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\nx: " + b"y" * 100_000 + b"\r\n\r\n",
    b"GET /v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\n" + b"x: y\r\n" * 2_000 + b"\r\n",
    b"GET /v1/nodes/esp?" + b"&".join(b"a=b" for _ in range(2_000)) + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /v1/nodes/%FF%FE?wait=%FF HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /v1/nodes/\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    b"Content-Length: 10\r\n\r\n--x\r\n--x--\r",
    b"POST /v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    b"GET /v1/nodes/esp?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n",  # and gone
    GET * 50,
]


def closed(gateway: Gateway) -> bool:
    [server] = gateway.adapter._server._servers
    return all(stream.closed() for stream in server._streams)


@pytest.mark.one_loop
async def test_improper_requests_end_only_their_connection(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    """Every improper request alone and behind a proper one, then 4,000 conversations of mutated bytes."""
    caplog.set_level(logging.ERROR)
    good = gateway.device("good")
    await good.post({"x": 0})
    await asyncio.gather(*(converse(gateway.port, improper) for improper in IMPROPER))
    await asyncio.gather(*(converse(gateway.port, PROPER[0] + improper) for improper in IMPROPER))
    rng = random.Random(9110)
    for turn in range(80):
        batch = []
        for _ in range(50):
            data = bytearray(b"".join(rng.choices(PROPER, k=rng.randrange(1, 4))))
            for _ in range(rng.randrange(1, 10)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            batch.append(converse(gateway.port, bytes(data)))
        await asyncio.gather(*batch)
        assert (await good.post({"x": turn})).status == 204
    await gateway.until(lambda: gateway.values("good").get("x") == 79)
    async with asyncio.timeout(PATIENCE_S):
        while not closed(gateway):
            await asyncio.sleep(0.05)
    assert [record.getMessage() for record in caplog.records] == []
    assert gateway.adapter.counters.requests > 1_000  # many are read as far as that


async def test_a_body_that_is_far_too_long_is_answered_once_and_not_read(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    head = b"POST /v1/nodes/esp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(head)
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert "Malformed" not in caplog.text  # Tornado has nothing to add


async def test_bodies_that_do_not_come_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "BODY_S", 0.5)
    monkeypatch.setattr(listening, "IDLE_S", 0.5)
    async with running() as gateway:
        heads = [POST[:-5].replace(b"Authorization: Basic am9lOng=\r\n", b""), POST[:60], CHUNKED[:-10], b""]
        slow = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(200)]
        for number, (_, writer) in enumerate(slow):
            writer.write(heads[number % len(heads)])
        assert (await gateway.device("good").post({"x": 1})).status == 204
        async with asyncio.timeout(PATIENCE_S):
            for reader, writer in slow:
                try:
                    assert b" 20" not in await reader.read()
                except ConnectionError:
                    pass
                writer.close()
        assert not gateway.service.known("esp")


@pytest.mark.one_loop
async def test_requests_without_end_leave_nothing(gateway: Gateway) -> None:
    """Polls that are broken off, wrong passwords without waiting for the answer, bodies that end too soon."""
    wrong = POST.replace(b"am9lOng=", b"eDp4")

    async def round_of(number: int) -> None:
        for _ in range(number):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(PROPER[0] + b"GET /v1/nodes/esp?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            writer.close()
            for part in (wrong, PROPER[0][:-5], CHUNKED[:-9]):
                _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
                writer.write(part)
                writer.close()

    def left() -> int:
        gc.collect()
        return len(asyncio.all_tasks())

    async def settled(tasks: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not closed(gateway) or gateway.adapter._delivery._commands._boxes["esp"].poll is not None:
                await asyncio.sleep(0.02)
            while left() > tasks:  # senders of wrong passwords are made to wait, also those who have gone
                await asyncio.sleep(0.02)

    before = left()
    await round_of(20)
    await settled(before + 2)
    await round_of(300)
    await settled(before + 2)


async def test_FW_8_a_device_that_only_sends_and_reads_no_answer_is_heard(gateway: Gateway) -> None:
    """It closes its side at once, or resets the connection."""
    for number in range(20):
        connection = await Connection.open(gateway.port)
        connection.ask("POST", f"/v1/nodes/blind-{number}", b'{"n": %d}' % number)
        await connection.writer.drain()
        connection.close()
    await gateway.until(lambda: all(gateway.values(f"blind-{n}").get("n") == n for n in range(20)))
