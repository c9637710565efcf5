# SPDX-License-Identifier: BSD-3-Clause
"""Checks of aiot.websocket and aiot.websocket_frames, for both interpreters."""

import json
import struct

from aiot import websocket_frames as frames
from aiot.node import Node
from aiot.session import ANSWER_MS, WINDOW
from aiot.websocket import WebSocketSession
from expectations import loses_no_value, lost

#: The nonce and the answer of RFC 6455 section 1.3.
NONCE = b"the sample nonce"
ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


def random_bytes(count):
    return NONCE[:count]


def connected(node=None):
    node = node or Node("Greenhouse", id="n1", now=lambda: 0)
    session = WebSocketSession(node, 0, random_bytes, "host:8001", "/node")
    session.received(ANSWER, 0)
    assert session.up
    return node, session


def from_server(opcode, payload, fin=0x80):
    length = len(payload)
    head = struct.pack(">BB", fin | opcode, length) if length < 126 else struct.pack(">BBH", fin | opcode, 126, length)
    return head + payload


def opened(frame):
    """(opcode, payload) of a frame of ours."""
    assert frame[1] & 0x80, "a client masks"
    length, at = frame[1] & 0x7F, 2
    if length == 126:
        length, at = struct.unpack_from(">H", frame, 2)[0], 4
    mask = frame[at : at + 4]
    payload = bytes([each ^ mask[place & 3] for place, each in enumerate(frame[at + 4 :])])
    assert len(payload) == length
    return frame[0] & 0x0F, payload


def said(session, now):
    """What it sends now, as (opcode, payload); every ping is answered."""
    found = []
    while True:
        frame = session.next(now)
        if frame is None:
            return found
        found.append(opened(frame))
        if found[-1][0] == frames.PING:
            session.received(from_server(frames.PONG, found[-1][1]), now)


def updates(found):
    return [json.loads(payload) for opcode, payload in found if opcode == frames.TEXT]


def test_the_handshake_is_that_of_rfc_6455():
    request = frames.request("host:8001", "/node", NONCE)
    assert request.startswith(b"GET /node HTTP/1.1\r\nHost: host:8001\r\n")
    assert b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" in request
    assert request.endswith(b"\r\n\r\n")
    assert b"Authorization" not in request
    assert b"Authorization: Basic bjE6cHc=\r\n" in frames.request("h", "/", NONCE, "n1:pw")
    frames.check_answer(ANSWER[:-4], NONCE)


def test_another_answer_is_refused_with_the_reason():
    for answer, reason in (
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "403"),
        (ANSWER.replace(b"s3p", b"x3p"), "Accept"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "no HTTP"),
        (b"\xff" * 2000, ""),
        (b"HTTP/1.1 101 X\r\n" + b"x" * 2000, ""),
    ):
        session = WebSocketSession(Node("x", id="n1", now=lambda: 0), 0, random_bytes, "h", "/node")
        why = lost(session.received, answer, 0)
        assert why is not None
        assert reason in why


def test_messages_are_found_however_they_are_cut():
    stream = (
        from_server(frames.TEXT, b"a" * 300)
        + from_server(frames.TEXT, b"one ", 0)
        + from_server(frames.PING, b"between")
        + from_server(0, b"message")
        + from_server(frames.TEXT, b"")
    )
    for size in (1, 2, 5, 64, 1000):
        parser = frames.Parser()
        found = []
        for start in range(0, len(stream), size):
            found += parser.feed(stream[start : start + size])
        assert found == [(1, b"a" * 300, True), (9, b"between", True), (1, b"one message", True), (1, b"", True)]


def test_a_message_that_is_too_long_is_skipped_and_the_next_one_found():
    for stream in (
        from_server(frames.TEXT, b"x" * 5000),
        from_server(frames.TEXT, b"x" * 800, 0) + from_server(0, b"x" * 800, 0) + from_server(0, b"x" * 8),
    ):
        parser = frames.Parser()
        found = []
        for start in range(0, len(stream), 256):
            found += parser.feed(stream[start : start + 256])
        found += parser.feed(from_server(frames.TEXT, b"next"))
        assert found == [(1, b"", False), (1, b"next", True)]


