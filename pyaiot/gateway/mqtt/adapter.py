# SPDX-License-Identifier: BSD-3-Clause
"""MQTT devices (PROTOCOL.md section 1.2): what they publish is told to the gateway, what it asks is published to them.

::

    device ─PUBLISH▶ MQTT broker ▶ connection ▶ MqttAdapter ▶ DeviceEvents
    device ◀PUBLISH─ MQTT broker ◀ connection ◀ MqttAdapter ◀ discover, write
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import ClassVar, Final

from pyaiot.addresses import in_url, is_loopback
from pyaiot.gateway.adapter import DeviceEvents, Refused, WriteFailed, door
from pyaiot.gateway.confirmation import CONFIRM_S, Confirmations
from pyaiot.gateway.device_text import CannotSay, encode_data
from pyaiot.gateway.mqtt.client import Account, MqttClient
from pyaiot.gateway.mqtt.complaints import Complaints
from pyaiot.gateway.mqtt.counters import Counters
from pyaiot.gateway.mqtt.payloads import BadPayload, parse_check, parse_resources, parse_value
from pyaiot.gateway.mqtt.topics import (
    COMMANDS,
    GATEWAY_CHECK,
    GATEWAY_STATE,
    OUT,
    RESOURCES,
    SUBSCRIPTIONS,
    BadTopic,
    checked,
    discover_topic,
    parse_topic,
    shown,
    write_topic,
)
from pyaiot.gateway.questions import REPORT_S, Questions
from pyaiot.monitoring.health import Health, link_health
from pyaiot.wire.messages import JSON, Door

log = logging.getLogger("pyaiot.gateway.mqtt")

#: Nodes are asked to check in so often.
CHECK_S = 30.0
#: How long to try to ask a new node for its resources while the MQTT broker is away, and how often.
DISCOVER_S, DISCOVER_AGAIN_S = 60.0, 1.0
#: The same list of resources for the second time within so many seconds is the same message by two subscriptions.
TWICE_S = 2.0
#: Lists that are remembered for that; when there are more, all are forgotten.
MAX_LISTS = 1_024

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
        check_s: float = CHECK_S,
    ) -> None:
        """Connect to the MQTT broker at ``host``; ``client_id`` is this gateway's alone and always the same.

        Nodes are asked to check in every ``check_s`` seconds.
        """
        self._check_s = check_s
        self._address = host, port
        self._is_tls = tls is not None
        self.counters = Counters()
        account = Account(client_id=client_id, will=(GATEWAY_STATE, OFFLINE), user=user, password=password)
        self._client = MqttClient(
            host, port, account, self, SUBSCRIPTIONS, self.counters, glance_at=(COMMANDS,), tls=tls
        )
        self._confirmations = Confirmations()
        self._questions = Questions()
        # When each write began that waits for its confirmation: what was measured before says nothing of it.
        self._began: dict[tuple[str, str], float] = {}
        self._complaints = Complaints()
        self._lists: dict[str, tuple[int, float]] = {}
        self._events: DeviceEvents | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def doors(self) -> tuple[Door, ...]:
        """See adapter.OpenAdapter: the MQTT broker's. What is on this host is reached as the gateway is."""
        host = self._address[0]
        return (door("mqtts" if self._is_tls else "mqtt", "" if is_loopback(host) else host, self._address[1]),)

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
        self._events = events
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
            self._events = None
            tasks, self._tasks = self._tasks, []
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def discover(self, uid: str) -> None:
        """Ask the node for its resources; when it has told them it is asked for their values. Never raises."""
        self.counters.discoveries += 1
        topic = discover_topic(uid)
        try:
            async with asyncio.timeout(DISCOVER_S):
                while not await self._client.publish(topic, b"resources"):
                    await asyncio.sleep(DISCOVER_AGAIN_S)
                    await self._client.connected.wait()
        except TimeoutError:
            self.counters.discoveries_failed += 1
            log.info("Node %s could not be asked for its resources: the MQTT broker does not take it", uid)

    async def write(self, uid: str, resource: str, data: JSON) -> None:
        """Publish ``data`` and wait until the device itself reports it. Raises WriteFailed. Takes at most 5 s."""
        self.counters.writes += 1
        try:
            await self._write(uid, resource, data)
        except WriteFailed:
            self.counters.writes_failed += 1
            raise

    async def read(self, uid: str, resource: str) -> None:
        """Ask the node for its values, and wait until it reports this one. Raises WriteFailed. Takes at most 5 s."""
        self.counters.reads += 1
        try:
            await self._read(uid, resource)
        except WriteFailed:
            self.counters.reads_failed += 1
            raise

    def forget(self, uid: str) -> None:
        """The node is out."""
        self._lists.pop(uid, None)

    # client.Subscriber

    def established(self) -> None:
        """See client.Subscriber: nodes hear at once that we are there, and which of them are, we hear."""
        self._client.publish(GATEWAY_STATE, ONLINE, retain=True)
        self._client.publish(GATEWAY_CHECK, b"")

    @property
    def crowded(self) -> bool:
        """See connection.Receiver."""
        return self._events is not None and self._events.crowded

    async def room(self) -> None:
        """See connection.Receiver."""
        if self._events is not None:
            await self._events.room()

    def message(self, topic: str, payload: bytes | None, *, retained: bool) -> None:
        """See connection.Receiver."""
        events = self._events
        if events is None:
            raise RuntimeError("a message came after the end")
        if topic.startswith("gateway/"):
            self._command(topic, retained)
            return
        try:
            uid, resource = parse_topic(topic)
            if retained:
                self._ignore_retained(uid, resource, topic)
            elif payload is None:
                self.counters.oversized += 1
                self._complain(uid, "size", topic, "it is longer than 64 KiB")
                if uid:
                    self._seen(events, checked(uid))
            elif not uid:
                self._seen(events, parse_check(payload))
            elif resource == OUT:
                events.gone(uid, "closed")
            elif not payload:
                self.counters.empty += 1  # how a retained message is taken back: nothing that the device did
            else:
                if not events.known(uid):
                    self._seen(events, checked(uid))
                if resource == RESOURCES:
                    self._listed(events, uid, payload)
                else:
                    self._reported(events, uid, resource, payload)
        except BadTopic as error:
            self.counters.bad_names += 1
            self._complain(shown(topic), "topic", topic, str(error))
        except BadPayload as error:
            self.counters.bad_payloads += 1
            self._complain(uid, f"payload {resource}", topic, str(error))
            if uid:
                self._live_on(events, uid)
        except Refused as error:
            self.counters.refused += 1
            self._complain(uid, f"refused {resource}", topic, str(error))

    # Inside

    def _seen(self, events: DeviceEvents, uid: str) -> None:
        events.seen(uid, attributes={"id": uid})

    def _live_on(self, events: DeviceEvents, uid: str) -> None:
        """What it said makes no sense, but that it said something does."""
        if events.known(uid):
            events.seen(uid)

    def _listed(self, events: DeviceEvents, uid: str, payload: bytes) -> None:
        """The node told its resources: ask for their values, once."""
        resources = parse_resources(payload)
        events.seen(uid)
        for resource, about in resources.items():
            try:
                events.described(uid, resource, about)
            except Refused as error:
                self.counters.refused += 1
                self._complain(uid, f"refused about {resource}", f"node/{uid}/{RESOURCES}", str(error))
        now, digest = asyncio.get_running_loop().time(), hash(payload)
        before = self._lists.get(uid)
        if before is not None and before[0] == digest and now - before[1] < TWICE_S:
            return
        if before is None and len(self._lists) >= MAX_LISTS:
            self._lists.clear()
        self._lists[uid] = digest, now
        self._client.publish(discover_topic(uid), b"values")

    def _reported(self, events: DeviceEvents, uid: str, resource: str, payload: bytes) -> None:
        data, unit, age_ms = parse_value(payload)
        events.updated(uid, resource, data, unit=unit, age_ms=age_ms)
        if self._questions:
            self._questions.reported(uid, resource)
        if self._confirmations:
            began = self._began.get((uid, resource))
            if began is not None and asyncio.get_running_loop().time() - age_ms / 1000 >= began:
                self._confirmations.reported(uid, resource, data)

    def _ignore_retained(self, uid: str, resource: str, topic: str) -> None:
        self.counters.retained += 1
        kind = resource if resource in (OUT, RESOURCES) else "value"
        if self._complaints.admits(uid, f"retained {kind}", asyncio.get_running_loop().time()):
            log.warning(
                "Ignored what the MQTT broker has retained on %s: it does not show that the device is there. "
                "Have the device publish without the retain flag",
                shown(topic),
            )

    def _command(self, topic: str, retained: bool) -> None:
        """A command to a device. That we see those of others, too, while we look for retained ones, is no matter."""
        if retained:
            self.counters.retained_commands += 1
            if self._complaints.admits(topic, "retained command", asyncio.get_running_loop().time()):
                log.warning(
                    "A command is retained on %s: the device carries it out each time it connects. "
                    "To remove it: mosquitto_pub -r -n -t %s",
                    shown(topic),
                    shown(topic),
                )

    def _complain(self, uid: str, what: str, topic: str, why: str) -> None:
        if self._complaints.admits(uid, f"{what}: {why}", asyncio.get_running_loop().time()):
            log.warning("Refused a message on %s: %s", shown(topic), why)

    async def _ask_to_check_in(self) -> None:
        while True:
            await asyncio.sleep(self._check_s)
            if self._client.connected.is_set():
                self._client.publish(GATEWAY_CHECK, b"")

    def _must_be_there(self, uid: str) -> None:
        if not self._client.connected.is_set():
            raise WriteFailed("offline", "the MQTT broker is away")
        if self._events is None or not self._events.known(uid):
            # The MQTT broker would take the command, and nobody tell us that it went to no one.
            raise WriteFailed("offline", "the device has not shown itself")

    async def _read(self, uid: str, resource: str) -> None:
        self._must_be_there(uid)
        try:
            write_topic(uid, resource)  # what has none has no values either
        except BadTopic as error:
            raise WriteFailed("unsupported", str(error)) from None
        reported = asyncio.Event()
        now = asyncio.get_running_loop().time()
        with self._questions.waiting(uid, resource, now, reported.set) as is_to_be_asked:
            asked = self._client.publish(discover_topic(uid), b"values") if is_to_be_asked else None
            try:
                async with asyncio.timeout(REPORT_S):
                    if asked is not None and not await asked and not reported.is_set():
                        raise WriteFailed("offline", "the MQTT broker did not take the question")
                    await reported.wait()
            except TimeoutError:
                raise WriteFailed("timeout", f"the device did not report {resource} within {REPORT_S:g} s") from None

    async def _write(self, uid: str, resource: str, data: JSON) -> None:
        self._must_be_there(uid)
        try:
            topic, payload = write_topic(uid, resource), encode_data(data)
        except (BadTopic, CannotSay) as error:
            raise WriteFailed("unsupported", str(error)) from None
        key, began = (uid, resource), asyncio.get_running_loop().time()
        confirmed = asyncio.Event()
        with self._confirmations.expecting(uid, resource, data, confirmed.set) as expectation:
            self._began[key] = began
            acknowledged = self._client.publish(topic, payload)
            if acknowledged.done():
                raise WriteFailed("offline", "the MQTT broker takes no more messages")
            try:
                async with asyncio.timeout(CONFIRM_S):
                    if not await acknowledged and not confirmed.is_set():
                        raise WriteFailed("timeout", "the MQTT broker was lost before it confirmed to have the command")
                    await confirmed.wait()
            except TimeoutError:
                failure = expectation.failure()
                if failure.code == "timeout":
                    if acknowledged.cancelled():
                        failure = WriteFailed("timeout", f"the MQTT broker did not take it within {CONFIRM_S:g} s")
                    else:
                        failure = WriteFailed("timeout", f"the MQTT broker has it, but {failure.reason}")
                raise failure from None
            finally:
                if self._began.get(key) == began:
                    del self._began[key]
