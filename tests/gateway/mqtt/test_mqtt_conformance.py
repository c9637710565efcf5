# SPDX-License-Identifier: BSD-3-Clause
"""The MQTT adapter does what every adapter has to do; its devices share a connection to a real Mosquitto."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import pytest

from pyaiot.gateway.adapter import Adapter
from pyaiot.gateway.mqtt.adapter import MqttAdapter
from pyaiot.testing.conformance import AdapterConformance
from pyaiot.testing.world import WAIT_S, Device, World
from pyaiot.wire.messages import JSON
from tests.process.mosquitto import mosquitto
from tests.process.mqtt_peers import Heard, MqttPeer, peer

pytestmark = pytest.mark.needs("mosquitto")

PAYLOADS = (
    b'{"value": 21.5}',
    b'{"id": "noisy"}',
    b'["led", "temperature"]',
    b"21.5",
    b"{",
    b"\xff\xfe",
    b"",
    b"[" * 900,
)
TOPICS = (
    *("node/check", "node/noisy/led", "node/noisy/resources", "node/noisy/out", "node/a b/led", "node//led"),
    *("node/noisy/a/b", "node/" + "x" * 300 + "/led", "node/noisy/ü", "gateway/noisy/led/set", "gateway/check"),
)


class Postman(MqttPeer):
    """The connection of all devices: hands each of them its commands."""

    def __init__(self) -> None:
        super().__init__("devices")
        self.devices: dict[str, MqttDevice] = {}
        self._answers: set[asyncio.Task[None]] = set()

    def _take(self, head: int, body: bytes) -> None:
        super()._take(head, body)
        while self.heard:
            self._deliver(self.heard.pop())

    def _deliver(self, heard: Heard) -> None:
        match heard.topic.split("/"):
            case ["gateway", uid, "discover"] if uid in self.devices and heard.payload == b"values":
                for resource, text in self.devices[uid].asked().items():
                    self.publish(f"node/{uid}/{resource}", json.dumps({"value": text}))
            case ["gateway", uid, resource, "set"] if uid in self.devices:
                device = self.devices[uid]
                device.took(resource, heard.payload.decode())
                if device.manner != "ignore":
                    value = heard.payload.decode() if device.manner == "confirm" else "no"
                    self.publish(f"node/{uid}/{resource}", json.dumps({"value": value}))


class MqttDevice(Device):
    """A device that speaks through ``postman``."""

    def __init__(self, postman: Postman, uid: str) -> None:
        super().__init__(uid)
        self._postman = postman

    async def hello(self) -> None:
        self._postman.devices[self.uid] = self
        await self._postman.told("node/check", json.dumps({"id": self.uid}))

    async def report(self, resource: str, text: str) -> None:
        await self._postman.told(f"node/{self.uid}/{resource}", json.dumps({"value": text}))

    async def leave(self) -> None:
        await self._postman.told(f"node/{self.uid}/out", b"")
        await self.vanish()

    async def vanish(self) -> None:
        if self._postman.devices.get(self.uid) is self:
            del self._postman.devices[self.uid]


class MqttWorld(World):
    listens: ClassVar[bool] = False
    unsupported: ClassVar[Sequence[JSON]] = (None, float("inf"), 2**60, "x" * 20_000, "\ud800")

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._port = 0
        self._postman = Postman()

    async def open(self) -> None:
        folder = self._stack.enter_context(TemporaryDirectory())
        self._port = (await self._stack.enter_async_context(mosquitto(Path(folder)))).port
        await self._postman.connect(self._port)
        self._stack.push_async_callback(self._postman.close)
        await self._postman.subscribe("gateway/+/+/set", "gateway/+/discover")

    async def close(self) -> None:
        await self._stack.aclose()

    def adapter(self, port: int = 0) -> MqttAdapter:
        return MqttAdapter(client_id="gateway-under-test", host="127.0.0.1", port=self._port)

    def port(self, adapter: Adapter) -> int:
        return self._port

    async def ready(self, adapter: Adapter) -> None:
        assert isinstance(adapter, MqttAdapter)
        async with asyncio.timeout(WAIT_S):
            await adapter.connected.wait()

    def device(self, adapter: Adapter, uid: str) -> MqttDevice:
        return MqttDevice(self._postman, uid)

    async def noise(self, adapter: Adapter, chance: random.Random, count: int) -> None:
        async with peer(self._port, "noise") as noisy:
            for _ in range(count):
                payload = bytearray(chance.choice(PAYLOADS))
                if payload and chance.random() < 0.5:
                    payload[chance.randrange(len(payload))] = chance.randrange(256)
                await noisy.told(chance.choice(TOPICS), bytes(payload), retain=chance.random() < 0.1)


class TestMqttAdapter(AdapterConformance):
    def make_world(self) -> MqttWorld:
        return MqttWorld()
