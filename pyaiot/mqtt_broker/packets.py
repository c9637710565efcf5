# SPDX-License-Identifier: BSD-3-Clause
"""Control packets of MQTT 3.1.1 (OASIS standard, sections 2 and 3), read as strictly as the standard allows.

Pure: bytes in, packets out. What a client may not send is BadPacket, for which the standard knows no answer but
to close the connection. Lengths are in bytes. What a CONNECT says is in ``login``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pyaiot.mqtt_broker.fields import BadPacket, Reader, check_filter, check_topic, text

#: The most filters in one packet.
MAX_FILTERS = 32

# First bytes, with the flags that section 2.2.2 demands.
CONNECT: Final = 0x10
PUBLISH: Final = 0x30
PUBACK: Final = 0x40
PUBREC: Final = 0x50
PUBREL: Final = 0x62
PUBCOMP: Final = 0x70
SUBSCRIBE: Final = 0x82
UNSUBSCRIBE: Final = 0xA2
PINGREQ: Final = 0xC0
DISCONNECT: Final = 0xE0

#: What a client may send, by first byte, and the exact length where there is one.
_LENGTHS: Final[dict[int, int | None]] = {
    CONNECT: None,
    **{PUBLISH | flags: None for flags in (0, 1, 2, 3, 4, 5, 10, 11, 12, 13)},
    **dict.fromkeys((PUBACK, PUBREC, PUBREL, PUBCOMP), 2),
    SUBSCRIBE: None,
    UNSUBSCRIBE: None,
    PINGREQ: 0,
    DISCONNECT: 0,
}

#: Return code of SUBACK for a filter that is refused.
REFUSED: Final = 0x80
#: Answer to PINGREQ.
PINGRESP: Final = b"\xd0\0"


@dataclass(frozen=True, slots=True)
class Publish:
    """A PUBLISH of a client; ``packet_id`` is 0 at QoS 0."""

    topic: str
    payload: bytes
    qos: int
    packet_id: int
    retain: bool


class Scanner:
    """Cuts a stream into packets. ``limit``: the longest remaining length that is taken, in bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._buffer = bytearray()
        self._at = 0

    def feed(self, data: bytes) -> None:
        """More of the stream."""
        if self._at:
            del self._buffer[: self._at]
            self._at = 0
        self._buffer += data

    def clear(self) -> None:
        """Forget what was fed."""
        self._buffer.clear()
        self._at = 0

    def next(self) -> tuple[int, bytes] | None:
        """First byte and what follows the remaining length, or None when the packet is not whole yet.

        Raises BadPacket as soon as the first bytes show that the packet is not to be had.
        """
        buffer, at, end = self._buffer, self._at, len(self._buffer)
        if at == end:
            return None
        head = buffer[at]
        if head not in _LENGTHS:
            raise BadPacket(_what_it_is_instead(head))
        length = shift = 0
        body = at + 1
        while True:
            if body == end:
                return None
            digit = buffer[body]
            body += 1
            length |= (digit & 0x7F) << shift
            if digit < 0x80:
                break
            shift += 7
            if shift > 21:
                raise BadPacket("a length of more than four bytes")
        if length > self.limit:
            raise BadPacket(f"a packet of {length} bytes, where {self.limit} are the most")
        if length != (_LENGTHS[head] if _LENGTHS[head] is not None else length):
            raise BadPacket(f"a packet {head:#x} of {length} bytes")
        if end - body < length:
            return None
        self._at = body + length
        return head, bytes(buffer[body : self._at])


def _what_it_is_instead(head: int) -> str:
    if head == 0x16:
        return "the beginning of TLS, which the embedded MQTT broker does not have"
    if head in b"GHOP":
        return "what looks like HTTP"
    return f"a packet that begins with {head:#04x}"


def parse_publish(head: int, body: bytes) -> Publish:
    """Section 3.3. Raises BadPacket."""
    reader = Reader(body)
    topic = check_topic(reader.text())
    qos = head >> 1 & 3
    packet_id = reader.packet_id() if qos else 0
    return Publish(topic, reader.rest(), qos, packet_id, bool(head & 1))


def parse_subscribe(body: bytes) -> tuple[int, list[tuple[str, int]]]:
    """Section 3.8: the packet identifier, and each filter with its QoS. Raises BadPacket."""
    reader = Reader(body)
    packet_id = reader.packet_id()
    filters: list[tuple[str, int]] = []
    while reader.more():
        topic_filter, qos = check_filter(reader.text()), reader.take(1)[0]
        if qos > 2:
            raise BadPacket(f"a SUBSCRIBE with QoS {qos}")
        filters.append((topic_filter, qos))
    _check_count(filters)
    return packet_id, filters


def parse_unsubscribe(body: bytes) -> tuple[int, list[str]]:
    """Section 3.10: the packet identifier, and the filters. Raises BadPacket."""
    reader = Reader(body)
    packet_id = reader.packet_id()
    filters: list[str] = []
    while reader.more():
        filters.append(check_filter(reader.text()))
    _check_count(filters)
    return packet_id, filters


def _check_count(filters: Sequence[object]) -> None:
    if not 0 < len(filters) <= MAX_FILTERS:
        raise BadPacket(f"{len(filters)} filters in one packet")


def parse_packet_id(body: bytes) -> int:
    """The packet identifier of PUBACK, PUBREC, PUBREL and PUBCOMP. Raises BadPacket."""
    return Reader(body).packet_id()


def acknowledgement(head: int, packet_id: int) -> bytes:
    """PUBACK, PUBREC, PUBREL or PUBCOMP."""
    return bytes((head, 2)) + packet_id.to_bytes(2, "big")


def publish(topic: str, payload: bytes, *, qos: int = 0, packet_id: int = 0, retain: bool = False) -> bytes:
    """A PUBLISH, as a broker sends it."""
    number = packet_id.to_bytes(2, "big") if qos else b""
    return _packet(PUBLISH | qos << 1 | retain, text(topic) + number + payload)


def suback(packet_id: int, codes: Iterable[int]) -> bytes:
    """Section 3.9."""
    return _packet(0x90, packet_id.to_bytes(2, "big") + bytes(codes))


def connect(client_id: str) -> bytes:
    """The CONNECT of a client with a clean session and nothing else."""
    return _packet(CONNECT, text("MQTT") + b"\x04\x02\0\0" + text(client_id))


def subscribe(packet_id: int, filters: Iterable[str]) -> bytes:
    """A SUBSCRIBE, at QoS 0."""
    return _packet(SUBSCRIBE, packet_id.to_bytes(2, "big") + b"".join(text(each) + b"\0" for each in filters))


def unsubscribe(packet_id: int, filters: Iterable[str]) -> bytes:
    """An UNSUBSCRIBE."""
    return _packet(UNSUBSCRIBE, packet_id.to_bytes(2, "big") + b"".join(map(text, filters)))


def _packet(head: int, body: bytes) -> bytes:
    length, size = len(body), bytearray((head,))
    while length > 0x7F:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    size.append(length)
    return bytes(size) + body
