# SPDX-License-Identifier: BSD-3-Clause
"""The short way around websockets' protocol takes what that takes, byte by byte, and nothing else."""

from __future__ import annotations

import random

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from pyaiot.gateway.ws.framing import ends_whole, whole_text
from tests.gateway.ws.test_ws_robustness import IMPROPER, PROPER
from tests.gateway.ws.ws_devices import frame

LIMIT = 16_384
ROUNDS = 40_000


def by_the_library(data: bytes) -> tuple[bytes | None, bool | None]:
    """The payload where ``data`` is one text frame and nothing more; and whether it ends with a frame's end, None
    where the connection has ended."""
    protocol = ServerProtocol(state=State.OPEN, max_size=LIMIT)
    protocol.receive_data(data)
    events = protocol.events_received()
    good = protocol.parser_exc is None and protocol.state is State.OPEN
    before = len(events)
    protocol.receive_data(frame(9, b"whole?"))
    more = protocol.events_received()
    if not good:
        return None, None
    whole = len(more) == 1 and isinstance(more[0], Frame) and more[0].data == b"whole?"
    if not whole or before != 1:
        return None, whole
    (event,) = events
    assert isinstance(event, Frame)
    return (bytes(event.data) if event.opcode is Opcode.TEXT and event.fin else None), whole


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 125, 126, 127, 1_000, 16_383, 16_384])
def test_a_whole_text_frame_is_read(size: int) -> None:
    payload = bytes(number % 251 for number in range(size))
    data = frame(1, payload)
    assert whole_text(data, LIMIT) == payload
    assert by_the_library(data) == (payload, True)
    assert ends_whole(data)
    assert ends_whole(data * 3)
    for other in (data[:-1], data + b"x", data[1:], data + data):
        assert whole_text(other, LIMIT) is None
    assert not ends_whole(data[:-1])


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
    taken = ended = 0
    for _ in range(ROUNDS):
        data = bytearray(b"".join(chance.choices(PROPER + IMPROPER, k=chance.randrange(1, 3))))
        for _ in range(chance.randrange(3)):
            data[chance.randrange(min(len(data), 12))] = chance.randrange(256)
        if chance.random() < 0.2:
            del data[chance.randrange(len(data)) :]
        raw = bytes(data)
        payload, whole = by_the_library(raw)
        short = whole_text(raw, LIMIT)
        if short is not None:
            taken += 1
            assert short == payload, raw
        if ends_whole(raw) and whole is not None:
            ended += 1
            assert whole, raw
    assert taken > ROUNDS / 40
    assert ended > ROUNDS / 10
