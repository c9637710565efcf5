# SPDX-License-Identifier: BSD-3-Clause
"""Control packets of MQTT 3.1.1 (OASIS standard, sections 2 and 3), read as strictly as the standard allows.

Pure: bytes in, packets out. What a client may not send is BadPacket, for which the standard knows no answer but
to close the connection; a CONNECT that deserves one is ConnectRefused. Lengths are in bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

#: The longest client id, topic and filter; the most levels of a topic; the most filters in one packet.
MAX_CLIENT_ID = 128
MAX_TOPIC = 256
MAX_LEVELS = 8
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

#: Return codes of CONNACK (section 3.2.2.3).
ACCEPTED: Final = 0
BAD_PROTOCOL: Final = 1
BAD_CLIENT_ID: Final = 2
UNAVAILABLE: Final = 3
BAD_PASSWORD: Final = 4
NOT_AUTHORISED: Final = 5

#: Return code of SUBACK for a filter that is refused.
REFUSED: Final = 0x80
#: Answer to PINGREQ.
PINGRESP: Final = b"\xd0\0"


class BadPacket(Exception):
    """What a client may not send; ``str()`` says what it was."""


class ConnectRefused(Exception):
    """A CONNECT that is answered with a return code; ``str()`` says why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker shall publish when the client is lost."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


@dataclass(frozen=True, slots=True)
class Connect:
    """A CONNECT; ``keepalive_s`` 0 is none."""

    client_id: str
    clean: bool
    keepalive_s: int
    will: Will | None
    user: str | None
    password: bytes | None


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


