# SPDX-License-Identifier: BSD-3-Clause
"""MQTT devices (PROTOCOL.md section 1.2): what they publish is told to the gateway, what it asks is published to them.

::

    device ─PUBLISH▶ MQTT broker ▶ connection ▶ incoming ▶ DeviceEvents
    device ◀PUBLISH─ MQTT broker ◀ connection ◀ delivery ◀ MqttAdapter ◀ discover, write, read
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Sequence
from typing import ClassVar, Final

from pyaiot.addresses import in_url, is_loopback
from pyaiot.gateway.adapter import DeviceEvents, WriteFailed, door
from pyaiot.gateway.mqtt.client import Account, MqttClient
from pyaiot.gateway.mqtt.counters import Counters
from pyaiot.gateway.mqtt.delivery import Delivery
from pyaiot.gateway.mqtt.incoming import Incoming
from pyaiot.gateway.mqtt.topics import COMMANDS, GATEWAY_CHECK, GATEWAY_STATE, SUBSCRIPTIONS
from pyaiot.gateway.tally import counting_read, counting_write
from pyaiot.monitoring.health import Health, link_health
from pyaiot.wire.messages import JSON, Door

log = logging.getLogger("pyaiot.gateway.mqtt")

#: Nodes are asked to check in so often.
CHECK_S = 30.0
#: How long to try to ask a new node for its resources while the MQTT broker is away, and how often.
DISCOVER_S, DISCOVER_AGAIN_S = 60.0, 1.0

ONLINE: Final = b"online"
OFFLINE: Final = b"offline"


class MqttAdapter:
    """The MQTT side of a gateway; fulfils :class:`pyaiot.gateway.adapter.Adapter`."""

    protocol: ClassVar[str] = "mqtt"
    title: ClassVar[str] = "MQTT"
    can_read: ClassVar[bool] = True

    def __init__(
        self,
        *,
        client_id: str,
        host: str = "localhost",
        port: int = 1886,
        user: str | None = None,
        password: bytes | None = None,
        tls: ssl.SSLContext | None = None,
        also: Sequence[tuple[str, int]] = (),
        check_s: float = CHECK_S,
    ) -> None:
        """Connect to the MQTT broker at ``host``; ``client_id`` is this gateway's alone and always the same.

        ``also``: further schemes and ports by which devices come to that MQTT broker. Nodes are asked to check in every
        ``check_s`` seconds.
        """
        self._check_s = check_s
        self._address = host, port
        self._doors = (("mqtt" if tls is None else "mqtts", port), *also)
        self.counters = Counters()
        account = Account(client_id=client_id, will=(GATEWAY_STATE, OFFLINE), user=user, password=password)
        self._delivery = Delivery(self._publish)
        self._incoming = Incoming(self._delivery, self.counters)
        self._client = MqttClient(
            host,
            port,
            account,
            self._incoming,
            SUBSCRIPTIONS,
            self.counters,
            established=self._established,
            glance_at=(COMMANDS,),
            tls=tls,
        )
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def doors(self) -> tuple[Door, ...]:
        """See adapter.OpenAdapter: the MQTT broker's. What is on this host is reached as the gateway is."""
        host = self._address[0]
        return tuple(door(scheme, "" if is_loopback(host) else host, port) for scheme, port in self._doors)

    @property
    def connected(self) -> asyncio.Event:
        """Set while there is a connection to the MQTT broker; for reading."""
        return self._client.connected

    def health(self) -> Health:
        """See adapter.DependentAdapter: well as long as it reaches the MQTT broker."""
        client = self._client
        away_s = None if client.away_since is None else asyncio.get_running_loop().time() - client.away_since
        host, port = self._address
        facts = {"mqtt_broker": "connected" if client.connected.is_set() else "away"}
        return link_health(f"the MQTT broker at {in_url(host)}:{port}", away_s, client.trouble, facts)

    async def start(self, events: DeviceEvents) -> None:
        """Begin to report. That the MQTT broker is away is no reason not to start: it may come."""
        self._incoming.events = events
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._client.run(), name="MQTT client"),
            loop.create_task(self._ask_to_check_in(), name="MQTT check"),
        ]

    async def stop(self) -> None:
        """Say ``offline`` and disconnect; nothing is reported afterwards."""
        try:
            await self._client.close(GATEWAY_STATE, OFFLINE)
        finally:
            self._incoming.events = None
            tasks, self._tasks = self._tasks, []
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def discover(self, uid: str) -> None:
        """Ask the node for its resources; when it has told them it is asked for their values. Never raises."""
        self.counters.discoveries += 1
        try:
            async with asyncio.timeout(DISCOVER_S):
                while not await self._delivery.ask_for_resources(uid):
                    await asyncio.sleep(DISCOVER_AGAIN_S)
                    await self._client.connected.wait()
        except TimeoutError:
            self.counters.discoveries_failed += 1
            log.info("Node %s could not be asked for its resources: the MQTT broker does not take it", uid)

    async def write(self, uid: str, resource: str, data: JSON) -> None:
        """Publish ``data`` and wait until the device itself reports it. Raises WriteFailed. Takes at most 5 s."""
        with counting_write(self.counters):
            self._check_there(uid)
            await self._delivery.write(uid, resource, data)

    async def read(self, uid: str, resource: str) -> None:
        """Ask the node for its values, and wait until it reports this one. Raises WriteFailed. Takes at most 5 s."""
        with counting_read(self.counters):
            self._check_there(uid)
            await self._delivery.read(uid, resource)

    def forget(self, uid: str) -> None:
        """The node is out."""
        self._incoming.forget(uid)

    # Inside

    def _publish(self, topic: str, payload: bytes) -> asyncio.Future[bool]:
        return self._client.publish(topic, payload)

    def _established(self) -> None:
        """Nodes hear at once that we are there, and which of them are, we hear."""
        self._client.publish(GATEWAY_STATE, ONLINE, retain=True)
        self._client.publish(GATEWAY_CHECK, b"")

    async def _ask_to_check_in(self) -> None:
        while True:
            await asyncio.sleep(self._check_s)
            if self._client.connected.is_set():
                self._client.publish(GATEWAY_CHECK, b"")

    def _check_there(self, uid: str) -> None:
        """Raises WriteFailed: nobody would get what is sent to the node."""
        if not self._client.connected.is_set():
            raise WriteFailed("offline", "the MQTT broker is away")
        if self._incoming.events is None or not self._incoming.events.known(uid):
            # The MQTT broker would take the command, and nobody tell us that it went to no one.
            raise WriteFailed("offline", "the device has not shown itself")
