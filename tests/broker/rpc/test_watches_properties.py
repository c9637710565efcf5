# SPDX-License-Identifier: BSD-3-Clause
"""Whatever happens to nodes and gateways, each watching program ends with what its filter means of the directory.

Programs have several watches, read fast or slowly, leave in the middle of anything, and go on from a version.
"""

from __future__ import annotations

from unittest import mock

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pyaiot.broker import change_list, entries, notices
from pyaiot.broker.departed import Departed
from pyaiot.broker.directory import Directory
from pyaiot.broker.entries import Gone, Node
from pyaiot.broker.rpc import groups, watch, watch_fanout
from pyaiot.broker.rpc.filters import Filter
from pyaiot.broker.rpc.node_view import encode_view
from pyaiot.broker.rpc.watches import Watches
from pyaiot.wire.messages import About, Described, GatewayMessage, New, Out, Pace, Reset, Seen, Sync, Update
from tests.broker.rpc.watcher import HandSession, View, truth

GRACE_S = 30.0
UIDS = ("1", "2", "3")
FILTERS = [
    Filter.of(),
    Filter.of(gateway="a"),
    Filter.of(uid=["a/1", "b/2"]),
    Filter.of(uid="a/1", type="temperature"),
    Filter.of(type="temperature"),
    Filter.of(type=["humidity", "led"], gateway="b"),
    Filter.of(resource="led"),
    Filter.of(glob="a/1/*"),
    Filter.of(glob=["a/*/t?", "b/2/led"]),
    Filter.of(glob="*/t1"),
]
#: Small enough to be reached.
BOUNDS = [
    (notices, "MAX_PENDING_NOTICES", 12),
    (notices, "MAX_REMEMBERED_NOTICES", 6),
    (notices, "FORGOTTEN_AT_ONCE", 2),
    (change_list, "MAX_MISSED", 12),
    (change_list, "MAX_MISSED_SIGNS", 2),
    (groups, "MAX_IDLE_GROUPS", 2),
    (watch, "MAX_LOOKED_AT", 3),
    (watch, "MAX_STEPS", 4),
    (watch_fanout, "MAX_PART_BYTES", 300),
]

gateways = st.sampled_from(("a", "b"))
uids = st.sampled_from(UIDS)
filters = st.sampled_from(FILTERS)
updates = st.builds(
    lambda uid, resource, unit: Update(
        uid=uid, resource=resource, data=0, value=0, at=0, **({} if unit is None else {"unit": unit})
    ),
    uids,
    st.sampled_from(("led", "t1", "temperature")),
    st.sampled_from((None, "Cel", "%RH")),
)
messages = st.one_of(
    updates,
    updates,
    updates,
    st.builds(
        lambda uid, protocol: New(uid=uid, protocol=protocol, at=1), uids, st.sampled_from(("coap", "coap", "x"))
    ),
    st.builds(lambda uid: Reset(uid=uid, at=1), uids),
    st.builds(lambda uid: Out(uid=uid, why="timeout", at=1), uids),
    st.builds(lambda uid: Seen(uid=uid, at=0), uids),
    st.builds(
        lambda uid, resource, max: Described(uid=uid, resource=resource, about=About(max=max)),
        uids,
        st.sampled_from(("led", "t1", "temperature")),
        st.sampled_from((None, 1.0, 2.0)),
    ),
    st.builds(lambda uid, timeout: Pace(uid=uid, timeout_ms=timeout), uids, st.sampled_from((None, 1, 2))),
    st.builds(lambda uids: Sync(uids=uids), st.lists(uids, unique=True)),
)


