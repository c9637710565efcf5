# SPDX-License-Identifier: BSD-3-Clause
"""Who says nothing keeps nobody out."""

from __future__ import annotations

from pyaiot.broker.peers import Counters
from pyaiot.broker.waiting_room import WaitingRoom


class Silent:
    name = "192.0.2.1"

    def __init__(self) -> None:
        self.is_cut_off = False

    def goodbye(self) -> None:
        raise AssertionError

    def evict(self) -> None:
        self.is_cut_off = True


def test_the_one_that_has_been_silent_for_longest_makes_room() -> None:
    counters = Counters()
    room = WaitingRoom[Silent](2, counters)
    oldest, older, newer, newest = peers = [Silent() for _ in range(4)]
    room.enter(oldest)
    room.enter(older)
    room.leave(oldest)  # it has said who it is
    room.enter(newer)
    assert not any(each.is_cut_off for each in peers)
    room.enter(newest)
    assert [each.is_cut_off for each in peers] == [False, True, False, False]
    room.leave(older)  # its connection has ended
    assert (len(room), counters.evicted) == (2, 1)
