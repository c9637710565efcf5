# SPDX-License-Identifier: BSD-3-Clause
"""A write's outcome is told exactly once, whatever the gateway says and however late."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pyaiot.broker.writes import MARGIN_S, MAX_IDLE_DEADLINES, MAX_PENDING_PER_GATEWAY, TTL_S, Outcome, PendingWrites
from pyaiot.wire.messages import Result

LATEST = TTL_S + MARGIN_S


@pytest.fixture
def writes() -> PendingWrites:
    return PendingWrites(first_id=1000)


def begin(writes: PendingWrites, told: list[Outcome], gateway: str = "coap", now: float = 0.0) -> int:
    id = writes.begin(gateway, now, told.append)
    assert id is not None
    return id


def ignore(outcome: Outcome) -> None:
    """Somebody who does not care."""


def test_ids_count_up_from_the_first(writes: PendingWrites) -> None:
    assert [begin(writes, []) for _ in range(3)] == [1000, 1001, 1002]
    assert len(writes) == 3


def test_deadlines_of_writes_that_ended_do_not_pile_up_behind_one_that_waits(writes: PendingWrites) -> None:
    told: list[Outcome] = []
    begin(writes, told)
    for _ in range(5_000):
        writes.finish("coap", Result(id=begin(writes, [], now=1.0), ok=True))
    assert len(writes._deadlines) <= MAX_IDLE_DEADLINES + 4
    assert writes.next_deadline() == LATEST
    writes.expire(LATEST)
    assert [each.code for each in told] == ["timeout"]
    assert writes.next_deadline() is None


def test_confirmed(writes: PendingWrites) -> None:
    told: list[Outcome] = []
    writes.finish("coap", Result(id=begin(writes, told), ok=True))
    assert told == [Outcome()]
    assert len(writes) == 0
    assert writes.next_deadline() is None
    assert writes.outcomes == {"ok": 1}


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (Result(id=1000, ok=False, code="timeout", reason="no answer"), Outcome("timeout", "no answer")),
        (Result(id=1000, ok=False), Outcome("refused", "the gateway gave no reason")),
        (Result(id=1000, ok=False, code="", reason=""), Outcome("refused", "the gateway gave no reason")),
        (Result(id=1000, ok=True, code="x", reason="y"), Outcome()),
    ],
)
def test_what_the_gateway_said(writes: PendingWrites, result: Result, outcome: Outcome) -> None:
    told: list[Outcome] = []
    begin(writes, told)
    writes.finish("coap", result)
    assert told == [outcome]


def test_only_the_gateway_that_was_asked_can_answer(writes: PendingWrites) -> None:
    told: list[Outcome] = []
    id = begin(writes, told)
    writes.finish("mqtt", Result(id=id, ok=True))
    writes.finish("coap", Result(id=id + 1, ok=True))
    assert told == []
    writes.finish("coap", Result(id=id, ok=True))
    writes.finish("coap", Result(id=id, ok=False, code="timeout"))
    assert told == [Outcome()]


def test_silence_is_an_outcome_too(writes: PendingWrites) -> None:
    told: list[Outcome] = []
    id = begin(writes, told, now=5.0)
    assert writes.next_deadline() == 5.0 + LATEST
    writes.expire(5.0 + LATEST - 0.001)
    assert told == []
    writes.expire(5.0 + LATEST)
    assert [outcome.code for outcome in told] == ["timeout"]
    writes.finish("coap", Result(id=id, ok=True))  # too late
    writes.expire(1e9)
    assert len(told) == 1
    assert writes.outcomes == {"timeout": 1}


def test_who_asks_for_less_time_waits_no_longer(writes: PendingWrites) -> None:
    told: list[tuple[str, Outcome]] = []
    for name, ttl_s in (("long", TTL_S), ("short", 1.0)):
        assert writes.begin("coap", 5.0, lambda outcome, name=name: told.append((name, outcome)), ttl_s) is not None
    assert writes.next_deadline() == 5.0 + 1.0 + MARGIN_S
    writes.expire(5.0 + 1.0 + MARGIN_S)
    assert [(name, outcome.code) for name, outcome in told] == [("short", "timeout")]
    writes.expire(5.0 + LATEST)
    assert [name for name, _ in told] == ["short", "long"]


def test_each_gateway_has_its_own_limit(writes: PendingWrites) -> None:
    ids = [begin(writes, []) for _ in range(MAX_PENDING_PER_GATEWAY)]
    assert writes.begin("coap", 0.0, ignore) is None
    assert writes.begin("mqtt", 0.0, ignore) is not None
    writes.finish("coap", Result(id=ids[0], ok=True))
    assert writes.begin("coap", 0.0, ignore) is not None
    assert writes.begin("coap", 0.0, ignore) is None


def test_nothing_is_kept_of_whom_nothing_is_under_way_for(writes: PendingWrites) -> None:
    id = writes.begin("peer/lamp", 0.0, ignore)
    assert id is not None
    writes.finish("peer/lamp", Result(id=id, ok=True))
    assert not writes._per_gateway


def test_whoever_is_told_may_write_again_at_once(writes: PendingWrites) -> None:
    told: list[Outcome] = []

    def again(outcome: Outcome) -> None:
        told.append(outcome)
        if len(told) < 3:
            assert writes.begin("coap", 100.0, again) is not None

    writes.begin("coap", 0.0, again)
    writes.expire(50.0)
    assert len(told) == 1
    assert len(writes) == 1
    writes.expire(111.0)  # that one is over, and the third begins at 100 and is over at 111, too
    assert len(told) == 3
    assert len(writes) == 0


class Many(RuleBasedStateMachine):
    """Against a model: who waits, since when, and what was told."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = PendingWrites(first_id=7)
        self.now = 0.0
        self.waiting: dict[int, tuple[str, float]] = {}
        self.told: Counter[int] = Counter()
        self.codes: Counter[str] = Counter()
        self.begun = 0

    @initialize(now=st.floats(0, 1e6))
    def start(self, now: float) -> None:
        self.now = now

    @rule(gateway=st.sampled_from("abc"))
    def begin(self, gateway: str) -> None:
        serial = self.begun
        self.begun += 1

        def tell(outcome: Outcome) -> None:
            self.told[serial] += 1
            self.codes[outcome.code or "ok"] += 1

        id = self.writes.begin(gateway, self.now, tell)
        assert id == 7 + serial
        self.waiting[id] = (gateway, self.now + LATEST)

    @precondition(lambda self: self.begun)
    @rule(data=st.data(), gateway=st.sampled_from("abc"), ok=st.booleans())
    def answer(self, data: st.DataObject, gateway: str, ok: bool) -> None:
        id = 7 + data.draw(st.integers(0, self.begun))
        self.writes.finish(gateway, Result(id=id, ok=ok))
        if self.waiting.get(id, ("",))[0] == gateway:
            del self.waiting[id]

    @rule(seconds=st.floats(0, 15))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.writes.expire(self.now)
        self.waiting = {id: (gateway, until) for id, (gateway, until) in self.waiting.items() if until > self.now}

    @invariant()
    def each_is_told_once_when_it_is_over(self) -> None:
        assert len(self.writes) == len(self.waiting)
        assert self.told == Counter(serial for serial in range(self.begun) if 7 + serial not in self.waiting)
        assert self.writes.next_deadline() == min((until for _, until in self.waiting.values()), default=None)
        assert self.writes.outcomes == self.codes


TestMany = Many.TestCase
TestMany.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.lists(st.sampled_from(["ok", "timeout", "forbidden"])))
def test_outcomes_that_never_got_as_far_are_counted(codes: list[str]) -> None:
    writes = PendingWrites(first_id=0)
    for code in codes:
        writes.count(Outcome(None if code == "ok" else code))
    assert writes.outcomes == Counter(codes)
