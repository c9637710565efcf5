# SPDX-License-Identifier: BSD-3-Clause
"""Requests that wait for their answers: each ends once, and their deadlines do not pile up."""

from __future__ import annotations

from typing import Any

from pyaiot.rpc.pending import MAX_IDLE_DEADLINES, PendingRequests


def test_those_that_are_late_are_taken_in_the_order_of_their_deadlines() -> None:
    pending = PendingRequests()
    endings: dict[str, list[Any]] = {name: [] for name in "abc"}
    pending.add(1, 3.0, endings["a"].append)
    pending.add(2, 2.0, endings["b"].append)
    pending.add(3, 1.0, endings["c"].append)
    assert pending.take(3) == endings["c"].append
    assert pending.take(3) is None
    assert pending.next_deadline() == 2.0, "that of one that ended counts no more"
    assert pending.take_late(1.9) is None
    assert pending.take_late(3.0) == endings["b"].append
    assert pending.take_all() == [endings["a"].append]
    assert pending.take_late(9.0) is None
    assert not len(pending)
    assert pending.next_deadline() is None


def test_deadlines_of_requests_that_ended_do_not_pile_up() -> None:
    pending = PendingRequests()
    for id in range(10_000):
        pending.add(id, 1e9, [].append)
        pending.take(id)
    assert len(pending._deadlines) <= MAX_IDLE_DEADLINES + 3
    assert pending.next_deadline() is None
