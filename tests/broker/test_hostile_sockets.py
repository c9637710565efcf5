# SPDX-License-Identifier: BSD-3-Clause
"""Bytes that are no proper HTTP or WebSocket, on the broker's real port: only their sender suffers."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import struct

import pytest

from pyaiot.broker.server import Broker
from pyaiot.keys import Keys
from pyaiot.wire.messages import New
from tests.broker.peers import client, gateway
from tests.patience import PATIENCE_S
from tests.raw_sockets import converse, frame

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Protocol: pyaiot.gw.1\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


PROPER = [
    frame(1, b'{"type":"new","data":"client"}'),
    frame(1, b'{"type":"update","data":{"uid":"coap/1","endpoint":"led","payload":"1"}}'),
    frame(9, b"ping"),
    frame(10, b"pong"),
    frame(1, b'{"type":"new",', fin=False) + frame(0, b'"data":"client"}'),
]
IMPROPER = [
    frame(8, b"\x03"),  # half a close code
    frame(8, struct.pack("!H", 1000) + b"\xff\xfe"),  # a reason that is not UTF-8
    frame(8, struct.pack("!H", 5) + b"x"),
    frame(8, struct.pack("!H", 1005)),
    frame(1, b"\xff\xfe"),
    frame(0, b"nothing to continue"),
    frame(1, b"a", fin=False) + frame(1, b"b"),
    frame(9, b"x" * 126),
    frame(9, b"x", fin=False),
    frame(3, b"reserved"),
    frame(15, b""),
    frame(1, b"{}", reserved=4),
    frame(1, b'{"type":"new"}', mask=False),
    frame(1, b"x" * 17_000),
    struct.pack("!BBQ", 0x81, 0xFF, 2**63) + b"\0\0\0\0",
    struct.pack("!BBQ", 0x81, 0xFF, 2**40) + b"\0\0\0\0",
    frame(2, os.urandom(64)),
]


@pytest.mark.parametrize("path", ["/ws", "/gw"])
async def test_improper_frames_end_only_their_connection(
    broker: Broker, keys: Keys, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Every improper frame alone and after proper ones, then 1,000 conversations of mutated bytes."""
    chance = random.Random(path)
    caplog.set_level(logging.ERROR)
    upgrade = UPGRADE.format(path=path).encode()
    async with gateway(broker.port, keys) as link, client(broker.port) as good:
        await link.say(New(uid="1", protocol="coap", at=1))
        await good.join("synced")
        await good.until("synced")
        alone = await asyncio.gather(*(converse(broker.port, upgrade + improper) for improper in IMPROPER))
        assert all(b" 101 " in answer for answer in alone)
        after_proper = (upgrade + b"".join(PROPER) + improper + PROPER[0] for improper in IMPROPER)
        await asyncio.gather(*(converse(broker.port, data) for data in after_proper))
        for _ in range(20):
            batch = []
            for _ in range(50):
                data = bytearray(b"".join(chance.choices(PROPER + IMPROPER[:-4], k=chance.randrange(1, 6))))
                for _ in range(chance.randrange(1, 12)):
                    data[chance.randrange(len(data))] = chance.randrange(256)
                batch.append(converse(broker.port, upgrade + bytes(data)))
            await asyncio.gather(*batch)
        await link.say(New(uid="2", protocol="coap", at=1))
        await good.sees({"coap/1": {}, "coap/2": {}})
        await _only(broker, 1)
    assert [record.getMessage() for record in caplog.records] == []


async def test_improper_http_ends_only_its_connection(
    broker: Broker, keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(7)
    caplog.set_level(logging.ERROR)
    template = UPGRADE.format(path="/ws").encode()
    async with client(broker.port) as good:
        await good.join("synced")
        await good.until("synced")
        for _ in range(100):
            batch = []
            for _ in range(10):
                data = bytearray(template)
                for _ in range(chance.randrange(1, 8)):
                    data[chance.randrange(len(data))] = chance.randrange(256)
                batch.append(converse(broker.port, bytes(data)))
            await asyncio.gather(*batch)
        await converse(broker.port, b"GET /ws HTTP/1.1\r\nHost: localhost\r\n" + b"x: " + b"y" * 100_000 + b"\r\n\r\n")
        await converse(broker.port, b"POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n")
        await converse(broker.port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(200))
        await _only(broker, 1)
        await good.join("synced")
        await good.until("synced")
    assert [record.getMessage() for record in caplog.records] == []


async def _only(broker: Broker, clients: int) -> None:
    """Wait until nobody else is connected: nothing leaks."""
    async with asyncio.timeout(PATIENCE_S):
        while len(broker.hub.clients) != clients or broker.hub.handshakes:
            await asyncio.sleep(0.05)
