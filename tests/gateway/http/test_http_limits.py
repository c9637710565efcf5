# SPDX-License-Identifier: BSD-3-Clause
"""Who gives way when bodies take up too much, by literals and by a long random run."""

from __future__ import annotations

import random

import pytest

from pyaiot.gateway.http import limits
from pyaiot.gateway.http.limits import MAX_REQUESTS_PER_DEVICE, PIECE_BYTES, SMALL_BYTES, Bodies, Body, Pieces, Requests

ROOM = 10_000
ROOM_OF_ONE = 4_000


class Sender:
    """One that sends a body, and gives way when it is told to."""

    def __init__(self, bodies: Bodies, group: str | None = None) -> None:
        self.bodies = bodies
        self.body = Body(group, self._give_way)
        self.gone = False
        self.size = 0

    def _give_way(self) -> None:
        assert not self.gone
        self.gone = True

    def sends(self, size: int) -> bool:
        """It has sent so much beyond what is small; whether it goes on."""
        self.size = SMALL_BYTES + size
        return self.bodies.grown(self.body, self.size)


@pytest.fixture(autouse=True)
def few_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BYTES", ROOM)
    monkeypatch.setattr(limits, "MAX_BYTES_PER_ADDRESS", ROOM_OF_ONE)


def test_small_bodies_count_nothing() -> None:
    bodies = Bodies()
    assert all(Sender(bodies).sends(0) for _ in range(1_000))
    assert (len(bodies), bodies.total) == (0, 0)


def test_the_one_that_has_been_there_longest_gives_way() -> None:
    bodies = Bodies()
    first, second, third = (Sender(bodies) for _ in range(3))
    assert first.sends(1_000)
    assert second.sends(6_000)
    assert first.sends(3_000)  # to grow makes nobody younger
    assert third.sends(2_000)
    assert [each.gone for each in (first, second, third)] == [True, False, False]
    assert bodies.total == 8_000


def test_whoever_has_been_there_longest_gives_way_to_itself_too() -> None:
    bodies = Bodies()
    first, second = Sender(bodies), Sender(bodies)
    assert first.sends(1_000)
    assert second.sends(8_000)
    assert not first.sends(3_000)
    assert (first.gone, second.gone, bodies.total) == (True, False, 8_000)


def test_one_address_makes_room_in_itself() -> None:
    bodies = Bodies()
    other = Sender(bodies, "192.0.2.9")
    assert other.sends(3_000)
    senders = [Sender(bodies, "192.0.2.1") for _ in range(5)]
    assert all(each.sends(2_000) for each in senders)
    assert [each.gone for each in senders] == [True, True, True, False, False]
    assert not other.gone


def test_this_hosts_own_are_bound_by_the_total_alone() -> None:
    bodies = Bodies()
    own = [Sender(bodies) for _ in range(5)]
    assert all(each.sends(2_000) for each in own)
    assert not any(each.gone for each in own)


def test_random_bodies_stay_within_bounds_and_leave_nothing() -> None:
    chance = random.Random(408)
    bodies = Bodies()
    senders: list[Sender] = []
    for _ in range(50_000):
        if not senders or chance.random() < 0.3:
            senders.append(Sender(bodies, chance.choice((None, "192.0.2.1", "192.0.2.2", "2001:db8::/64"))))
        sender = chance.choice(senders)
        went_on = sender.sends(max(sender.size - SMALL_BYTES, 0) + chance.randrange(800))
        assert went_on != sender.gone
        if chance.random() < 0.2:
            bodies.end(sender.body)
            sender.gone = True
        senders = [each for each in senders if not each.gone]
        counted = {each: max(each.size - SMALL_BYTES, 0) for each in senders}
        assert bodies.total == sum(counted.values()) <= ROOM
        for group in {each.body.group for each in senders} - {None}:
            assert sum(size for each, size in counted.items() if each.body.group == group) <= ROOM_OF_ONE
    for sender in senders:
        bodies.end(sender.body)
        bodies.end(sender.body)  # it may be told twice
    assert (len(bodies), bodies.total, bodies._groups, bodies._bytes) == (0, 0, {}, {})


def test_a_body_is_what_came_whatever_its_chunks_were() -> None:
    chance = random.Random(1)
    for most in (1, 100, 3_000, PIECE_BYTES, 50_000):
        pieces, expected = Pieces(), b""
        while len(expected) < 60_000:
            chunk = chance.randbytes(chance.randrange(1, most + 1))
            expected += chunk
            pieces.add(chunk)
        assert (pieces.joined(), pieces.size) == (expected, len(expected))
        assert len(pieces._pieces) <= 2 * len(expected) / PIECE_BYTES + 2
        pieces.clear()
        assert (pieces.joined(), pieces.size) == (b"", 0)


def test_a_device_has_only_so_many_requests_at_once() -> None:
    requests = Requests()
    assert all(requests.begin("joe") for _ in range(MAX_REQUESTS_PER_DEVICE))
    assert not requests.begin("joe")
    assert requests.begin("ann")
    requests.end("joe")
    assert requests.begin("joe")
    for _ in range(MAX_REQUESTS_PER_DEVICE):
        requests.end("joe")
    requests.end("ann")
    assert len(requests) == 0
    assert not requests._devices
