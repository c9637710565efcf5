# SPDX-License-Identifier: BSD-3-Clause
"""A network that breaks in every way between gateway and broker: the gateway notices, is back, and lost nothing."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from pyaiot.gateway.dial import LinkTimes
from pyaiot.keys import Keys
from tests.patience import PATIENCE_S, is_within
from tests.process.broken_network import Network, network
from tests.process.feeders import Feeder, feeding
from tests.process.processes import Host
from tests.process.viewers import Viewer, viewing

#: Silence is noticed after 0.6 s here, so that no test has to wait for 20.
TIMES = LinkTimes(open_s=1.0, handshake_s=1.0, ping_interval_s=0.3, ping_timeout_s=0.3, acknowledge_s=1.0, close_s=0.2)
NOTICED_S = 3.0
#: Also on a machine that is slow.
PATIENT = replace(TIMES, ping_timeout_s=30.0, acknowledge_s=30.0)
UPDATES_PER_S = 200.0
ROUNDS = 3


async def noticed(feeder: Feeder, losses: int) -> float:
    """Wait until the gateway has lost its session; how long it took, in seconds."""
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE_S):
        while feeder.service.uplink.losses == losses:
            await asyncio.sleep(0.01)
    took = time.monotonic() - began
    assert await asyncio.to_thread(is_within, took, NOTICED_S)
    return took


def every_value(viewer: Viewer) -> dict[tuple[str, str], list[int]]:
    """All values of each resource, in the order in which they were told."""
    told: dict[tuple[str, str], list[int]] = {}
    for message in viewer.heard:
        if message["type"] == "update" and message["endpoint"].startswith("count"):
            told.setdefault((message["uid"], message["endpoint"]), []).append(message["data"])
    return told


@pytest.mark.parametrize("fault", ["cut", "refuse", "stall", "truncate", "garble"])
async def test_every_single_value_arrives_once_and_in_order(host: Host, keys: Keys, fault: str) -> None:
    """The broker lives on, so that not only the newest value must be there, but each."""
    _, port = await host.broker()
    times: list[float] = []
    async with (
        network(port) as road,
        viewing(port) as viewer,
        feeding(keys, "coap", road.port, devices=5, per_s=UPDATES_PER_S, times=TIMES) as feeder,
    ):
        for number in range(ROUNDS):
            await feeder.connected(number + 1)
            await feeder.acknowledged(20)
            losses = feeder.service.uplink.losses
            getattr(road, fault)()
            times.append(await noticed(feeder, losses))
            road.heal()
            await feeder.connected(feeder.service.uplink.sessions + 1)
        feeder.stop_feeding()
        await viewer.sees(feeder.truth)
        for (uid, resource), values in every_value(viewer).items():
            assert values == list(range(1, feeder.truth[uid][resource] + 1)), f"{uid}/{resource}"
        assert viewer.connections == 1
        assert viewer.told("out") == []
        assert len(viewer.told("new")) == 5
        assert feeder.service.uplink.sessions > ROUNDS
    print(f"{fault}: noticed after {max(times):.2f} s at most")


async def test_a_damaged_frame_is_not_taken_for_a_revoked_key(
    host: Host, keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    """The broker closes with 4401 in both cases; nobody is sent to authorize a gateway that is authorized."""
    broker, port = await host.broker()
    async with (
        network(port) as road,
        feeding(keys, "coap", road.port, devices=1, per_s=UPDATES_PER_S, times=TIMES) as feeder,
    ):
        await feeder.connected()
        await feeder.acknowledged(10)
        road.garble()
        await broker.says("bad frame")
        await feeder.connected(2)
        await feeder.acknowledged(10)
    told = [record.getMessage() for record in caplog.records if record.name == "pyaiot.gateway"]
    assert any("a frame was damaged" in message for message in told)
    assert not any("--authorize" in message for message in told)


async def test_a_slow_network_loses_no_session(host: Host, keys: Keys) -> None:
    """A delay below the patience of the ping costs time, and nothing else."""
    _, port = await host.broker()
    async with (
        network(port) as road,
        viewing(port) as viewer,
        feeding(keys, "coap", road.port, devices=5, per_s=UPDATES_PER_S, times=PATIENT) as feeder,
    ):
        await feeder.connected()
        road.delay(0.1)
        await feeder.acknowledged(300)
        feeder.stop_feeding()
        await viewer.sees(feeder.truth)
        assert feeder.service.uplink.sessions == 1
        assert feeder.service.uplink.losses == 0


async def test_an_idle_link_that_stalls_is_found_by_ping(host: Host, keys: Keys) -> None:
    """Nothing is sent that could be missed, and nobody closes anything: only the ping tells."""
    _, port = await host.broker()
    async with (
        network(port) as road,
        viewing(port) as viewer,
        feeding(keys, "coap", road.port, devices=1, times=TIMES) as feeder,
    ):
        await viewer.sees(feeder.truth)
        async with asyncio.timeout(PATIENCE_S):
            while feeder.service.outbox:
                await asyncio.sleep(0.01)
        road.stall()
        await noticed(feeder, 0)
        road.heal()
        await feeder.connected(2)
        feeder.tell("n0", "count0", 1)
        await viewer.sees(feeder.truth)


async def test_a_handshake_that_stalls_is_given_up(host: Host, keys: Keys) -> None:
    """Whoever accepts the connection and says nothing does not keep the gateway for ever."""
    _, port = await host.broker()
    async with network(port) as road:
        road.stall()
        async with feeding(keys, "coap", road.port, devices=1, per_s=UPDATES_PER_S, times=TIMES) as feeder:
            await tried_again(road, 2)
            assert feeder.service.uplink.sessions == 0
            road.heal()
            await feeder.connected()
            await feeder.acknowledged(10)


async def tried_again(road: Network, connections: int) -> None:
    """Wait until so many connections were tried."""
    async with asyncio.timeout(PATIENCE_S):
        while road.connections < connections:
            await asyncio.sleep(0.01)
