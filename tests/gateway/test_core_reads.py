# SPDX-License-Identifier: BSD-3-Clause
"""Reads: true only by what the device says afterwards, never too late, answered exactly once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyaiot.gateway import reads
from pyaiot.gateway.adapter import Refused
from pyaiot.gateway.orders import Abandon, Ask, Forget
from pyaiot.gateway.reads import MAX_READS_PER_NODE
from pyaiot.wire.messages import Read
from tests.gateway.gateway_under_test import Gateway


def read(gateway: Gateway, number: int, uid: str = "n1", resource: str = "t", ttl_ms: int = 10_000) -> None:
    gateway.core.requests.read(Read(id=number, uid=uid, resource=resource, ttl_ms=ttl_ms), gateway.now)


def begun(gateway: Gateway, number: int = 7, **more: Any) -> Ask:
    """A read that the adapter has just been asked for."""
    read(gateway, number, **more)
    (order,) = gateway.ordered()
    assert isinstance(order, Ask)
    return order


def ended(gateway: Gateway, order: Ask, *failure: str) -> None:
    gateway.core.requests.read_ended(order, gateway.now, *failure)


def codes(gateway: Gateway) -> list[tuple[int, str]]:
    return [(told["id"], told.get("code", "ok")) for told in gateway.told() if told["type"] == "result"]


def test_what_the_device_said_is_told_before_the_result() -> None:
    gateway = Gateway().with_node()
    gateway.updated("n1", "t", 20)
    order = begun(gateway, resource="/t")
    assert (order.uid, order.resource) == ("n1", "t")
    gateway.told()
    for value in (21, 21):
        gateway.updated("n1", "t", value)
        ended(gateway, order)
        update, result = gateway.told()
        assert (update["data"], result) == (value, {"type": "result", "id": order.id, "ok": True})
        order = begun(gateway, order.id + 1)  # once more: the same value is an answer, too
    assert gateway.core.counters.reads == {"ok": 2}
    assert gateway.core.counters.writes == {}


def test_an_adapter_that_told_nothing_is_not_believed() -> None:
    gateway = Gateway().with_node()
    gateway.updated("n1", "t", 20)
    for number, resource in enumerate(("t", "never", "large"), 1):
        order = begun(gateway, number, resource=resource)
        gateway.updated("n1", "other", number)
        if resource == "large":
            with pytest.raises(Refused):
                gateway.updated("n1", "large", "x" * 20_000)
        ended(gateway, order)
    order = begun(gateway, 4)
    gateway.reset("n1")
    gateway.ordered()
    ended(gateway, order)
    assert codes(gateway) == [(1, "failed"), (2, "failed"), (3, "failed"), (4, "failed")]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"uid": "n2"}, "unknown"),
        ({"uid": ""}, "unknown"),
        ({"ttl_ms": 0}, "expired"),
        ({"resource": "a b"}, "unsupported"),
        ({"resource": ""}, "unsupported"),
        ({"resource": "ip"}, "unsupported"),
        ({"resource": "/protocol"}, "unsupported"),
    ],
)
def test_what_makes_no_sense_is_answered_and_nothing_else_happens(asked: dict[str, Any], code: str) -> None:
    gateway = Gateway().with_node()
    read(gateway, 7, **asked)
    assert codes(gateway) == [(7, code)]
    assert gateway.ordered() == []


def test_ids_are_of_one_kind_with_those_of_writes_and_count_once() -> None:
    gateway = Gateway().with_node()
    begun(gateway, 7)
    gateway.write(7)
    read(gateway, 7)
    assert (gateway.ordered(), codes(gateway)) == ([], [])
    assert gateway.core.counters.writes_repeated == 2


def test_a_read_ends_in_time_and_what_comes_later_changes_nothing() -> None:
    gateway = Gateway().with_node()
    order = begun(gateway, ttl_ms=500)
    assert gateway.core.next_deadline() == gateway.now + 0.5
    gateway.now += 0.5
    gateway.expire()
    assert gateway.ordered() == [Abandon(order)]
    assert codes(gateway) == [(7, "timeout")]
    gateway.updated("n1", "t", 1)
    ended(gateway, order)
    assert codes(gateway) == []
    assert gateway.core.counters.writes_late == 1
    late = begun(gateway, 8, ttl_ms=500)
    gateway.now += 0.6
    gateway.updated("n1", "t", 2)
    ended(gateway, late)  # before the timer was there
    assert codes(gateway) == [(8, "timeout")]


def test_reads_run_beside_writes_and_each_other() -> None:
    gateway = Gateway().with_node()
    gateway.write(1, resource="t")
    for number in (2, 3):
        read(gateway, number)
    assert [order.id for order in gateway.ordered() if hasattr(order, "id")] == [1, 2, 3]


def test_a_node_that_goes_out_ends_its_reads() -> None:
    gateway = Gateway().with_node("n1").with_node("n2")
    order, other = begun(gateway, 1), begun(gateway, 2, uid="n2")
    gateway.core.gone("n1", "closed", gateway.at)
    assert gateway.ordered() == [Abandon(order), Forget("n1", "closed")]
    assert codes(gateway) == [(1, "offline")]
    ended(gateway, order, "failed", "cut short")
    ended(gateway, other, "refused", "4.05")
    assert codes(gateway) == [(2, "refused")]
    assert len(gateway.core.requests.reads) == 0


def test_there_are_at_most_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "MAX_READS", MAX_READS_PER_NODE + 2)
    gateway = Gateway().with_node("n1").with_node("n2")
    for number in range(MAX_READS_PER_NODE + 1):
        read(gateway, number)
    assert codes(gateway) == [(MAX_READS_PER_NODE, "busy")]
    for number in range(100, 103):
        read(gateway, number, uid="n2")
    assert codes(gateway) == [(102, "busy")]
    for order in gateway.ordered():
        assert isinstance(order, Ask)
        ended(gateway, order, "timeout", "silent")
    begun(gateway, 200)


STEPS = st.tuples(
    st.sampled_from(("read", "told", "done", "failed", "wait", "gone", "seen")), st.integers(0, 9), st.integers(0, 1)
)


@settings(max_examples=200)
@given(st.lists(STEPS, max_size=60))
def test_every_read_is_answered_once_and_nothing_is_left(history: list[tuple[str, int, int]]) -> None:
    gateway = Gateway()
    running: list[Ask] = []
    asked: set[int] = set()
    true: set[int] = set()
    answers: list[tuple[int, str]] = []

    def look() -> None:
        for order in gateway.ordered():
            if isinstance(order, Ask):
                running.append(order)
            elif isinstance(order, Abandon):
                assert order.order in running
        answers.extend(codes(gateway))

    for count, (what, number, which) in enumerate(history):
        uid, resource = f"n{which}", f"r{number % 2}"
        if what == "read":
            asked.add(count)
            read(gateway, count, uid=uid, resource=resource, ttl_ms=500 * number)
        elif what == "told" and uid in gateway.core.registry:
            gateway.updated(uid, resource, number)
            true |= {order.id for order in running if (order.uid, order.resource) == (uid, resource)}
        elif what in ("done", "failed") and running:
            ended(gateway, running.pop(number % len(running)), *(() if what == "done" else ("refused", "no")))
        elif what == "wait":
            gateway.now += 0.4
            gateway.expire()
        elif what == "gone":
            gateway.core.gone(uid, "closed", gateway.at)
        elif what == "seen":
            gateway.seen(uid)
        look()
    while running:
        ended(gateway, running.pop(), "failed", "the end")
        look()
    assert sorted(number for number, _ in answers) == sorted(asked)
    assert {number for number, code in answers if code == "ok"} <= true
    assert len(gateway.core.requests.reads) == 0
    assert gateway.core.requests.reads.next_deadline() is None
