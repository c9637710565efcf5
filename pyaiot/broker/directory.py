# SPDX-License-Identifier: BSD-3-Clause
"""Every node, its resources, who owns it. Pure: ``now`` comes in, in seconds.

Gateways' messages go in by :meth:`Directory.apply`; what clients must be told comes out in two ways, both of
:attr:`Directory.feed`. *Live* clients are told each change as it happens: ``feed.on_change`` is called with it
(``feed.on_news`` for ``/rpc``, which is told of gateways, too). Those who join or cannot keep up are told the present
state, from :attr:`Directory.changes`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from pyaiot.broker.change_feed import ChangeFeed
from pyaiot.broker.details import Details
from pyaiot.broker.entries import Gateway, GatewayState, Gone, Node, Resource
from pyaiot.broker.leaving import Leaving
from pyaiot.broker.owner import Owner
from pyaiot.wire.messages import Described, Door, GatewayMessage, New, Out, Pace, Reset, Result, Seen, Sync, Update
from pyaiot.wire.names import is_name, is_resource

MAX_NODES_PER_GATEWAY = 200_000
MAX_RESOURCES_PER_NODE = 64
#: Nodes that are taken out in one turn of the event loop.
MAX_REMOVED_AT_ONCE = 2_000


@dataclass(slots=True)
class Counters:
    """What happened, since the start."""

    applied: int = 0
    repeated: int = 0
    skipped: int = 0
    refused: int = 0
    expired: int = 0


@dataclass(frozen=True, slots=True)
class Applied:
    """What a frame holds besides changes: what was refused, as (uid, reason), and outcomes of writes."""

    refused: list[tuple[str, str]]
    results: list[Result]


class Directory:
    """The state of all nodes. ``grace_s``: how long nodes of a lost gateway stay *unreachable* before they are out.

    ``first_version``: see ChangeList. ``wall_ms`` is Unix time; without it nobody knows when a node went whose gateway
    did not say.
    """

    def __init__(
        self, grace_s: float = 30.0, first_version: int = 0, wall_ms: Callable[[], int | None] = lambda: None
    ) -> None:
        self.grace_s = grace_s
        self._wall_ms = wall_ms
        self.owners: dict[str, Owner] = {}
        self.nodes: dict[str, Node] = {}
        self.counters = Counters()
        #: While a frame's messages are being applied: its version is not complete yet.
        self.is_applying = False
        #: Tells what changes here.
        self.feed = ChangeFeed(first_version)
        self.changes = self.feed.changes
        self.details = Details(self.feed)
        self._leaving = Leaving()

    # Gateways

    def gateway_connected(self, name: str, epoch: str, doors: tuple[Door, ...] = (), address: str | None = None) -> int:
        """A session of gateway ``name`` begins; the highest message id applied of this outbox epoch, or 0.

        In the same epoch it is the same process, which has its nodes still; in another they wait for its ``new``.
        """
        owner = self.owners.get(name)
        if owner is None:
            owner = self.owners[name] = Owner(Gateway(name))
        self._leaving.gateway_back(name)
        self.changes.begin()
        is_same_process = owner.begin_session(epoch, doors, address)
        self._become(owner, "connected" if is_same_process else "resyncing")
        return owner.ack

    def gateway_lost(self, name: str, now: float) -> None:
        """The session of ``name`` ended, none replaced it: its nodes are unreachable, and out after the grace."""
        owner = self.owners[name]
        owner.end_session()
        self.changes.begin()
        self._become(owner, "away")
        self._leaving.gateway_lost(name, now + self.grace_s)

    def apply(self, name: str, first: int, messages: list[GatewayMessage]) -> Applied:
        """Apply a frame of gateway ``name``; the outcomes of writes in it are handed on.

        Messages with ids already applied in this epoch are skipped, so that nothing is applied twice.
        """
        if self.is_applying:
            return self._apply(name, first, messages)  # somebody was told of a change, and made one: it is one version
        self.changes.begin()
        self.is_applying = True
        try:
            return self._apply(name, first, messages)
        finally:
            self.is_applying = False

    def _apply(self, name: str, first: int, messages: list[GatewayMessage]) -> Applied:
        owner = self.owners[name]
        last = first + len(messages) - 1
        fresh = owner.unapplied(first, messages)
        self.counters.skipped += len(messages) - len(fresh)
        refused: list[tuple[str, str]] = []
        results: list[Result] = []
        nodes = owner.nodes
        on_change = self.feed.on_change
        on_news = self.feed.on_news
        on_reported = self.feed.on_reported
        end = self.changes.end
        version = self.changes.version
        applied = 0
        for message in fresh:
            if type(message) is not Update:
                if isinstance(message, Result):
                    results.append(message)
                    continue
                reason = self._apply_other(name, owner, message)
                if reason is not None:
                    refused.append((getattr(message, "uid", ""), reason))
                continue
            # The hot path: an update of a resource that is known.
            node = nodes.get(message.uid)
            if node is None:
                if owner.resumed:
                    self.counters.skipped += 1  # the newest value is told after the node
                else:
                    refused.append((message.uid, "the node is not known: tell it by new first"))
                continue
            if node.state != "online":
                self._tell_again(node, node.protocol)  # who says something is there
            resource = node.resources.get(message.resource)
            if resource is None:
                if len(node.resources) >= MAX_RESOURCES_PER_NODE:
                    refused.append((message.uid, f"more than {MAX_RESOURCES_PER_NODE} resources"))
                    continue
                if not is_resource(message.resource):
                    refused.append((message.uid, "no resource can have that name"))
                    continue
                key = sys.intern(message.resource)
                resource = node.resources[key] = Resource(node, key)
                resource.born = version
            data, at = message.data, message.at
            if at == resource.at and data == resource.data and type(data) is type(resource.data):
                self.counters.repeated += 1  # told again after a reconnect
                continue
            value = message.value
            resource.data = data
            resource.value = data if type(value) is str and value == data else value
            unit = message.unit
            if unit is not resource.unit:
                new_unit = None if unit is msgspec.UNSET else sys.intern(unit)
                if new_unit is not resource.unit:
                    if resource.at >= 0:
                        self.feed.retyped(resource, new_unit)
                    resource.unit = new_unit
            resource.at = at
            if at > node.last_seen:
                node.last_seen = at
            resource.version = version
            after = resource.after
            if after is not end:
                # Written out: unlink and insert_before(end), the hottest lines of the broker.
                resource.before.after = after
                after.before = resource.before
                before = resource.before = end.before
                resource.after = end
                before.after = end.before = resource
            applied += 1
            if on_change is not None:
                on_change("update", node, resource)
            if on_news is not None:
                on_news("update", node, resource)
            if on_reported is not None:
                on_reported(node, resource)
        self.counters.applied += applied
        self.counters.refused += len(refused)
        if fresh:
            owner.ack = last
        return Applied(refused, results)

    def _apply_other(self, name: str, owner: Owner, message: GatewayMessage) -> str | None:
        """Apply what is no update; why it is refused, or None."""
        if isinstance(message, New):
            return self._apply_new(name, owner, message)
        if isinstance(message, Sync):
            self._apply_sync(name, owner, message)
            return None
        if isinstance(message, Result | Update):
            return None  # apply takes care of those
        node = owner.nodes.get(message.uid)
        if node is None:
            forgiven = owner.resumed or isinstance(message, Out)
            return None if forgiven else "the node is not known: tell it by new first"
        if isinstance(message, Seen):
            node.last_seen = max(node.last_seen, message.at)
            self.details.seen(node)
        elif isinstance(message, Reset):
            node.last_seen = max(node.last_seen, message.at)
            self.feed.reset(node)
            node.resources.clear()
            self.details.void(node)
        elif isinstance(message, Described):
            return self.details.describe(node, message)
        elif isinstance(message, Pace):
            self.details.pace(node, message)
        else:
            self._remove(owner, message.uid, Gone(message.why, message.at))
        return None

    def _apply_new(self, name: str, owner: Owner, message: New) -> str | None:
        self._leaving.spare(name, message.uid)
        node = owner.nodes.get(message.uid)
        if node is not None:
            if owner.listed is not None:
                owner.listed.add(message.uid)
            self._tell_again(node, sys.intern(message.protocol))
            node.account = _account_of(message)
            node.last_seen = max(node.last_seen, message.at)
            self.feed.present(node, True)
            return None
        if not is_name(message.uid):
            return "no node can have that uid"
        if len(owner.nodes) >= MAX_NODES_PER_GATEWAY:
            return f"more than {MAX_NODES_PER_GATEWAY} nodes"
        node = Node(f"{name}/{message.uid}", name, sys.intern(message.protocol), message.at)
        node.account = _account_of(message)
        owner.nodes[message.uid] = self.nodes[node.uid] = node
        if owner.listed is not None:
            owner.listed.add(message.uid)
        self.feed.appeared(node)
        return None

    def _apply_sync(self, name: str, owner: Owner, message: Sync) -> None:
        listed = owner.take_sync(message)
        if listed is None:
            return
        leaving = []
        for uid, node in owner.nodes.items():
            if uid in listed:
                node.state = "online"
            else:
                leaving.append(uid)
        self._leaving.put(name, "forgotten", leaving)
        self._remove_leaving(MAX_REMOVED_AT_ONCE)

    def dismiss(self, uid: str) -> None:
        """Tell that it is to be forgotten that the node ``uid`` was there; whoever keeps those that went forgets it."""
        if not self.is_applying:
            self.changes.begin()
        self.feed.dismissed(uid)

    def is_awaited(self, node: Node) -> bool:
        """Whether the gateway of ``node`` is back, but has not told of it again."""
        return node.state != "online" and self.owners[node.gateway].gateway.state == "resyncing"

    def _remove(self, owner: Owner, uid: str, gone: Gone) -> None:
        node = owner.nodes.pop(uid)
        node.gone = gone
        del self.nodes[node.uid]
        if owner.listed is not None:
            owner.listed.discard(uid)
        self._leaving.spare(node.gateway, uid)
        self.feed.departed(node, gone)

    def _tell_again(self, node: Node, protocol: str) -> None:
        """A node that is known was told by ``new``: that is news when it had not been there, or was another."""
        has_changed = node.protocol != protocol
        if node.state == "online" and not has_changed:
            return
        node.state, node.protocol = "online", protocol
        self.feed.returned(node, has_changed=has_changed)

    def _become(self, owner: Owner, state: GatewayState) -> None:
        if owner.gateway.state == state != "resyncing":  # that says once more that its nodes are awaited
            return
        owner.gateway.state = state
        self.feed.gateway_changed(owner.gateway)

    # Time

    @property
    def is_removing(self) -> bool:
        """Whether nodes wait to be taken out: :meth:`expire` is due."""
        return bool(self._leaving)

    def next_deadline(self) -> float | None:
        """When :meth:`expire` has something to do; None while nothing waits."""
        return self._leaving.next_deadline()

    def expire(self, now: float, limit: int = MAX_REMOVED_AT_ONCE) -> None:
        """Nodes of gateways that have been away for longer than the grace are out; at most ``limit`` a call.

        What is left is due at once (see :meth:`next_deadline`): others may have something to do, too.
        """
        for name in self._leaving.overdue(now):
            nodes = self.owners[name].nodes
            self.counters.expired += len(nodes)
            self._leaving.put(name, "gateway", nodes)
        self.changes.begin()
        self._remove_leaving(limit)

    def _remove_leaving(self, limit: int) -> None:
        at = self._wall_ms()
        for due in self._leaving.take(limit):
            owner = self.owners[due.gateway]
            if due.uid is not None:
                self._remove(owner, due.uid, Gone(due.why, at))
            elif owner.connected:
                self._become(owner, "connected")  # all its nodes that are left were told again


def _account_of(message: New) -> str | None:
    return None if message.account is msgspec.UNSET else sys.intern(message.account)
