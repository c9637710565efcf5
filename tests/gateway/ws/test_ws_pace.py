# SPDX-License-Identifier: BSD-3-Clause
"""Who connects again and again may say no more than who stays; and other devices do not notice."""

from __future__ import annotations

import asyncio
import heapq
import json
import random
import socket
import struct
import time
from pathlib import Path

import pytest

from pyaiot.gateway.device_tokens.token_keys import TokenKeys
from pyaiot.gateway.ws import pace as rules
from pyaiot.gateway.ws.framing import SLICE_BYTES
from pyaiot.gateway.ws.hang_up import Presence
from pyaiot.gateway.ws.pace import FIRST_BURST, MAX_BURST, MAX_UPDATES_PER_S, PROBATION_S, Pace, Paces
from tests.patience import PATIENCE_S
from tests.raw_sockets import frame

from .conftest import MakeGateway
from .token_devices import ACCEPTED, INVALID, PLATFORM, keys_folder, token_device
from .ws_devices import Gateway, device, nobody_served, raw, upgrade

HOST = "192.0.2.1"


def drain(pace: Pace, now: float) -> int:
    """Take until it has to wait; how many."""
    taken = 1
    while not pace.take(1, now):
        taken += 1
    return taken


def test_a_new_connection_begins_with_a_small_burst_and_has_the_whole_one_after_a_rest() -> None:
    paces = Paces()
    pace = paces.begin(HOST, 5.0)
    assert drain(pace, 5.0) == FIRST_BURST + 1
    assert drain(pace, 10.0) == MAX_BURST + 1


def test_who_connects_again_and_again_says_no_more_than_who_stays() -> None:
    paces, taken, now = Paces(), 0, 100.0
    while now < 110.0:
        pace = paces.begin(HOST, now)
        now += pace.take(0, now)
        taken += drain(pace, now)
        paces.end(HOST, pace, now)
        now += 0.003
    assert taken <= FIRST_BURST + 1 + (now - 100.0) * MAX_UPDATES_PER_S
    assert taken >= 9.0 * MAX_UPDATES_PER_S


def test_a_debt_is_inherited_and_by_one_alone() -> None:
    paces = Paces()
    first = [paces.begin(HOST, 0.0) for _ in range(3)]
    first[1].take(2_064, 0.0)
    for pace in first:
        paces.end(HOST, pace, 0.0)
    assert len(paces) == 3
    assert [paces.begin(HOST, 0.0).take(0, 0.0) for _ in range(4)] == [pytest.approx(2.0), 0.0, 0.0, 0.0]
    assert (len(paces), paces._idle) == (0, {})


def test_addresses_of_one_network_share_and_others_do_not() -> None:
    paces = Paces()
    for address in ("2001:db8::1", HOST):
        pace = paces.begin(address, 0.0)
        drain(pace, 0.0)
        paces.end(address, pace, 0.0)
    assert paces.begin("2001:db8::2", 0.0).take(1, 0.0) > 0.0
    assert paces.begin("192.0.2.2", 0.0).take(1, 0.0) == 0.0
    assert paces.begin("::ffff:192.0.2.1", 0.0).take(1, 0.0) > 0.0


def test_what_is_whole_again_is_forgotten_and_never_more_than_a_bound_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_IDLE", 10)
    paces = Paces()
    for number in range(25):
        paces.end(f"192.0.2.{number % 5}", Pace(0.0, 0.0), 0.0)
    assert len(paces) == 10
    paces.end(HOST, Pace(0.0, 0.0), 0.9)
    assert len(paces) == 10
    paces.end(HOST, Pace(2.0, 0.0), 2.0)
    assert (len(paces), list(paces._idle)) == (1, [HOST])
    assert drain(paces.begin(HOST, 9.0), 9.0) == FIRST_BURST + 1, "whole again: as if nobody had been there"
    assert (len(paces), paces._idle) == (0, {})
    paces.end(HOST, Pace(0.0, MAX_BURST), 0.0)
    assert len(paces) == 0


def test_newcomers_whose_end_nobody_sees_say_no_more_together_than_one_may() -> None:
    """Each says as much as it can as soon as it may, and there are more of them all the time."""
    paces, taken, now = Paces(), 0, 0.0
    newcomers: list[tuple[float, int, Pace]] = []
    while now < 1.9:  # none is there for longer than PROBATION_S
        now += 0.003
        heapq.heappush(newcomers, (now, len(newcomers), paces.begin(HOST, now)))
        while newcomers[0][0] <= now:
            _, number, pace = heapq.heappop(newcomers)
            pause = pace.wait(now) or pace.take(104, now)
            taken += 0 if pause and pace.has_waited else 104
            heapq.heappush(newcomers, (now + max(pause, 0.001), number, pace))
    assert 0.9 * 1.9 * MAX_UPDATES_PER_S <= taken <= MAX_BURST + 104 + now * MAX_UPDATES_PER_S


