# SPDX-License-Identifier: BSD-3-Clause
"""The packets of MQTT 3.1.1 that a board needs. Pure. Section numbers are those of the OASIS standard."""

import struct

from micropython import const

from aiot.session import StreamParser

CONNACK = const(0x20)
PUBLISH = const(0x30)
PUBACK = const(0x40)
SUBACK = const(0x90)

#: Flags of PUBLISH (3.3.1).
QOS = const(0x06)
QOS_1 = const(0x02)
RETAIN = const(0x01)

#: The longest packet that is read, in bytes; of a longer PUBLISH only topic and packet identifier are.
MAX_PACKET = const(1024)


def connect(client_id, keepalive_s, will_topic, will, user, password):
    """CONNECT (3.1): a clean session, with a will of QoS 1 that is not retained."""
    flags = 0x02 | 0x04 | 0x08
    body = _field(client_id) + _field(will_topic) + _field(will)
    if user is not None:
        flags |= 0x80
        body += _field(user)
        if password is not None:
            flags |= 0x40
            body += _field(password)
    return _packet(0x10, _field("MQTT") + struct.pack(">BBH", 4, flags, keepalive_s) + body)


def subscribe(packet_id, topics):
    """SUBSCRIBE (3.8), all with QoS 1."""
    return _packet(0x82, struct.pack(">H", packet_id) + b"".join([_field(topic) + b"\x01" for topic in topics]))


def publish(packet_id, topic, payload):
    """PUBLISH (3.3) with QoS 1, not retained."""
    return _packet(PUBLISH | QOS_1, _field(topic) + struct.pack(">H", packet_id) + payload)


def puback(packet_id):
    """PUBACK (3.4)."""
    return struct.pack(">BBH", PUBACK, 2, packet_id)


class Parser(StreamParser):
    """Cuts what comes into packets: (first byte, body, whole), with no more memory than MAX_PACKET and what came last.

    Of a PUBLISH that is too long the body ends after topic and packet identifier, and ``whole`` is false.
    """

    def _take(self, buffer, found):
        length, at = _length(buffer)
        if length is None:
            return None
        whole = length <= MAX_PACKET
        size = length
        if not whole:
            if buffer[0] & 0xF0 != PUBLISH:
                raise ValueError("a packet of %d bytes" % length)
            if len(buffer) < at + 2:
                return None
            size = 4 + struct.unpack_from(">H", buffer, at)[0]
            if size > MAX_PACKET:
                raise ValueError("a topic of %d bytes" % (size - 4))
        end = at + size
        if len(buffer) < end:
            return None
        found.append((buffer[0], buffer[at:end], whole))
        self._skip = length - size
        return buffer[end:]


def read_publish(first, body):
    """(topic, packet identifier or None, payload), all but the identifier as bytes. Raises ValueError."""
    if len(body) < 2:
        raise ValueError("a PUBLISH without a topic")
    end = 2 + struct.unpack_from(">H", body, 0)[0]
    start = end + 2 if first & QOS else end
    if start > len(body):
        raise ValueError("a PUBLISH that ends too early")
    return body[2:end], struct.unpack_from(">H", body, end)[0] if first & QOS else None, body[start:]


def _length(buffer):
    """The remaining length (2.2.3), and where it ends; (None, 0) while it is incomplete."""
    length = 0
    for place in range(1, 5):
        if place >= len(buffer):
            return None, 0
        length |= (buffer[place] & 0x7F) << 7 * (place - 1)
        if not buffer[place] & 0x80:
            return length, place + 1
    raise ValueError("a length of more than four bytes")


def _field(text):
    data = text.encode() if isinstance(text, str) else text
    return struct.pack(">H", len(data)) + data


def _packet(first, body):
    head = bytearray((first,))
    length = len(body)
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + body
