# SPDX-License-Identifier: BSD-3-Clause
"""Actuations that wait: each ends exactly once, is started at most once, and never after its time."""

from __future__ import annotations

from collections import Counter
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pyaiot.broker.actuations import PlannedWrite
from pyaiot.broker.parked import (
    KEEP_S,
    MAX_KEPT,
    MAX_RUNNING,
    MAX_STALE_DEADLINES,
    MAX_WAITING,
    MAX_WAITING_BYTES,
    MAX_WAITING_PER_NODE,
    MAX_WAITING_PER_SERVICE,
    Full,
    Parked,
    ParkedActuations,
)
from pyaiot.broker.writes import Outcome

WRITES = (PlannedWrite("LED", "led", "1"),)
GOOD, BAD = (Outcome(),), (Outcome("refused", "no"),)


@pytest.fixture
def parked() -> ParkedActuations:
    numbers = count(1)
    return ParkedActuations(lambda: str(next(numbers)))


def park(
    parked: ParkedActuations, uid: str = "ws/joe", ttl_s: float = 60, now: float = 0.0, by: bytes = b"a", size: int = 1
) -> Parked:
    return parked.park(uid, WRITES, asked_by=by, size=size, ttl_s=ttl_s, now=now)


def anywhere(uid: str) -> bool:
    return True


def test_it_waits_until_its_node_is_there(parked: ParkedActuations) -> None:
    one = park(parked)
    assert (one.id, one.state, one.running, parked.find("1")) == ("1", "waiting", False, one)
    assert parked.has("ws/joe")
    assert parked.next_deadline() == 60.0
    assert parked.start(30.0, anywhere) == []
    assert not parked.node_is_there("ws/other")
    assert parked.node_is_there("ws/joe")
    assert parked.next_deadline() == 0.0
    assert parked.start(30.0, anywhere) == [one]
    assert (one.state, one.running, parked.next_deadline()) == ("waiting", True, None)
    assert parked.start(31.0, anywhere) == []
    assert not parked.node_is_there("ws/joe"), "it has been started"
    parked.finish(one, GOOD, 32.0)
    assert (one.state, one.outcomes, one.running) == ("delivered", GOOD, False)
    assert (len(parked), parked.has("ws/joe"), parked.find("1")) == (0, False, one)
    assert parked.endings == {"delivered": 1, "failed": 0, "expired": 0}


def test_those_of_one_node_run_one_after_the_other(parked: ParkedActuations) -> None:
    first, second, third = park(parked), park(parked), park(parked, ttl_s=5)
    other = park(parked, "ws/jim")
    parked.node_is_there("ws/joe")
    assert parked.start(1.0, anywhere) == [first]
    parked.node_is_there("ws/joe")
    parked.node_is_there("ws/jim")
    assert parked.start(1.0, anywhere) == [other]
    parked.finish(first, BAD, 2.0)
    assert (first.state, first.outcomes) == ("failed", BAD)
    assert parked.start(2.0, anywhere) == [second]
    parked.finish(second, GOOD, 7.0)
    assert parked.start(7.0, anywhere) == []
    assert third.state == "expired"


def test_its_time_ends_it_and_not_what_runs(parked: ParkedActuations) -> None:
    one, two = park(parked, ttl_s=10), park(parked, ttl_s=10)
    parked.node_is_there("ws/joe")
    assert parked.start(9.9, anywhere) == [one]
    parked.expire(10.0)
    assert (one.state, two.state) == ("waiting", "expired")
    assert two.outcomes[0].code == "expired"
    parked.node_is_there("ws/joe")
    assert parked.start(10.0, anywhere) == []
    parked.finish(one, GOOD, 11.0)
    assert one.state == "delivered"


def test_at_its_last_moment_it_is_over_and_not_started(parked: ParkedActuations) -> None:
    one = park(parked, ttl_s=10)
    parked.node_is_there("ws/joe")
    assert parked.start(10.0, anywhere) == []
    assert one.state == "expired"
    assert parked.next_deadline() == 10.0 + KEEP_S


