# SPDX-License-Identifier: BSD-3-Clause
"""20,000 malformed WebSocket frames, and HTTP that is none, on the real port: only their sender suffers."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import struct
from typing import cast

import pytest

from tests.gateway.ws.ws_devices import Gateway, device, raw, upgrade
from tests.patience import PATIENCE_S
from tests.raw_sockets import converse, frame

FRAMES = 20_000
#: Connections at a time.
AT_ONCE = 50

PROPER = [
    frame(1, b'{"type":"update","data":{"led":"1"}}'),
    frame(1, b'{"type":"new","data":"node"}'),
    frame(9, b"ping"),
    frame(10, b"pong"),
    frame(1, b'{"type":"update",', fin=False) + frame(9, b"") + frame(0, b'"data":{"a/b":[1,{"c":null}]}}'),
]
IMPROPER = [
    frame(8, b"\x03"),  # half a close code
    frame(8, struct.pack("!H", 1000) + b"\xff\xfe"),  # a reason that is not UTF-8
    frame(8, struct.pack("!H", 5) + b"x"),
    frame(8, struct.pack("!H", 1005)),
    frame(8, b"x" * 126),
    frame(1, b"\xff\xfe"),
    frame(0, b"nothing to continue"),
    frame(1, b"a", fin=False) + frame(1, b"b"),
    frame(1, b"a", fin=False) + frame(8, b""),
    frame(9, b"x" * 126),
    frame(9, b"x", fin=False),
    frame(3, b"reserved"),
    frame(15, b""),
    frame(1, b"{}", reserved=4),
    frame(1, b"{}", reserved=1),
    frame(1, b'{"type":"new"}', mask=False),
    frame(1, b"x" * 17_000),
    frame(1, b"x" * 10_000, fin=False) + frame(0, b"x" * 10_000),
    struct.pack("!BBQ", 0x81, 0xFF, 2**63) + b"\0\0\0\0",
    struct.pack("!BBQ", 0x81, 0xFF, 2**40) + b"\0\0\0\0",
    frame(2, os.urandom(64)),
    frame(1, b""),
]


def damaged(chance: random.Random) -> bytes:
    """A frame that is improper, or was."""
    if chance.random() < 0.75:
        return chance.choice(IMPROPER)
    data = bytearray(chance.choice(PROPER + IMPROPER))
    for _ in range(chance.randrange(1, 4)):
        data[chance.randrange(min(len(data), 60))] = chance.randrange(256)
    if chance.random() < 0.1:
        del data[chance.randrange(len(data)) :]
    return bytes(data)


class Sender(asyncio.Protocol):
    """Sends all it has to say at once, and hears what comes until the gateway hangs up."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.heard = b""
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast("asyncio.Transport", transport)
        stream.write(self.data)
        stream.write_eof()

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set_result(exc)


