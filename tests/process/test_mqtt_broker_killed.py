# SPDX-License-Identifier: BSD-3-Clause
"""Mosquitto stopped, killed and started again under load: what was acknowledged to devices reaches clients, once.

What can be promised depends on who ends, and how:

- Mosquitto restarted in order, or connections to it cut: everything that it has acknowledged to a device arrives, once.
- Mosquitto killed: the same, as long as the gateway keeps up and Mosquitto saves each change (DURABLE) and sends on
  before it acknowledges (``max_inflight_messages 0``). With its usual window of 20, what waits behind it may be lost,
  and what it had sent and not saved comes again without the mark DUP. Where it does not save, it forgets the gateway's
  session, and with it what devices say until the gateway is back.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pyaiot.keys import Keys
from tests.lasting_ports import lasting_port
from tests.process.broken_network import network
from tests.process.mosquitto import DURABLE, mosquitto
from tests.process.mqtt_senders import Senders, heard_numbers, telling
from tests.process.processes import MQTT_CONNECTED, Host
from tests.process.test_broker_killed import start_again
from tests.process.viewers import Viewer, viewing

pytestmark = pytest.mark.needs("mosquitto")

DEVICES = 8
PER_S = 600.0
#: Fewer than it takes for the gateway to suspect that another client has its id.
ROUNDS = 4
#: As it comes, Mosquitto keeps 1,000 messages for a subscriber that is away, and throws away the rest.
UNLIMITED = ("max_queued_messages 0", "max_inflight_messages 0")


async def all_arrive(senders: Senders, viewer: Viewer) -> None:
    """No more is told; wait until all that was acknowledged has been heard."""
    senders.stop()
    try:
        await viewer.until(lambda: not senders.lost(viewer))
    except AssertionError:
        lost = senders.lost(viewer)
        raise AssertionError(f"lost {sum(map(len, lost.values()))} of {senders.total}: {lost}") from None


async def test_mosquitto_restarted_under_load_loses_nothing_and_tells_nothing_twice(
    host: Host, keys: Keys, tmp_path: Path
) -> None:
    async with mosquitto(tmp_path, *DURABLE, *UNLIMITED) as server:
        _, port = await host.broker()
        gateway = await host.mqtt_gateway(port, server.port)
        async with viewing(port) as viewer, telling(server.port, DEVICES, PER_S) as senders:
            for _ in range(ROUNDS):
                await senders.acknowledged(40)
                await server.stop()
                await server.start()
            await senders.acknowledged(40)
            await all_arrive(senders, viewer)
            assert min(sender.connections for sender in senders.all) == ROUNDS + 1
            assert viewer.told("out") == []
            print(f"{senders.total} messages, {ROUNDS} restarts")
        assert gateway.process.returncode is None


async def test_mosquitto_killed_under_load_loses_nothing_that_it_had_sent_on(
    host: Host, keys: Keys, tmp_path: Path
) -> None:
    async with mosquitto(tmp_path, *DURABLE, *UNLIMITED) as server:
        _, port = await host.broker()
        gateway = await host.mqtt_gateway(port, server.port)
        async with viewing(port) as viewer, telling(server.port, DEVICES, PER_S) as senders:
            for _ in range(ROUNDS):
                await senders.acknowledged(40)
                said = len(gateway.lines)
                await server.kill()
                await server.start()
                # To a gateway that is not there yet nothing is sent on, and the last of it may not be saved.
                await gateway.says(MQTT_CONNECTED, after=said)
            await senders.acknowledged(40)
            await all_arrive(senders, viewer)
            assert viewer.told("out") == []


async def test_connections_of_the_gateway_cut_under_load_lose_nothing_and_tell_nothing_twice(
    host: Host, keys: Keys, tmp_path: Path
) -> None:
    """The MQTT broker stays, and sends again what was not acknowledged when the connection broke."""
    async with mosquitto(tmp_path, *UNLIMITED) as server, network(server.port) as road:
        _, port = await host.broker()
        gateway = await host.mqtt_gateway(port, road.port)
        async with viewing(port) as viewer, telling(server.port, DEVICES, PER_S) as senders:
            for turn in range(ROUNDS):
                await senders.acknowledged(20)
                said = len(gateway.lines)
                if turn % 2:
                    road.truncate()  # the gateway's next acknowledgements, and the connection with them
                else:
                    road.cut()
                await gateway.says(MQTT_CONNECTED, after=said)
            await senders.acknowledged(40)
            await all_arrive(senders, viewer)
            assert road.connections == ROUNDS + 1


async def test_the_broker_killed_while_mosquitto_restarts_ends_with_the_newest_of_all(
    host: Host, keys: Keys, tmp_path: Path
) -> None:
    """A client that was cut off hears the newest values when it is back, not those between."""
    async with mosquitto(tmp_path, *DURABLE, *UNLIMITED) as server:
        broker, port = await host.broker(port=lasting_port("localhost"))
        await host.mqtt_gateway(port, server.port)
        async with viewing(port) as viewer, telling(server.port, DEVICES, PER_S) as senders:
            for _ in range(3):
                await senders.acknowledged(40)
                await asyncio.gather(broker.kill(), server.stop())
                broker, _ = await asyncio.gather(start_again(host, port), server.start())
            await senders.acknowledged(40)
            senders.stop()
            newest = {f"mqtt/{sender.uid}": max(sender.acknowledged) for sender in senders.all}
            await viewer.until(
                lambda: all(int(viewer.view.get(uid, {}).get("count", -1)) >= number for uid, number in newest.items()),
                "the newest of each",
            )
            assert {uid.removeprefix("mqtt/") for uid in viewer.view} == heard_numbers(viewer).keys()
