# SPDX-License-Identifier: BSD-3-Clause
"""MQTT 3.1.1 as far as a client needs it that speaks QoS 0 and 1: control packets to bytes, bytes to control packets.

Pure: bytes in, packets out. Section numbers are those of the OASIS standard of 2014 (ISO/IEC 20922).

Ours because no client library bounds what it reads: MQTT lets a device send 256 MB, and an MQTT broker pass it on.
"""

from __future__ import annotations

from typing import Final, NamedTuple

#: The longest packet that is kept while it comes in, in bytes: 64 KiB of payload and a topic. Of longer ones, only the
#: topic and the packet id are read.
MAX_PACKET: Final = 64 * 1024 + 256
#: The longest field (section 1.5.3).
MAX_FIELD: Final = 65_535

#: Types of control packets, as their first byte has them (section 2.2.1).
CONNACK: Final = 0x20
PUBACK: Final = 0x40
SUBACK: Final = 0x90
UNSUBACK: Final = 0xB0
PINGRESP: Final = 0xD0
_PUBLISH: Final = 0x30
#: What an MQTT broker sends, besides PUBLISH, to a client of QoS 1.
FROM_BROKER: Final = frozenset((CONNACK, PUBACK, SUBACK, UNSUBACK, PINGRESP))

PINGREQ: Final = b"\xc0\x00"
DISCONNECT: Final = b"\xe0\x00"
#: The return code of a subscription that was refused (section 3.9.3).
SUBSCRIPTION_REFUSED: Final = 0x80


class BadPacket(ValueError):
    """What came is not MQTT 3.1.1, or nothing that we asked for: the connection is to be closed (section 4.8)."""


class Publish(NamedTuple):
    """A message. ``packet_id`` is 0 at QoS 0; ``payload`` is None where it was too long to be read."""

    topic: str
    payload: bytes | None
    packet_id: int
    retained: bool
    dup: bool


class Control(NamedTuple):
    """Any other packet: its type (``CONNACK`` …) and what follows the fixed header."""

    kind: int
    body: bytes


Packet = Publish | Control


class PacketReader:
    """Cuts a stream of bytes into packets: PUBLISH, and those of ``kinds`` (first bytes, as the standard wants them).

    Keeps at most one unfinished packet, of ``max_packet`` bytes.
    """

    def __init__(self, max_packet: int = MAX_PACKET, kinds: frozenset[int] = FROM_BROKER) -> None:
        self._max_packet = max_packet
        self._kinds = kinds
        self._rest = bytearray()
        self._needed = 0
        self._skip = 0
        self._skipped: Publish | None = None

    def feed(self, data: bytes) -> list[Packet]:
        """The packets that ``data`` completes. Raises BadPacket; the reader is of no use then."""
        packets: list[Packet] = []
        if self._skip:
            data = self._skip_over(data, packets)
        if self._rest:
            self._rest += data
            if len(self._rest) < self._needed:
                return packets
            data = bytes(self._rest)
            self._rest.clear()
        at, end = 0, len(data)
        while end - at >= 2:
            head, length, body = data[at], data[at + 1], at + 2
            if head & 0xF0 != _PUBLISH and head not in self._kinds:
                raise BadPacket(f"a packet that begins with {head:#04x}")
            if length > 127:
                length, body = _read_length(data, at + 1)
                if not body:
                    self._needed = end - at + 1
                    break
            stop = body + length
            if length > self._max_packet:
                if not self._begin_skipping(data, at, body, stop):
                    break
                if self._skip:
                    return packets
                packets.append(self._taken())
            elif stop > end:
                self._needed = stop - at
                break
            elif head & 0xF0 == _PUBLISH:
                packets.append(_read_publish(data, head, body, stop))
            else:
                packets.append(Control(head, data[body:stop]))
            at = stop
        else:
            self._needed = 2
        if at < end:
            self._rest += data[at:]
        return packets

    def _begin_skipping(self, data: bytes, at: int, body: int, stop: int) -> bool:
        """Read the head of a packet that is too long to be kept; false where not all of that has come yet."""
        if data[at] & 0xF0 != _PUBLISH:
            raise BadPacket("a packet that is no PUBLISH is too long")
        enough = body + 2
        if len(data) >= enough:
            enough += int.from_bytes(data[body:enough], "big") + 2
        if len(data) < enough:
            self._needed = enough - at
            return False
        self._skipped = _read_publish(data, data[at], body, stop)._replace(payload=None)
        self._skip = max(0, stop - len(data))
        return True

    def _skip_over(self, data: bytes, packets: list[Packet]) -> bytes:
        left = data[self._skip :]
        self._skip -= len(data) - len(left)
        if not self._skip:
            packets.append(self._taken())
        return left

    def _taken(self) -> Publish:
        skipped, self._skipped = self._skipped, None
        assert skipped is not None
        return skipped


