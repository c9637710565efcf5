# SPDX-License-Identifier: BSD-3-Clause
"""Whatever arrives at the socket: no exception, no crash, no amplification, no growth."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable

import pytest
from aiocoap.numbers import codes

from tests.gateway.coap.coap_devices import Device, Gateway
from tests.patience import PATIENCE_S

MakeDevice = Callable[..., Awaitable[Device]]

POST_SERVER = b"\x42\x02\x00\x01\xaa\xbb\xb6server\xfftemperature:23.4\xc2\xb0C"
SEEDS = [
    POST_SERVER,
    b"\x52\x02\x00\x02\xaa\xbb\xb5alive\xffalive:1234",
    b"\x40\x01\x00\x03\xbb.well-known\x04core",
    b"\x42\x02\x00\x04\xaa\xbb\xb2rd\x45ep=xy\x05lt=90\xff</a>;obs,</b>",
    b"\x42\x04\x00\x05\xaa\xbb\xb2rd\x0812345678",
    b"\x60\x45\x00\x06\xff</led>",
    b"\x70\x00\x00\x07",
    b"\x40\x00\x00\x08",
    b"\x42\x02\x00\x09\xaa\xbb\xb6server\xd1\x03\x0e\xffx:1",
    b"\x51\x45\x00\x0a\xaa\x60\xff1",
]


def mutate(rng: random.Random, seed: bytes) -> bytes:
    data = bytearray(seed)
    for _ in range(rng.randrange(1, 5)):
        where = rng.randrange(len(data) + 1)
        match rng.randrange(4):
            case 0:
                data.insert(where, rng.randrange(256))
            case 1:
                del data[where : where + rng.randrange(5)]
            case 2:
                data[where:where] = rng.choice(SEEDS)[rng.randrange(8) :]
            case 3 if where < len(data):
                data[where] ^= 1 << rng.randrange(8)
    return bytes(data)


async def test_pb_04_pb_06_60_000_malformed_datagrams_harm_nobody(gateway: Gateway, device: MakeDevice) -> None:
    """They come from a device that is known, with a request of ours under way to it."""
    gateway.auto_discover = False
    one = await device()
    one.silent = True
    await one.post("alive", "alive:1234")
    write = asyncio.create_task(gateway.adapter.write("1234", "led", "1"), name="write")
    await one.until(lambda: bool(one.asked("led", codes.PUT)))
    rng = random.Random(3)
    one.datagram_received = lambda data, addr: None  # type: ignore[method-assign]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.connect(("127.0.0.1", gateway.adapter.port))
        for turn in range(60_000):
            data = mutate(rng, SEEDS[turn % len(SEEDS)])
            if turn % 2:
                other.send(data)
            else:
                one.send(data)
            if turn % 50 == 49:
                await asyncio.sleep(0)
    write.cancel()
    await asyncio.gather(write, return_exceptions=True)
    fresh = await device()
    assert (await fresh.post("alive", "alive:1234")).code == codes.CHANGED
    assert gateway.adapter.counters.datagrams >= 55_000
    assert gateway.adapter.counters.internal_errors == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x40",
        b"\x40\x02\x00",
        b"\x00\x02\x00\x01",  # version 0
        b"\x4f\x02\x00\x01" + b"x" * 20,  # token of 15 bytes
        b"\x44\x02\x00\x01\x01",  # token cut off
        b"\x40\x02\x00\x01\xb6serv",  # option cut off
        b"\x40\x02\x00\x01\xf0",  # reserved option delta
        b"\x40\x02\x00\x01\xb2\xff\xfe",  # Uri-Path that is no UTF-8
        b"\x40\x00\x00\x01x",  # empty message that is not empty
        b"\x50\x00\x00\x01",  # empty NON
        b"\x60\x02\x00\x01",  # request in an ACK
        b"\x40\x3f\x00\x01",  # reserved code class
        b"\x40\xff\x00\x01",
        b"\x40\x02\x00\x01" + b"\x10" * 4000,  # 4,000 options take aiocoap 5 ms
        b"\x40\x02\x00\x01" + b"\xdd\xff\xff" + b"x" * 268 + b"\x00" * 100,
    ],
)
async def test_what_is_no_message_is_counted_and_at_most_reset(
    gateway: Gateway, device: MakeDevice, data: bytes
) -> None:
    one = await device()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(data, ("127.0.0.1", gateway.adapter.port))
        await one.post("alive", "alive:x")
        sock.setblocking(False)
        try:
            answer = sock.recv(2048)
        except BlockingIOError:
            answer = b""
    assert gateway.adapter.counters.malformed + gateway.adapter.counters.rejected == 1
    assert answer == b"" or answer[:2] == b"\x70\x00" or answer[1] >= 128


async def test_unknown_critical_options_are_4_02_and_elective_ones_ignored(
    gateway: Gateway, device: MakeDevice
) -> None:
    one = await device()
    await one.post("alive", "alive:x")
    for number, code in [
        (9, "4.02"),
        (1, "4.02"),
        (5, "4.02"),
        (2051, "4.02"),
        (2050, "2.04"),
        (35, "5.05"),
        (39, "5.05"),
    ]:
        message = one.message(codes.POST, "server", "t:1")
        raw = message.encode()
        options, payload = raw.split(b"\xff", 1)
        head, path = options[:6], options[6:]
        if number < 11:
            options = head + bytes((number << 4,)) + bytes((((11 - number) << 4) | path[0] & 15,)) + path[1:]
        elif number < 269:
            options += bytes(((13 << 4) | 1, number - 11 - 13)) + b"x"
        else:
            options += bytes((14 << 4,)) + (number - 11 - 269).to_bytes(2, "big")
        answer = asyncio.get_running_loop().create_future()
        one._pending[message.token] = answer
        one.send(options + b"\xff" + payload)
        async with asyncio.timeout(PATIENCE_S):
            assert str((await answer).code).startswith(code), number


async def test_uploads_in_blocks_are_refused_with_the_size_that_is_taken(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    answer = await one.post("server", "t:1", block1=(0, True, 6))
    assert (str(answer.code)[:4], answer.opt.size1) == ("4.13", 1024)
    answer = await one.post("server", "t:" + "1" * 1500)
    assert str(answer.code)[:4] == "4.13"


async def test_datagrams_over_4096_bytes_are_refused(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    one.send(POST_SERVER + b"x" * 5000)
    await one.post("alive", "alive:x")
    assert gateway.adapter.counters.oversized == 1
    assert one.inbox[0] == b"\x70\x00\x00\x01"


async def test_answers_are_hardly_longer_than_questions(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    for path, payload in [("alive", "alive:x"), ("server", "t:" + "9" * 900), ("server", ""), ("nothing", "")]:
        message = one.message(codes.POST, path, payload)
        await one.ask(message)
        assert len(one.inbox[-1]) <= len(message.encode()) + 80


async def test_an_icmp_error_does_not_make_it_deaf(gateway: Gateway, device: MakeDevice) -> None:
    """libuv stops polling a socket that reports an error: aiocoap's own transport on uvloop hears nothing after."""
    gateway.auto_discover = False
    adapter = gateway.adapter
    for number in range(3):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"\x50\x02\x00\x01\xb5alive\xffalive:x", ("127.0.0.1", adapter.port))
        async with asyncio.timeout(PATIENCE_S):
            while adapter.counters.icmp_errors <= number:
                await asyncio.sleep(0.001)
    one = await device()
    assert (await one.post("alive", "alive:y")).code == codes.CHANGED


