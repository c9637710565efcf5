# SPDX-License-Identifier: BSD-3-Clause
"""What devices publish, told to the gateway; what makes no sense costs a line in the log, and is a sign of life."""

from __future__ import annotations

import asyncio
import logging

from pyaiot.gateway.adapter import DeviceEvents, Refused
from pyaiot.gateway.mqtt.complaints import Complaints
from pyaiot.gateway.mqtt.counters import Counters
from pyaiot.gateway.mqtt.delivery import Delivery
from pyaiot.gateway.mqtt.payloads import BadPayload, parse_check, parse_resources, parse_value
from pyaiot.gateway.mqtt.topics import OUT, RESOURCES, BadTopic, checked, parse_topic, shown

log = logging.getLogger("pyaiot.gateway.mqtt")

#: The same list of resources for the second time within so many seconds is the same message by two subscriptions.
TWICE_S = 2.0
#: Lists that are remembered for that; when there are more, all are forgotten.
MAX_LISTS = 1_024


class Incoming:
    """Fulfils connection.Receiver. ``delivery`` hears what devices report, and asks them for their values.

    ``events`` is set while the adapter runs.
    """

    def __init__(self, delivery: Delivery, counters: Counters) -> None:
        self.events: DeviceEvents | None = None
        self._delivery = delivery
        self._counters = counters
        self._complaints = Complaints()
        self._lists: dict[str, tuple[int, float]] = {}

    def forget(self, uid: str) -> None:
        """The node is out."""
        self._lists.pop(uid, None)

    # connection.Receiver

    @property
    def crowded(self) -> bool:
        """See connection.Receiver."""
        return self.events is not None and self.events.crowded

    async def room(self) -> None:
        """See connection.Receiver."""
        if self.events is not None:
            await self.events.room()

    def message(self, topic: str, payload: bytes | None, *, retained: bool) -> None:
        """See connection.Receiver."""
        events, counters = self.events, self._counters
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
                counters.oversized += 1
                self._complain(uid, "size", topic, "it is longer than 64 KiB")
                if uid:
                    _seen(events, checked(uid))
            elif not uid:
                _seen(events, parse_check(payload))
            elif resource == OUT:
                events.gone(uid, "closed")
            elif not payload:
                counters.empty += 1  # how a retained message is taken back: nothing that the device did
            else:
                if not events.known(uid):
                    _seen(events, checked(uid))
                if resource == RESOURCES:
                    self._listed(events, uid, payload)
                else:
                    data, unit, age_ms = parse_value(payload)
                    events.updated(uid, resource, data, unit=unit, age_ms=age_ms)
                    self._delivery.reported(uid, resource, data, age_ms)
        except BadTopic as error:
            counters.bad_names += 1
            self._complain(shown(topic), "topic", topic, str(error))
        except BadPayload as error:
            counters.bad_payloads += 1
            self._complain(uid, f"payload {resource}", topic, str(error))
            if uid and events.known(uid):  # what it said makes no sense, but that it said something does
                events.seen(uid)
        except Refused as error:
            counters.refused += 1
            self._complain(uid, f"refused {resource}", topic, str(error))

    # Inside

    def _listed(self, events: DeviceEvents, uid: str, payload: bytes) -> None:
        """The node told its resources: ask for their values, once."""
        resources = parse_resources(payload)
        events.seen(uid)
        for resource, about in resources.items():
            try:
                events.described(uid, resource, about)
            except Refused as error:
                self._counters.refused += 1
                self._complain(uid, f"refused about {resource}", f"node/{uid}/{RESOURCES}", str(error))
        now, digest = asyncio.get_running_loop().time(), hash(payload)
        before = self._lists.get(uid)
        if before is not None and before[0] == digest and now - before[1] < TWICE_S:
            return
        if before is None and len(self._lists) >= MAX_LISTS:
            self._lists.clear()
        self._lists[uid] = digest, now
        self._delivery.ask_for_values(uid)

    def _ignore_retained(self, uid: str, resource: str, topic: str) -> None:
        self._counters.retained += 1
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
            self._counters.retained_commands += 1
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


def _seen(events: DeviceEvents, uid: str) -> None:
    events.seen(uid, attributes={"id": uid})
