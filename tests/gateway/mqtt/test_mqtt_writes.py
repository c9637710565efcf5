# SPDX-License-Identifier: BSD-3-Clause
"""Writes tell the truth: they succeed when the device itself says so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pyaiot.gateway.adapter import WriteFailed
from pyaiot.gateway.confirmation import CONFIRM_S
from pyaiot.gateway.mqtt.packets import Publish
from tests.gateway.mqtt.conftest import MakeGateway
from tests.gateway.mqtt.gateways import BrokerSession, Gateway, broker_by_hand
from tests.patience import PATIENCE_S
from tests.process.mosquitto import Mosquitto
from tests.process.mqtt_peers import MqttPeer, peer

pytestmark = pytest.mark.needs("mosquitto")


def writing(gateway: Gateway, resource: str, data: Any, uid: str = "a") -> asyncio.Task[None]:
    """To a node that has shown itself; to another one is test_mqtt_conformance's."""
    gateway.add(uid)
    return asyncio.create_task(gateway.adapter.write(uid, resource, data))


async def answered(gateway: Gateway, device: MqttPeer, data: Any, payload: bytes, *answers: str) -> None:
    """Write ``data``, which arrives as ``payload`` and is answered."""
    before = len(device.heard)
    write = writing(gateway, "led", data)
    heard = await device.hears("gateway/a/led/set", after=before)
    assert (heard.payload, heard.retained) == (payload, False)
    for answer in answers:
        await device.told("node/a/led", answer)
    await write


async def test_py_mqtt_5_a_write_succeeds_when_the_device_reports_the_value(
    gateway: Gateway, server: Mosquitto
) -> None:
    async with peer(server.port, "device", "gateway/a/+/set") as device:
        await device.told("node/a/led", "0")
        await answered(gateway, device, "1", b"1", '{"value": 1}')
        await answered(gateway, device, True, b"1", "on")
        await answered(gateway, device, 21.5, b"21.5", '{"value": "21.5°C"}')
        await answered(gateway, device, {"r": 1}, b'{"r":1}', '{"value": {"r": 1}}')
        await answered(gateway, device, 1, b"1", "0", "1")  # a report that was under way does no harm
        assert gateway.adapter.counters.writes == 5
        assert gateway.adapter.counters.writes_failed == 0
        assert gateway.nodes["a"]["led"] == 1


@pytest.mark.one_loop
async def test_a_write_fails_with_what_the_device_says_instead_and_with_its_silence(
    gateway: Gateway, server: Mosquitto
) -> None:
    """What is retained, of another resource or of another node says nothing, and what was measured before neither."""
    loop = asyncio.get_running_loop()
    async with peer(server.port, "device", "gateway/a/+/set") as device:
        await device.told("node/a/led", "1", retain=True)
        began = loop.time()
        other, silent = writing(gateway, "led", "1"), writing(gateway, "fan", "1")
        await device.hears("gateway/a/led/set")
        await device.hears("gateway/a/fan/set")
        await device.told("node/a/led", '{"value": 0}')
        await device.told("node/b/fan", "1")
        await device.told("node/a/fan", '{"value": 1, "age": 60000}')
        with pytest.raises(WriteFailed) as failed:
            await other
        assert (failed.value.code, failed.value.reason) == ("refused", "the device reports 0 instead")
        with pytest.raises(WriteFailed) as failed:
            await silent
        assert (failed.value.code, failed.value.reason) == (
            "timeout",
            "the MQTT broker has it, but the device did not report fan within 5 s",
        )
        assert loop.time() - began >= CONFIRM_S


@pytest.mark.parametrize("data", [None, float("nan"), "x" * 20_000])
async def test_what_cannot_be_said_is_not_published(gateway: Gateway, server: Mosquitto, data: Any) -> None:
    with pytest.raises(WriteFailed) as failed:
        await writing(gateway, "led", data)
    assert failed.value.code == "unsupported"


@pytest.mark.parametrize("resource", ["a/b", "+", "out", "resources"])
async def test_pb_35_a_name_that_mqtt_cannot_say_is_not_written_to(
    gateway: Gateway, server: Mosquitto, resource: str
) -> None:
    with pytest.raises(WriteFailed) as failed:
        await writing(gateway, resource, "1")
    assert failed.value.code == "unsupported"


async def test_without_an_mqtt_broker_a_write_fails_at_once(gateway: Gateway, server: Mosquitto) -> None:
    await server.stop()
    async with asyncio.timeout(PATIENCE_S):
        while gateway.adapter.connected.is_set():
            await asyncio.sleep(0)
    with pytest.raises(WriteFailed) as failed:
        await writing(gateway, "led", "1")
    assert (failed.value.code, failed.value.reason) == ("offline", "the MQTT broker is away")


@pytest.mark.one_loop
async def test_a_command_is_not_published_again_after_a_lost_connection(
    server: Mosquitto, make_gateway: MakeGateway
) -> None:
    """One that the MQTT broker has, and whose device is silent, ends as a time-out, however often that restarts."""
    gateway = await make_gateway(server.port)
    async with peer(server.port, "device", "gateway/a/+/set") as device:
        write = writing(gateway, "led", "1")
        await device.hears("gateway/a/led/set")
    await server.stop()
    await server.start()
    async with peer(server.port, "device", "gateway/a/+/set", "gateway/check") as device:
        with pytest.raises(WriteFailed) as failed:
            await write
        assert failed.value.code == "timeout"
        await device.hears("gateway/check")
        assert device.on("gateway/a/led/set") == []


async def test_a_write_that_is_abandoned_leaves_nothing_behind(gateway: Gateway, server: Mosquitto) -> None:
    async with peer(server.port, "device", "gateway/a/+/set") as device:
        write = writing(gateway, "led", "1")
        await device.hears("gateway/a/led/set")
        write.cancel()
        with pytest.raises(asyncio.CancelledError):
            await write
        assert not gateway.adapter._delivery._confirmations  # type: ignore[union-attr]
        await device.told("node/a/led", "1")
        await gateway.until(gateway.updates)


async def test_a_command_that_the_mqtt_broker_may_have_when_it_is_lost_may_have_been_done(
    make_gateway: MakeGateway,
) -> None:
    async def behave(session: BrokerSession) -> None:
        await session.admit()
        while not isinstance(packet := await session.next(), Publish) or packet.topic != "gateway/a/led/set":
            pass

    async with broker_by_hand(behave) as port:
        gateway = await make_gateway(port)
        with pytest.raises(WriteFailed) as failed:
            await writing(gateway, "led", "1")
    reason = "the MQTT broker was lost before it confirmed to have the command"
    assert (failed.value.code, failed.value.reason) == ("timeout", reason)
