# SPDX-License-Identifier: BSD-3-Clause
"""A client that has logged in: what it may do is checked here, packet by packet, and acknowledged here.

Between its :class:`~pyaiot.mqtt_broker.connection.Connection` and the router. The router gets messages and
subscriptions without QoS: acknowledgements, windows and queues are here, where they are bounded.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pyaiot.mqtt_broker import packets
from pyaiot.mqtt_broker.access import Account, may_publish, may_retain, may_subscribe
from pyaiot.mqtt_broker.delivery import Delivery
from pyaiot.mqtt_broker.fields import BadPacket
from pyaiot.mqtt_broker.login import Will
from pyaiot.mqtt_broker.packets import Publish

if TYPE_CHECKING:
    from pyaiot.mqtt_broker.connection import Connection
    from pyaiot.mqtt_broker.guard import Guard

#: Messages of one client, and changes of its subscriptions, that the router has not taken yet.
MAX_ROUTED = 64
MAX_CHANGES = 8
#: Filters that one client is subscribed to.
MAX_SUBSCRIPTIONS = 32
#: Messages at QoS 2 that one client has not released.
MAX_UNRELEASED = 256


class Forbidden(Exception):
    """A client did what it may not; it is disconnected. ``str()`` says what, and what would be right."""


class Routed(NamedTuple):
    """A message that the router has not taken yet."""

    qos: int
    packet_id: int
    size: int


class Change(NamedTuple):
    """A SUBSCRIBE that the router has not answered: the codes to answer with, and filters that are new."""

    packet_id: int
    codes: bytes
    filters: tuple[str, ...]


class Inlet(Protocol):
    """The router's ear for one client."""

    def feed(self, packet: bytes) -> None:
        """Another packet of the client."""
        ...


