# SPDX-License-Identifier: BSD-3-Clause
"""Whatever gateways say in whatever order, a client's view ends equal to the truth, live or slow or joining late."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pyaiot.broker.change_list import Bookmark
from pyaiot.broker.directory import Directory
from pyaiot.broker.entries import Milestone, Node, Notice, Resource
from pyaiot.wire.messages import GatewayMessage, New, Out, Reset, Sync, Update

GATEWAYS = ("a", "b")
UIDS = ("1", "2", "3")
RESOURCES = ("led", "temperature")
GRACE_S = 30.0

gateways = st.sampled_from(GATEWAYS)
uids = st.sampled_from(UIDS)
resources = st.sampled_from(RESOURCES)

View = dict[str, dict[str, Any]]


class Client:
    """Someone who believes what the stream says, and checks that it makes sense."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.view: View = {}
        self.seen_all = False
        self.bookmark: Bookmark | None = directory.changes.bookmark(told_all=False)

    def hear(self, kind: str, uid: str, resource: str | None = None, data: Any = None) -> None:
        if kind == "new":
            assert uid not in self.view, "told as new what it knows"
            self.view[uid] = {}
        elif kind == "update":
            assert resource is not None
            assert self.view[uid].get(resource) != data, "told the same value twice"
            self.view[uid][resource] = data
        elif kind == "reset":
            if uid in self.view:
                self.view[uid] = {}
        else:
            self.view.pop(uid, None)

    def read(self, most: int) -> None:
        """Be told up to ``most`` entries; live once there are no more."""
        if self.bookmark is None:
            return
        for count, entry in enumerate(self.directory.changes.untold(self.bookmark), 1):
            match entry:
                case Resource():
                    self.hear("update", entry.node.uid, entry.name, entry.data)
                case Node():
                    self.hear("new", entry.uid)
                case Notice():
                    self.hear(entry.kind, entry.uid)
                case Milestone():
                    self.seen_all = True
            if count >= most:
                return
        self.directory.changes.drop(self.bookmark)
        self.bookmark = None

    def fall_behind(self) -> None:
        if self.bookmark is None:
            self.bookmark = self.directory.changes.bookmark(told_all=True)


class DirectoryMachine(RuleBasedStateMachine):
    """Two gateways with losses, repeats and replacements; clients that join, fall behind and catch up."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.count = 0
        self.directory = Directory(GRACE_S)
        self.directory.feed.on_change = self._tell_live
        self.clients: list[Client] = []
        self.truth: View = {}
        self.connected: dict[str, bool] = dict.fromkeys(GATEWAYS, False)
        self.lost_at: dict[str, float] = {}
        self.sent: dict[str, list[GatewayMessage]] = {name: [] for name in GATEWAYS}

    def _tell_live(self, kind: str, node: Node, resource: Resource | None) -> None:
        for client in self.clients:
            if client.bookmark is None:
                client.hear(kind, node.uid, resource and resource.name, resource and resource.data)

    def _say(self, gateway: str, *messages: GatewayMessage) -> None:
        first = len(self.sent[gateway]) + 1
        self.sent[gateway] += messages
        self.directory.apply(gateway, first, list(messages))

    @rule(gateway=gateways)
    def connect(self, gateway: str) -> None:
        ack = self.directory.gateway_connected(gateway, "0" * 16)
        assert ack == len(self.sent[gateway]), "nothing acknowledged is forgotten"
        self.connected[gateway] = True

    @precondition(lambda self: any(self.connected.values()))
    @rule(gateway=gateways)
    def lose(self, gateway: str) -> None:
        if self.connected[gateway]:
            self.connected[gateway] = False
            self.lost_at[gateway] = self.now
            self.directory.gateway_lost(gateway, self.now)

    @rule(seconds=st.sampled_from((1.0, 29.0, 31.0)))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.directory.expire(self.now)
        for gateway, lost_at in self.lost_at.items():
            if not self.connected[gateway] and lost_at + GRACE_S <= self.now:
                for uid in UIDS:
                    self.truth.pop(f"{gateway}/{uid}", None)

    @rule(gateway=gateways, uid=uids)
    def new(self, gateway: str, uid: str) -> None:
        if self.connected[gateway]:
            self._say(gateway, New(uid=uid, protocol="coap", at=1))
            self.truth.setdefault(f"{gateway}/{uid}", {})

    @rule(gateway=gateways, uid=uids, resource=resources)
    def update(self, gateway: str, uid: str, resource: str) -> None:
        if self.connected[gateway]:
            self.count += 1
            self._say(gateway, Update(uid=uid, resource=resource, data=self.count, value=self.count, at=self.count))
            if f"{gateway}/{uid}" in self.truth:
                self.truth[f"{gateway}/{uid}"][resource] = self.count

    @rule(gateway=gateways, uid=uids)
    def reset(self, gateway: str, uid: str) -> None:
        if self.connected[gateway]:
            self._say(gateway, Reset(uid=uid, at=1))
            if f"{gateway}/{uid}" in self.truth:
                self.truth[f"{gateway}/{uid}"] = {}

    @rule(gateway=gateways, uid=uids)
    def out(self, gateway: str, uid: str) -> None:
        if self.connected[gateway]:
            self._say(gateway, Out(uid=uid, why="timeout", at=1))
            self.truth.pop(f"{gateway}/{uid}", None)

    @rule(gateway=gateways, listed=st.sets(uids), parts=st.booleans())
    def sync(self, gateway: str, listed: set[str], parts: bool) -> None:
        if self.connected[gateway]:
            some = sorted(listed)
            if parts:
                self._say(gateway, Sync(uids=some[:1], more=True), Sync(uids=some[1:]))
            else:
                self._say(gateway, Sync(uids=some))
            for uid in UIDS:
                if uid not in listed:
                    self.truth.pop(f"{gateway}/{uid}", None)

    @rule(gateway=gateways, back=st.integers(1, 8))
    def repeat(self, gateway: str, back: int) -> None:
        """The gateway did not hear our acknowledgement and sends again."""
        sent = self.sent[gateway]
        if self.connected[gateway] and sent:
            first = max(1, len(sent) - back + 1)
            self.directory.apply(gateway, first, sent[first - 1 :])

    @precondition(lambda self: len(self.clients) < 4)
    @rule()
    def join(self) -> None:
        self.clients.append(Client(self.directory))

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), most=st.integers(1, 6))
    def read(self, data: st.DataObject, most: int) -> None:
        data.draw(st.sampled_from(self.clients)).read(most)

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def fall_behind(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.clients)).fall_behind()

    @invariant()
    def the_directory_is_the_truth(self) -> None:
        found = {
            uid: {name: resource.data for name, resource in node.resources.items()}
            for uid, node in self.directory.nodes.items()
        }
        assert found == self.truth

    @invariant()
    def live_clients_know_the_truth(self) -> None:
        for client in self.clients:
            if client.bookmark is None:
                assert client.view == self.truth
                assert client.seen_all

    @invariant()
    def a_node_has_one_owner(self) -> None:
        owned = [node for owner in self.directory.owners.values() for node in owner.nodes.values()]
        assert sorted(node.uid for node in owned) == sorted(self.directory.nodes)

    def teardown(self) -> None:
        for client in self.clients:
            client.read(1_000_000)
            assert client.view == self.truth
        super().teardown()


TestDirectory = DirectoryMachine.TestCase
TestDirectory.settings = settings(max_examples=300, stateful_step_count=60, deadline=None)