class Program:
    """A program that watches by ``filters``, each with details or not; what it believes, over all its connections."""

    def __init__(
        self, all_watches: Watches, directory: Directory, filters: list[tuple[Filter, bool]], gone: dict[str, Gone]
    ) -> None:
        self.gone = gone
        self.watches = all_watches
        self.directory = directory
        self.filters = filters
        self.views = [View(details) for _, details in filters]
        self.session = HandSession()
        self.session.end()

    def ask_who_went(self, departed: Departed) -> None:
        """``nodes.departed``: of a node that is known to be there the watch will tell."""
        for uid, found in departed.after(""):
            told = msgspec.json.decode(found)
            for (filter, _), view in zip(self.filters, self.views, strict=True):
                # Of one that is not meant nobody tells that it is back.
                if uid not in view.nodes and filter.may_mean(uid.partition("/")[0], uid):
                    view.gone[uid] = told["why"], told.get("goneAt")

    def connect(self, *, limit: int, is_slow: bool) -> None:
        self.session = HandSession(limit=limit)
        self.session.is_slow = is_slow
        self.session.on_synced = self._check
        for place, (filter, details) in enumerate(self.filters):
            since = self.views[place].version
            made, resumed = self.watches.add(self.session, filter, since or None, details=details)
            if not resumed:
                self.views[place] = View(details)
            self.views[place].synced = 0
            self.session.views[made.number] = self.views[place]

    def _check(self, number: int) -> None:
        """Told that the state is complete, it is so at this moment, but for what changed while it was read slowly."""
        assert self.session.views[number].synced == 1
        if self.watches._sessions[self.session].watches[number].bookmark is None:
            self.check(number - 1)

    def check(self, place: int) -> None:
        view = self.views[place]
        filter, details = self.filters[place]
        gateways, nodes = truth(self.directory, filter, details=details)
        found = view.states()
        if details and filter.is_about_resources:
            for uid, node in found.items():
                assert node["seen"] <= nodes[uid]["seen"]
                node["seen"] = nodes[uid]["seen"]
        assert found == nodes
        # Of a node that is back hears only who means what it has.
        for uid, gone in () if filter.is_about_resources else view.gone.items():
            assert uid not in self.directory.nodes
            assert gone == self.gone[uid]
        assert {name: state for name, state in view.gateways.items() if name in gateways} == gateways


