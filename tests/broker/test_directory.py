# SPDX-License-Identifier: BSD-3-Clause
"""The directory with literals: what gateways say, what clients are told, and when."""

from __future__ import annotations

from typing import Any

import pytest

from pyaiot.broker import directory as module
from pyaiot.broker import notices
from pyaiot.broker.change_list import Bookmark
from pyaiot.broker.directory import Directory
from pyaiot.broker.entries import Milestone, Node, Notice, Resource
from pyaiot.wire.messages import GatewayMessage, New, Out, Reset, Result, Seen, Sync, Update

EPOCH = "0" * 16


def new(uid: str, at: int = 1) -> New:
    return New(uid=uid, protocol="coap", at=at)


def update(uid: str, resource: str, data: Any, at: int = 2) -> Update:
    return Update(uid=uid, resource=resource, data=data, value=data, at=at)


class Told:
    """A directory with one gateway, and what a live client would have been told."""

    def __init__(self, grace_s: float = 30.0) -> None:
        self.directory = Directory(grace_s)
        self.directory.gateway_connected("g", EPOCH)
        self.heard: list[tuple[Any, ...]] = []
        self.directory.feed.on_change = self._hear
        self.next = 1

    def _hear(self, kind: str, node: Node, resource: Resource | None) -> None:
        self.heard.append((kind, node.uid) if resource is None else (kind, node.uid, resource.name, resource.data))

    def say(self, *messages: GatewayMessage) -> list[tuple[str, str]]:
        applied = self.directory.apply("g", self.next, list(messages))
        self.next += len(messages)
        return applied.refused


def tell(directory: Directory, bookmark: Bookmark, most: int = 1_000_000) -> list[tuple[Any, ...]]:
    """What the bookmark's client is told next, in order."""
    told: list[tuple[Any, ...]] = []
    for entry in directory.changes.untold(bookmark):
        match entry:
            case Resource():
                told.append(("update", entry.node.uid, entry.name, entry.data))
            case Node():
                told.append(("new", entry.uid))
            case Notice():
                told.append((entry.kind, entry.uid))
            case Milestone():
                told.append(("all",))
        if len(told) == most:
            break
    return told


def test_a_live_client_is_told_every_change_in_order() -> None:
    told = Told()
    told.say(
        new("1"),
        update("1", "led", "0", 2),
        update("1", "led", "1", 3),
        Reset(uid="1", at=4),
        Out(uid="1", why="closed", at=5),
    )
    assert told.heard == [
        ("new", "g/1"),
        ("update", "g/1", "led", "0"),
        ("update", "g/1", "led", "1"),
        ("reset", "g/1"),
        ("out", "g/1"),
    ]
    assert told.directory.nodes == {}


def test_the_newest_value_its_unit_and_its_times_are_kept() -> None:
    told = Told()
    told.say(new("1", 10), Update(uid="1", resource="temperature", data="23.4°C", value=23.4, unit="Cel", at=20))
    node = told.directory.nodes["g/1"]
    resource = node.resources["temperature"]
    assert (resource.data, resource.value, resource.unit, resource.at) == ("23.4°C", 23.4, "Cel", 20)
    assert (node.first_seen, node.last_seen, node.gateway, node.protocol) == (10, 20, "g", "coap")
    told.say(Seen(uid="1", at=30), Update(uid="1", resource="temperature", data=5, value=5, at=31))
    assert (node.last_seen, resource.data, resource.unit) == (31, 5, None)


def test_messages_applied_before_are_skipped_and_repeated_values_change_nothing() -> None:
    told = Told()
    told.say(new("1"), update("1", "led", "0"))
    heard = list(told.heard)
    again = told.directory.apply("g", 1, [new("1"), update("1", "led", "9", 9)])
    assert again.refused == []
    assert told.heard == heard
    assert told.directory.counters.skipped == 2
    told.say(new("1"), update("1", "led", "0"))  # as after a reconnect
    assert told.heard == heard
    assert told.directory.counters.repeated == 1
    assert told.directory.owners["g"].ack == 4


def test_a_frame_half_known_is_applied_from_where_it_is_new() -> None:
    told = Told()
    told.say(new("1"))
    told.directory.apply("g", 1, [new("1"), update("1", "led", "1")])
    assert told.heard[-1] == ("update", "g/1", "led", "1")
    assert told.directory.owners["g"].ack == 2


def test_an_empty_frame_acknowledges_nothing() -> None:
    told = Told()
    told.directory.apply("g", 1000, [])
    assert told.directory.owners["g"].ack == 0


