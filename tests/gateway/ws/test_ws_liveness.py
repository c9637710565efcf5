# SPDX-License-Identifier: BSD-3-Clause
"""The connection is the liveness: a dead one is found, a living one is not out, none takes more than its share."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from pyaiot.gateway.ws.outgoing import MAX_UNREAD_BYTES
from pyaiot.gateway.ws.pace import MAX_BURST, MAX_UPDATES_PER_S
from pyaiot.gateway.ws.residents import NODE_TIMEOUT_S
from pyaiot.gateway.ws.server import PING_S
from tests.gateway.ws.conftest import MakeGateway
from tests.gateway.ws.ws_devices import Gateway, device, raw
from tests.raw_sockets import frame


def test_a_half_open_connection_is_found_within_25_s_and_its_node_lives_as_long() -> None:
    assert 2 * PING_S < 25
    assert NODE_TIMEOUT_S > 2.5 * PING_S


async def test_a_connection_that_answers_no_ping_is_dead(
    make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyaiot.gateway.ws.server.PING_S", 0.3)
    gateway = await make_gateway()
    async with device(gateway, "?id=alive"), raw(gateway, "/node?id=dead") as (reader, _):
        began = time.monotonic()
        await gateway.until(lambda: gateway.count("gone", "dead"))
        assert time.monotonic() - began >= 0.3
        assert b"\x89" in await reader.read(), "it was asked"
        await gateway.until(lambda: gateway.count("seen", "alive") >= 4)
        assert gateway.known("alive")
    assert gateway.adapter.counters.silent == 1


@pytest.mark.one_loop
async def test_a_device_that_says_nothing_is_not_out_while_its_connection_lives(
    make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--max-time is for those who can only be believed; here each pong is proof."""
    monkeypatch.setattr("pyaiot.gateway.ws.server.PING_S", 0.3)
    monkeypatch.setattr("pyaiot.gateway.ws.residents.NODE_TIMEOUT_S", 4.0)
    gateway = await make_gateway(max_time_s=0.5)
    began = time.monotonic()
    async with device(gateway, "?id=quiet"), device(gateway, "?id=other"):
        while time.monotonic() - began < 5.0:
            await asyncio.sleep(0.05)  # time itself is what is waited for
            gateway.expire()
        assert gateway.known("quiet")
    assert gateway.count("new") == 2


