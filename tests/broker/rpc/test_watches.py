# SPDX-License-Identifier: BSD-3-Clause
"""Who is told what, and at what cost: groups of equal filters, batches, what is looked at how often."""

from __future__ import annotations

import json
from unittest import mock

import pytest

from pyaiot.broker import change_list, notices
from pyaiot.broker.directory import Directory
from pyaiot.broker.rpc import changes, filters, groups, watch
from pyaiot.broker.rpc.filters import Filter
from pyaiot.broker.rpc.watch_fanout import MAX_PART_BYTES
from pyaiot.broker.rpc.watches import MAX_GLOB_STEPS_PER_SESSION, MAX_WATCHES_PER_SESSION, Watches
from pyaiot.rpc.errors import RpcError
from pyaiot.wire.messages import GatewayMessage, New, Out, Seen, Sync, Update
from tests.broker.rpc.watcher import HandSession, View, payloads, truth


class Bench:
    """A directory with one gateway, and sessions that watch it."""

    def __init__(self, nodes: int = 0) -> None:
        self.directory = Directory()
        self.wakes = 0
        self.watches = Watches(self.directory, self._wake)
        self.next = 1
        self.directory.gateway_connected("a", "0" * 16)
        self.say(*(New(uid=str(uid), protocol="coap", at=1) for uid in range(nodes)))
        self.say(Sync(uids=[str(uid) for uid in range(nodes)]))

    def _wake(self) -> None:
        self.wakes += 1

    def say(self, *messages: GatewayMessage) -> None:
        self.directory.apply("a", self.next, list(messages))
        self.next += len(messages)

    def watch(self, session: HandSession, since: int | None = None, **conditions: filters.Condition) -> View:
        made, _ = self.watches.add(session, Filter.of(**conditions), since)
        session.views[made.number] = view = View()
        session.read()
        return view


def update(uid: int, data: object = 1, at: int = 1, resource: str = "t") -> Update:
    return Update(uid=str(uid), resource=resource, data=data, value=data, at=at)


def test_a_change_is_encoded_once_for_all() -> None:
    bench = Bench(3)
    sessions = [HandSession() for _ in range(20)]
    for place, session in enumerate(sessions):
        bench.watch(session, **({} if place % 2 else {"resource": "t"}))
    with mock.patch.object(changes, "encode_value", wraps=changes.encode_value) as encode:
        bench.say(update(1), update(2))
        bench.watches.fanout.flush()
    assert encode.call_count == 2
    assert all(view.nodes["a/2"]["values"] for session in sessions for view in session.views.values())


def test_what_matches_is_asked_once_for_each_resource_and_group() -> None:
    """1,000 programs with 1,000 different globs: changes ask no filter any more."""
    bench = Bench(10)
    for number in range(1000):
        bench.watch(HandSession(), glob=f"*/{number % 10}/*{number}*")
    with mock.patch.object(filters.Matcher, "means", autospec=True, side_effect=filters.Matcher.means) as means:
        bench.say(*(update(uid) for uid in range(10)))
        asked = means.call_count
        assert asked <= 10 * 1000
        for round in range(2, 20):
            bench.say(*(update(uid, round, round) for uid in range(10)))
        assert means.call_count == asked
        bench.watch(HandSession(), glob="new/*")
        asked = means.call_count  # by the new one, of all that there is
        bench.say(*(update(uid, 20, 20) for uid in range(10)))
        assert means.call_count == asked, "it names another gateway"
        bench.watch(HandSession(), glob="*/new")
        asked = means.call_count
        bench.say(*(update(uid, 21, 21) for uid in range(10)))
        assert means.call_count == asked + 10, "only the new one is asked"


def test_named_filters_are_asked_only_of_what_they_name() -> None:
    bench = Bench(100)
    for number in range(100):
        bench.watch(HandSession(), uid=f"a/{number}", resource="t")
    with mock.patch.object(filters.Matcher, "means", autospec=True, side_effect=filters.Matcher.means) as means:
        bench.say(*(update(uid) for uid in range(100)))
    assert means.call_count == 100


def test_a_watch_of_named_nodes_looks_at_no_other() -> None:
    bench = Bench(5000)
    bench.say(*(update(uid) for uid in range(5000)))
    with mock.patch.object(filters.Matcher, "means", autospec=True, side_effect=filters.Matcher.means) as means:
        view = bench.watch(HandSession(), uid=["a/7", "a/4999"])
    assert view.synced
    assert set(view.nodes) == {"a/7", "a/4999"}
    assert means.call_count <= 10