def test_a_node_that_went_again_is_waited_for_anew(parked: ParkedActuations) -> None:
    one = park(parked)
    parked.node_is_there("ws/joe")
    assert parked.start(1.0, lambda uid: False) == []
    assert (one.state, parked.next_deadline()) == ("waiting", 60.0)
    parked.node_is_there("ws/joe")
    assert parked.start(2.0, anywhere) == [one]


def test_a_revoked_service_gets_nothing_done(parked: ParkedActuations) -> None:
    kept, gone, runs = park(parked, by=b"ann"), park(parked, by=b"bob"), park(parked, "ws/jim", by=b"bob")
    parked.node_is_there("ws/jim")
    assert parked.start(1.0, anywhere) == [runs]
    parked.revoke(lambda service: service != b"bob", 2.0)
    assert (kept.state, gone.state, runs.state) == ("waiting", "failed", "waiting")
    assert gone.outcomes[0].code == "forbidden"
    parked.node_is_there("ws/joe")
    assert parked.start(3.0, anywhere) == [kept]
    parked.finish(runs, GOOD, 4.0)
    assert runs.state == "delivered"


def test_how_one_ended_is_known_for_a_while(parked: ParkedActuations) -> None:
    one = park(parked, ttl_s=1)
    parked.expire(1.0)
    parked.expire(1.0 + KEEP_S - 0.1)
    assert parked.find(one.id) is one
    assert one.writes == (PlannedWrite("LED", "led", None),), "what was to be written is not kept"
    parked.expire(1.0 + KEEP_S)
    assert parked.find(one.id) is None
    assert parked.next_deadline() is None


def test_every_bound_is_one(parked: ParkedActuations) -> None:
    for _ in range(MAX_WAITING_PER_NODE):
        park(parked)
    with pytest.raises(Full, match="for this device"):
        park(parked)
    for number in range(MAX_WAITING_PER_SERVICE - MAX_WAITING_PER_NODE):
        park(parked, f"ws/{number}")
    with pytest.raises(Full, match="of this service"):
        park(parked, "ws/last")
    for number in range(MAX_WAITING - MAX_WAITING_PER_SERVICE):
        park(parked, f"ws/{number}", by=str(number).encode())
    with pytest.raises(Full, match="too many"):
        park(parked, "ws/last", by=b"z")
    parked.expire(60.0)
    assert len(parked) == 0
    park(parked, size=MAX_WAITING_BYTES)
    with pytest.raises(Full, match="too many"):
        park(parked, "ws/last", by=b"z")


def test_what_ended_is_bounded_and_so_is_what_is_remembered_of_deadlines(parked: ParkedActuations) -> None:
    first = park(parked, "ws/first")
    for _ in range(3 * MAX_KEPT):
        one = park(parked, ttl_s=86_400)
        parked.node_is_there("ws/joe")
        assert parked.start(1.0, anywhere) == [one]
        parked.finish(one, GOOD, 1.0)
    assert parked.find("2") is None
    assert parked.find(one.id) is one
    assert parked.find(first.id) is first
    assert len(parked._ended) == MAX_KEPT
    assert len(parked._deadlines) <= 2 * len(parked) + MAX_STALE_DEADLINES + 1


def test_so_many_run_at_once_though_all_are_back_together(parked: ParkedActuations) -> None:
    uids = [f"ws/{number}" for number in range(MAX_RUNNING + 5)]
    for uid in uids:
        park(parked, uid)
        parked.node_is_there(uid)
    running = parked.start(1.0, anywhere)
    assert [each.uid for each in running] == uids[:MAX_RUNNING]
    assert parked.next_deadline() == 60.0, "the timer does not spin"
    parked.finish(running[0], GOOD, 2.0)
    assert parked.next_deadline() == 0.0
    assert [each.uid for each in parked.start(2.0, anywhere)] == [uids[MAX_RUNNING]]