@pytest.mark.parametrize("greedy", [False, True])
def test_a_fleet_of_one_address_has_said_5_values_each_soon_after_it_came_back(greedy: bool) -> None:
    """5,000 within 3 s; also where one that never stops is among them."""
    chance, paces = random.Random(1), Paces()
    waiting = [(chance.uniform(0.0, 3.0), number, None) for number in range(5_000)]
    heapq.heapify(waiting)
    asked, last = 0, 0.0
    while waiting:
        now, number, come = heapq.heappop(waiting)
        pace, since = come or (paces.begin(HOST, now), now)
        asked += 1
        if greedy and number == 0:
            if now < 9.0:
                heapq.heappush(waiting, (now + (pace.wait(now) or pace.take(1_000, now)), 0, (pace, since)))
            continue
        pause = pace.wait(now) if now < pace.settles_at else 0.0
        if pause:
            heapq.heappush(waiting, (now + pause, number, (pace, since)))
        else:
            assert pace.take(5, now) == 0.0
            assert now - since <= PROBATION_S + 0.05
            last = max(last, now)
    assert last <= 3.0 + PROBATION_S + 0.05
    assert asked <= 5_000 * 12, "they ask too often"


def test_who_has_settled_neither_waits_for_newcomers_nor_speaks_for_them() -> None:
    paces = Paces()
    old, new = paces.begin(HOST, 0.0), paces.begin(HOST, 0.0)
    old.settle()
    old.take(1_064, 0.0)
    assert new.wait(0.0) == 0.0
    new.take(3_000, 0.0)
    assert (old.wait(0.0), new.wait(0.0)) == (0.0, pytest.approx(PROBATION_S))
    assert paces.begin("192.0.2.2", 0.0).wait(0.0) == 0.0, "nor those of another address"
    assert paces.begin(HOST, 9.0).wait(9.0) == 0.0


def test_no_more_addresses_with_newcomers_are_kept_than_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_IDLE", 10)
    paces = Paces()
    for number in range(25):
        paces.begin(f"192.0.2.{number}", 0.0).take(10, 0.0)
    assert len(paces._shared) == 10
    paces.begin("198.51.100.1", 5.0)
    assert list(paces._shared) == ["198.51.100.1"]


ONE = frame(
    1, json.dumps({"type": "update", "data": dict.fromkeys(map(str, range(52)), 1)}, separators=(",", ":")).encode()
)
#: Taken at once, with what follows them.
TWO = ONE * 2
assert len(TWO) < SLICE_BYTES
LAST = {
    "a close frame": frame(8, struct.pack("!H", 1000)),
    "a bad message": frame(1, b"x"),
    "a binary message": frame(2, b"x"),
    "a bad frame": frame(3, b"x"),
    "an end": b"",
}


@pytest.mark.parametrize("last", LAST)
async def test_who_closes_and_connects_again_is_held_to_the_rate(gateway: Gateway, last: str) -> None:
    """104 values at a time, each with what ends the connection right behind them; the next when it has ended."""
    began, said = time.monotonic(), 0
    for _ in range(6):
        async with raw(gateway, "/node?id=bad") as (reader, writer):
            writer.write(TWO + LAST[last])
            if not LAST[last]:
                writer.write_eof()
            async with asyncio.timeout(PATIENCE_S):
                while await reader.read(65_536):
                    pass
        said = gateway.count("update", "bad")
        assert said <= FIRST_BURST + 104 + (time.monotonic() - began) * MAX_UPDATES_PER_S
    assert said == 6 * 104, "and yet all of it is told"


@pytest.mark.parametrize("how", ["reset", "finished", "left open"])
async def test_who_is_not_read_and_connects_again_is_held_to_the_rate(gateway: Gateway, how: str) -> None:
    """The gateway does not see the end of those that it does not read; and then it is not to hear all of them."""
    began, writers = time.monotonic(), []
    for number in range(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.adapter.port)
        writers.append(writer)
        writer.write(upgrade(f"/node?id=bad{number}"))
        async with asyncio.timeout(PATIENCE_S):
            await reader.readuntil(b"\r\n\r\n")
        writer.write(TWO)
        if how == "reset":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        elif how == "finished":
            writer.write_eof()
    took = time.monotonic() - began
    if took < PROBATION_S:
        assert gateway.count("update") <= MAX_BURST + 2 * 104 + took * MAX_UPDATES_PER_S
    if how == "left open":  # nobody has to wait for others for longer
        await gateway.until(lambda: gateway.count("update") == 30 * 104)
    else:
        await gateway.until(lambda: len(gateway.adapter._server) == 0)
    assert gateway.adapter.counters.paced > 0
    for writer in writers:
        writer.transport.abort()


