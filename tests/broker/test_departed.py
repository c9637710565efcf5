# SPDX-License-Identifier: BSD-3-Clause
"""Nodes that went are kept within bounds: so many, and so many bytes; the oldest are forgotten."""

from __future__ import annotations

from unittest import mock

from pyaiot.broker import departed as module
from pyaiot.broker.departed import MAX_DEPARTED, SETTLED_BYTES, Departed
from pyaiot.broker.entries import Node


def node(uid: str, says: str = "") -> Node:
    """One of which ``says`` is told."""
    return Node(uid, "g", says or uid, 1)


class Hall:
    """Those that went, settled at once, or by the test."""

    def __init__(self, *, settles: bool = True) -> None:
        self.wakes = self.encoded = 0
        self._settles = settles
        self.departed = Departed(self._encode, self._wake)

    def _encode(self, node: Node) -> bytes:
        self.encoded += 1
        return node.protocol.encode()

    def _wake(self) -> None:
        self.wakes += 1

    def keep(self, uid: str, says: str = "") -> None:
        self.departed.keep(node(uid, says))
        while self._settles and self.departed.settle():
            pass

    def uids(self, after: str = "") -> list[str]:
        return [uid for uid, _ in self.departed.after(after)]


def test_they_are_kept_until_they_are_back_or_dismissed() -> None:
    for settles in (True, False):
        hall = Hall(settles=settles)
        departed = hall.departed
        for uid in ("g/b", "g/a", "g/c"):
            hall.keep(uid)
        assert hall.uids() == ["g/a", "g/b", "g/c"]
        assert hall.uids("g/a") == ["g/b", "g/c"]
        assert departed.forget("g/b")
        assert not departed.forget("g/b")
        assert (departed.get("g/a"), departed.get("g/b")) == (b"g/a", None)
        hall.keep("g/a", "again")
        assert (len(departed), departed.get("g/a"), departed.size) == (2, b"again", len(b"againg/c"))


def test_of_100_000_the_newest_are_kept_and_no_other_is_encoded() -> None:
    hall = Hall(settles=False)
    for number in range(100_000):
        hall.keep(f"g/{number}", "x" * 10)
    assert (hall.encoded, hall.wakes) == (0, 1)
    while hall.departed.settle():
        pass
    assert hall.encoded == len(hall.departed) == MAX_DEPARTED
    assert hall.departed.size == 10 * MAX_DEPARTED
    assert set(hall.uids()) == {f"g/{number}" for number in range(100_000 - MAX_DEPARTED, 100_000)}
    hall.keep("g/late")
    assert hall.wakes == 2


def test_a_turn_makes_so_much_of_them() -> None:
    hall = Hall(settles=False)
    for number in range(10):
        hall.keep(f"g/{number}", "x" * (SETTLED_BYTES // 2))
    turns = 1
    while hall.departed.settle():
        turns += 1
    assert (turns, len(hall.departed)) == (5, 10)


def test_who_is_back_before_it_is_settled_is_not() -> None:
    hall = Hall(settles=False)
    for _ in range(3):
        hall.keep("g/a")
        hall.departed.forget("g/a")
    assert not hall.departed.settle()
    assert (hall.encoded, hall.wakes, hall.departed.size) == (0, 1, 0)


def test_large_ones_push_out_more_than_one() -> None:
    with mock.patch.object(module, "MAX_DEPARTED_BYTES", 100):
        for settles in (True, False):
            hall = Hall(settles=settles)
            for number in range(10):
                hall.keep(f"g/{number}", "x" * 10)
            hall.keep("g/large", "x" * 85)
            while hall.departed.settle():
                pass
            assert hall.uids() == ["g/9", "g/large"]
            hall.keep("g/giant", "x" * 101)
            hall.departed.settle()
            assert (hall.uids(), hall.departed.size) == ([], 0)


def test_what_was_asked_for_counts_towards_the_bound() -> None:
    with mock.patch.object(module, "MAX_DEPARTED_BYTES", 100):
        hall = Hall(settles=False)
        for number in range(3):
            hall.keep(f"g/{number}", "x" * 50)
        assert len(hall.uids()) == 3
        hall.departed.settle()
        assert hall.uids() == ["g/1", "g/2"]


def test_who_goes_again_is_the_newest() -> None:
    with mock.patch.object(module, "MAX_DEPARTED", 2):
        hall = Hall()
        for uid in ("g/a", "g/b", "g/a", "g/c"):
            hall.keep(uid)
        assert hall.uids() == ["g/a", "g/c"]
