# SPDX-License-Identifier: BSD-3-Clause
"""The whole gateway: a real Mosquitto at one side, a broker by hand at the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pyaiot.gateway.dial import BrokerAddress, Identity
from pyaiot.gateway.mqtt.adapter import MqttAdapter
from pyaiot.gateway.service import GatewayService
from pyaiot.lifecycle import started
from pyaiot.wire.messages import Write
from tests.gateway import broker_by_hand
from tests.gateway.broker_by_hand import BrokerSession
from tests.patience import PATIENCE_S, keeps_within
from tests.process.mosquitto import Mosquitto
from tests.process.mqtt_peers import peer

pytestmark = pytest.mark.needs("mosquitto")


@asynccontextmanager
async def running(server: Mosquitto, broker: broker_by_hand.BrokerByHand) -> AsyncIterator[GatewayService]:
    """A gateway that is subscribed: what a device says before that, nobody keeps for a session that never was."""
    adapter = MqttAdapter(client_id="greenhouse", host="127.0.0.1", port=server.port)
    identity = Identity("greenhouse", broker_by_hand.GATEWAY_KEY, broker_by_hand.KEY.public)
    service = GatewayService(adapter, identity, BrokerAddress(broker.url))
    async with started(service, "gateway"):
        async with asyncio.timeout(PATIENCE_S):
            await adapter.connected.wait()
        yield service


def of(messages: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [message for message in messages if message["type"] == kind]


def read(messages: list[dict[str, Any]]) -> dict[str, Any]:
    return {each["endpoint"]: (each["value"], each.get("unit")) for each in of(messages, "update")}


async def heard(session: BrokerSession, resource: str) -> list[dict[str, Any]]:
    return await session.has(lambda messages: resource in read(messages))


async def test_from_a_device_to_the_broker_and_a_write_back(server: Mosquitto) -> None:
    async with broker_by_hand.broker() as broker, running(server, broker):
        session = await broker.session()
        async with peer(server.port, "device", "gateway/+/discover", "gateway/+/+/set") as device:
            await device.told("node/check", '{"id": 7}')
            await device.hears("gateway/7/discover", payload=b"resources")
            await device.told("node/7/resources", '["temperature", "led", "humidity"]')
            await device.hears("gateway/7/discover", payload=b"values")
            now_ms = time.time() * 1000
            await device.told("node/7/temperature", '{"value": "21.5°C"}')
            await device.told("node/7/humidity", '{"value": 40, "unit": "%RH", "age": 600000}')
            await device.told("node/7/led", "0")
            messages = await heard(session, "led")
            assert [each["uid"] for each in of(messages, "new")] == ["7"]
            assert read(messages) == {
                "id": ("7", None),
                "protocol": ("MQTT", None),
                "temperature": (21.5, "Cel"),
                "humidity": (40, "%RH"),
                "led": (0, None),
            }
            at = next(each["at"] for each in messages if each.get("endpoint") == "humidity")
            assert abs(now_ms - 600_000 - at) < 5_000
            await session.say(Write(id=1, uid="7", resource="led", data="1", ttl_ms=10_000))
            await device.hears("gateway/7/led/set", payload=b"1")
            await device.told("node/7/led", "1")
            messages = await session.has(lambda messages: bool(of(messages, "result")))
            assert [(each["id"], each["ok"]) for each in of(messages, "result")] == [(1, True)]
            assert read(messages)["led"] == (1, None)
            await device.told("node/7/out", "")
            messages = await session.has(lambda messages: bool(of(messages, "out")))
            assert [(each["uid"], each["why"]) for each in of(messages, "out")] == [("7", "closed")]


async def test_pb_36_a_gateway_restarted_has_its_nodes_back_within_one_check_in(server: Mosquitto) -> None:
    async with broker_by_hand.broker() as broker, peer(server.port, "device", "gateway/check") as device:

        async def check_in() -> None:
            told = 0
            while True:
                await device.until(lambda told=told: len(device.on("gateway/check")) > told, within_s=60)
                told = len(device.on("gateway/check"))
                device.publish("node/check", '{"id": "a"}')

        checking = asyncio.create_task(check_in())
        for _ in range(2):
            async with running(server, broker):
                session = await broker.session()
                messages = await session.has(lambda messages: bool(of(messages, "new")))
                assert {each["uid"] for each in of(messages, "new")} == {"a"}
        checking.cancel()
        await asyncio.gather(checking, return_exceptions=True)


async def test_py_cli_10_a_gateway_ends_in_order_within_a_second(server: Mosquitto) -> None:
    async with broker_by_hand.broker() as broker, peer(server.port, "observer", "gateway/state") as observer:

        async def ends() -> float:
            told, said = len(observer.heard), len(server.log)
            async with running(server, broker):
                await (await broker.session()).has(lambda messages: True)
                await observer.hears("gateway/state", payload=b"online", after=told)
                began = time.monotonic()
            took = time.monotonic() - began
            await observer.hears("gateway/state", payload=b"offline", after=told)
            await server.says("Client greenhouse disconnected", after=said)  # by DISCONNECT: there was no will
            return took

        await keeps_within(1.0, ends)
