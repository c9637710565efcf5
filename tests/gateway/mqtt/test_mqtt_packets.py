# SPDX-License-Identifier: BSD-3-Clause
"""Control packets of MQTT 3.1.1: bytes as the standard has them, and any bytes at all."""

from __future__ import annotations

import random

import pytest

from pyaiot.gateway.mqtt import packets
from pyaiot.gateway.mqtt.packets import MAX_PACKET, BadPacket, Control, Packet, PacketReader, Publish
from pyaiot.gateway.mqtt.payloads import BadPayload, parse_check, parse_resources, parse_value
from pyaiot.gateway.mqtt.topics import BadTopic, parse_topic


def test_connect_as_in_section_3_1() -> None:
    assert packets.connect("id", keepalive_s=30, will_topic="w", will_payload=b"off") == (
        b"\x10\x16\0\4MQTT\4\x2c\0\x1e\0\2id\0\1w\0\3off"
    )
    assert packets.connect("i", keepalive_s=1, will_topic="w", will_payload=b"", user="u", password=b"\xff") == (
        b"\x10\x18\0\4MQTT\4\xec\0\1\0\1i\0\1w\0\0\0\1u\0\1\xff"
    )


def test_what_connect_cannot_say() -> None:
    with pytest.raises(ValueError, match="65535"):
        packets.connect("x" * 65_536, keepalive_s=30, will_topic="w", will_payload=b"")
    with pytest.raises(ValueError, match="user"):
        packets.connect("x", keepalive_s=30, will_topic="w", will_payload=b"", password=b"p")


def test_subscribe_as_in_section_3_8() -> None:
    assert packets.subscribe(10, ("a/b", "c")) == b"\x82\x0c\0\x0a\0\3a/b\1\0\1c\1"


def test_publish_as_in_section_3_3() -> None:
    assert packets.publish("a/b", b"hi", 10) == b"\x32\x09\0\3a/b\0\x0ahi"
    assert packets.publish("a", b"", 65_535, retain=True) == b"\x33\x05\0\1a\xff\xff"
    assert packets.publish("a", b"x" * 200, 1)[:4] == b"\x32\xcd\x01\0"


def test_what_is_read() -> None:
    stream = b"\x20\2\1\0" + b"\x30\5\0\1ahi" + b"\x3b\x07\0\1a\0\x0ahi" + b"\xd0\0" + b"\x40\2\0\7"
    assert PacketReader().feed(stream) == [
        Control(packets.CONNACK, b"\1\0"),
        Publish("a", b"hi", 0, False, False),
        Publish("a", b"hi", 10, True, True),
        Control(packets.PINGRESP, b""),
        Control(packets.PUBACK, b"\0\7"),
    ]


def test_what_comes_in_pieces_of_any_size_is_read_the_same() -> None:
    payloads = [b"", b"x", b"y" * 300, b"z" * 20_000, b"too long" * 10_000, b"after"]
    stream = b"".join(packets.publish(f"node/n/{number}", each, number + 1) for number, each in enumerate(payloads))
    stream += b"\x40\2\0\1" + b"\xd0\0"
    whole = PacketReader().feed(stream)
    assert [each.payload for each in whole if isinstance(each, Publish)] == [*payloads[:4], None, b"after"]
    seed = random.Random(1)
    for pieces in (1, 2, 3, 7, 1_000, 65_536):
        reader, read, at = PacketReader(), list[Packet](), 0
        while at < len(stream):
            size = seed.randint(1, pieces)
            read += reader.feed(stream[at : at + size])
            at += size
        assert read == whole, pieces


def test_a_packet_of_256_mb_costs_no_memory_and_is_acknowledged() -> None:
    head = b"\x32\xff\xff\xff\x7f" + b"\0\1a" + b"\0\7"
    reader = PacketReader()
    assert reader.feed(head) == []
    left, block = 268_435_455 - 5, bytes(1 << 20)
    while left > len(block):
        assert reader.feed(block) == []
        left -= len(block)
    assert reader.feed(bytes(left) + b"\xd0\0") == [
        Publish("a", None, 7, False, False),
        Control(packets.PINGRESP, b""),
    ]