class Session:
    """One client, from its login to the end of its connection."""

    def __init__(self, number: int, account: Account, client_id: str, will: Will | None) -> None:
        self.number = number
        self.account = account
        self.client_id = client_id
        self.will = will
        self.delivery = Delivery()
        self.filters: dict[str, int] = {}
        self.routed: deque[Routed] = deque()
        #: Set when the connection has ended and everything that came over it is with the router.
        self.over = asyncio.Event()
        #: Set when the router has forgotten it, too.
        self.ended = asyncio.Event()
        self.connection: Connection
        self.guard: Guard
        self.inlet: Inlet
        self._changes: deque[Change] = deque()
        self._unreleased: set[int] = set()
        self._finishing = False

    def attach(self, connection: Connection, guard: Guard, inlet: Inlet) -> None:
        """What it works with."""
        self.connection, self.guard, self.inlet = connection, guard, inlet

    @property
    def key(self) -> tuple[str, str]:
        """Two sessions with the same one are the same client: ids count among the clients of one user only."""
        return self.account.user, self.client_id or f"\0{self.number}"

    @property
    def busy(self) -> bool:
        """Whether nothing more must be read of this client for now."""
        return self._is_full or (self.account.role != "gateway" and not self.guard.room.is_free)

    @property
    def _is_full(self) -> bool:
        return len(self.routed) >= MAX_ROUTED or len(self._changes) >= MAX_CHANGES

    @property
    def unsent_bytes(self) -> int:
        """What this client has been sent and has not read, or has not been sent for that reason."""
        return self.delivery.waiting_bytes + self.connection.unsent_bytes

    def handle(self, head: int, body: bytes) -> None:
        """A packet of the client. Raises BadPacket and Forbidden."""
        if head & 0xF0 == packets.PUBLISH:
            self._publish(packets.parse_publish(head, body), len(body))
        elif head == packets.PUBACK:
            following = self.delivery.acknowledged(packets.parse_packet_id(body))
            if following is not None:
                self._write(following)
                self.guard.room.moved(self)
        elif head == packets.PINGREQ:
            self._write(packets.PINGRESP)
        elif head == packets.SUBSCRIBE:
            self._subscribe(*packets.parse_subscribe(body))
        elif head == packets.UNSUBSCRIBE:
            self._unsubscribe(*packets.parse_unsubscribe(body))
        elif head == packets.PUBREL:
            packet_id = packets.parse_packet_id(body)
            self._unreleased.discard(packet_id)
            self._write(packets.acknowledgement(packets.PUBCOMP, packet_id))
        elif head == packets.DISCONNECT:
            self.will = None
            self.connection.close()
        else:
            raise BadPacket(f"a packet that begins with {head:#04x}, in the middle of a session")

    def _publish(self, message: Publish, size: int) -> None:
        if not may_publish(self.account, message.topic, message.payload):
            self.guard.counters.forbidden_publishes += 1
            raise Forbidden(f"may not publish to {message.topic!r}")
        if message.qos == 2:
            # Section 4.3.3, method B: passed on at once, and its number kept until it is released.
            if message.packet_id in self._unreleased:
                self._write(packets.acknowledgement(packets.PUBREC, message.packet_id))
                return
            if len(self._unreleased) >= MAX_UNRELEASED:
                raise BadPacket(f"more than {MAX_UNRELEASED} messages at QoS 2 that it has not released")
            self._unreleased.add(message.packet_id)
        if message.retain and may_retain(self.account, message.topic):
            self.guard.retain(message.topic, message.payload)
        self.guard.counters.published += 1
        self.guard.room.routed_bytes += size
        self.routed.append(Routed(message.qos, message.packet_id, size))
        self.inlet.feed(packets.publish(message.topic, message.payload))

    def taken(self) -> None:
        """The router has taken the eldest message: acknowledge it."""
        message = self.routed.popleft()
        self.guard.room.routed_bytes -= message.size
        if message.qos:
            head = packets.PUBACK if message.qos == 1 else packets.PUBREC
            self._write(packets.acknowledgement(head, message.packet_id))
        self._go_on()
        self.guard.room.wake()

    def _subscribe(self, packet_id: int, filters: list[tuple[str, int]]) -> None:
        codes = bytearray()
        for topic_filter, qos in filters:
            if topic_filter not in self.filters and len(self.filters) >= MAX_SUBSCRIPTIONS:
                self.connection.note("has %d subscriptions already: no %r", MAX_SUBSCRIPTIONS, topic_filter)
            elif not may_subscribe(self.account, topic_filter):
                self.connection.note("may not subscribe to %r", topic_filter)
            else:
                self.filters[topic_filter] = min(qos, 1)
                codes.append(min(qos, 1))
                continue
            self.guard.counters.forbidden_filters += 1
            codes.append(packets.REFUSED)
        granted = tuple(each for (each, _), code in zip(filters, codes, strict=True) if code != packets.REFUSED)
        if not granted:
            self._write(packets.suback(packet_id, codes))
            return
        self._changes.append(Change(packet_id, bytes(codes), granted))
        self.inlet.feed(packets.subscribe(packet_id, granted))

    def _unsubscribe(self, packet_id: int, filters: list[str]) -> None:
        for topic_filter in filters:
            self.filters.pop(topic_filter, None)
        self._changes.append(Change(packet_id, b"", ()))
        self.inlet.feed(packets.unsubscribe(packet_id, filters))

    def answered(self, packet: bytes) -> None:
        """The router's CONNACK, SUBACK or UNSUBACK."""
        if packet[0] == 0x90:
            change = self._changes.popleft()
            self._write(packets.suback(change.packet_id, change.codes))
            for topic, payload in self.guard.retained_for(change.filters):
                self.deliver(topic, payload, 1, change.filters, retain=True)
        else:
            if packet[0] == 0xB0:
                self._changes.popleft()
            self._write(packet)
        self._go_on()

    def deliver(self, topic: str, payload: bytes, qos: int, filters: tuple[str, ...], *, retain: bool = False) -> None:
        """A message that ``filters`` of this client match, published at ``qos``: sent once, at the best QoS granted."""
        if self._finishing:
            return
        granted = max((self.filters.get(each, 0) for each in filters), default=0)
        self._write(self.delivery.offer(topic, payload, min(qos, granted), retain=retain))
        self.guard.counters.delivered += 1

    def _write(self, data: bytes) -> None:
        if data:
            self.connection.write(data)
        self.guard.room.sent(self)

    def _go_on(self) -> None:
        if self._finishing:
            self._check_over()
        elif not self._is_full:  # if there is no room, it will wait for that
            self.connection.go_on()

    def finish(self) -> None:
        """The connection has ended, and nothing more of it will be handled."""
        self._finishing = True
        self._check_over()

    def abandon(self) -> None:
        """The router takes nothing more."""
        for message in self.routed:
            self.guard.room.routed_bytes -= message.size
        self.routed.clear()
        self.connection.drop()
        self.finish()
        self.guard.room.wake()

    def _check_over(self) -> None:
        if not self.routed:
            self.over.set()
