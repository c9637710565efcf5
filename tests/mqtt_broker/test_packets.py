# SPDX-License-Identifier: BSD-3-Clause
"""Reading control packets: what is sound, what is refused, and that nothing else comes out of anything."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyaiot.mqtt_broker import fields, login, packets
from pyaiot.mqtt_broker.fields import BadPacket
from pyaiot.mqtt_broker.login import Connect, ConnectRefused, Will
from pyaiot.mqtt_broker.packets import Publish, Scanner
from tests.mqtt_broker.mqtt_client import connect_packet, packet, publish_packet, text

SOUND = [
    connect_packet("board", "joe", "secret", keepalive_s=60, will=("node/joe/out", b"gone"), will_flags=0x28),
    publish_packet("node/joe/led", b"1", 1, 7),
    publish_packet("node/joe/led", b"x" * 300, 0),
    packet(0x82, b"\0\1" + text("gateway/joe/#") + b"\1" + text("gateway/check") + b"\2"),
    packet(0xA2, b"\0\2" + text("gateway/check")),
    packet(0x40, b"\0\1"),
    packet(0x62, b"\0\1"),
    packet(0xC0),
    packet(0xE0),
]


def scan(raw: bytes, limit: int = 65_536) -> list[tuple[int, bytes]]:
    scanner = Scanner(limit)
    scanner.feed(raw)
    return list(iter(scanner.next, None))


def body(raw: bytes) -> bytes:
    ((_, found),) = scan(raw)
    return found


def test_a_connect_with_everything() -> None:
    assert login.parse_connect(body(SOUND[0])) == Connect(
        "board", 60, Will("node/joe/out", b"gone", 1, True), "joe", b"secret"
    )


def test_a_connect_with_nothing() -> None:
    assert login.parse_connect(body(connect_packet())) == Connect("", 0, None, None, None)


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        text("MQTT"),
        text("HTTP") + b"\x04\x02\0\0" + text("x"),
        text("MQTT") + b"\x04\x03\0\0" + text("x"),  # the reserved flag
        text("MQTT") + b"\x04\x42\0\0" + text("x") + text("password"),  # a password without a user
        text("MQTT") + b"\x04\x0a\0\0" + text("x"),  # the QoS of no will
        text("MQTT") + b"\x04\x22\0\0" + text("x"),  # the retain of no will
        text("MQTT") + b"\x04\x1e\0\0" + text("x") + text("t") + text(""),  # QoS 3
        text("MQTT") + b"\x04\x06\0\0" + text("x") + text("a/#") + text(""),  # a will on a filter
        text("MQTT") + b"\x04\x06\0\0" + text("x") + text("") + text(""),
        text("MQTT") + b"\x04\x02\0\0" + text("x") + b"more",
        text("MQTT") + b"\x04\x02\0\0" + text(b"\xff"),
        text("MQTT") + b"\x04\x02\0\0" + text("a\0b"),
        text("MQTT") + b"\x04\x02\0\0" + text(b"\xed\xa0\x80"),  # a surrogate
        text("MQTT") + b"\x04\x02\0\0\0\x05x",
        text("MQTT") + b"\x04\x82\0\0" + text("x"),
    ],
)
def test_a_connect_that_the_standard_forbids(broken: bytes) -> None:
    with pytest.raises(BadPacket):
        login.parse_connect(broken)


@pytest.mark.parametrize(
    ("topic", "qos", "number"),
    [("", 0, 1), ("a/+", 0, 1), ("a/#/b", 0, 1), ("a", 1, 0), ("a\0", 0, 1), ("x" * 257, 0, 1)],
)
def test_a_publish_that_the_standard_forbids(topic: str, qos: int, number: int) -> None:
    ((head, found),) = scan(publish_packet(topic, b"", qos, number))
    with pytest.raises(BadPacket):
        packets.parse_publish(head, found)


@pytest.mark.parametrize("topic_filter", ["", "a#", "#/a", "a/+b", "a+/b", "a/##", "a/#/", "+a", "/".join("a" * 9)])
def test_a_filter_that_is_none(topic_filter: str) -> None:
    for head, parse in ((b"\1", packets.parse_subscribe), (b"", packets.parse_unsubscribe)):
        with pytest.raises(BadPacket):
            parse(b"\0\1" + text(topic_filter) + head)


@pytest.mark.parametrize("topic_filter", ["#", "+", "+/#", "/", "/+", "a/+/b", "a//b", "a/#", "ä/+", "/".join("a" * 8)])
def test_a_filter_that_is_one(topic_filter: str) -> None:
    assert packets.parse_subscribe(b"\0\1" + text(topic_filter) + b"\1") == (1, [(topic_filter, 1)])


def test_subscriptions_without_filters_or_with_too_many_or_qos_3() -> None:
    for broken in (b"\0\1", b"\0\0" + text("a") + b"\0", b"\0\1" + text("a") + b"\3", b"\0\1" + text("a")):
        with pytest.raises(BadPacket):
            packets.parse_subscribe(broken)
    many = b"\0\1" + (text("a") + b"\0") * (packets.MAX_FILTERS + 1)
    with pytest.raises(BadPacket):
        packets.parse_subscribe(many)


@pytest.mark.parametrize("head", [head for head in range(256) if head not in packets._LENGTHS])
def test_a_first_byte_that_no_client_sends_is_refused_at_once(head: int) -> None:
    with pytest.raises(BadPacket):
        scan(bytes((head,)))


def test_first_bytes_that_a_client_may_send() -> None:
    assert len(packets._LENGTHS) == 10 + 10 - 1
    assert 0x3F not in packets._LENGTHS, "QoS 3"
    assert 0x38 not in packets._LENGTHS, "DUP at QoS 0"


def test_a_packet_that_is_too_long_is_refused_before_it_comes() -> None:
    with pytest.raises(BadPacket, match=r"a packet of 30000000 bytes, where 1024 are the most"):
        scan(packet(0x10, b"\0" * 30_000_000)[:5], 1_024)
    with pytest.raises(BadPacket, match="four bytes"):
        scan(b"\x30\x80\x80\x80\x80")
    with pytest.raises(BadPacket, match="of 1 bytes"):
        scan(b"\x40\x01")


@pytest.mark.parametrize(("first", "what"), [(b"\x16\x03\x01", "TLS"), (b"GET / HTTP/1.1", "HTTP")])
def test_other_protocols_are_called_by_their_name(first: bytes, what: str) -> None:
    with pytest.raises(BadPacket, match=what):
        scan(first)


@given(st.lists(st.sampled_from(SOUND), max_size=8), st.data())
def test_packets_are_the_same_however_the_stream_is_cut(sent: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    scanner = Scanner(65_536)
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        scanner.feed(stream[start:end])
        found += list(iter(scanner.next, None))
    assert found == scan(stream)
    assert len(found) == len(sent)


PARSERS = {
    packets.CONNECT: login.parse_connect,
    packets.SUBSCRIBE: packets.parse_subscribe,
    packets.UNSUBSCRIBE: packets.parse_unsubscribe,
    **dict.fromkeys((packets.PUBACK, packets.PUBREC, packets.PUBREL, packets.PUBCOMP), packets.parse_packet_id),
}


@settings(max_examples=2_000, deadline=None)
@given(
    st.sampled_from(SOUND),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4),
    st.binary(max_size=6),
)
def test_mutants_are_read_or_refused_and_nothing_else(
    sound: bytes, changes: list[tuple[int, int]], more: bytes
) -> None:
    raw = bytearray(sound)
    for at, value in changes:
        raw[at % len(raw)] = value
    try:
        for head, found in scan(bytes(raw) + more):
            if head & 0xF0 == packets.PUBLISH:
                packets.parse_publish(head, found)
            elif head in PARSERS:
                PARSERS[head](found)  # type: ignore[operator]
    except (BadPacket, ConnectRefused):
        pass


TOPICS = st.lists(st.sampled_from(["", "a", "b", "$x"]), min_size=1, max_size=4).map("/".join).filter(bool)
LEVELS = st.lists(st.sampled_from(["", "a", "b", "$x", "+"]), min_size=1, max_size=4)
FILTERS = st.tuples(LEVELS, st.booleans()).map(lambda each: "/".join(each[0] + ["#"] * each[1])).filter(bool)


@settings(max_examples=1_000)
@given(TOPICS, FILTERS)
def test_filters_match_as_section_4_7_says(topic: str, topic_filter: str) -> None:
    def match(levels: list[str], wanted: list[str]) -> bool:
        if wanted == ["#"]:
            return True
        if not levels or not wanted:
            return levels == wanted
        return wanted[0] in ("+", levels[0]) and match(levels[1:], wanted[1:])

    hidden = topic.startswith("$") and topic_filter[0] in "+#"
    assert fields.matches(topic, topic_filter) == (match(topic.split("/"), topic_filter.split("/")) and not hidden)


@given(
    st.text(min_size=1, max_size=20).filter(lambda t: "\0" not in t),
    st.binary(max_size=300),
    st.integers(0, 2),
    st.booleans(),
)
def test_what_is_published_is_read_back(topic: str, payload: bytes, qos: int, retain: bool) -> None:
    raw = packets.publish(topic, payload, qos=qos, packet_id=9, retain=retain)
    ((head, found),) = scan(raw)
    sound = not set("+#") & set(topic) and topic.count("/") < fields.MAX_LEVELS
    if sound:
        assert packets.parse_publish(head, found) == Publish(topic, payload, qos, 9 if qos else 0, retain)
    else:
        with pytest.raises(BadPacket):
            packets.parse_publish(head, found)


def test_what_is_written_to_the_router_is_what_clients_write() -> None:
    assert packets.connect("7") == connect_packet("7")
    assert packets.subscribe(1, ["a", "b"]) == packet(0x82, b"\0\1" + text("a") + b"\0" + text("b") + b"\0")
    assert packets.unsubscribe(258, ["a"]) == packet(0xA2, b"\1\2" + text("a"))
    assert packets.suback(1, [0, 1, 0x80]) == packet(0x90, b"\0\1\0\1\x80")
    assert login.connack(5) == b"\x20\x02\x00\x05"
