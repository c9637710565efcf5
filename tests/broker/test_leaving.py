# SPDX-License-Identifier: BSD-3-Clause
"""Which nodes are taken out, when, and how many at a time."""

from __future__ import annotations

from pyaiot.broker.leaving import Due, Leaving


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


def taken(leaving: Leaving, limit: int) -> list[Due]:
    return list(leaving.take(limit))


def test_nodes_are_taken_out_little_by_little_and_after_the_last_of_a_gateway_that_is_said() -> None:
    leaving = Leaving()
    leaving.put("a", "gateway", ["1", "2", "3"])
    leaving.put("b", "forgotten", [])
    assert leaving
    assert leaving.next_deadline() == 0.0, "at once"
    leaving.spare("a", "2")
    leaving.spare("a", "2")
    leaving.spare("c", "2")
    assert taken(leaving, 1) == [("a", "gateway", "1"), ("b", "forgotten", None)]
    assert taken(leaving, 5) == [("a", "gateway", "3"), ("a", "gateway", None)]
    assert not leaving


def test_what_is_left_of_a_gateway_that_is_back_stays() -> None:
    leaving = Leaving()
    leaving.put("a", "gateway", ["1", "2"])
    leaving.put("b", "gateway", ["1", "2"])
    assert taken(leaving, 1) == [("a", "gateway", "1")]
    leaving.gateway_back("a")
    assert taken(leaving, 9) == [("b", "gateway", "1"), ("b", "gateway", "2"), ("b", "gateway", None)]


def test_a_later_sync_says_anew_who_is_to_go() -> None:
    leaving = Leaving()
    leaving.put("a", "forgotten", ["1", "2"])
    leaving.put("a", "forgotten", ["2"])
    assert taken(leaving, 9) == [("a", "forgotten", "2"), ("a", "forgotten", None)]


def test_what_happens_while_they_are_taken_out_counts() -> None:
    leaving = Leaving()
    for gateway in ("a", "b", "c", "d"):
        leaving.put(gateway, "gateway", ["1", "2", "3"])
    due = leaving.take(9)
    assert next(due).uid == "1"
    leaving.spare("a", "2")
    assert [next(due).uid, next(due).uid] == ["3", None]
    next(due)
    leaving.gateway_back("b")
    assert next(due) == ("c", "gateway", "1")
    leaving.put("c", "forgotten", ["9"])  # due later: nobody has said yet that this was all
    assert [(each.gateway, each.uid) for each in due] == [("d", "1"), ("d", "2"), ("d", "3"), ("d", None)]
    assert taken(leaving, 9) == [("c", "forgotten", "9"), ("c", "forgotten", None)]


def test_what_was_not_taken_is_still_due() -> None:
    leaving = Leaving()
    leaving.put("a", "gateway", ["1", "2"])
    for _ in leaving.take(9):
        break  # as when whoever was told of it failed
    assert taken(leaving, 9) == [("a", "gateway", "2"), ("a", "gateway", None)]