def test_what_is_no_websocket_is_refused():
    for stream in (
        b"\x81\x81\0\0\0\0x",  # masked
        b"\xc1\x00",  # a reserved bit
        b"\x80\x00",  # the rest of nothing
        b"\x01\x00\x01\x00",  # a message within a message
        b"\x09\x00",  # a ping in parts
        b"\x89\x7e\x01\x00",  # a ping that is too long
    ):
        try:
            frames.Parser().feed(stream)
        except ValueError:
            continue
        raise AssertionError(stream)


def test_long_messages_of_ours_have_a_long_length():
    assert opened(frames.frame(frames.TEXT, b"x" * 500, b"abcd")) == (1, b"x" * 500)
    assert opened(frames.frame(frames.TEXT, b"x" * 125, b"abcd")) == (1, b"x" * 125)


def test_discover_is_answered_with_every_value():
    _, session = connected()
    assert [each.get("uid") for each in updates(said(session, 0))] == ["n1", None, None]
    session.received(from_server(frames.TEXT, b'{"request": "discover"}'), 0)
    found = updates(said(session, 0))
    assert {"type": "update", "data": {"name": "Greenhouse"}} in found
    assert len(found) == 3


def test_a_write_is_done_and_answered():
    node, session = connected()
    said(session, 0)
    done = []
    node.on_write("led")(done.append)
    session.received(from_server(frames.TEXT, b'{"endpoint": "led", "payload": "1"}'), 0)
    assert done == [1]
    assert updates(said(session, 0)) == [{"type": "update", "data": {"led": 1}}]


def test_values_are_kept_until_a_pong_says_that_they_were_read():
    now = [0]
    node = Node("Greenhouse", id="n1", now=lambda: now[0])
    _, session = connected(node)
    said(session, 0)
    for number in range(WINDOW + 2):
        node.value("t", number)
    for _ in range(WINDOW):
        assert opened(session.next(0))[0] == frames.TEXT
    opcode, payload = opened(session.next(0))
    assert opcode == frames.PING
    assert session.next(0) is None
    assert len(node.outbox) == WINDOW + 2
    session.received(from_server(frames.PONG, b"another"), 0)
    assert len(node.outbox) == WINDOW + 2
    session.received(from_server(frames.PONG, payload), 0)
    assert len(node.outbox) == 2
    session.next(0)
    session.close()
    now[0] = 90000
    session = WebSocketSession(node, 90000, random_bytes, "h", "/node")
    session.received(ANSWER, 90000)
    found = updates(said(session, 90000))
    assert found[:2] == [
        {"type": "update", "data": {"t": WINDOW}, "uid": "n1", "age": 90000},
        {"type": "update", "data": {"t": WINDOW + 1}, "age": 90000},
    ]
    assert len(node.outbox) == 0


def test_pings_are_answered_and_silence_is_found():
    _, session = connected()
    said(session, 0)
    session.received(from_server(frames.PING, b"are you there"), 0)
    assert opened(session.next(0)) == (frames.PONG, b"are you there")
    assert session.next(19_000) is None
    assert opened(session.next(20_000))[0] == frames.PING
    assert session.next(20_000 + ANSWER_MS) is None
    assert lost(session.next, 20_001 + ANSWER_MS)


def test_close_says_its_code():
    _, session = connected()
    assert "1003" in lost(session.received, from_server(frames.CLOSE, b"\x03\xeb"), 0)


def test_what_others_send_ends_nothing_or_only_the_session():
    messages = [
        from_server(frames.TEXT, b'{"request": "discover"}'),
        from_server(frames.TEXT, b'{"endpoint": "led", "payload": "1"}'),
        from_server(frames.TEXT, b"[" * 900),
        from_server(frames.PING, b"x"),
        from_server(frames.CLOSE, b""),
        from_server(2, b"\0\1"),
    ]
    loses_no_value(connected, messages, 54321)
