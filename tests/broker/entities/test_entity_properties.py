# SPDX-License-Identifier: BSD-3-Clause
"""Whoever registers, calls, answers, leaves, takes over or comes back: every call ends once, and nothing leaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pyaiot.broker.entities.descriptions import MethodDescription
from pyaiot.broker.entities.holders import KEPT_S
from pyaiot.rpc.errors import RpcError
from pyaiot.wire.messages import Write
from tests.broker.entities.members import Member, make_entities

MEMBERS = 4
members = st.integers(0, MEMBERS - 1)
ids = st.sampled_from(["a", "b"])
tokens = st.sampled_from([None, "the one token", "another token"])
topics = st.sampled_from([None, "x", "y"])
METHODS = (MethodDescription("add"),)


@dataclass(eq=False)
class Asked:
    """A call as its caller sees it."""

    caller: Member
    until: float
    endings: list[Any] = field(default_factory=list)
    #: What had come when the caller left; None while it is there.
    had: int | None = None


def refusal(what: Callable[..., Any], *arguments: Any, **named: Any) -> RpcError | None:
    """Why it was refused, if it was."""
    try:
        what(*arguments, **named)
    except RpcError as error:
        return error
    return None


class EntitiesMachine(RuleBasedStateMachine):
    """Four connections, each of which is replaced by a fresh one when it ends."""

    def __init__(self) -> None:
        super().__init__()
        self.desk, self.entities = make_entities()
        self.members = [Member(str(number)) for number in range(MEMBERS)]
        self.asked: list[Asked] = []
        self.writes = 0

    @rule(who=members, id=ids, token=tokens)
    def register(self, who: int, id: str, token: str | None) -> None:
        held = self.entities.registry.entities.get(id)
        holder, token_before = (held.member, held.token) if held is not None else (None, None)
        refused = refusal(self.entities.register, self.members[who], id, token, type="t", methods=METHODS)
        if refused is not None:
            assert refused.name == "taken" or refused.code == -32602
            return
        assert holder in (None, self.members[who]) or token == token_before, "given to another without its token"
        for number, member in enumerate(self.members):
            if member.is_replaced:
                self.end(number)

    @rule(caller=members, id=ids, timeout_s=st.integers(1, 60))
    def call(self, caller: int, id: str, timeout_s: int) -> None:
        asked = Asked(self.members[caller], self.desk.now + timeout_s)
        refused = refusal(self.entities.call, asked.caller, id, "add", None, timeout_s, asked.endings.append)
        if refused is None:
            self.asked.append(asked)
        else:
            assert refused.name == "unknown"
            assert asked.endings == []

    @rule(id=ids, data=st.integers(-9, 9))
    def write(self, id: str, data: int) -> None:
        self.writes += 1
        self.entities.send(Write(id=self.writes, uid=id, resource="add", data=data, ttl_ms=5_000))

    @rule(who=members, which=st.integers(0, 100), is_error=st.booleans())
    def answer(self, who: int, which: int, is_error: bool) -> None:
        """Any call that ever came, also for the second time."""
        asked = self.members[who].asked
        if asked:
            done = asked[which % len(asked)][-1]
            done(RpcError(1, "no") if is_error else msgspec.Raw(b"1"))

    @rule(who=members)
    def leave(self, who: int) -> None:
        self.end(who)

    def end(self, who: int) -> None:
        member = self.members[who]
        for asked in self.asked:
            if asked.caller is member and asked.had is None:
                asked.had = len(asked.endings)
        self.entities.leave(member)
        self.members[who] = Member(f"{who}'")

    @rule(who=members)
    def unregister(self, who: int) -> None:
        self.entities.unregister(self.members[who])

    @rule(who=members, id=ids, topic=topics)
    def subscribe(self, who: int, id: str, topic: str | None) -> None:
        refused = refusal(self.entities.subscribe, self.members[who], id, topic)
        assert refused is None or refused.name == "unknown"

    @rule(who=members, id=ids, topic=topics)
    def unsubscribe(self, who: int, id: str, topic: str | None) -> None:
        self.entities.unsubscribe(self.members[who], id, topic)

    @rule(who=members, watch=st.booleans())
    def watch(self, who: int, watch: bool) -> None:
        self.entities.watch_registrations(self.members[who], watch)

    @rule(who=members, topic=topics, content=st.integers(-9, 9))
    def publish(self, who: int, topic: str | None, content: int) -> None:
        refused = refusal(self.entities.publish, self.members[who], topic, content)
        assert refused is None or refused.name == "unknown"

    @rule(who=members, reads=st.booleans())
    def read(self, who: int, reads: bool) -> None:
        member = self.members[who]
        member.reads = reads
        if reads:
            while member.read(10):
                pass

    @rule(seconds=st.sampled_from([0.5, 5.0, 60.0, KEPT_S + 1]))
    def wait(self, seconds: float) -> None:
        self.desk.now += seconds
        self.entities.expire()

    @invariant()
    def nothing_ends_twice_or_late(self) -> None:
        for asked in self.asked:
            assert len(asked.endings) <= 1
            assert asked.endings or asked.had is not None or asked.until > self.desk.now
            assert asked.had in (None, len(asked.endings)), "told to nobody"
        ended = [result.id for result in self.desk.results]
        assert len(ended) == len(set(ended))

    @invariant()
    def nodes_are_the_entities(self) -> None:
        assert set(self.desk.directory.nodes) == {f"peer/{id}" for id in self.entities.registry.entities}

    @invariant()
    def what_is_due_is_known(self) -> None:
        waiting = [asked.until for asked in self.asked if not asked.endings and asked.had is None]
        due = self.entities.next_deadline()
        assert not waiting or (due is not None and due <= min(waiting))

    def teardown(self) -> None:
        for number in range(MEMBERS):
            self.end(number)
        self.desk.now += 100
        self.entities.expire()
        assert self.entities.is_empty
        assert self.desk.directory.feed.on_reported is None
        assert len(self.desk.results) == self.writes
        assert all(len(asked.endings) == (1 if asked.had is None else asked.had) for asked in self.asked)
        assert self.desk.directory.nodes == {}
        assert self.entities.next_deadline() is None
        self.desk.now += KEPT_S
        assert self.entities.registry.holders.admits("a", None, self.desk.now)
        assert len(self.entities.registry.holders) == 0


TestEntities = EntitiesMachine.TestCase
TestEntities.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