@pytest.mark.one_loop
async def test_20_000_malformed_frames_end_only_their_connections(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each on a connection of its own, as it ends with it; what was only damaged is not counted."""
    caplog.set_level(logging.ERROR)
    monkeypatch.setattr("pyaiot.gateway.ws.pace.MAX_UPDATES_PER_S", 1e9)  # how fast they come is not the matter here
    counters, chance = gateway.adapter.counters, random.Random(4)
    count = 0

    async def one(number: int, *frames: bytes) -> None:
        data = upgrade(f"/node?id=bad{number % 500}") + b"".join(frames)
        sender = Sender(data)
        await asyncio.get_running_loop().create_connection(lambda: sender, "127.0.0.1", gateway.adapter.port)
        async with asyncio.timeout(PATIENCE_S):
            await sender.over
        assert sender.heard.startswith(b"HTTP/1.1 101") or not sender.heard, sender.heard[:80]

    def judged() -> int:
        return counters.bad_frames + counters.bad_messages

    async with device(gateway, "?id=good") as good:
        for each in IMPROPER:
            before = judged()
            await one(count, *PROPER, each, PROPER[0])
            assert judged() == before + 1, each[:40]
        while judged() < FRAMES:
            await asyncio.gather(*(one(count + number, damaged(chance)) for number in range(AT_ONCE)))
            count += AT_ONCE
            await good.update({"count": count})
        assert await (await good.connection.ping()) >= 0
        await gateway.until(lambda: len(gateway.adapter._server) == 1)
        assert set(gateway.core.registry.nodes) == {"good"}
        assert gateway.told("good", "count") == list(range(AT_ONCE, count + 1, AT_ONCE))
    assert count < 1.5 * FRAMES
    assert counters.bad_frames > FRAMES // 2
    assert counters.bad_messages > FRAMES // 20
    assert counters.opened == count + len(IMPROPER) + 1
    assert counters.internal_errors == counters.crowded == 0
    assert [record.getMessage() for record in caplog.records] == []


async def test_what_is_no_http_ends_only_its_connection(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    chance = random.Random(5)
    template = upgrade("/node?id=bad")
    async with device(gateway, "?id=good") as good:
        for _ in range(20):
            batch = []
            for _ in range(50):
                data = bytearray(template)
                for _ in range(chance.randrange(1, 8)):
                    data[chance.randrange(len(data))] = chance.randrange(256)
                batch.append(converse(gateway.adapter.port, bytes(data)))
            await asyncio.gather(*batch)
        for data in (
            b"",
            b"\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(200),
            b"GET /node HTTP/1.1\r\n" + b"x: y\r\n" * 5_000 + b"\r\n",
            upgrade("/node?" + "&".join(f"id{number}=1" for number in range(500))),
            upgrade("/node?id=%ff%fe"),
            upgrade("/node", "Authorization: Basic " + "A" * 4_000 + "\r\n"),
            upgrade("/node", "Content-Length: 5\r\n") + b"hello",
            b"POST /node HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 50_000,
        ):
            answer = await converse(gateway.adapter.port, data)
            assert b" 101 " not in answer, data[:60]
        await good.update({"led": "1"})
        await gateway.until(lambda: gateway.told("good", "led"))
        await gateway.until(lambda: len(gateway.adapter._server) == 1)
    assert [record.getMessage() for record in caplog.records] == []


async def test_a_message_of_endless_empty_pieces_is_refused_with_1008(gateway: Gateway) -> None:
    async with device(gateway, "?id=good") as good, device(gateway, "?id=bad") as bad:
        bad.connection.transport.write(frame(1, b"{", fin=False) + frame(0, b"", fin=False) * 4_000)
        assert await bad.closed() == (1008, "a message of more than 64 frames")
        await good.update({"led": "1"})
        await gateway.until(lambda: gateway.told("good", "led"))
    assert gateway.adapter.counters.bad_messages == 1


async def test_a_message_of_64_pieces_is_taken_and_so_is_the_next(gateway: Gateway) -> None:
    async with raw(gateway, "/node?id=a") as (_, writer):
        for number in range(3):
            text = b'{"type":"update","data":{"n":%d}}' % number
            pieces = frame(1, text[:1], fin=False) + frame(0, b"", fin=False) * 62 + frame(0, text[1:])
            writer.write(pieces)
        await gateway.until(lambda: gateway.told("a", "n") == [0, 1, 2])


async def test_a_fault_of_the_core_closes_one_connection_and_is_told(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    updated = gateway.updated

    def faulty(uid: str, resource: str, data: object, **more: object) -> None:
        if uid == "bad":
            raise ZeroDivisionError("a fault")
        updated(uid, resource, data, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(gateway, "updated", faulty)
    async with device(gateway, "?id=good") as good, device(gateway, "?id=bad") as bad:
        await bad.update({"led": "1"})
        assert await bad.closed() == (1011, "a fault of the gateway")
        await good.update({"led": "1"})
        await gateway.until(lambda: gateway.told("good", "led"))
        assert not gateway.known("bad")
    assert gateway.adapter.counters.internal_errors == 1
    assert "ZeroDivisionError" in caplog.text
    gateway.adapter.counters.internal_errors = 0


async def test_what_comes_with_the_request_is_taken_after_it_was_answered(gateway: Gateway) -> None:
    """No client may (RFC 6455 section 4.1), but then all is said in its order."""
    update = frame(1, b'{"type":"update","data":{"led":"1"}}')
    goodbye = frame(8, (1000).to_bytes(2, "big"))
    answer = await converse(gateway.adapter.port, upgrade("/node?id=early") + frame(9, b"ping") + update + goodbye)
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b'{"request":"discover"}' in rest
    assert b"\x8a\x04ping" in rest
    assert gateway.told("early", "led") == ["1"]
    refused = await converse(gateway.adapter.port, upgrade("/nothing") + update + frame(3, b"") + goodbye)
    assert refused.startswith(b"HTTP/1.1 404 ")
    # And a request in segments of one byte is a request.
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.adapter.port)
    for byte in upgrade("/node?id=slow") + update:
        writer.write(bytes((byte,)))
        await asyncio.sleep(0)
    await gateway.until(lambda: gateway.told("slow", "led"))
    assert (await reader.readline()).startswith(b"HTTP/1.1 101 ")
    writer.transport.abort()