def _read_length(data: bytes, at: int) -> tuple[int, int]:
    """Remaining length (section 2.2.3), and where it ends; an end of 0 where not all of it has come yet."""
    length = shift = 0
    for position in range(at, min(at + 4, len(data))):
        digit = data[position]
        length |= (digit & 0x7F) << shift
        if digit < 0x80:
            return length, position + 1
        shift += 7
    if shift == 28:
        raise BadPacket("a remaining length has more than 4 bytes")
    return 0, 0


def _read_publish(data: bytes, head: int, body: int, stop: int) -> Publish:
    """Section 3.3; ``stop`` may be behind the end of ``data``."""
    start = body + 2
    topic_end = start + int.from_bytes(data[body:start], "big")
    payload = topic_end + 2 if head & 0x06 else topic_end
    if start > stop or payload > stop:
        raise BadPacket("a PUBLISH ends within its head")
    packet_id = 0
    if head & 0x06:
        packet_id = int.from_bytes(data[topic_end:payload], "big")
        if head & 0x04:
            raise BadPacket("a PUBLISH of QoS 2 or 3, which nobody subscribed to")
        if not packet_id:
            raise BadPacket("a packet id is 0")
    topic = str(data[start:topic_end], "utf-8", "replace")
    return Publish(topic, data[payload:stop], packet_id, head & 0x01 == 1, head & 0x08 == 8)


def connect(
    client_id: str,
    *,
    keepalive_s: int,
    will_topic: str,
    will_payload: bytes,
    user: str | None = None,
    password: bytes | None = None,
) -> bytes:
    """CONNECT (section 3.1) to a session that outlives the connection; the will is retained, and of QoS 1.

    Raises ValueError: a field is longer than 65,535 bytes, or there is a password without a user.
    """
    fields = [_text(client_id), _text(will_topic), _binary(will_payload)]
    return _connect(0x04 | 0x08 | 0x20, keepalive_s, fields, user, password)


def connect_once(client_id: str, user: str | None = None, password: bytes | None = None) -> bytes:
    """CONNECT (section 3.1) to a session that ends with the connection, and leaves no will. Raises ValueError, too."""
    return _connect(0x02, 10, [_text(client_id)], user, password)


def _connect(flags: int, keepalive_s: int, fields: list[bytes], user: str | None, password: bytes | None) -> bytes:
    """``fields`` are those of the payload before user and password, which have flags of their own."""
    if user is None and password is not None:
        raise ValueError("a password needs a user")
    if user is not None:
        flags |= 0x80
        fields.append(_text(user))
    if password is not None:
        flags |= 0x40
        fields.append(_binary(password))
    return _packet(0x10, b"\0\4MQTT\4", bytes((flags,)), keepalive_s.to_bytes(2, "big"), *fields)


def subscribe(packet_id: int, filters: tuple[str, ...], qos: int = 1) -> bytes:
    """SUBSCRIBE (section 3.8) to ``filters``."""
    return _packet(0x82, packet_id.to_bytes(2, "big"), *(_text(each) + bytes((qos,)) for each in filters))


def unsubscribe(packet_id: int, filters: tuple[str, ...]) -> bytes:
    """UNSUBSCRIBE (section 3.10)."""
    return _packet(0xA2, packet_id.to_bytes(2, "big"), *map(_text, filters))


def publish(topic: str, payload: bytes, packet_id: int, *, retain: bool = False) -> bytes:
    """PUBLISH (section 3.3) at QoS 1. Raises ValueError: the topic is longer than 65,535 bytes."""
    return _packet(0x33 if retain else 0x32, _text(topic), packet_id.to_bytes(2, "big"), payload)


def _packet(head: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    length, size = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        size.append(digit | (0x80 if length else 0))
        if not length:
            return bytes((head,)) + size + body


def _text(text: str) -> bytes:
    return _binary(text.encode())


def _binary(raw: bytes) -> bytes:
    if len(raw) > MAX_FIELD:
        raise ValueError(f"a field of MQTT has at most {MAX_FIELD} bytes")
    return len(raw).to_bytes(2, "big") + raw
