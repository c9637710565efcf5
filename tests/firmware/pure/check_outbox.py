# SPDX-License-Identifier: BSD-3-Clause
"""Checks of aiot.outbox, for both interpreters."""

from aiot.outbox import Outbox


def filled(capacity, *entries):
    outbox = Outbox(capacity)
    for entry in entries:
        outbox.put(entry)
    return outbox


def test_it_keeps_at_least_one_value():
    for capacity in (0, -1):
        try:
            Outbox(capacity)
        except ValueError:
            continue
        raise AssertionError(capacity)
    assert len(filled(1, "a", "b")) == 1


def test_the_oldest_comes_first_and_stays_until_it_is_acknowledged():
    outbox = filled(4, "a", "b")
    assert outbox.take() == (0, "a")
    assert outbox.take() == (1, "b")
    assert outbox.take() is None
    assert len(outbox) == 2
    outbox.acknowledge(0)
    assert len(outbox) == 1
    outbox.rewind()
    assert outbox.take() == (1, "b")


def test_a_full_ring_drops_the_oldest_and_counts():
    outbox = Outbox(3)
    assert [outbox.put(each) for each in "abcde"] == [None, None, None, "a", "b"]
    assert outbox.dropped == 2
    assert [outbox.take() for _ in range(4)] == [(2, "c"), (3, "d"), (4, "e"), None]


def test_what_is_dropped_on_its_way_may_still_be_acknowledged():
    outbox = filled(2, "a", "b")
    assert outbox.take() == (0, "a")
    outbox.put("c")
    outbox.acknowledge(0)
    assert len(outbox) == 2
    assert outbox.take() == (1, "b")


def test_nothing_is_acknowledged_that_was_not_sent():
    outbox = filled(4, "a", "b")
    outbox.take()
    outbox.acknowledge(7)
    assert len(outbox) == 1
    assert outbox.take() == (1, "b")


def test_a_ring_of_one_has_the_newest():
    outbox = filled(1, "a", "b", "c")
    assert outbox.take() == (2, "c")
    outbox.acknowledge(2)
    assert len(outbox) == 0
    outbox.put("d")
    assert outbox.take() == (3, "d")
