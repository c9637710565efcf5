# SPDX-License-Identifier: BSD-3-Clause
"""Answers to batches: held until all are there, and how much of them."""

from __future__ import annotations

from pyaiot.rpc.batches import (
    MAX_BATCH_ANSWER_BYTES,
    MAX_HELD_BYTES,
    MAX_HELD_WITH_ERRORS_BYTES,
    SHORT_ANSWER_BYTES,
    HeldAnswers,
)

LONG = b"x" * (SHORT_ANSWER_BYTES + 1)
SHORT = b"x" * SHORT_ANSWER_BYTES


def test_a_batch_ends_with_its_last_answer_and_not_before_it_was_read() -> None:
    held = HeldAnswers()
    batch = held.begin()
    held.expect(batch)
    held.hold(batch, b"1")
    assert held.settle(batch) is None, "it is still being read"
    held.hold(batch, b"2")
    assert held.size == 2
    assert held.settle(batch) == b"[1,2]"
    assert held.size == 0


def test_a_batch_that_nobody_wants_an_answer_to_has_none() -> None:
    held = HeldAnswers()
    assert held.settle(held.begin()) is None


def test_an_answer_that_waits_has_room_within_what_all_batches_may_hold() -> None:
    held = HeldAnswers()
    one, other = held.begin(), held.begin()
    for batch in (one, other):
        held.expect(batch)
    assert held.has_room_for(one, b"x" * (MAX_HELD_BYTES + 1)), "a longer one, where nothing else waits"
    held.hold(one, b"x" * (MAX_HELD_BYTES - len(LONG)))
    assert held.has_room_for(other, LONG)
    held.hold(other, b"x")
    assert not held.has_room_for(other, LONG)
    assert held.has_room_for(other, SHORT), "an error would be no shorter"
    held.settle(other)
    assert held.has_room_for(other, LONG), "it is the last one, and does not wait"
    held.drop()
    assert held.has_room_for(one, LONG)


def test_the_last_answer_has_no_room_either_where_its_batch_is_too_long() -> None:
    held = HeldAnswers()
    batch = held.begin()
    held.hold(batch, b"x" * MAX_BATCH_ANSWER_BYTES)
    assert held.has_room_for(batch, LONG)
    held.hold(batch, b"x")
    assert not held.has_room_for(batch, LONG)


def test_further_batches_are_refused_while_errors_fill_the_rest() -> None:
    held = HeldAnswers()
    batch = held.begin()
    held.hold(batch, b"x" * MAX_HELD_WITH_ERRORS_BYTES)
    assert not held.begin().is_refused
    held.hold(batch, b"x")
    assert held.begin().is_refused
    held.settle(batch)
    assert not held.begin().is_refused
