# SPDX-License-Identifier: BSD-3-Clause
"""All entities of one broker: who is there, who calls whom, who hears what (PROTOCOL.md section 3.5). Pure.

A *member* is a connection, of whatever protocol: it may be an entity, call others, and hear them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, Final, Protocol

import msgspec

from pyaiot.broker.directory import Directory
from pyaiot.broker.entities.calls import Calls, Tell
from pyaiot.broker.entities.descriptions import MethodDescription
from pyaiot.broker.entities.news import Left, News, Newsbox, Published, Registered, Reported
from pyaiot.broker.entities.outcomes import MAX_REASON, write_code
from pyaiot.broker.entities.peer_nodes import PeerNodes, uid_of
from pyaiot.broker.entities.registry import Entity, Registry
from pyaiot.broker.entities.subscriptions import Subscriptions
from pyaiot.broker.entries import Node, Resource
from pyaiot.rpc.errors import RpcError
from pyaiot.wire.messages import JSON, BrokerMessage, Result, Write
from pyaiot.wire.names import PEER_GATEWAY

log = logging.getLogger("pyaiot.broker")

#: How long a call may take when its caller does not say, and at most.
TIMEOUT_S: Final = 10.0
MAX_TIMEOUT_S: Final = 60.0
#: Whose calls those are that began as a write to a node, or as a read of one; beside the entity, so that one that does
#: not answer leaves the others their room.
_WRITERS: Final = "writes"


class Member(Protocol):
    """A connection, as far as entities are concerned. It calls :meth:`Entities.leave` when it has ended."""

    #: What it is told unasked goes here.
    newsbox: Newsbox

    def __hash__(self) -> int: ...

    @property
    def name(self) -> str:
        """Its address, for the log."""

    def call(
        self, method: MethodDescription, params: JSON, caller: str, timeout_s: float, done: Callable[[Any], None]
    ) -> None:
        """Call it; ``caller`` is the id of who does, or "". ``done`` gets a msgspec.Raw or an RpcError, once."""

    def replace(self) -> None:
        """A newer connection of the same holder is there: end this one."""


class Desk(Protocol):
    """What entities need of the hub."""

    directory: Directory

    @property
    def now(self) -> float:
        """Monotonic seconds."""

    def arm_for(self, deadline: float) -> None:
        """Something is due then."""

    def write_ended(self, gateway: str, result: Result) -> None:
        """The outcome of a write is known. ``gateway``: that of the node; or of an entity's, its uid."""