class _Reader:
    """Reads the fields of a packet (section 1.5); BadPacket at its end."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.at = 0

    def take(self, length: int) -> bytes:
        taken = self._body[self.at : self.at + length]
        if len(taken) < length:
            raise BadPacket("a packet that ends too early")
        self.at += length
        return taken

    def number(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def packet_id(self) -> int:
        number = self.number()
        if not number:
            raise BadPacket("packet identifier 0")
        return number

    def text(self) -> str:
        try:
            text = self.take(self.number()).decode()
        except UnicodeDecodeError:
            raise BadPacket("a text that is not UTF-8") from None
        if "\0" in text:
            raise BadPacket("a text with a NUL in it")
        return text

    def more(self) -> bool:
        return self.at < len(self._body)

    def rest(self) -> bytes:
        return self._body[self.at :]


def parse_connect(body: bytes) -> Connect:
    """Section 3.1. Raises ConnectRefused and BadPacket."""
    reader = _Reader(body)
    name, level = reader.text(), reader.take(1)[0]
    if name not in ("MQTT", "MQIsdp"):
        raise BadPacket("a CONNECT of another protocol")
    if (name, level) != ("MQTT", 4):
        version = {("MQTT", 5): "MQTT 5", ("MQIsdp", 3): "MQTT 3.1"}.get((name, level), f"{name}, level {level}")
        raise ConnectRefused(BAD_PROTOCOL, f"it speaks {version}; here is MQTT 3.1.1")
    flags = reader.take(1)[0]
    has_user, has_password, has_will, clean = flags & 0x80, flags & 0x40, flags & 0x04, flags & 0x02
    will_qos = flags >> 3 & 3
    if flags & 0x01 or (not has_will and flags & 0x38) or will_qos == 3 or (has_password and not has_user):
        raise BadPacket(f"a CONNECT with the flags {flags:#04x}")
    keepalive_s = reader.number()
    client_id = reader.text()
    will = None
    if has_will:
        topic = check_topic(reader.text())
        will = Will(topic, reader.take(reader.number()), will_qos, bool(flags & 0x20))
    user = reader.text() if has_user else None
    password = reader.take(reader.number()) if has_password else None
    if reader.more():
        raise BadPacket("a CONNECT with something behind it")
    if not client_id and not clean:
        raise ConnectRefused(BAD_CLIENT_ID, "it has no client id and wants a session that lasts")
    if len(client_id.encode()) > MAX_CLIENT_ID:
        raise ConnectRefused(BAD_CLIENT_ID, f"its client id is longer than {MAX_CLIENT_ID} bytes")
    return Connect(client_id, bool(clean), keepalive_s, will, user, password)


def parse_publish(head: int, body: bytes) -> Publish:
    """Section 3.3. Raises BadPacket."""
    reader = _Reader(body)
    topic = check_topic(reader.text())
    qos = head >> 1 & 3
    packet_id = reader.packet_id() if qos else 0
    return Publish(topic, reader.rest(), qos, packet_id, bool(head & 1))


def parse_subscribe(body: bytes) -> tuple[int, list[tuple[str, int]]]:
    """Section 3.8: the packet identifier, and each filter with its QoS. Raises BadPacket."""
    reader = _Reader(body)
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
    reader = _Reader(body)
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
    return _Reader(body).packet_id()


def check_topic(topic: str) -> str:
    """``topic`` if it can be published to (section 4.7); raises BadPacket."""
    if not topic or "+" in topic or "#" in topic:
        raise BadPacket("a topic that is none")
    return _check_size(topic)


def check_filter(topic_filter: str) -> str:
    """``topic_filter`` if it can be subscribed to (section 4.7); raises BadPacket."""
    *levels, last = topic_filter.split("/")
    if not topic_filter or any("#" in level for level in levels) or ("#" in last and last != "#"):
        raise BadPacket("a filter that is none")
    if any("+" in level and level != "+" for level in (*levels, last)):
        raise BadPacket("a filter that is none")
    return _check_size(topic_filter)


def _check_size(topic: str) -> str:
    if len(topic.encode()) > MAX_TOPIC or topic.count("/") >= MAX_LEVELS:
        raise BadPacket(f"a topic of more than {MAX_TOPIC} bytes or {MAX_LEVELS} levels")
    return topic


def matches(topic: str, topic_filter: str) -> bool:
    """Whether ``topic_filter`` matches ``topic``, both of them sound (section 4.7)."""
    levels, wanted = topic.split("/"), topic_filter.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for number, level in enumerate(wanted):
        if level == "#":
            return True
        if number == len(levels) or level not in ("+", levels[number]):
            return False
    return len(levels) == len(wanted)


def connack(code: int) -> bytes:
    """Section 3.2; there never is a session present."""
    return bytes((0x20, 2, 0, code))


def acknowledgement(head: int, packet_id: int) -> bytes:
    """PUBACK, PUBREC, PUBREL or PUBCOMP."""
    return bytes((head, 2)) + packet_id.to_bytes(2, "big")


def publish(topic: str, payload: bytes, *, qos: int = 0, packet_id: int = 0, retain: bool = False) -> bytes:
    """A PUBLISH, as a broker sends it."""
    number = packet_id.to_bytes(2, "big") if qos else b""
    return _packet(PUBLISH | qos << 1 | retain, _text(topic) + number + payload)


def suback(packet_id: int, codes: Iterable[int]) -> bytes:
    """Section 3.9."""
    return _packet(0x90, packet_id.to_bytes(2, "big") + bytes(codes))


def connect(client_id: str) -> bytes:
    """The CONNECT of a client with a clean session and nothing else."""
    return _packet(CONNECT, _text("MQTT") + b"\x04\x02\0\0" + _text(client_id))


def subscribe(packet_id: int, filters: Iterable[str]) -> bytes:
    """A SUBSCRIBE, at QoS 0."""
    return _packet(SUBSCRIBE, packet_id.to_bytes(2, "big") + b"".join(_text(each) + b"\0" for each in filters))


def unsubscribe(packet_id: int, filters: Iterable[str]) -> bytes:
    """An UNSUBSCRIBE."""
    return _packet(UNSUBSCRIBE, packet_id.to_bytes(2, "big") + b"".join(map(_text, filters)))


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


def _packet(head: int, body: bytes) -> bytes:
    length, size = len(body), bytearray((head,))
    while length > 0x7F:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    size.append(length)
    return bytes(size) + body