def test_true_is_not_one() -> None:
    told = Told()
    told.say(new("1"), update("1", "led", 1), update("1", "led", True))
    assert told.directory.nodes["g/1"].resources["led"].data is True


def test_ids_continue_within_an_epoch_and_start_over_in_another() -> None:
    told = Told()
    told.say(new("1"), update("1", "led", "0"))
    assert told.directory.gateway_connected("g", EPOCH) == 2
    assert told.directory.gateway_connected("g", "1" * 16) == 0


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (update("2", "led", "0"), "not known"),
        (Seen(uid="2", at=1), "not known"),
        (Reset(uid="2", at=1), "not known"),
        (update("1", "a b", "0"), "resource"),
        (update("1", "/led", "0"), "resource"),
        (new("a/b"), "uid"),
        (new(""), "uid"),
    ],
)
def test_what_is_refused_has_a_reason_and_ends_nothing(message: Any, reason: str) -> None:
    told = Told()
    refused = told.say(new("1"), message, update("1", "led", "1"))
    assert [uid for uid, _ in refused] == [message.uid]
    assert reason in refused[0][1]
    assert told.heard[-1] == ("update", "g/1", "led", "1")


def test_nodes_and_resources_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_NODES_PER_GATEWAY", 2)
    monkeypatch.setattr(module, "MAX_RESOURCES_PER_NODE", 2)
    told = Told()
    assert told.say(new("1"), new("2"), update("1", "a", 1), update("1", "b", 1)) == []
    assert [uid for uid, _ in told.say(new("3"), update("1", "c", 1))] == ["3", "1"]
    assert told.say(Out(uid="2", why="closed", at=3), new("3")) == []


def test_pb17_a_gateway_speaks_only_for_its_own_nodes() -> None:
    told = Told()
    told.directory.gateway_connected("other", EPOCH)
    told.say(new("1"), update("1", "led", "0"))
    refused = told.directory.apply(
        "other", 1, [update("1", "led", "1"), Reset(uid="1", at=3), Out(uid="1", why="closed", at=3), Sync(uids=[])]
    ).refused
    assert [uid for uid, _ in refused] == ["1", "1"]
    assert told.directory.nodes["g/1"].resources["led"].data == "0"
    told.directory.apply("other", 5, [new("1")])
    assert set(told.directory.nodes) == {"g/1", "other/1"}


def test_pb19_a_node_called_alive_is_a_node() -> None:
    told = Told()
    assert told.say(new("alive"), update("alive", "led", "0"), Out(uid="alive", why="timeout", at=3)) == []
    assert told.heard == [("new", "g/alive"), ("update", "g/alive", "led", "0"), ("out", "g/alive")]


def test_a_sync_takes_out_who_is_not_listed() -> None:
    told = Told()
    told.say(new("1"), new("2"), new("3"), Sync(uids=["2"]))
    assert told.heard[3:] == [("out", "g/1"), ("out", "g/3")]


def test_a_sync_in_parts_counts_as_one_and_spares_who_came_meanwhile() -> None:
    told = Told()
    told.say(new("1"), new("2"), new("3"), Sync(uids=["1"], more=True))
    assert told.heard[3:] == []
    told.say(new("4"), Sync(uids=["2"]))
    assert told.heard[3:] == [("new", "g/4"), ("out", "g/3")]


def test_a_new_session_forgets_half_a_sync() -> None:
    told = Told()
    told.say(new("1"), new("2"), Sync(uids=["1"], more=True))
    told.directory.gateway_connected("g", EPOCH)
    told.say(Sync(uids=["2"]))
    assert set(told.directory.nodes) == {"g/2"}


def test_outcomes_of_writes_are_handed_on_once() -> None:
    told = Told()
    first = told.directory.apply("g", 1, [Result(id=7, ok=True)])
    assert [result.id for result in first.results] == [7]
    assert told.directory.apply("g", 1, [Result(id=7, ok=True)]).results == []


def test_a_lost_gateways_nodes_are_unreachable_and_out_after_the_grace() -> None:
    told = Told(grace_s=30)
    told.say(new("1"), new("2"))
    told.directory.gateway_lost("g", now=100.0)
    assert {node.state for node in told.directory.nodes.values()} == {"unreachable"}
    assert told.directory.next_deadline() == 130.0
    told.directory.expire(129.9)
    assert len(told.directory.nodes) == 2
    told.directory.expire(130.0)
    assert told.heard[2:] == [("out", "g/1"), ("out", "g/2")]
    assert told.directory.next_deadline() is None


