# SPDX-License-Identifier: BSD-3-Clause
"""What is due when: in order, each once, nothing that is over; in bounded memory."""

from __future__ import annotations

from itertools import islice

from pyaiot.gateway.deadline_heap import MAX_STALE, DeadlineHeap


def test_what_is_due_comes_once_in_order_and_what_is_over_never() -> None:
    over: set[str] = set()
    heap: DeadlineHeap[str] = DeadlineHeap(over.__contains__)
    assert heap.next() is None
    for number, (item, deadline) in enumerate((("late", 9.0), ("b", 2.0), ("a", 1.0), ("c", 2.0), ("d", 3.0))):
        heap.push(item, deadline, number + 1)
    over |= {"a", "d"}
    assert heap.next() == 2.0
    assert list(islice(heap.due(5.0), 1)) == ["b"]
    assert list(heap.due(5.0)) == ["c"]
    assert (heap.next(), list(heap.due(8.9))) == (9.0, [])
    assert (list(heap.due(9.0)), heap.next()) == (["late"], None)


def test_what_is_over_takes_bounded_memory_and_nothing_else_is_lost_by_that() -> None:
    over: set[int] = set()
    heap: DeadlineHeap[int] = DeadlineHeap(over.__contains__)
    for number in range(5 * MAX_STALE):
        heap.push(number, float(-number), 10 + 1)
        over.add(number - 10)
        assert len(heap) <= 2 * 11 + MAX_STALE
    last = range(5 * MAX_STALE - 1, 5 * MAX_STALE - 11, -1)
    assert list(heap.due(0.0)) == list(last)