def test_the_longest_packet_is_read_and_a_longer_one_is_not() -> None:
    room = MAX_PACKET - 5
    assert PacketReader().feed(packets.publish("a", b"x" * room, 1))[0] == Publish("a", b"x" * room, 1, False, False)
    assert PacketReader().feed(packets.publish("a", b"x" * (room + 1), 1))[0] == Publish("a", None, 1, False, False)
    long_topic = packets.publish("a" * 65_535, b"x" * 1_000, 1)
    assert PacketReader().feed(long_topic) == [Publish("a" * 65_535, None, 1, False, False)]


@pytest.mark.parametrize(
    "stream",
    [
        b"\x30\xff\xff\xff\xff\x01",
        b"HTTP/1.1 400",
        b"\xb1\2",
        b"\x41\2",
        b"\x30\0",
        b"\x30\1\0",
        b"\x30\2\0\1",
        b"\x32\3\0\1a",
        b"\x32\4\0\1a\0",
        b"\x32\5\0\1a\0\0",
        b"\x34\5\0\1a\0\1",
        b"\x36\5\0\1a\0\1",
        b"\x20\xff\xff\xff\x7f",
        b"\x32\xff\xff\x7f\xff\xff" + bytes(65_537),
    ],
)
def test_what_is_no_mqtt_is_told(stream: bytes) -> None:
    with pytest.raises(BadPacket):
        PacketReader().feed(stream)


def test_a_topic_that_is_no_utf_8_means_nothing() -> None:
    [message] = PacketReader().feed(b"\x32\x0a\0\5node\xff\0\1x")
    assert isinstance(message, Publish)
    with pytest.raises(BadTopic):
        parse_topic(message.topic)


TOPIC_PARTS = [
    "node",
    "check",
    "resources",
    "out",
    "a",
    "1",
    "+",
    "#",
    "",
    "é",
    "\0",
    "x" * 70,
    "gateway",
    "$SYS",
    "\ud7ff",
]
PAYLOAD_PARTS = [
    b'{"value":',
    b'{"id":',
    b'"',
    b"}",
    b"{",
    b"[",
    b"]",
    b",",
    b":",
    b"1",
    b"-",
    b"e",
    b".",
    b"null",
    b"true",
]
PAYLOAD_PARTS += [
    b"NaN",
    b"\0",
    b" ",
    b"\n",
    b"\xc2",
    b"\xb0",
    b"\xff",
    b"\\u",
    b"d800",
    b'"age"',
    b'"unit"',
    b"9" * 400,
    b"[" * 2_000,
]


def test_200_000_fuzzed_topics_and_payloads_raise_only_what_is_declared() -> None:
    """Half of the topics and payloads are taken and half are not, so that both roads are walked."""
    chance = random.Random(2026)
    taken = refused = 0
    for _ in range(200_000):
        topic = "/".join(chance.choices(TOPIC_PARTS, k=chance.randint(1, 4)))
        payload = b"".join(chance.choices(PAYLOAD_PARTS, k=chance.randint(0, 6)))
        if chance.random() < 0.3:
            payload = chance.randbytes(chance.randint(0, 20))
        try:
            parse_topic(topic)
            taken += 1
        except BadTopic:
            refused += 1
        for parse in (parse_value, parse_check, parse_resources):
            try:
                parse(payload)
                taken += 1
            except BadPayload:
                refused += 1
    assert taken > 40_000
    assert refused > 40_000


def test_any_bytes_at_all_are_packets_or_a_bad_packet() -> None:
    chance = random.Random(7)
    bad = 0
    for _ in range(30_000):
        reader = PacketReader(max_packet=100)
        stream = chance.choice([b"\x32", b"\x30", b"\x20", b""]) + chance.randbytes(chance.randint(0, 300))
        try:
            for at in range(0, len(stream), 50):
                reader.feed(stream[at : at + 50])
        except BadPacket:
            bad += 1
    assert 1_000 < bad < 30_000
