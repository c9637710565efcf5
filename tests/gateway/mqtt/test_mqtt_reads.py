# SPDX-License-Identifier: BSD-3-Clause
"""A node that is asked for a value is asked for all; what it then publishes is the answer."""

from __future__ import annotations

import asyncio

import pytest

from pyaiot.gateway.adapter import WriteFailed
from tests.gateway.mqtt.conftest import MakeGateway
from tests.gateway.mqtt.gateways import Gateway
from tests.patience import PATIENCE_S
from tests.process.mosquitto import Mosquitto
from tests.process.mqtt_peers import peer

pytestmark = pytest.mark.needs("mosquitto")


def reading(gateway: Gateway, resource: str, uid: str = "a") -> asyncio.Task[None]:
    if uid not in gateway.core.registry:
        gateway.add(uid)
    return asyncio.create_task(gateway.adapter.read(uid, resource))


async def test_reads_of_a_node_share_a_question_and_each_ends_with_its_own_report(
    gateway: Gateway, server: Mosquitto
) -> None:
    async with peer(server.port, "device", "gateway/a/discover") as device:
        reads = [reading(gateway, resource) for resource in ("t", "t", "led")]
        assert (await device.hears("gateway/a/discover")).payload == b"values"
        await device.told("node/a/other", "1")
        await device.told("node/a/led", "0")
        async with asyncio.timeout(PATIENCE_S):
            await reads[2]
        assert not reads[0].done()
        await device.told("node/a/t", '{"value": 21.5, "age": 4000}')  # when it measured is its own business
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*reads)
        assert gateway.nodes["a"]["t"] == 21.5
        assert [heard.payload for heard in device.heard] == [b"values"]
        assert (gateway.adapter.counters.reads, gateway.adapter.counters.reads_failed) == (3, 0)


async def test_silence_and_what_others_or_retained_messages_say_is_no_answer(
    gateway: Gateway, server: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyaiot.gateway.mqtt.delivery.REPORT_S", 1.0)
    async with peer(server.port, "device", "gateway/a/discover") as device:
        await device.told("node/a/t", "1", retain=True)
        await device.told("node/a/t", "2")
        await gateway.until(lambda: 2 in gateway.told("a", "t"))
        asked = len([heard for heard in device.heard if heard.payload == b"values"])
        read = reading(gateway, "t")
        await device.until(lambda: len([h for h in device.heard if h.payload == b"values"]) > asked, "the question")
        await device.told("node/b/t", "1")
        await device.told("node/a/t", "")
        with pytest.raises(WriteFailed) as failed:
            await read
        assert (failed.value.code, failed.value.reason) == ("timeout", "the device did not report t within 1 s")


async def test_what_cannot_be_asked_is_said_at_once(make_gateway: MakeGateway, server: Mosquitto) -> None:
    gateway = await make_gateway(server.port)
    for resource in ("out", "resources", "a/b"):
        with pytest.raises(WriteFailed) as failed:
            await reading(gateway, resource)
        assert failed.value.code == "unsupported"
    away = await make_gateway(1, connected=False)
    with pytest.raises(WriteFailed) as failed:
        await reading(away, "t")
    assert (failed.value.code, failed.value.reason) == ("offline", "the MQTT broker is away")