def test_a_large_batch_goes_out_in_parts_and_only_the_last_has_the_new_version() -> None:
    bench = Bench(100)
    session = HandSession()
    view = bench.watch(session)
    before = view.version
    session.largest = 0
    session.on_synced = lambda number: pytest.fail("once is enough")
    with mock.patch.object(session, "deliver", wraps=session.deliver) as deliver:
        bench.say(*(update(uid, "x" * 6000) for uid in range(100)))
        bench.watches.fanout.flush()
    assert deliver.call_count >= 4
    assert session.largest < MAX_PART_BYTES + 8192
    assert view.version == bench.directory.changes.version > before
    assert (view.gateways, view.states()) == truth(bench.directory, Filter.of())


def test_a_slow_session_holds_one_part_however_much_changes() -> None:
    bench = Bench(100)
    session = HandSession()
    views = [bench.watch(session) for _ in range(MAX_WATCHES_PER_SESSION)]
    session.is_slow = True
    with mock.patch.object(session, "_hear", wraps=session._hear) as hear:
        for round in range(2, 10):
            bench.say(*(update(uid, f"{round}" + "x" * 3000, round) for uid in range(100)))
            bench.watches.fanout.flush()
    assert hear.call_count == 1
    assert bench.watches.fanout.fallen_behind == 1
    session.is_slow = False
    session.read()
    for view in views:
        assert (view.gateways, view.states()) == truth(bench.directory, Filter.of())


def test_nothing_is_flushed_in_the_middle_of_a_frame() -> None:
    """A version is told as a whole, or whoever goes on from it would miss the rest."""
    bench = Bench(2)
    session = HandSession()
    view = bench.watch(session)
    bench.directory.feed.on_change = lambda kind, node, resource: bench.watches.fanout.flush()
    bench.say(update(0), update(1))
    assert not view.nodes["a/0"]["values"], "not yet"
    bench.watches.fanout.flush()
    assert view.nodes["a/0"]["values"]
    assert view.nodes["a/1"]["values"]


def test_filters_in_use_are_bounded_and_idle_ones_make_room() -> None:
    bench = Bench()
    with mock.patch.object(groups, "MAX_GROUPS", 3):
        sessions = [HandSession() for _ in range(3)]
        for number, session in enumerate(sessions):
            bench.watch(session, uid=f"a/{number}")
        with pytest.raises(RpcError, match="different filters") as caught:
            bench.watch(HandSession(), uid="a/3")
        assert caught.value.name == "busy"
        bench.watch(HandSession(), uid="a/2")  # that is one of them
        sessions[0].end()
        bench.watch(HandSession(), uid="a/3")


def test_the_globs_of_all_watches_are_bounded_and_so_is_what_a_new_resource_costs() -> None:
    """1,600 watches of 32 globs made 75 ms of each new resource."""
    bench = Bench(1)
    made: list[int] = []

    def watch_as_often_as_it_may(session: HandSession) -> None:
        made.append(0)
        while True:
            bench.watch(session, glob=[f"*{len(made)}.{made[-1]}.{place}*" for place in range(32)])
            made[-1] += 1

    sessions = [HandSession() for _ in range(200)]
    for session in sessions:
        with pytest.raises(RpcError, match="globs"):
            watch_as_often_as_it_may(session)
    assert made[0] == made[1] == MAX_GLOB_STEPS_PER_SESSION // 32 < MAX_WATCHES_PER_SESSION
    assert made[-1] == 0
    assert sum(group.matcher.steps - 1 for group in bench.watches._groups) <= groups.MAX_GLOB_STEPS
    bench.watch(sessions[-1])
    for session in sessions:
        session.end()
    with pytest.raises(RpcError, match="globs"):
        watch_as_often_as_it_may(HandSession())
    assert made[-1] == made[0], "there is room again"


def test_a_watch_looks_at_less_at_a_time_the_more_its_filter_costs() -> None:
    """16 watches of 32 globs that began at once held up everybody for 3.5 s."""
    means = filters.Matcher.means
    for conditions in ({}, {"uid": [f"a/{uid}" for uid in range(32)]}):
        bench = Bench(200)
        bench.say(*(update(uid, resource=f"r{number}") for uid in range(200) for number in range(10)))
        filter = Filter.of(glob=[f"*{number}x*" for number in range(32)], **conditions)
        steps, most = 0, 0

        def count(self: filters.Matcher, *arguments: str) -> bool:
            nonlocal steps
            steps += self.steps
            return means(self, *arguments)

        session = HandSession()
        session.views[1] = View()
        with mock.patch.object(filters.Matcher, "means", count), mock.patch.object(watch, "MAX_STEPS", 1_000):
            made, _ = bench.watches.add(session, filter, None)
            while made.bookmark is not None:
                steps = 0
                made.take(65_536)
                most = max(most, steps)
        assert 500 < most <= 1_000 + 11 * 33