async def test_pings_of_devices_that_came_at_once_do_not_go_out_at_once(
    make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyaiot.gateway.ws.server.PING_S", 0.3)
    monkeypatch.setattr("pyaiot.gateway.ws.server.MAX_AT_ONCE", 2)
    gateway = await make_gateway()
    server = gateway.adapter._server
    turns: list[int] = []
    tick = server._tick

    def counted() -> None:
        before = sum(connection.awaited for connection in server._connections)
        tick()
        turns.append(sum(connection.awaited for connection in server._connections) - before)

    monkeypatch.setattr(server, "_tick", counted)
    async with raw(gateway), raw(gateway), raw(gateway), raw(gateway), raw(gateway):
        await gateway.until(lambda: sum(turns) == 5)
    assert max(turns) == 2


async def test_a_device_that_does_not_read_is_disconnected_and_costs_at_most_its_buffer(gateway: Gateway) -> None:
    async with device(gateway, "?id=good") as good, raw(gateway, "/node?id=stuck", limit=1024) as (reader, _):
        reader._transport.pause_reading()
        await gateway.until(lambda: gateway.known("stuck"))
        session = gateway.adapter._residents.find("stuck")
        assert session is not None
        peer = session._peer  # type: ignore[attr-defined]
        worst = number = 0
        while peer.send(b"x" * 8_000):
            worst = max(worst, peer._transport.get_write_buffer_size())
            number += 1
            await asyncio.sleep(0.001 if number % 4 else 0)
            assert number < 5_000
        await gateway.until(lambda: gateway.count("gone", "stuck"))
        assert worst <= MAX_UNREAD_BYTES + 9_000
        await good.update({"led": "1"})
        await gateway.until(lambda: gateway.told("good", "led"))
    assert gateway.adapter.counters.slow == 1


async def test_a_device_that_sends_pings_and_reads_no_pong_is_disconnected(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame counts for an update, so pings cannot be sent any faster; and pongs are not kept for ever."""
    monkeypatch.setattr("pyaiot.gateway.ws.pace.MAX_BURST", 1e9)
    monkeypatch.setattr("pyaiot.gateway.ws.pace.FIRST_BURST", 1e9)
    monkeypatch.setattr("pyaiot.gateway.ws.pace.MAX_UPDATES_PER_S", 1e9)
    async with raw(gateway, "/node?id=flood", limit=1024) as (reader, writer):
        await gateway.until(lambda: gateway.known("flood"))
        peer = gateway.adapter._residents.find("flood")._peer  # type: ignore[union-attr]
        reader._transport.pause_reading()
        pings = frame(9, b"x" * 125) * 100
        worst = 0

        async def send() -> None:
            while True:
                writer.write(pings)
                await writer.drain()

        sending = asyncio.create_task(send())
        while not gateway.count("gone", "flood"):
            worst = max(worst, peer._transport.get_write_buffer_size())
            await asyncio.sleep(0.001)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    assert worst <= MAX_UNREAD_BYTES + 20_000
    assert gateway.adapter.counters.slow == 1


async def test_1_000_updates_a_second_are_taken_and_more_have_to_wait(gateway: Gateway) -> None:
    """Not refused, not queued here: not read."""
    count = int(MAX_BURST + 2 * MAX_UPDATES_PER_S)
    async with device(gateway, "?id=good") as good, device(gateway, "?id=fast") as fast:
        began = time.monotonic()

        async def send() -> None:
            for number in range(count):
                await fast.update({"count": number})

        sending = asyncio.create_task(send())
        await gateway.until(lambda: len(gateway.told("fast", "count")) >= MAX_BURST)
        await good.update({"led": "1"})
        await gateway.until(lambda: gateway.told("good", "led"))
        assert len(gateway.told("fast", "count")) < count, "nobody else waits"
        await gateway.until(lambda: len(gateway.told("fast", "count")) == count)
        took = time.monotonic() - began
        assert took >= 1.6
        assert gateway.told("fast", "count") == list(range(count))
        await sending
    assert gateway.adapter.counters.paced >= 1


async def test_a_message_with_many_values_counts_for_as_many(gateway: Gateway) -> None:
    async with device(gateway, "?id=fast") as fast:
        began = time.monotonic()
        data = {f"r{number}": number for number in range(50)}
        for _ in range(int((MAX_BURST + MAX_UPDATES_PER_S / 2) // 50)):
            await fast.update(data)
        await fast.update({"last": 1})
        await gateway.until(lambda: gateway.told("fast", "last"))
        assert time.monotonic() - began >= 0.35


async def test_what_was_held_back_is_still_taken_before_a_close(gateway: Gateway) -> None:
    async with raw(gateway, "/node?id=fast") as (_, writer):
        count = int(MAX_BURST) + 300
        text = [json.dumps({"type": "update", "data": {"count": number}}).encode() for number in range(count)]
        writer.write(b"".join(frame(1, each) for each in text) + frame(8, (1000).to_bytes(2, "big")))
        await gateway.until(lambda: gateway.count("gone", "fast"))
        assert gateway.told("fast", "count") == list(range(count))


async def test_while_the_broker_takes_too_little_devices_wait_and_nothing_is_lost(
    make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyaiot.gateway.ws.server.PING_S", 0.2)
    gateway = await make_gateway()
    async with device(gateway, "?id=a") as a, device(gateway, "?id=b") as b:
        gateway.crowd(True)
        for number in range(100):
            await a.update({"count": number})
            await b.update({"count": number})
        await gateway.until(lambda: gateway.adapter.counters.held >= 2)
        # A device that is held back is no dead one, although no pong of it is read.
        await gateway.until(lambda: gateway.count("seen", "a") >= 4)
        assert gateway.count("update") < 150
        gateway.crowd(False)
        await gateway.until(lambda: gateway.count("update") == 200)
        for uid in "ab":
            assert gateway.told(uid, "count") == list(range(100))
    assert gateway.adapter.counters.silent == 0


async def test_a_held_device_that_goes_away_is_forgotten(gateway: Gateway) -> None:
    async with raw(gateway, "/node?id=a") as (_, writer):
        gateway.crowd(True)
        writer.write(frame(1, b'{"type":"update","data":{"led":"1"}}'))
        await gateway.until(lambda: gateway.adapter.counters.held)
        async with device(gateway, "?id=a"):  # takes its place
            await gateway.until(lambda: gateway.adapter.counters.replaced)
            gateway.crowd(False)
            writer.transport.abort()
            await gateway.until(lambda: len(gateway.adapter._server) == 1)
    assert gateway.count("new") == 1