class WatchMachine(RuleBasedStateMachine):
    """Two gateways, and up to three programs."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.count = 0
        self.is_due = False
        self.epoch = 0
        self.directory = Directory(GRACE_S, first_version=1000, wall_ms=lambda: round(1000 * self.now))
        self.gone: dict[str, Gone] = {}
        self.departed = Departed(encode_view)
        self.directory.feed.on_presence = self._presence
        self.watches = Watches(self.directory, self._wake)
        self.programs: list[Program] = []
        self.next = {"a": 1, "b": 1}
        self.patches = [mock.patch.object(module, name, value) for module, name, value in BOUNDS]
        for patch in self.patches:
            patch.start()

    def _presence(self, node: Node, is_there: bool) -> None:
        assert (node.gone is None) is is_there
        if node.gone is not None:
            self.gone[node.uid] = node.gone
            self.departed.keep(node)
        else:
            self.departed.forget(node.uid)

    def _wake(self) -> None:
        self.is_due = True

    @initialize()
    def begin(self) -> None:
        for name in ("a", "b"):
            self.directory.gateway_connected(name, "0" * 16)
            self.say(name, [New(uid="1", protocol="coap", at=1), New(uid="2", protocol="coap", at=1)])

    @rule(gateway=gateways, messages=st.lists(messages, min_size=1, max_size=8))
    def say(self, gateway: str, messages: list[GatewayMessage]) -> None:
        if not self.directory.owners[gateway].connected:
            return
        fresh = []
        for message in messages:
            if isinstance(message, Update):
                self.count += 1
                message = Update(
                    uid=message.uid,
                    resource=message.resource,
                    unit=message.unit,
                    data=self.count,
                    value=self.count,
                    at=self.count,
                )
            elif isinstance(message, Seen):
                self.count += 1
                message = Seen(uid=message.uid, at=self.count)
            fresh.append(message)
        self.directory.apply(gateway, self.next[gateway], fresh)
        self.next[gateway] += len(fresh)

    @rule(gateway=gateways, is_same=st.booleans())
    def connect_gateway(self, gateway: str, is_same: bool) -> None:
        if not is_same:
            self.epoch += 1
            self.next[gateway] = 1
        owner = self.directory.owners[gateway]
        self.directory.gateway_connected(gateway, owner.epoch if is_same else f"{self.epoch:016x}")

    @rule(gateway=gateways)
    def lose_gateway(self, gateway: str) -> None:
        if self.directory.owners[gateway].connected:
            self.directory.gateway_lost(gateway, self.now)

    @rule(seconds=st.sampled_from((1.0, 31.0)), limit=st.integers(1, 5))
    def wait(self, seconds: float, limit: int) -> None:
        self.now += seconds
        self.directory.expire(self.now, limit)

    @precondition(lambda self: len(self.programs) < 3)
    @rule(filters=st.lists(st.tuples(filters, st.booleans()), min_size=1, max_size=3))
    def come(self, filters: list[tuple[Filter, bool]]) -> None:
        self.programs.append(Program(self.watches, self.directory, filters, self.gone))

    @precondition(lambda self: self.gone)
    @rule(data=st.data())
    def dismiss(self, data: st.DataObject) -> None:
        uid = data.draw(st.sampled_from(sorted(self.gone)))
        if self.departed.forget(uid):
            self.directory.dismiss(uid)

    @precondition(lambda self: self.programs)
    @rule(data=st.data())
    def ask_who_went(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.programs)).ask_who_went(self.departed)

    @precondition(lambda self: self.programs)
    @rule(data=st.data(), limit=st.sampled_from((1, 150, 65_536)), is_slow=st.booleans())
    def connect(self, data: st.DataObject, limit: int, is_slow: bool) -> None:
        program = data.draw(st.sampled_from(self.programs))
        program.session.end()
        program.connect(limit=limit, is_slow=is_slow)

    @precondition(lambda self: self.programs)
    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.programs)).session.read()

    @rule()
    def flush(self) -> None:
        self.is_due = False
        self.watches.fanout.flush()

    @precondition(lambda self: self.programs)
    @rule()
    def settle(self) -> None:
        while self.directory.is_removing:
            self.directory.expire(self.now)
        for program in self.programs:
            if program.session.is_over:
                program.connect(limit=65_536, is_slow=False)
            program.session.is_slow = False
        while self.is_due or any(watch.bookmark for watch in self._all_watches()):
            self.flush()
            for program in self.programs:
                program.session.read()
                if program.session.is_over:  # it was too far behind
                    program.connect(limit=65_536, is_slow=False)
        for program in self.programs:
            program.ask_who_went(self.departed)
            for place, view in enumerate(program.views):
                program.check(place)
                if program.filters[place] == (Filter.of(), True):
                    assert view.gone.keys() == {uid for uid, _ in self.departed.after("")}
                assert view.synced == 1
                assert view.version <= self.directory.changes.version

    def _all_watches(self) -> list[watch.Watch]:
        return [each for own in self.watches._sessions.values() for each in own.watches.values()]

    @invariant()
    def the_list_is_in_the_order_of_versions(self) -> None:
        place, version = self.directory.changes.end.after, 0
        while place is not self.directory.changes.end:
            if isinstance(place, entries.NEWS_TYPES):
                assert place.version >= version
                version = place.version
            place = place.after

    def teardown(self) -> None:
        try:
            if self.programs:
                self.settle()
            for program in self.programs:
                program.session.end()
            assert not self.directory.changes.bookmarks
            assert len(self.watches) == 0
        finally:
            for patch in self.patches:
                patch.stop()
        super().teardown()


TestWatches = WatchMachine.TestCase
TestWatches.settings = settings(max_examples=300, stateful_step_count=50, deadline=None)
