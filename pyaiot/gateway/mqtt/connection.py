# SPDX-License-Identifier: BSD-3-Clause
"""One connection to the MQTT broker: an asyncio protocol that acknowledges what has been taken, and nothing else.

All that one read brings is handed over first; then it is acknowledged in one write.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import Any, Final, Protocol, cast

from pyaiot.gateway.mqtt import packets
from pyaiot.gateway.mqtt.counters import Counters
from pyaiot.gateway.mqtt.duplicates import Duplicates
from pyaiot.gateway.mqtt.in_flight import InFlight
from pyaiot.gateway.mqtt.leftover import Leftover
from pyaiot.gateway.mqtt.packets import BadPacket, Control, PacketReader, Publish

log = logging.getLogger("pyaiot.gateway.mqtt")

#: The MQTT broker is asked every so often whether it is there; it has so long to say anything (as on all our links).
PING_S = 10.0
SILENCE_S = 25.0
#: What CONNECT says: the MQTT broker may give us up after 1.5 times that without a packet of ours.
KEEPALIVE_S: Final = 30
#: For CONNACK, and for SUBACK.
ANSWER_S = 10.0
#: At the end: for the MQTT broker to take what was written.
CLOSE_S = 0.5


class ConnectionLost(Exception):
    """The connection is over, or did not come about. ``kind`` is ``unreachable``, ``tls``, ``closed`` (by the MQTT
    broker), ``silent``, ``broken`` (no MQTT 3.1.1), ``admission`` (CONNACK with ``code``) or ``subscription``."""

    def __init__(self, kind: str, reason: str, code: int = 0) -> None:
        super().__init__(reason)
        self.kind = kind
        self.code = code


class Receiver(Protocol):
    """Who takes the messages. Called within the event loop; none of these raises."""

    def message(self, topic: str, payload: bytes | None, *, retained: bool) -> None:
        """A message; ``payload`` is None where it was too long. It is acknowledged when this returns."""
        ...

    @property
    def crowded(self) -> bool:
        """Whether no more should be read until :meth:`room` returns."""
        ...

    async def room(self) -> None:
        """Wait until more can be taken."""
        ...


class Connection(asyncio.Protocol):
    """Made by ``loop.create_connection``; wants :meth:`keep` to run for its life; then :meth:`connect` and so on."""

    def __init__(self, receiver: Receiver, duplicates: Duplicates, counters: Counters) -> None:
        self._receiver = receiver
        self._duplicates = duplicates
        self._counters = counters
        self._loop = asyncio.get_running_loop()
        self._reader = PacketReader()
        self._transport: asyncio.Transport | None = None
        self._leftover: Leftover | None = None
        self._in_flight: InFlight[asyncio.Future[bool]] = InFlight()
        self._answers: dict[int, asyncio.Future[bytes]] = {}
        self._held: set[str] = set()
        self._is_crowded = asyncio.Event()
        self._is_closed = asyncio.Event()
        self._heard_at = 0.0
        self._roomy_at = 0.0
        self._over = False
        #: Done when the connection is over; why is its result.
        self.lost: asyncio.Future[ConnectionLost] = self._loop.create_future()

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        self._leftover = Leftover.of(transport)
        self._heard_at = self._loop.time()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._over:
            return
        self._heard_at = self._loop.time()
        acknowledgements = bytearray()
        try:
            for packet in self._reader.feed(data):
                if type(packet) is Publish:
                    self._take(packet)
                    if packet.packet_id:
                        acknowledgements += b"\x40\x02" + packet.packet_id.to_bytes(2, "big")
                elif type(packet) is Control:
                    self._take_control(packet)
        except BadPacket as error:
            self._end(ConnectionLost("broken", f"it does not speak MQTT 3.1.1 ({error})"))
            return
        if acknowledgements and self._transport is not None:
            self._transport.write(acknowledgements)
        if self._receiver.crowded:
            self._counters.pauses += not self._is_crowded.is_set()
            self._is_crowded.set()
            self._hold("crowded")

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._transport = None
        if self._leftover is not None:
            self._take_leftover(self._leftover)
        if isinstance(exc, ssl.SSLError):
            self._end(ConnectionLost("tls", exc.reason or str(exc)))
        else:
            detail = f" ({exc})" if exc is not None else ""
            self._end(ConnectionLost("closed", f"it closed the connection{detail}"))
        self._is_closed.set()

    def pause_writing(self) -> None:
        """See asyncio.Protocol: who does not take acknowledgements gets none to send for."""
        self._hold("writing")

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._release("writing")

    # What the client calls

    async def connect(self, packet: bytes) -> bool:
        """Send CONNECT; whether the MQTT broker has kept our session. Raises ConnectionLost."""
        body = await self._ask(packet, packets.CONNACK)
        if len(body) != 2:
            raise ConnectionLost("broken", "it does not speak MQTT 3.1.1 (CONNACK is not 4 bytes long)")
        if body[1]:
            raise ConnectionLost("admission", f"it refused CONNECT with code {body[1]}", body[1])
        return body[0] & 1 == 1

    async def subscribe(self, filters: tuple[str, ...]) -> None:
        """Subscribe at QoS 1. Raises ConnectionLost, also where it does not let us."""
        packet_id = self._in_flight.next_id()
        body = await self._ask(packets.subscribe(packet_id, filters), packets.SUBACK)
        if body[:2] != packet_id.to_bytes(2, "big") or len(body) != 2 + len(filters):
            raise ConnectionLost("broken", "it does not speak MQTT 3.1.1 (SUBACK is not what was asked for)")
        for name, code in zip(filters, body[2:], strict=True):
            if code == packets.SUBSCRIPTION_REFUSED:
                raise ConnectionLost("subscription", f"it does not let this gateway subscribe to {name}")
            if code == 0:
                log.warning("The MQTT broker grants only QoS 0 on %s: messages may be lost", name)

    async def glance(self, filters: tuple[str, ...]) -> None:
        """Have what is retained under ``filters`` sent, and no more than that. Raises ConnectionLost."""
        body = await self._ask(packets.subscribe(self._in_flight.next_id(), filters, qos=0), packets.SUBACK)
        if packets.SUBSCRIPTION_REFUSED not in body[2:]:
            await self._ask(packets.unsubscribe(self._in_flight.next_id(), filters), packets.UNSUBACK)

    async def keep(self) -> None:
        """Ask the MQTT broker whether it is there, and hold it back while we are crowded, until cancelled."""
        ping_at = self._loop.time() + PING_S
        while True:
            try:
                async with asyncio.timeout_at(ping_at):
                    await self._make_room()
            except TimeoutError:
                ping_at = self._loop.time() + PING_S
                self._write(packets.PINGREQ)
                # Silence while we did not listen is none.
                if not self._is_crowded.is_set() and self._loop.time() - self._heard_at > SILENCE_S:
                    self._end(ConnectionLost("silent", f"it has said nothing for {SILENCE_S:.0f} s"))

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> asyncio.Future[bool]:
        """Send a message at QoS 1, once; whether the MQTT broker has acknowledged it (false: we shall never know)."""
        acknowledged: asyncio.Future[bool] = self._loop.create_future()
        if self._over or self._in_flight.is_full:
            self._counters.unsent += 1
            acknowledged.set_result(False)
            return acknowledged
        self._write(packets.publish(topic, payload, self._in_flight.add(acknowledged), retain=retain))
        return acknowledged

    async def close(self, *, orderly: bool = True) -> None:
        """End it, by DISCONNECT where ``orderly``; nothing that comes from now on is taken. Takes at most CLOSE_S."""
        transport = self._transport
        orderly = orderly and not self._over
        if orderly:
            self._write(packets.DISCONNECT)
        self._end(ConnectionLost("closed", "this gateway closed the connection"))
        if transport is None:
            return
        if not orderly:
            transport.close()
        elif self._held:
            transport.resume_reading()
        try:
            async with asyncio.timeout(CLOSE_S):
                # After DISCONNECT the MQTT broker closes (section 3.14.4). Were we first, its next answer would meet a
                # closed socket, and the reset would take from it what it has not read: acknowledgements, DISCONNECT.
                await self._is_closed.wait()
        except TimeoutError:
            pass
        finally:
            transport.abort()  # what is not written by now never will be

    # Inside

    async def _make_room(self) -> None:
        while True:
            await self._is_crowded.wait()
            await self._receiver.room()
            self._is_crowded.clear()
            self._heard_at = self._roomy_at = self._loop.time()
            self._release("crowded")

    def _take_leftover(self, leftover: Leftover) -> None:
        """Report what came before the end. It is not acknowledged: if it comes again, it is known."""
        for data in leftover.read():
            if self._over or self._receiver.crowded:
                break
            self.data_received(data)
        leftover.close()

    def _take(self, message: Publish) -> None:
        self._counters.messages += 1
        topic, payload, packet_id, retained, dup = message
        if packet_id:
            if dup and (packet_id, topic, payload) in self._duplicates:
                self._counters.duplicates += 1
                return
            self._duplicates.add(packet_id, topic, payload)
        try:
            self._receiver.message(topic, payload, retained=retained)
        except Exception:
            # It is acknowledged nevertheless: the MQTT broker would send it again and again.
            self._counters.internal_errors += 1
            log.exception("A fault of the gateway's own lost a message; please report this")

    def _take_control(self, packet: Control) -> None:
        kind, body = packet.kind, packet.body
        if kind == packets.PUBACK and len(body) == 2:
            acknowledged = self._in_flight.acknowledged(int.from_bytes(body, "big"))
            if acknowledged is not None and not acknowledged.done():
                acknowledged.set_result(True)
        else:
            answer = self._answers.pop(kind, None)
            if answer is not None and not answer.done():
                answer.set_result(body)

    async def _ask(self, packet: bytes, kind: int) -> bytes:
        answer: asyncio.Future[bytes] = self._loop.create_future()
        self._answers[kind] = answer
        self._write(packet)
        waiting: set[asyncio.Future[Any]] = {answer, self.lost}
        deadline = self._loop.time() + ANSWER_S
        while True:
            timeout_s = deadline - self._loop.time()
            await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            if self.lost.done():
                raise self.lost.result()
            # The time in which we did not listen does not count.
            since = self._loop.time() if self._is_crowded.is_set() else self._roomy_at
            if since + ANSWER_S <= deadline:
                raise ConnectionLost("silent", f"it did not answer within {ANSWER_S:.0f} s")
            deadline = since + ANSWER_S

    def _write(self, packet: bytes) -> None:
        if self._transport is not None and not self._over:
            self._transport.write(packet)

    def _hold(self, why: str) -> None:
        if not self._held and self._transport is not None:
            self._transport.pause_reading()
        self._held.add(why)

    def _release(self, why: str) -> None:
        self._held.discard(why)
        if not self._held and self._transport is not None and not self._over:
            self._transport.resume_reading()

    def _end(self, why: ConnectionLost) -> None:
        if self._over:
            return
        self._over = True
        self.lost.set_result(why)
        for acknowledged in self._in_flight.take_all():
            if not acknowledged.done():
                acknowledged.set_result(False)
