# SPDX-License-Identifier: BSD-3-Clause
"""Checks of aiot.mqtt and aiot.mqtt_packets, for both interpreters: bytes in, bytes out, and the time as a number."""

import struct

from aiot import mqtt_packets as packets
from aiot.mqtt import MqttSession
from aiot.node import Node
from aiot.session import ANSWER_MS, WINDOW
from expectations import loses_no_value, lost

CONNACK = b"\x20\x02\x00\x00"
SUBACK = b"\x90\x06\x00\x01\x01\x01\x01\x01"


#: The gateway, just connected.
ONLINE = b"\x30\x15\x00\x0dgateway/stateonline"


def connected(node=None):
    """A session that is up, and what it has said so far is acknowledged."""
    node = node or Node("Greenhouse", id="n1", now=lambda: 0)
    session = MqttSession(node, 0, lambda: 0)
    session.received(CONNACK, 0)
    assert session.next(0)[0] == 0x82
    session.received(SUBACK + ONLINE, 0)
    drain(session, 0)
    return node, session


def drain(session, now):
    """What it publishes now, as (topic, payload); all of it is acknowledged."""
    said = []
    while True:
        packet = session.next(now)
        if packet is None:
            return said
        if packet[0] == 0x32:
            topic, packet_id, payload = packets.read_publish(packet[0], body(packet))
            said.append((topic, payload))
            session.received(packets.puback(packet_id), now)


def body(packet):
    return packet[3:] if packet[1] & 0x80 else packet[2:]


def publish(topic, payload=b"", first=0x30):
    packet_id = b"\x00\x09" if first & 6 else b""
    rest = struct.pack(">H", len(topic)) + topic + packet_id + payload
    length = len(rest)
    head = bytes([first, length]) if length < 128 else bytes([first, length & 0x7F | 0x80, length >> 7])
    return head + rest


def test_connect_is_that_of_the_standard():
    packet = packets.connect("n1", 60, "node/n1/out", "lost", "n1", "pw")
    assert packet == (
        b"\x10\x29\x00\x04MQTT\x04\xce\x00\x3c\x00\x02n1\x00\x0bnode/n1/out\x00\x04lost\x00\x02n1\x00\x02pw"
    )
    assert packets.connect("n1", 60, "t", "", None, None)[9] == 0x0E


def test_lengths_of_more_than_a_byte_are_written_and_read():
    for size in (0, 100, 119, 120, 121, 200, 1000):
        packet = packets.publish(7, "t", b"x" * size)
        (found,) = packets.Parser().feed(packet)
        assert packets.read_publish(found[0], found[1]) == (b"t", 7, b"x" * size)


def test_packets_are_found_however_they_are_cut():
    stream = publish(b"a", b"x" * 300) + packets.puback(5) + publish(b"b", b"", 0x32) + b"\xd0\x00"
    for size in (1, 2, 3, 7, 64, 1000):
        parser = packets.Parser()
        found = []
        for start in range(0, len(stream), size):
            found += parser.feed(stream[start : start + size])
        assert [each[0] for each in found] == [0x30, 0x40, 0x32, 0xD0]


def test_a_packet_that_is_too_long_is_skipped_and_the_next_one_found():
    long = publish(b"gateway/n1/led/set", b"x" * 8000, 0x32)
    parser = packets.Parser()
    found = []
    for start in range(0, len(long), 256):
        found += parser.feed(long[start : start + 256])
    found += parser.feed(packets.puback(5))
    assert [(first, whole) for first, _, whole in found] == [(0x32, False), (0x40, True)]
    assert packets.read_publish(found[0][0], found[0][1]) == (b"gateway/n1/led/set", 9, b"")


def test_what_is_no_mqtt_is_refused():
    for stream in (
        b"\x30\xff\xff\xff\xff\x01",  # a length of five bytes
        b"\x40\xff\x7f",  # a PUBACK of 16 KB
        b"\x30\xff\x7f\xff\xff",  # a topic of 64 KB
    ):
        try:
            packets.Parser().feed(stream)
        except ValueError:
            continue
        raise AssertionError(stream)


def test_a_session_begins_with_subscriptions_then_check_then_resources_then_values():
    node = Node("Greenhouse", id="n1", now=lambda: 0)
    node.value("t", 21.5, unit="Cel")
    session = MqttSession(node, 0, lambda: 0)
    assert session.opening()[0] == 0x10
    assert session.next(0) is None
    assert not session.up
    session.received(CONNACK, 0)
    subscribe = session.next(0)
    for topic in (b"gateway/state", b"gateway/check", b"gateway/n1/discover", b"gateway/n1/+/set"):
        assert topic + b"\x01" in subscribe
    assert session.next(0) is None
    session.received(SUBACK, 0)
    assert session.up
    assert [topic for topic, _ in drain(session, 0)] == [b"node/check", b"node/n1/resources"]


