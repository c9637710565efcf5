# SPDX-License-Identifier: BSD-3-Clause
"""SIGTERM and SIGINT end each service within 5 s, with exit code 0 and nothing lost."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack

import pytest

from pyaiot.keys import Keys
from tests.patience import PATIENCE_S
from tests.process.coap_senders import Sender, sending
from tests.process.feeders import feeding
from tests.process.processes import COAP_LISTENS, DASHBOARD_LISTENS, Host
from tests.process.viewers import fresh_view, viewing

SIGNALS = [signal.SIGTERM, signal.SIGINT]
CONFIRMED = 200


async def confirmed(sender: Sender, count: int) -> None:
    """Wait until so many numbers of a device were answered."""
    async with asyncio.timeout(PATIENCE_S):
        while sender.confirmed < count:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("number", SIGNALS)
async def test_a_gateway_under_load_ends_with_nothing_lost(host: Host, keys: Keys, number: signal.Signals) -> None:
    """Whatever was answered 2.04 is at the broker when the gateway is gone."""
    _, port = await host.broker()
    gateway, coap_port = await host.coap_gateway(port)
    async with sending(coap_port, 10) as senders, viewing(port) as viewer:
        await viewer.until(lambda: sum(node.get("count", 0) for node in by_number(viewer.view)) > 10 * CONFIRMED)
        took = await gateway.stop(number)
        view = await fresh_view(port)
        assert {f"coap/{sender.uid}" for sender in senders} == view.keys()
        for sender in senders:
            told = int(view[f"coap/{sender.uid}"]["count"])
            assert told in (sender.confirmed, sender.confirmed + 1), sender.uid  # one may have come unanswered
            assert told >= CONFIRMED / 2
    print(f"ended in {took:.2f} s")


@pytest.mark.parametrize("number", SIGNALS)
async def test_a_broker_under_load_ends_in_order(host: Host, keys: Keys, number: signal.Signals) -> None:
    broker, port = await host.broker()
    async with AsyncExitStack() as stack:
        feeder = await stack.enter_async_context(feeding(keys, "coap", port, devices=4, per_s=300))
        viewer = await stack.enter_async_context(viewing(port))
        await feeder.acknowledged(50)
        # A client that never reads, and one that never says anything: neither may hold the broker up.
        mute = [await asyncio.open_connection("localhost", port) for _ in range(2)]
        mute[0][1].write(
            b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert (await mute[0][0].readline()).startswith(b"HTTP/1.1 101")
        took = await broker.stop(number)
        for _, writer in mute:
            writer.close()
        assert viewer.connections == 1
    assert any("session from" in line and "ended" in line for line in broker.lines)
    print(f"ended in {took:.2f} s")


@pytest.mark.parametrize("number", SIGNALS)
async def test_a_dashboard_with_open_connections_ends_in_order(host: Host, number: signal.Signals) -> None:
    dashboard = await host.start("aiot-dashboard", "--web-port", "0")
    port = await dashboard.port(DASHBOARD_LISTENS)
    reader, writer = await asyncio.open_connection("localhost", port)
    writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    await dashboard.stop(number)
    writer.close()


@pytest.mark.parametrize("number", SIGNALS)
async def test_a_gateway_without_a_broker_ends_in_order(host: Host, keys: Keys, number: signal.Signals) -> None:
    gateway = await host.start("aiot-coap-gateway", "--coap-port", "0", "--broker-port", "1")
    port = await gateway.port(COAP_LISTENS)
    await gateway.says("Cannot reach the broker")
    async with sending(port, 1) as (sender,):
        await confirmed(sender, 10)
        await gateway.stop(number)


async def test_a_gateway_whose_broker_hangs_ends_in_order(host: Host, keys: Keys) -> None:
    """Nobody acknowledges any more: the gateway waits for a while, says what is left, and goes."""
    broker, port = await host.broker()
    gateway, coap_port = await host.coap_gateway(port)
    async with sending(coap_port, 1) as (sender,):
        await confirmed(sender, 10)
        broker.send(signal.SIGSTOP)
        await confirmed(sender, sender.confirmed + 100)
        await gateway.stop()
    await gateway.says(r"Stopped with \d+ messages that the broker has not acknowledged")
    broker.send(signal.SIGCONT)


async def test_a_second_signal_changes_nothing(host: Host, keys: Keys) -> None:
    """Somebody presses Ctrl-C twice: it still ends in order."""
    _, port = await host.broker()
    gateway, coap_port = await host.coap_gateway(port)
    async with sending(coap_port, 2) as senders:
        for sender in senders:
            await confirmed(sender, 20)
        gateway.send(signal.SIGINT)
        await gateway.stop(signal.SIGINT)
        view = await fresh_view(port)
        assert [int(view[f"coap/{sender.uid}"]["count"]) - sender.confirmed in (0, 1) for sender in senders] == [
            True
        ] * 2


def by_number(view: dict[str, dict[str, object]]) -> list[dict[str, int]]:
    """The nodes' numbers, which CoAP devices tell as text."""
    return [{name: int(str(value)) for name, value in node.items() if name == "count"} for node in view.values()]