async def test_a_ping_is_answered_by_a_reset(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    one.send(b"\x40\x00\x12\x34")
    await one.until(lambda: one.inbox == [b"\x70\x00\x12\x34"])


async def test_well_known_core_is_served_and_in_blocks_where_asked(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    whole = await one.get(".well-known/core")
    assert whole.opt.content_format == 40
    assert b"core.rd" in whole.payload
    parts = b""
    for number in range(20):
        part = await one.get(".well-known/core", block2=(number, False, 1))
        parts += part.payload
        if not part.opt.block2.more:
            break
    assert parts == whole.payload
    assert (await one.get(".well-known/core", block2=(999, False, 1))).code == codes.BAD_REQUEST
    assert (await one.get(".well-known/core", accept=60)).code == codes.NOT_ACCEPTABLE


@pytest.mark.one_loop
async def test_memory_of_exchanges_is_bounded_under_a_flood(gateway: Gateway) -> None:
    gateway.auto_discover = False
    socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(50)]
    for sock in socks:
        sock.connect(("127.0.0.1", gateway.adapter.port))
    for turn in range(40_000):
        socks[turn % 50].send(b"\x50\x02" + (turn // 50).to_bytes(2, "big") + POST_SERVER[6:])
        if turn % 50 == 49:
            await asyncio.sleep(0)
    for sock in socks:
        sock.close()
    assert gateway.adapter._endpoint is not None
    assert len(gateway.adapter._endpoint.interface._exchanges) <= 32768
    # aiocoap's own tables hold nothing once its timers of zero seconds ran.
    await asyncio.sleep(0.01)
    assert len(gateway.adapter._endpoint.messages._recent_messages) <= 64
    assert gateway.adapter._endpoint.tokens.incoming_requests == {}