class Entities:
    """See the module. ``new_id``, ``new_token``: fresh ones; ``wall_ms``: Unix time in milliseconds."""

    def __init__(
        self, desk: Desk, new_id: Callable[[], str], new_token: Callable[[], str], wall_ms: Callable[[], int]
    ) -> None:
        self._desk = desk
        self.registry: Registry[Member] = Registry(new_id, new_token)
        self.calls = Calls()
        self.subscriptions: Subscriptions[Member] = Subscriptions()
        self.nodes = PeerNodes(desk.directory, wall_ms)
        self._registration_watchers: dict[Member, None] = {}
        #: Messages told to subscribers, since the start.
        self.published = 0

    @property
    def is_empty(self) -> bool:
        """Whether nobody is there, and nothing is kept but ids for their holders."""
        registry = self.registry
        kept = registry.entities or registry.of_member or self._registration_watchers or len(self.nodes)
        return not kept and self.calls.is_empty and self.subscriptions.is_empty

    # Coming and going

    def register(
        self,
        member: Member,
        id: str | None,
        token: str | None,
        *,
        type: str,
        methods: tuple[MethodDescription, ...] = (),
        description: str | None = None,
    ) -> Entity[Member]:
        """``member`` is an entity from here on, or describes itself anew.

        Raises RpcError: see Registry.register; invalid parameters where a method stands twice.
        """
        by_name = {each.name: each for each in methods}
        if len(by_name) != len(methods):
            raise RpcError.invalid_params("methods: one stands twice")
        entity, older = self.registry.register(member, id, token, self._desk.now)
        is_news = uid_of(entity.id) not in self._desk.directory.nodes or entity.type != type
        entity.type, entity.description, entity.methods = type, description, by_name
        self.nodes.appear(entity.id)
        if older is not None:
            log.info("Entity %s: taken over by its holder from %s", entity.id, member.name)
            self._forget(older)
            older.replace()
        if is_news:
            for watcher in list(self._registration_watchers):
                watcher.newsbox.tell(Registered(entity.id, type))
        return entity

    def unregister(self, member: Member) -> bool:
        """``member`` is no entity any more, and its id is free; whether it was one."""
        return self._left(member, give_up=True)

    def leave(self, member: Member) -> None:
        """The connection ended."""
        self._forget(member)
        self._left(member, give_up=False)

    def _forget(self, member: Member) -> None:
        """Nothing is for ``member`` any more, and whoever called it is told so."""
        self._registration_watchers.pop(member, None)
        self.subscriptions.leave(member)
        self._rest_if_nobody_hears()
        self.calls.caller_left(member)
        self.calls.callee_left(member)

    def _left(self, member: Member, *, give_up: bool) -> bool:
        entity = self.registry.leave(member, self._desk.now, give_up=give_up)
        if entity is None:
            return False
        self.calls.callee_left(member)
        self.nodes.leave(entity.id)
        self._tell_left(entity.id)
        for watcher in list(self._registration_watchers):
            watcher.newsbox.tell(Left(entity.id))
        return True

    def watch_registrations(self, member: Member, watch: bool) -> bool:
        """Tell ``member`` who registers and who leaves, or no longer; whether that changed anything."""
        if watch == (member in self._registration_watchers):
            return False
        if watch:
            self._registration_watchers[member] = None
        else:
            del self._registration_watchers[member]
        return True

    def id_of(self, member: Member) -> str | None:
        """Which entity it is."""
        entity = self.registry.of_member.get(member)
        return None if entity is None else entity.id

    # Calling

    def call(self, caller: Hashable, id: str, method: str, params: JSON, timeout_s: float, tell: Tell) -> None:
        """Have the entity ``id`` do it; ``tell`` gets a msgspec.Raw or an RpcError once, or never if ``caller`` leaves.

        Raises RpcError: ``unknown``, no such method, ``busy``.
        """
        entity = self.registry.entities.get(id)
        if entity is None:
            raise RpcError.of("unknown", "there is no such entity")
        described = entity.methods.get(method)
        if described is None:
            raise RpcError.method_not_found(method)
        own = self.registry.of_member.get(caller)  # type: ignore[call-overload]  # whoever is no member is none there
        call = self.calls.begin(caller, entity.member, self._desk.now, timeout_s, tell)
        self._desk.arm_for(call.deadline)
        entity.member.call(described, params, "" if own is None else own.id, timeout_s, partial(self.calls.end, call))

    def read(self, id: str, name: str, timeout_s: float, tell: Tell) -> None:
        """Ask the entity ``id`` by its method ``name``, without parameters; ``tell`` as in :meth:`call`, always called.

        See outcomes.read_answer for what it gets.
        """
        try:
            entity = self.registry.entities.get(id)
            described = None if entity is None else entity.methods.get(name)
            if entity is not None and (described is None or not described.takes(0)):
                raise RpcError.of("unsupported", "the entity has no method of that name that takes no parameters")
            self.call((_WRITERS, id), id, name, None, timeout_s, tell)
        except RpcError as error:
            tell(error)

    def send(self, message: BrokerMessage) -> None:
        """A write to the node of an entity: as a gateway's session takes it (see peers.GatewayPeer)."""
        if isinstance(message, Write):
            id = message.uid
            ended = partial(self._write_ended, id, message.id)
            try:
                self.call((_WRITERS, id), id, message.resource, [message.data], message.ttl_ms / 1000, ended)
            except RpcError as error:
                ended(error)

    def _write_ended(self, entity: str, id: int, ending: msgspec.Raw | RpcError) -> None:
        if isinstance(ending, RpcError):
            code, reason = write_code(ending), ending.message[:MAX_REASON]
            self._desk.write_ended(uid_of(entity), Result(id=id, ok=False, code=code, reason=reason))
        else:
            self._desk.write_ended(uid_of(entity), Result(id=id, ok=True))

    def next_deadline(self) -> float | None:
        """When :meth:`expire` has something to do."""
        return self.calls.next_deadline()

    def expire(self) -> None:
        """Calls that took too long end."""
        self.calls.expire(self._desk.now)

    # Publishing

    def publish(self, member: Member, topic: str | None, content: JSON) -> int:
        """``member`` tells everybody who wants to hear it; how many do. Raises RpcError: see PeerNodes.publish."""
        entity = self.registry.of_member.get(member)
        if entity is None:
            raise RpcError.of("unknown", "this connection is no entity: entities.register first")
        encoded = self.nodes.publish(entity.id, topic, content)
        return self._tell(entity.id, topic, Published(entity.id, topic, msgspec.Raw(encoded)))

    def subscribe(self, member: Member, id: str, topic: str | None) -> None:
        """``member`` hears ``id``, also if that is yet to come. Raises RpcError ``busy``."""
        self.subscriptions.subscribe(member, id, topic)
        self._desk.directory.feed.on_reported = self._reported

    def unsubscribe(self, member: Member, id: str, topic: str | None) -> bool:
        """``member`` no longer hears that; whether it did."""
        did = self.subscriptions.unsubscribe(member, id, topic)
        self._rest_if_nobody_hears()
        return did

    def _rest_if_nobody_hears(self) -> None:
        if self.subscriptions.is_empty:
            self._desk.directory.feed.on_reported = None

    def is_device(self, id: str) -> bool:
        """Whether ``id`` is the uid of a device that is there."""
        node = self._desk.directory.nodes.get(id)
        return node is not None and node.gateway != PEER_GATEWAY

    def _reported(self, node: Node, resource: Resource) -> None:
        """A node told a value. (What a peer publishes is heard under its id, not under its node's uid.)"""
        if node.uid in self.subscriptions and node.gateway != PEER_GATEWAY:
            self._tell(node.uid, resource.name, Reported(resource))

    def presence(self, node: Node, is_there: bool) -> None:
        """See ChangeFeed.on_presence."""
        if not is_there and node.gateway != PEER_GATEWAY:
            self._tell_left(node.uid)

    def _tell(self, id: str, topic: str | None, news: News) -> int:
        told = 0
        for member in list(self.subscriptions.hearing(id, topic)):
            member.newsbox.tell(news)
            told += 1
        self.published += told
        return told

    def _tell_left(self, id: str) -> None:
        """What it published before is for nobody any more."""
        for member in self.subscriptions.to(id):
            member.newsbox.forget(id)
            member.newsbox.tell(Left(id, was_heard=True))