def test_departures_are_remembered_to_a_bound_and_older_versions_are_not_gone_on_from() -> None:
    bench = Bench(10)
    with (
        mock.patch.object(notices, "MAX_REMEMBERED_NOTICES", 4),
        mock.patch.object(notices, "FORGOTTEN_AT_ONCE", 1),
    ):
        versions = []
        for uid in range(10):
            versions.append(bench.directory.changes.version)
            bench.say(Out(uid=str(uid), why="closed", at=1))
        resumed = [bench.watches.add(HandSession(), Filter.of(), version)[1] for version in versions]
        # One more than the bound, for they are forgotten by the lot.
        assert resumed == [False] * 5 + [True] * 5


def test_who_has_missed_more_than_is_walked_is_told_the_state() -> None:
    bench = Bench(10)
    before = bench.directory.changes.version
    bench.say(*(update(uid) for uid in range(10)))
    with mock.patch.object(change_list, "MAX_MISSED", 10):
        assert bench.watches.add(HandSession(), Filter.of(), before)[1] is False
    with mock.patch.object(change_list, "MAX_MISSED", 14):
        assert bench.watches.add(HandSession(), Filter.of(), before)[1] is True


def test_signs_of_life_keep_nobody_from_going_on() -> None:
    """They come by the thousand from nodes that say nothing, and most watches are told none of them."""
    bench = Bench(40)
    bench.say(update(1))
    version = bench.directory.changes.version
    bench.say(update(2), *(Seen(uid=str(uid), at=2) for uid in range(40)))
    with mock.patch.object(change_list, "MAX_MISSED", 10):
        assert bench.watches.add(HandSession(), Filter.of(), version)[1]
        assert bench.watches.add(HandSession(), Filter.of(), version, details=True)[1]
        with mock.patch.object(change_list, "MAX_MISSED_SIGNS", 40):
            assert not bench.watches.add(HandSession(), Filter.of(), version)[1]


def test_who_hears_late_is_not_told_of_a_node_that_its_gateway_left_again() -> None:
    bench = Bench(2)
    before = bench.directory.changes.version

    def missed() -> list[tuple[str, str]]:
        session = HandSession()
        made, resumed = bench.watches.add(session, Filter.of(), before)
        assert resumed
        told = [change for text in payloads(made.take(65_536)) for change in json.loads(text)["params"]["changes"]]
        return [(each["type"], each.get("state") or each["uid"]) for each in told]

    bench.directory.gateway_lost("a", 1.0)
    bench.next = 1
    bench.directory.gateway_connected("a", "1" * 16)
    bench.say(New(uid="0", protocol="coap", at=1))
    assert missed() == [("gateway", "resyncing"), ("node", "a/0")]
    bench.directory.gateway_lost("a", 2.0)
    assert missed() == [("gateway", "away")]


def test_an_idle_link_wakes_once_a_batch() -> None:
    bench = Bench(3)
    bench.watch(HandSession())
    bench.watches.fanout.flush()
    bench.wakes = 0
    bench.say(update(0), update(1))
    bench.say(update(2))
    assert bench.wakes == 1
    bench.watches.fanout.flush()
    bench.say(update(0, 2, 2))
    assert bench.wakes == 2


def test_who_watches_a_type_hears_when_a_resource_is_of_another_from_then_on() -> None:
    """Even if nothing was told of the resource since the watch began: found by test_watches_properties."""
    bench = Bench(1)
    bench.say(Update(uid="0", resource="t", data=1, value=1, at=1, unit="%RH"))
    views = [bench.watch(HandSession(), type=type) for type in ("humidity", "t")]
    assert [set(view.nodes) for view in views] == [{"a/0"}, set()]
    bench.say(update(0, 2, 2))
    bench.watches.fanout.flush()
    for session in bench.watches._sessions:
        session.read()  # type: ignore[attr-defined]
    assert [set(view.nodes) for view in views] == [set(), {"a/0"}]
