# SPDX-License-Identifier: BSD-3-Clause
"""Which nodes are taken out, when, and how many at a time."""

from __future__ import annotations

from pyaiot.broker.leaving import Batch, Leaving


def test_gateways_that_do_not_come_back_in_time_are_given_once_and_in_order() -> None:
    leaving = Leaving()
    for gateway, deadline in (("a", 10.0), ("b", 11.0), ("c", 12.0)):
        leaving.gateway_lost(gateway, deadline)
    leaving.gateway_back("b")
    leaving.gateway_lost("a", 13.0)  # back meanwhile, and lost again: it counts from then on
    assert leaving.next_deadline() == 12.0
    assert leaving.overdue(11.9) == []
    assert leaving.overdue(13.0) == ["c", "a"]
    assert leaving.overdue(99.0) == []
    assert leaving.next_deadline() is None


def test_nodes_are_taken_out_in_batches_and_the_last_of_a_gateway_says_so() -> None:
    leaving = Leaving()
    leaving.put("a", "gateway", ["1", "2", "3"])
    leaving.put("b", "forgotten", [])
    assert leaving
    assert leaving.next_deadline() == 0.0, "at once"
    leaving.spare("a", "2")
    leaving.spare("a", "2")
    leaving.spare("c", "2")
    assert leaving.take(1) == [Batch("a", "gateway", ["1"], False), Batch("b", "forgotten", [], True)]
    assert leaving.take(5) == [Batch("a", "gateway", ["3"], True)]
    assert not leaving


def test_what_is_left_of_a_gateway_that_is_back_stays() -> None:
    leaving = Leaving()
    leaving.put("a", "gateway", ["1", "2"])
    leaving.put("b", "gateway", ["1", "2"])
    assert leaving.take(1) == [Batch("a", "gateway", ["1"], False)]
    leaving.gateway_back("a")
    assert leaving.take(9) == [Batch("b", "gateway", ["1", "2"], True)]


def test_a_later_sync_says_anew_who_is_to_go() -> None:
    leaving = Leaving()
    leaving.put("a", "forgotten", ["1", "2"])
    leaving.put("a", "forgotten", ["2"])
    assert leaving.take(9) == [Batch("a", "forgotten", ["2"], True)]
