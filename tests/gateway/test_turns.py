# SPDX-License-Identifier: BSD-3-Clause
"""Hosts take turns."""

from __future__ import annotations

from pyaiot.gateway.turns import Turns


def taken(turns: Turns) -> list[str]:
    found = []
    while (uid := turns.take()) is not None:
        found.append(uid)
    return found


def test_a_host_does_not_wait_behind_the_line_of_another() -> None:
    turns = Turns(100)
    for number in range(4):
        turns.add(f"a{number}", "a")
    turns.add("b0", "b")
    turns.add("b1", "b")
    turns.add("a0", "a")  # keeps its place
    assert taken(turns) == ["a0", "b0", "a1", "b1", "a2", "a3"]
    assert len(turns) == 0


def test_a_host_has_so_many_at_once_and_who_is_of_no_known_host_any_number() -> None:
    turns = Turns(2)
    for number in range(4):
        turns.add(f"a{number}", "a")
        turns.add(f"n{number}", "")
    assert taken(turns) == ["a0", "n0", "a1", "n1", "n2", "n3"]
    turns.done("a1")
    assert taken(turns) == ["a2"]


def test_one_that_is_taken_waits_until_it_is_done_and_holds_up_nobody() -> None:
    turns = Turns(2)
    turns.add("a0", "a")
    assert turns.take() == "a0"
    turns.add("a0", "a")
    turns.add("a1", "a")
    assert turns.take() == "a1"
    turns.done("a1")
    assert turns.take() is None
    turns.done("a0")
    assert turns.take() == "a0"


def test_one_that_moves_or_leaves_waits_there_no_more() -> None:
    turns = Turns(2)
    turns.add("x", "a")
    turns.add("y", "a")
    turns.add("x", "b")
    turns.discard("y")
    turns.discard("nobody")
    assert taken(turns) == ["x"]
    turns.done("x")
    assert turns._lines == turns._host_of == turns._taken == turns._taken_of == {}