def test_a_gateway_that_is_back_in_time_loses_nothing() -> None:
    told = Told(grace_s=30)
    told.say(new("1"), new("2"))
    told.directory.gateway_lost("g", now=100.0)
    told.directory.gateway_connected("g", EPOCH)
    told.directory.expire(200.0)
    told.say(new("1"), Sync(uids=["1"]))
    assert told.directory.nodes["g/1"].state == "online"
    assert told.heard[2:] == [("out", "g/2")]


def test_nodes_of_a_gateway_that_only_lost_its_link_are_online_at_once() -> None:
    told = Told()
    told.say(new("1"))
    told.directory.gateway_lost("g", now=100.0)
    told.directory.gateway_connected("g", EPOCH)
    assert told.directory.nodes["g/1"].state == "online"
    told.directory.gateway_lost("g", now=101.0)
    told.directory.gateway_connected("g", "1" * 16)
    assert told.directory.nodes["g/1"].state == "unreachable"
    told.directory.apply("g", 1, [new("1")])
    assert told.directory.nodes["g/1"].state == "online"


def test_the_grace_counts_from_the_last_loss() -> None:
    told = Told(grace_s=30)
    told.say(new("1"))
    told.directory.gateway_lost("g", now=100.0)
    told.directory.gateway_connected("g", EPOCH)
    told.directory.gateway_lost("g", now=120.0)
    told.directory.expire(130.0)
    assert "g/1" in told.directory.nodes
    assert told.directory.next_deadline() == 150.0


def test_who_joins_is_told_each_node_then_its_newest_values_then_that_this_was_all() -> None:
    told = Told()
    told.say(new("1"), new("2"), update("1", "a", 1, 1), update("2", "b", 2, 2), update("1", "a", 3, 3))
    bookmark = told.directory.changes.bookmark(told_all=False)
    assert tell(told.directory, bookmark) == [
        ("new", "g/1"),
        ("new", "g/2"),
        ("update", "g/2", "b", 2),
        ("update", "g/1", "a", 3),
        ("all",),
    ]
    assert tell(told.directory, bookmark) == []


def test_who_is_behind_is_told_the_newest_value_once() -> None:
    told = Told()
    told.say(new("1"), update("1", "a", 0, 1), update("1", "b", 0, 1))
    bookmark = told.directory.changes.bookmark(told_all=True)
    told.say(*(update("1", "a", n, n) for n in range(2, 500)))
    assert tell(told.directory, bookmark) == [("update", "g/1", "a", 499)]
    assert tell(told.directory, bookmark) == []


def test_who_is_told_in_pieces_misses_nothing_that_changes_in_between() -> None:
    told = Told()
    told.say(new("1"), update("1", "a", 0, 1), update("1", "b", 0, 1), update("1", "c", 0, 1))
    bookmark = told.directory.changes.bookmark(told_all=False)
    assert tell(told.directory, bookmark, 2) == [("new", "g/1"), ("update", "g/1", "a", 0)]
    told.say(update("1", "a", 1, 2), update("1", "b", 1, 2))
    assert tell(told.directory, bookmark) == [
        ("update", "g/1", "c", 0),
        ("all",),
        ("update", "g/1", "a", 1),
        ("update", "g/1", "b", 1),
    ]


def test_who_is_behind_is_told_of_departures_and_returns() -> None:
    told = Told()
    told.say(new("1"), update("1", "a", 0, 1), new("2"))
    bookmark = told.directory.changes.bookmark(told_all=True)
    told.say(Out(uid="1", why="timeout", at=2), new("1"), update("1", "b", 5, 3), Reset(uid="2", at=3))
    assert tell(told.directory, bookmark) == [
        ("out", "g/1"),
        ("new", "g/1"),
        ("update", "g/1", "b", 5),
        ("reset", "g/2"),
    ]


def test_a_device_that_comes_and_goes_costs_one_notice() -> None:
    told = Told()
    bookmark = told.directory.changes.bookmark(told_all=True)
    for n in range(1000):
        told.say(new("1"), Reset(uid="1", at=n), Out(uid="1", why="closed", at=n))
    assert tell(told.directory, bookmark) == [("reset", "g/1"), ("out", "g/1")]


def test_who_is_too_far_behind_starts_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "MAX_PENDING_NOTICES", 3)
    told = Told()
    bookmark = told.directory.changes.bookmark(told_all=True)
    for n in range(5):
        told.say(new(str(n)), Out(uid=str(n), why="closed", at=n))
    assert bookmark.overtaken


