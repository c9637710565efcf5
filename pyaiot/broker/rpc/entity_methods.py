# SPDX-License-Identifier: BSD-3-Clause
"""``entities.*``: register, find, call, publish, hear (PROTOCOL.md section 3.5). Devices are entities, too."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Iterator
from functools import partial
from itertools import islice
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from pyaiot.broker.entities.descriptions import (
    DEFAULT_TYPE,
    MAX_TOPIC,
    EntityId,
    EntityType,
    MethodDescription,
    Methods,
    Text,
    Token,
)
from pyaiot.broker.entities.exchange import MAX_TIMEOUT_S, TIMEOUT_S
from pyaiot.broker.entities.peer_nodes import uid_of
from pyaiot.broker.entities.registry import Entity
from pyaiot.broker.entries import Node
from pyaiot.broker.hub import Hub
from pyaiot.broker.rpc.caller import Caller, Later
from pyaiot.broker.rpc.device_types import DeviceTypes
from pyaiot.broker.rpc.entity_member import Members
from pyaiot.broker.writes import TTL_S
from pyaiot.rpc.errors import RpcError
from pyaiot.rpc.methods import Method
from pyaiot.wire.messages import JSON
from pyaiot.wire.names import PEER_GATEWAY

MAX_PAGE: Final = 1_000
#: Devices that are looked at for one page; one that ends here may be short, and has a ``next`` all the same.
MAX_LOOKED_AT: Final = 2_000
#: Whose calls those are that come over HTTP: beside the address, of which all have the room of one connection.
HTTP_CALLERS: Final = "http"

AnyId = Annotated[str, msgspec.Meta(max_length=129, description="of an entity, or the uid of a device")]
Topic = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TOPIC)]
Kind = Literal["peer", "device"]
Limit = Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)]
Timeout = Annotated[float, msgspec.Meta(gt=0, le=MAX_TIMEOUT_S, description="seconds")]
CallDevice = Callable[..., Any]


class Registration(msgspec.Struct):
    """``token`` takes the id over from another connection; ``uid`` is that of the node."""

    id: str
    uid: str
    token: str


class Summary(msgspec.Struct):
    """An entity in a list."""

    id: str
    type: str
    kind: Kind


class Page(msgspec.Struct):
    """Entities by id. ``next`` is what to give as ``after`` for those that follow, null if there are none."""

    entities: list[Summary]
    next: str | None


class View(msgspec.Struct):
    """All that is known of an entity; ``subscribers``: how many connections hear it."""

    id: str
    uid: str
    kind: Kind
    type: str
    methods: tuple[MethodDescription, ...]
    topics: list[str]
    subscribers: int
    description: str | UnsetType = UNSET


class Told(msgspec.Struct):
    """How many were told."""

    subscribers: int


def _end(later: Later, ending: msgspec.Raw | RpcError) -> None:
    if isinstance(ending, RpcError):
        later.reject(ending)
    else:
        later.resolve(ending)


class _Devices:
    """As a container of gateways: all but the one that stands for peers."""

    def __contains__(self, gateway: object) -> bool:
        return gateway != PEER_GATEWAY


DEVICES: Final = _Devices()


class EntityMethods:
    """The methods over one hub. ``call_device`` is ``nodes.call``."""

    def __init__(self, hub: Hub, call_device: CallDevice) -> None:
        self._hub = hub
        self._entities = hub.entities
        self._call_device = call_device
        self._device_types = DeviceTypes(hub.directory.nodes)
        self.members = Members(hub.entities)

    def register(
        self,
        caller: Caller,
        id: EntityId | None = None,
        type: EntityType = DEFAULT_TYPE,
        methods: Methods = (),
        description: Text | None = None,
        token: Token | None = None,
    ) -> Registration:
        """Be an entity on this connection; once more: with another type, other methods and another description.

        ``taken`` if the id is another's, whose token was not shown. Show a token of your own to keep the id when the
        connection is lost.
        """
        member = self.members.of(caller.need_session())
        entity = self._entities.register(member, id, token, type=type, methods=methods, description=description)
        return Registration(entity.id, uid_of(entity.id), entity.token)

    def unregister(self, caller: Caller) -> bool:
        """Be an entity no more; the id is free. ``unknown`` if it was none."""
        if not self._entities.unregister(self.members.of(caller.need_session())):
            raise RpcError.of("unknown", "this connection is no entity")
        return True

    def list(
        self, type: EntityType | None = None, kind: Kind | None = None, after: AnyId = "", limit: Limit = 100
    ) -> Page:
        """Entities by id, a page at a time. A page may be short of ``limit`` and have a ``next`` all the same."""
        found: list[Summary] = []
        last, next = after, None
        for looked_at, summary in enumerate(self.all(kind, after)):
            if len(found) >= limit or looked_at >= MAX_LOOKED_AT:
                next = last
                break
            last = summary.id
            if type is None or summary.type == type:
                found.append(summary)
        return Page(found, next)

    def all(self, kind: Kind | None, after: str = "") -> Iterator[Summary]:
        """All entities by id. The directory may not change before the last was taken."""
        nodes, entities = self._hub.directory.nodes, self._entities.registry.entities
        peers = () if kind == "device" else sorted(id for id in entities if id > after)
        devices = iter(()) if kind == "peer" else self._hub.uids.after(after, DEVICES)
        for id in heapq.merge(peers, devices):
            entity = entities.get(id)
            yield Summary(id, nodes[id].protocol, "device") if entity is None else Summary(id, entity.type, "peer")

    def types(self) -> list[str]:  # type: ignore[valid-type]
        """All types, sorted; that of a device is its protocol."""
        devices = self._device_types.all(self._hub.now)
        return sorted(devices | {entity.type for entity in self._entities.registry.entities.values()})

    def by_type(self, type: EntityType, after: AnyId = "", limit: Limit = MAX_PAGE) -> list[str]:  # type: ignore[valid-type]
        """The ids of all entities of a type, sorted; at most ``limit``, behind ``after``."""
        entities = self._entities.registry.entities.values()
        peers = sorted(entity.id for entity in entities if entity.type == type and entity.id > after)
        devices = self._device_types.of(type, after, self._hub.now)
        return list(islice(heapq.merge(peers, devices), limit))

    def get(self, id: AnyId) -> View:
        """One entity; ``unknown`` if there is none of that id."""
        entity = self._entities.registry.entities.get(id)
        if entity is not None:
            return self._view(entity)
        if self._entities.is_device(id):
            return self._device(self._hub.directory.nodes[id])
        raise RpcError.of("unknown", "there is no such entity")

    def _view(self, entity: Entity[Any]) -> View:
        return View(
            entity.id,
            uid_of(entity.id),
            "peer",
            entity.type,
            tuple(entity.methods.values()),
            self._entities.nodes.topics(entity.id),
            len(self._entities.subscriptions.to(entity.id)),
            UNSET if entity.description is None else entity.description,
        )

    def _device(self, node: Node) -> View:
        names = sorted(node.resources)
        methods = tuple(MethodDescription(name) for name in names)
        subscribers = len(self._entities.subscriptions.to(node.uid))
        return View(node.uid, node.uid, "device", node.protocol, methods, names, subscribers)

    def call(
        self,
        caller: Caller,
        id: AnyId,
        method: Topic,
        params: list[JSON] | dict[str, JSON] | None = None,  # type: ignore[valid-type]
        timeout: Timeout = TIMEOUT_S,
    ) -> Any:
        """Call a method of an entity; what it answers. A device's method writes or reads its resource (nodes.call)."""
        who = (HTTP_CALLERS, caller.name) if caller.session is None else self.members.of(caller.session)
        return self.call_as(who, caller, id, method, params, timeout)

    def call_as(self, who: Hashable, caller: Caller, id: str, method: str, params: JSON, timeout: float) -> Any:
        """As :meth:`call`; ``who`` is the member that calls, where it is one."""
        if self._entities.is_device(id):
            return self._call_device(caller, id, method, params, min(timeout, TTL_S))
        later = Later()
        self._entities.call(who, id, method, params, timeout, partial(_end, later))
        return later

    def publish(self, caller: Caller, content: JSON, topic: Topic | None = None) -> Told:
        """Tell all subscribers, and whoever watches the node, the newest of this entity or of one topic of it."""
        return Told(self._entities.publish(self.members.of(caller.need_session()), topic, content))

    def subscribe(self, caller: Caller, id: AnyId, topic: Topic | None = None) -> bool:
        """Hear an entity, or one topic of it: by ``entities.published``. Lasts until it is ended, or the connection."""
        self._entities.subscribe(self.members.of(caller.need_session()), id, topic)
        return True

    def unsubscribe(self, caller: Caller, id: AnyId, topic: Topic | None = None) -> bool:
        """End a subscription; ``unknown`` if there is none."""
        if not self._entities.unsubscribe(self.members.of(caller.need_session()), id, topic):
            raise RpcError.of("unknown", "there is no such subscription")
        return True

    def watch_registrations(self, caller: Caller, watch: bool = True) -> bool:
        """Be told by ``entities.registered`` and ``entities.left`` who comes and goes; or, with false, no longer."""
        self._entities.watch_registrations(self.members.of(caller.need_session()), watch)
        return True

    def methods(self) -> tuple[Method, ...]:
        """All of these, for the table."""
        return (
            Method.of("entities.register", self.register, needs="write"),
            Method.of("entities.unregister", self.unregister, needs="write"),
            Method.of("entities.list", self.list, needs="read"),
            Method.of("entities.types", self.types, needs="read"),
            Method.of("entities.byType", self.by_type, needs="read"),
            Method.of("entities.get", self.get, needs="read"),
            Method.of("entities.call", self.call, needs="write"),
            Method.of("entities.publish", self.publish, needs="write"),
            Method.of("entities.subscribe", self.subscribe, needs="read"),
            Method.of("entities.unsubscribe", self.unsubscribe, needs="read"),
            Method.of("entities.watchRegistrations", self.watch_registrations, needs="read"),
        )