def test_values_wait_for_a_sign_of_the_gateway():
    node = Node("Greenhouse", id="n1", now=lambda: 0)
    node.value("t", 21.5, unit="Cel")
    for sign in (ONLINE, publish(b"gateway/check"), publish(b"gateway/n1/discover", b"values"), None):
        session = MqttSession(node, 0, lambda: 0)
        session.received(CONNACK + SUBACK + b"\x31" + ONLINE[1:], 0)  # "online", but retained
        said = drain(session, 0)
        if sign is None:
            assert drain(session, 34_999) == [(b"node/check", b'{"id": "n1"}')]
            said += drain(session, 35_000)
        else:
            session.received(sign, 0)
            said += drain(session, 0)
        assert said[0] == (b"node/check", b'{"id": "n1"}')
        assert said[1][0] == b"node/n1/resources"
        age = b', "age": 35000' if sign is None else b""
        assert (b"node/n1/t", b'{"value": 21.5, "unit": "Cel"' + age + b"}") in said
        node.value("t", 21.5)


def test_no_more_is_on_its_way_than_the_window():
    node, session = connected()
    for number in range(WINDOW + 3):
        node.value("t", number)
    session._named = node.named
    for _ in range(WINDOW):
        assert session.next(0) is not None
    assert session.next(0) is None
    assert len(node.outbox) == WINDOW + 3


def test_a_break_loses_nothing_and_ages_grow():
    now = [0]
    node = Node("Greenhouse", id="n1", now=lambda: now[0])
    _, session = connected(node)
    node.value("t", 1)
    node.value("t", 2)
    session.next(0)
    session.next(0)
    session.close()
    now[0] = 3600 * 1000
    session = MqttSession(node, now[0], lambda: 0)
    session.received(CONNACK + SUBACK + ONLINE, now[0])
    said = [each for each in drain(session, now[0]) if each[0] == b"node/n1/t"]
    assert said == [
        (b"node/n1/t", b'{"value": 1, "age": 3600000}'),
        (b"node/n1/t", b'{"value": 2, "age": 3600000}'),
    ]
    assert len(node.outbox) == 0


def test_checks_go_out_each_30_seconds_and_when_asked():
    _, session = connected()
    assert drain(session, 29_999) == []
    assert drain(session, 30_000) == [(b"node/check", b'{"id": "n1"}')]
    session.received(publish(b"gateway/check"), 31_000)
    assert drain(session, 31_000) == [(b"node/check", b'{"id": "n1"}')]


def test_who_does_not_answer_is_lost():
    node = Node("Greenhouse", id="n1", now=lambda: 0)
    session = MqttSession(node, 0, lambda: 0)
    assert session.next(ANSWER_MS) is None
    assert lost(session.next, ANSWER_MS + 1)
    node, session = connected()
    node.value("t", 1)
    session.next(1000)
    assert lost(session.next, 1000 + ANSWER_MS + 1)


def test_refusals_are_said_in_words():
    session = MqttSession(Node("x", id="n1", now=lambda: 0), 0, lambda: 0)
    assert "wrong user or password" in lost(session.received, b"\x20\x02\x00\x04", 0)


def test_discover_is_answered():
    _, session = connected()
    session.received(publish(b"gateway/n1/discover", b"resources"), 0)
    assert [topic for topic, _ in drain(session, 0)] == [b"node/n1/resources"]
    session.received(publish(b"gateway/n1/discover", b"values\0"), 0)
    assert sorted(topic for topic, _ in drain(session, 0)) == [b"node/n1/id", b"node/n1/name", b"node/n1/os"]


def test_a_write_is_acknowledged_done_and_answered():
    node, session = connected()
    done = []
    node.on_write("led")(done.append)
    session.received(publish(b"gateway/n1/led/set", b"1", 0x32), 0)
    assert done == [1]
    assert session.next(0) == packets.puback(9)
    assert drain(session, 0)[-1] == (b"node/n1/led", b'{"value": 1}')


def test_values_are_kept_while_the_gateway_is_offline():
    now = [0]
    node = Node("Greenhouse", id="n1", now=lambda: now[0])
    _, session = connected(node)
    for back in (publish(b"gateway/state", b"online"), publish(b"gateway/check")):
        session.received(publish(b"gateway/state", b"offline", 0x31), now[0])
        node.value("t", 1)
        assert b"node/n1/t" not in [topic for topic, _ in drain(session, now[0])]
        now[0] += 5000
        session.received(back, now[0])
        assert drain(session, now[0])[-1] == (b"node/n1/t", b'{"value": 1, "age": 5000}')


def test_retained_writes_are_not_done():
    node, session = connected()
    done = []
    node.on_write("led")(done.append)
    session.received(publish(b"gateway/n1/led/set", b"1", 0x33), 0)
    assert done == []
    assert session.next(0) == packets.puback(9)


def test_what_others_send_ends_nothing_or_only_the_session():
    messages = [
        publish(b"gateway/n1/led/set", b"1", 0x32),
        publish(b"gateway/n1/discover", b"values"),
        publish(b"gateway/n1/led/set", b"\xff" * 40, 0x32),
        packets.puback(2),
        CONNACK,
        SUBACK,
        b"\xd0\x00",
    ]
    loses_no_value(connected, messages, 12345)