def test_nothing_is_kept_for_clients_when_none_is_behind() -> None:
    told = Told()
    bookmark = told.directory.changes.bookmark(told_all=False)
    told.say(new("1"), Out(uid="1", why="closed", at=1))
    told.directory.changes.drop(bookmark)
    after = told.directory.changes.bookmark(told_all=False)
    assert tell(told.directory, after) == [("all",)]


def test_what_a_gateway_had_told_an_earlier_run_of_the_broker_is_no_fault() -> None:
    """Its backlog comes before it tells its nodes again; until the sync nothing of it is refused."""
    told = Told()
    told.next = 501
    assert told.say(update("1", "led", "0"), Seen(uid="1", at=1), Reset(uid="1", at=1)) == []
    assert told.heard == []
    assert told.say(new("1"), update("1", "led", "1"), Sync(uids=["1"])) == []
    assert told.heard == [("new", "g/1"), ("update", "g/1", "led", "1")]
    assert told.say(update("2", "led", "0")) == [("2", "the node is not known: tell it by new first")]


def test_many_nodes_are_taken_out_little_by_little() -> None:
    told = Told(grace_s=30)
    told.say(*(new(str(n)) for n in range(10)))
    told.directory.gateway_lost("g", now=0.0)
    told.directory.expire(30.0, limit=4)
    assert len(told.directory.nodes) == 6
    assert told.directory.next_deadline() == 0.0
    told.directory.expire(30.0, limit=4)
    told.directory.expire(30.0, limit=4)
    assert told.directory.nodes == {}
    assert told.directory.next_deadline() is None


def test_who_is_told_again_while_a_sync_takes_others_out_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REMOVED_AT_ONCE", 1)
    told = Told()
    told.say(new("1"), new("2"), new("3"), Sync(uids=[]))
    assert set(told.directory.nodes) == {"g/2", "g/3"}
    assert told.directory.is_removing
    told.say(new("3"))
    told.directory.expire(0.0)
    told.directory.expire(0.0)
    assert set(told.directory.nodes) == {"g/3"}
    assert not told.directory.is_removing


def test_a_sync_without_end_keeps_no_more_than_there_are_nodes() -> None:
    told = Told()
    told.say(new("1"), new("2"), Sync(uids=["1", "8", "9"], more=True))
    told.say(new("3"), new("4"), Out(uid="3", why="closed", at=2), Out(uid="1", why="closed", at=2), new("no name"))
    assert told.directory.owners["g"].listed == {"4"}
    told.say(new("1"), Sync(uids=["7"]))
    assert set(told.directory.nodes) == {"g/1", "g/4"}


def test_who_hears_that_a_node_is_out_may_have_others_come_go_and_fail() -> None:
    told = Told(grace_s=30)
    told.say(*(new(str(n)) for n in range(6)))
    told.directory.gateway_lost("g", now=0.0)

    def hear(node: Node, is_there: bool) -> None:
        if node.uid == "g/0":
            told.say(new("2"), Out(uid="3", why="closed", at=2))
        elif node.uid == "g/4":
            raise RuntimeError

    told.directory.feed.on_presence = hear
    with pytest.raises(RuntimeError):
        told.directory.expire(30.0)
    assert set(told.directory.nodes) == {"g/2", "g/5"}
    assert told.directory.next_deadline() == 0.0, "the rest is not forgotten"
    told.directory.expire(30.0)
    assert set(told.directory.nodes) == {"g/2"}


def test_a_gateway_that_is_back_while_its_nodes_are_taken_out_keeps_the_rest() -> None:
    told = Told(grace_s=30)
    told.say(*(new(str(n)) for n in range(4)))
    told.directory.gateway_lost("g", now=0.0)
    told.directory.expire(30.0, limit=1)
    told.directory.gateway_connected("g", EPOCH)
    told.directory.expire(31.0)
    assert len(told.directory.nodes) == 3


def test_what_ws_is_not_told_is_passed_at_once() -> None:
    told = Told()
    told.say(*(new(str(uid)) for uid in range(3)))
    bookmark = told.directory.changes.bookmark(told_all=True)
    told.say(Seen(uid="0", at=2), Seen(uid="1", at=2), update("2", "t", 1), Seen(uid="2", at=3))
    assert tell(told.directory, bookmark, 1) == [("update", "g/2", "t", 1)]
    assert tell(told.directory, bookmark) == []
    assert told.directory.changes.is_told(bookmark)
    told.say(Seen(uid="0", at=4), update("1", "t", 2))
    assert tell(told.directory, bookmark) == [("update", "g/1", "t", 2)]