class Many(RuleBasedStateMachine):
    """Against what must hold: nodes come and go, time passes, outcomes come when they like, tokens are revoked."""

    UIDS = st.sampled_from(["ws/a", "ws/b", "http/a"])
    SERVICES = st.sampled_from([b"ann", b"bob"])

    def __init__(self) -> None:
        super().__init__()
        numbers = count(1)
        self.parked = ParkedActuations(lambda: str(next(numbers)))
        self.now = 0.0
        self.there: set[str] = set()
        self.asked: dict[str, Parked] = {}
        self.order: dict[str, list[str]] = {}
        self.starts: Counter[str] = Counter()
        self.running: list[Parked] = []
        self.ended: dict[str, str] = {}
        self.revoked: set[bytes] = set()

    @rule(uid=UIDS, by=SERVICES, ttl_s=st.integers(1, 30), size=st.integers(1, 16_384))
    def ask(self, uid: str, by: bytes, ttl_s: int, size: int) -> None:
        if by in self.revoked:
            return
        try:
            one = self.parked.park(uid, WRITES, asked_by=by, size=size, ttl_s=ttl_s, now=self.now)
        except Full:
            waiting = [each for each in self.asked.values() if each.uid == uid and each.state == "waiting"]
            assert len(waiting) >= MAX_WAITING_PER_NODE
            return
        self.asked[one.id] = one
        if uid in self.there:
            self.parked.node_is_there(uid)

    @rule(uid=UIDS)
    def come(self, uid: str) -> None:
        self.there.add(uid)
        self.parked.node_is_there(uid)

    @rule(uid=UIDS)
    def go(self, uid: str) -> None:
        self.there.discard(uid)

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds: float) -> None:
        """As the hub's timer does: it fires when something is due, not before."""
        until = self.now + seconds
        for _ in range(1_000):
            deadline = self.parked.next_deadline()
            if deadline is None or deadline > until:
                break
            self.now = max(self.now, deadline)
            self.fire()
        else:
            raise AssertionError("the timer spins")
        self.now = until

    def fire(self) -> None:
        for one in self.parked.start(self.now, self.there.__contains__):
            assert one.uid in self.there
            assert self.now < one.expires_at, "never after its time"
            assert one.asked_by not in self.revoked
            assert all(each.uid != one.uid for each in self.running), "one after the other"
            self.starts[one.id] += 1
            self.order.setdefault(one.uid, []).append(one.id)
            self.running.append(one)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), outcome=st.sampled_from([GOOD, BAD, (Outcome("expired", "late"),)]))
    def hear(self, data: st.DataObject, outcome: tuple[Outcome, ...]) -> None:
        one = data.draw(st.sampled_from(self.running))
        self.running.remove(one)
        self.parked.finish(one, outcome, self.now)

    @rule(by=SERVICES)
    def revoke(self, by: bytes) -> None:
        self.revoked.add(by)
        self.parked.revoke(lambda service: service not in self.revoked, self.now)

    @rule()
    def authorize(self) -> None:
        self.revoked.clear()

    @invariant()
    def each_ends_once_and_stays_so(self) -> None:
        for id, one in self.asked.items():
            if one.state == "waiting":
                assert id not in self.ended
                assert one.running == (one in self.running)
            else:
                assert self.ended.setdefault(id, one.state) == one.state
                assert self.starts[id] == 1 or one.state != "delivered", "nothing is delivered that was not sent"
        assert all(number == 1 for number in self.starts.values()), "at most once"
        open_ones = [one for one in self.asked.values() if one.state == "waiting"]
        assert len(self.parked) == len(open_ones)
        assert sum(self.parked.endings.values()) == len(self.ended)
        assert self.parked._bytes == sum(one.size for one in open_ones)
        for order in self.order.values():
            assert order == sorted(order, key=int), "in the order in which they were asked for"

    def teardown(self) -> None:
        self.there = {"ws/a", "ws/b", "http/a"}
        for one in self.running:
            self.parked.finish(one, GOOD, self.now)
        self.running.clear()
        self.there.clear()
        self.wait(31.0)
        assert len(self.parked) == 0
        assert all(one.state != "waiting" for one in self.asked.values()), "each has ended"
        self.now += KEEP_S
        self.parked.expire(self.now)
        assert self.parked.next_deadline() is None


Many.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestMany = Many.TestCase