@pytest.mark.parametrize("how", ["left open", "reset", "finished"])
async def test_a_newcomer_that_stays_is_heard_whatever_others_said_and_one_that_left_is_not(
    gateway: Gateway, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "PROBATION_S", 0.5)
    monkeypatch.setattr(rules, "MAX_BURST", 10.0)
    monkeypatch.setattr(rules, "MAX_UPDATES_PER_S", 0.01)
    server, counters = gateway.adapter._server, gateway.adapter.counters
    async with raw(gateway, "/node?id=first") as (_, first), raw(gateway, "/node?id=second") as (_, second):
        first.write(ONE)
        await gateway.until(lambda: gateway.count("update", "first") == 52)
        older = set(server._connections)
        async with raw(gateway, "/node?id=third") as (_, third):
            await gateway.until(lambda: gateway.known("third"))
            (connection,) = server._connections - older
            pace = connection._pace
            assert pace is not None
            pace.settles_at += PATIENCE_S
            third.write(ONE)
            await gateway.until(lambda: connection._resting)
            if how == "reset":
                linger = struct.pack("ii", 1, 0)
                third.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                third.transport.abort()
            elif how == "finished":
                third.write_eof()
            await gateway.until(lambda: (connection._presence() is Presence.THERE) == (how == "left open"))
            pace.settles_at = due = time.monotonic()
            connection.go_on()
            if how == "reset":
                await gateway.until(lambda: counters.hung_up == 1)
            elif how == "finished":
                await gateway.until(lambda: pace.settles_at > due)
            else:
                await gateway.until(lambda: gateway.count("update", "third") == 52)
            assert how == "left open" or gateway.count("update", "third") == 0
        second.write(ONE)  # and nothing of this is the end of anybody else
        await gateway.until(lambda: gateway.count("update", "second") == 52)


async def test_what_waits_for_its_turn_when_its_device_leaves_is_counted_before_it_is_read(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MAX_UPDATES_PER_S", 0.1)
    server = gateway.adapter._server
    async with raw(gateway, "/node?id=bad") as (_, writer):
        await gateway.until(lambda: gateway.known("bad"))
        (connection,) = server._connections
        with nobody_served(gateway) as waiting:
            writer.write(ONE)
            await gateway.until(lambda: waiting)
            writer.write_eof()
            await gateway.until(lambda: connection._left)
            assert server.paces.begin("127.0.0.1", time.monotonic()).take(FIRST_BURST - 51, time.monotonic()) > 0.0
        await gateway.until(lambda: gateway.count("update", "bad") == 52)


async def test_a_token_counts_for_20_updates_good_or_not(
    make_gateway: MakeGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MAX_UPDATES_PER_S", 0.1)
    gateway = await make_gateway(token_keys=TokenKeys(keys_folder(tmp_path / "keys", public=PLATFORM)))
    counters = gateway.adapter.counters
    for _ in range(2):
        async with token_device(gateway) as stranger:
            assert await stranger.introduce("joe", "no token") == INVALID
            assert (await stranger.closed())[0] == 1008
    async with token_device(gateway) as joe:
        assert await joe.introduce("joe") == ACCEPTED
        assert counters.paced == 0, "60 of 64"
        assert await joe.introduce("joe") == ACCEPTED
        assert counters.paced == 1
        joe.connection.transport.abort()


@pytest.mark.parametrize("values", [1, 60])
async def test_a_client_that_reconnects_is_held_to_the_rate_and_holds_up_nobody(gateway: Gateway, values: int) -> None:
    data = {f"r{number}": number for number in range(values)}
    text = json.dumps({"type": "update", "data": data}, separators=(",", ":")).encode()
    updates = b"".join(frame(1, text) for _ in range(900 // values))
    async with device(gateway, "?id=good") as good:
        began = time.monotonic()
        for number in range(6 if values > 1 else 30):
            async with raw(gateway, "/node?id=bad") as (_, writer):
                told = gateway.count("update", "bad")
                writer.write(updates)
                await gateway.until(lambda told=told: gateway.count("update", "bad") > told)  # type: ignore[misc]
            busy = time.process_time()
            await good.update({"n": number})
            await gateway.until(lambda number=number: number in gateway.told("good", "n"))  # type: ignore[misc]
            assert time.process_time() - busy < 0.5
        took = time.monotonic() - began
        # Each read may go over by one message; that is paid for before the next.
        assert gateway.count("update", "bad") <= FIRST_BURST * 2 + 2 * values + took * MAX_UPDATES_PER_S
        assert gateway.adapter.counters.replaced + gateway.count("gone", "bad") > 0
    assert gateway.adapter.counters.paced > 0


async def test_what_comes_with_the_request_of_a_connection_in_debt_is_taken_later(gateway: Gateway) -> None:
    now = asyncio.get_running_loop().time()
    gateway.adapter._server.paces.end("127.0.0.1", Pace(now, -MAX_UPDATES_PER_S), now)
    paced = gateway.adapter.counters.paced
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.adapter.port)
    writer.write(upgrade("/node?id=next") + frame(1, b'{"type":"update","data":{"led":"1"}}') + frame(9, b"late"))
    async with asyncio.timeout(PATIENCE_S):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    await gateway.until(lambda: gateway.known("next"))
    assert gateway.told("next", "led") == []
    assert gateway.adapter.counters.paced == paced + 1
    async with asyncio.timeout(PATIENCE_S):
        assert (await reader.readuntil(b"late")).endswith(b"\x8a\x04late")
    assert gateway.told("next", "led") == ["1"]
    writer.transport.abort()
