# SPDX-License-Identifier: BSD-3-Clause
"""Who connects again and again may say no more than who stays; and other devices do not notice."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from pyaiot.gateway.ws import pace as rules
from pyaiot.gateway.ws.pace import FIRST_BURST, MAX_BURST, MAX_UPDATES_PER_S, Pace, Paces
from tests.gateway.ws.ws_devices import Gateway, device, frame, raw, upgrade
from tests.patience import PATIENCE_S

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
