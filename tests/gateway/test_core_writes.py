# SPDX-License-Identifier: BSD-3-Clause
"""Writes: run at most once, never too late, answered exactly once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyaiot.gateway.deadline_heap import MAX_STALE
from pyaiot.gateway.orders import Abandon, Forget, Order, Perform
from pyaiot.gateway.requests import MAX_REASON_CHARACTERS
from pyaiot.gateway.updates import MAX_VALUE_BYTES
from pyaiot.gateway.writes import MAX_WRITES, MAX_WRITES_PER_NODE
from tests.gateway.gateway_under_test import Gateway

OK = {"type": "result", "id": 7, "ok": True}


def performed(orders: list[Order]) -> list[Perform]:
    return [order for order in orders if isinstance(order, Perform)]


def begun(gateway: Gateway, number: int = 7, **more: Any) -> Perform:
    """A write that the adapter has just been asked for."""
    gateway.write(number, **more)
    (order,) = gateway.ordered()
    assert isinstance(order, Perform)
    return order


def done(gateway: Gateway, order: Perform, value: Any = None) -> None:
    gateway.core.requests.write_done(order, value, gateway.now, gateway.at)


def failed(gateway: Gateway, order: Perform, code: str, reason: str) -> None:
    gateway.core.requests.write_failed(order, code, reason, gateway.now)


def codes(gateway: Gateway) -> list[tuple[int, str]]:
    return [(told["id"], told.get("code", "ok")) for told in gateway.told() if told["type"] == "result"]


def test_what_the_device_confirmed_is_told_before_the_result() -> None:
    gateway = Gateway().with_node()
    order = begun(gateway, resource="/led", data="1")
    assert (order.uid, order.resource, order.data) == ("n1", "led", "1")
    assert gateway.told() == []
    done(gateway, order, "1")
    update, result = gateway.told()
    assert (update["endpoint"], update["data"], update["value"]) == ("led", "1", 1)
    assert result == OK


def test_a_device_that_reports_its_value_itself_is_not_spoken_for() -> None:
    gateway = Gateway().with_node()
    done(gateway, begun(gateway), None)
    assert gateway.told() == [OK]


def test_a_confirmed_value_that_cannot_be_told_does_not_undo_the_write() -> None:
    gateway = Gateway().with_node()
    done(gateway, begun(gateway), float("nan"))
    assert gateway.told() == [OK]


def test_PB_03_a_write_that_fails_is_answered_with_code_and_reason() -> None:
    gateway = Gateway().with_node()
    failed(gateway, begun(gateway), "refused", "4.05 Method Not Allowed \ud800" + "x" * 1000)
    (result,) = gateway.told()
    assert (result["ok"], result["code"]) == (False, "refused")
    assert result["reason"].startswith("4.05 Method Not Allowed ?x")
    assert len(result["reason"]) == MAX_REASON_CHARACTERS
    assert gateway.core.counters.writes == {"refused": 1}


@pytest.mark.parametrize(
    ("write", "code"),
    [
        ({"uid": "n2"}, "unknown"),
        ({"uid": ""}, "unknown"),
        ({"ttl_ms": 0}, "expired"),
        ({"resource": "a b"}, "unsupported"),
        ({"resource": ""}, "unsupported"),
        ({"data": "x" * MAX_VALUE_BYTES}, "unsupported"),
    ],
)
def test_PB_04_a_write_that_makes_no_sense_is_answered_and_nothing_else_happens(
    write: dict[str, Any], code: str
) -> None:
    gateway = Gateway().with_node()
    gateway.write(7, **write)
    assert codes(gateway) == [(7, code)]
    assert gateway.ordered() == []
    done(gateway, begun(gateway, 8))
    assert codes(gateway) == [(8, "ok")]


@pytest.mark.parametrize("uid", ["alive", "reset", "all"])
def test_PB_16_PB_19_a_write_reaches_the_node_that_it_names_and_no_other(uid: str) -> None:
    gateway = Gateway().with_node("n1").with_node(uid)
    assert begun(gateway, uid=uid).uid == uid


def test_a_write_is_run_once_however_often_it_is_asked_for() -> None:
    gateway = Gateway().with_node()
    order = begun(gateway)
    gateway.write(7)
    done(gateway, order)
    gateway.write(7)
    assert gateway.ordered() == []
    assert codes(gateway) == [(7, "ok")]
    assert gateway.core.counters.writes_repeated == 2


def test_ids_are_of_a_session_but_a_write_under_way_is_not_begun_again_in_the_next() -> None:
    gateway = Gateway().with_node()
    order = begun(gateway, 7)
    done(gateway, begun(gateway, 8, resource="other"))
    gateway.core.session_ended()
    gateway.core.session_began()
    gateway.write(7)
    assert gateway.ordered() == []
    done(gateway, begun(gateway, 8, resource="other"))
    done(gateway, order)
    assert codes(gateway) == [(8, "ok"), (8, "ok"), (7, "ok")], "an outcome is told in the next session, too"


def test_a_write_whose_time_is_over_is_answered_and_abandoned_and_not_answered_again() -> None:
    gateway = Gateway().with_node()
    order = begun(gateway, ttl_ms=2_000)
    assert gateway.core.next_deadline() == 1002.0
    gateway.now = 1001.9
    gateway.expire()
    assert codes(gateway) == []
    gateway.now = 1002.0
    gateway.expire()
    assert codes(gateway) == [(7, "timeout")]
    assert gateway.ordered() == [Abandon(order)]
    failed(gateway, order, "offline", "cancelled")
    assert codes(gateway) == []
    assert gateway.core.counters.writes_late == 1
    assert len(gateway.core.requests.writes) == 0


def test_a_write_that_was_confirmed_too_late_still_changed_the_device() -> None:
    gateway = Gateway().with_node()
    order = begun(gateway, ttl_ms=2_000)
    gateway.now += 2.1  # before the timer
    done(gateway, order, "1")
    result, update = gateway.told()
    assert result["code"] == "timeout"
    assert (update["endpoint"], update["data"]) == ("led", "1")


def test_writes_to_one_resource_run_one_after_the_other_in_order() -> None:
    gateway = Gateway().with_node()
    first = begun(gateway, 1, data="a")
    gateway.write(2, data="b")
    gateway.write(3, data="c")
    other = begun(gateway, 4, resource="other")
    assert other.id == 4
    done(gateway, first)
    (second,) = performed(gateway.ordered())
    assert second.data == "b"
    failed(gateway, second, "timeout", "")
    (third,) = performed(gateway.ordered())
    assert third.data == "c"
    done(gateway, other)
    done(gateway, third)
    assert codes(gateway) == [(1, "ok"), (2, "timeout"), (4, "ok"), (3, "ok")]


def test_a_write_that_waited_too_long_never_runs() -> None:
    gateway = Gateway().with_node()
    first = begun(gateway, 1, ttl_ms=10_000)
    gateway.write(2, ttl_ms=1_000)
    gateway.write(3, ttl_ms=9_000)
    gateway.now += 1.0
    done(gateway, first)  # before the timer
    assert codes(gateway) == [(2, "expired"), (1, "ok")]
    assert [order.id for order in performed(gateway.ordered())] == [3]


@pytest.mark.parametrize("ended", ["timeout", "offline", "ok"])
def test_a_node_that_goes_out_ends_its_writes_and_only_those_never_tried_are_offline_at_once(ended: str) -> None:
    gateway = Gateway().with_node("n1").with_node("n2")
    order = begun(gateway, 1)
    gateway.write(2)
    other = begun(gateway, 3, uid="n2")
    gateway.core.gone("n1", "closed", gateway.at)
    assert codes(gateway) == [(2, "offline")]
    assert gateway.ordered() == [Abandon(order), Forget("n1", "closed")]
    done(gateway, order) if ended == "ok" else failed(gateway, order, ended, "")
    done(gateway, other)
    assert codes(gateway) == [(1, ended), (3, "ok")], "the adapter knows what became of it"
    assert gateway.ordered() == []


def test_a_write_whose_node_went_out_is_answered_in_time_also_if_the_adapter_does_not_end_it() -> None:
    gateway = Gateway().with_node()
    order = begun(gateway, ttl_ms=2_000)
    gateway.core.gone("n1", "closed", gateway.at)
    gateway.now += 2.0
    gateway.expire()
    assert codes(gateway) == [(7, "timeout")]
    failed(gateway, order, "offline", "")
    assert codes(gateway) == []
    assert len(gateway.core.requests.writes) == 0


def test_writes_are_bounded_for_each_node_and_in_all() -> None:
    gateway = Gateway()
    nodes = MAX_WRITES // MAX_WRITES_PER_NODE + 1
    for number in range(nodes + 1):
        gateway.seen(f"n{number}")
    gateway.told()
    gateway.ordered()
    asked = 0
    for number in range(nodes):
        for _ in range(MAX_WRITES_PER_NODE + 1):
            asked += 1
            gateway.write(asked, uid=f"n{number}", resource=f"r{asked}")
    running = performed(gateway.ordered())
    assert len(running) == MAX_WRITES
    assert [code for _, code in codes(gateway)] == ["busy"] * (asked - MAX_WRITES)
    gateway.write(asked + 1, uid=f"n{nodes}")
    assert codes(gateway) == [(asked + 1, "busy")]
    done(gateway, running[0])
    begun(gateway, asked + 2, uid="n0")


def test_what_is_remembered_of_ended_writes_is_bounded() -> None:
    gateway = Gateway().with_node()
    for number in range(30_000):
        done(gateway, begun(gateway, number, ttl_ms=2**53 - 1))
        if number % 1000 == 0:
            gateway.told()
    writes = gateway.core.requests.writes
    assert len(writes) == 0
    assert len(writes._deadlines) <= MAX_STALE + 1
    assert len(writes._asked) <= 10_000


steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 20), st.integers(0, 2), st.sampled_from([0, 500, 3_000, 60_000])),
        st.tuples(st.just("done"), st.integers(0, 20), st.booleans(), st.just(0)),
        st.tuples(st.just("wait"), st.sampled_from([0, 1, 5]), st.booleans(), st.just(0)),
        st.tuples(st.just("out"), st.integers(0, 2), st.just(0), st.just(0)),
        st.tuples(st.just("seen"), st.integers(0, 2), st.just(0), st.just(0)),
    ),
    max_size=100,
)


@settings(max_examples=500, deadline=None)
@given(steps)
def test_every_write_is_answered_once_and_run_at_most_once_and_never_too_late(
    history: list[tuple[str, int, int, int]],
) -> None:
    gateway = Gateway()
    running: list[Perform] = []
    deadlines: dict[int, float] = {}
    answers: list[int] = []
    ran: set[int] = set()
    ended: Perform | None = None

    def look() -> None:
        for order in gateway.ordered():
            if isinstance(order, Perform):
                assert order.id not in ran, "run twice"
                assert gateway.now < deadlines[order.id], "run too late"
                assert all((order.uid, order.resource) != (other.uid, other.resource) for other in running)
                ran.add(order.id)
                running.append(order)
            elif isinstance(order, Abandon):
                assert order.order in running or order.order is ended
        answers.extend(number for number, _ in codes(gateway))

    for what, number, which, ttl_ms in history:
        if what == "write":
            deadlines.setdefault(number, gateway.now + ttl_ms / 1000)
            gateway.write(number, uid=f"n{which}", resource=f"r{number % 2}", ttl_ms=ttl_ms)
        elif what == "done" and running:
            order = ended = running.pop(number % len(running))
            if which:
                done(gateway, order, "1")
            else:
                failed(gateway, order, "refused", "")
        elif what == "wait":
            gateway.now += number
            if which:
                gateway.expire()
        elif what == "out":
            gateway.core.gone(f"n{number}", "closed", gateway.at)
        elif what == "seen":
            gateway.seen(f"n{number}")
        look()
    gateway.now += 100
    gateway.expire()
    look()
    assert sorted(answers) == sorted(deadlines)
    while running:
        failed(gateway, running.pop(), "offline", "")
        look()
    assert sorted(answers) == sorted(deadlines)
    assert len(gateway.core.requests.writes) == 0
    assert not gateway.core.requests.writes._lines
