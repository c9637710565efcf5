# SPDX-License-Identifier: BSD-3-Clause
"""The short way around websockets' protocol takes what that takes, and slices end where frames do: by its own word."""

from __future__ import annotations

import random

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from pyaiot.gateway.ws.framing import SLICE_BYTES, SLICE_FRAMES, slice_end, whole_text
from tests.gateway.ws.test_ws_robustness import IMPROPER, PROPER
from tests.raw_sockets import frame

LIMIT = 16_384
ROUNDS = 40_000


def by_the_library(data: bytes) -> bytes | None:
    """The payload where ``data`` is one text frame and nothing more."""
    protocol = ServerProtocol(state=State.OPEN, max_size=LIMIT)
    protocol.receive_data(data)
    events = protocol.events_received()
    good = protocol.parser_exc is None and protocol.state is State.OPEN
    before = len(events)
    protocol.receive_data(frame(9, b"whole?"))
    more = protocol.events_received()
    whole = good and len(more) == 1 and isinstance(more[0], Frame) and more[0].data == b"whole?"
    if not whole or before != 1:
        return None
    (event,) = events
    assert isinstance(event, Frame)
    return bytes(event.data) if event.opcode is Opcode.TEXT and event.fin else None


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 125, 126, 127, 1_000, 16_383, 16_384])
def test_a_whole_text_frame_is_read(size: int) -> None:
    payload = bytes(number % 251 for number in range(size))
    data = frame(1, payload)
    assert whole_text(data, LIMIT) == payload
    assert by_the_library(data) == payload
    assert slice_end(data, 0) == (len(data), 0)
    for other in (data[:-1], data + b"x", data[1:], data + data):
        assert whole_text(other, LIMIT) is None


@pytest.mark.parametrize(
    "data",
    [b"", b"\x81", b"\x81\x80", frame(1, b"x" * (LIMIT + 1)), frame(2, b"x"), frame(9, b""), frame(8, b""),
     frame(0, b"x"), frame(1, b"x", fin=False), frame(1, b"x", mask=False), frame(1, b"x", reserved=4),
     b"\x81\xff" + b"\0" * 12],
    ids=lambda data: f"{len(data)} bytes of {data[:1].hex()}",  # masks are by chance
)  # fmt: skip
def test_everything_else_is_the_protocols(data: bytes) -> None:
    assert whole_text(data, LIMIT) is None


def test_what_the_short_way_takes_the_library_takes_as_well() -> None:
    chance = random.Random(9)
    taken = 0
    for _ in range(ROUNDS):
        raw = damaged(chance)
        short = whole_text(raw, LIMIT)
        if short is not None:
            taken += 1
            assert short == by_the_library(raw), raw
    assert taken > ROUNDS / 40


def damaged(chance: random.Random) -> bytes:
    data = bytearray(b"".join(chance.choices(PROPER + IMPROPER, k=chance.randrange(1, 3))))
    for _ in range(chance.randrange(3)):
        data[chance.randrange(min(len(data), 12))] = chance.randrange(256)
    if chance.random() < 0.2:
        del data[chance.randrange(len(data)) :]
    return bytes(data)


# What is taken at once


def test_a_slice_is_some_small_frames_or_one_large() -> None:
    ping, large = frame(9, b""), frame(1, b"x" * 10_000)
    assert slice_end(ping * 1_000, 0) == (SLICE_FRAMES * len(ping), 0)
    assert slice_end(large * 3, 0) == (len(large), 0)
    assert slice_end(ping + large + ping, 0) == (len(ping + large), 0)
    middle = frame(1, b"x" * 100)
    assert slice_end(middle * 100, 0)[0] < SLICE_BYTES + len(middle)
    long_way = b"\x81\xff" + (3).to_bytes(8) + b"\0\0\0\0abc"
    assert slice_end((long_way + ping) * 100, 0)[0] == SLICE_FRAMES // 2 * len(long_way + ping)


def test_what_is_still_to_come_of_a_frame_is_known_and_half_a_head_waits() -> None:
    data = frame(1, b"x" * 300)
    for cut in range(8, len(data)):
        assert slice_end(data[:cut], 0) == (cut, len(data) - cut)
        assert slice_end(data[cut:] + data, len(data) - cut) == (2 * len(data) - cut, 0)
    for cut in range(2, 4):
        assert slice_end(data[:cut], 0) in ((0, 0), (cut, len(data) - cut))
    assert slice_end(data[:1], 0) == slice_end(b"", 0) == (0, 0)
    assert slice_end(data + data[:1], 0) == (len(data), 0)
    assert slice_end(b"x" * 5, 300) == (5, 295)


def test_taken_by_slices_everything_is_what_the_library_makes_of_it_at_once() -> None:
    """However the bytes come; and no slice makes more than a few frames."""
    chance = random.Random(10)
    failed = 0
    for _ in range(ROUNDS // 8):
        data = b"".join(damaged(chance) for _ in range(chance.randrange(1, 12)))
        whole = ServerProtocol(state=State.OPEN, max_size=LIMIT)
        whole.receive_data(data)
        sliced = ServerProtocol(state=State.OPEN, max_size=LIMIT)
        events, owed, waiting, at = [], 0, b"", 0
        while at < len(data):
            size = chance.choice((1, 3, 50, 5_000))
            waiting += data[at : at + size]
            at += size
            while True:
                end, owed_then = slice_end(waiting, owed)
                if not end:
                    break
                owed = owed_then
                sliced.receive_data(waiting[:end])
                made = sliced.events_received()
                assert len(made) <= SLICE_FRAMES + 1
                events += made
                waiting = waiting[end:]
        expected = whole.events_received()
        assert events == expected
        assert sliced.state is whole.state or len(waiting) < 14, data
        failed += whole.parser_exc is not None
    assert failed > ROUNDS / 80
