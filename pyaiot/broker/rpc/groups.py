# SPDX-License-Identifier: BSD-3-Clause
"""Watches with equal filters, and which of them a change is for. Pure.

What matches is found once for each resource and group. A resource keeps its :class:`Audience`: the groups that want to
hear of it, of those that there were when it was last looked for. So a change asks no filter at all, unless there are
new groups; and of those only the ones whose named uids, resources, types or gateways can be meant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pyaiot.broker.entries import Description, Gateway, Node, Resource
from pyaiot.broker.rpc.filters import Filter, Matcher
from pyaiot.broker.rpc.resource_type import resource_type
from pyaiot.rpc.errors import RpcError

if TYPE_CHECKING:
    from pyaiot.broker.rpc.watch import Watch

#: Different filters at a time: what a resource can have to remember is bounded by it.
MAX_GROUPS = 4_096
#: What all their globs may cost for each new resource, in steps of up to a microsecond: see filters.Glob.
MAX_GLOB_STEPS = 4_096
#: Groups without a watch that are kept: who comes back asks for the same again.
MAX_IDLE_GROUPS = 256


class Group:
    """All watches with one filter: ``live`` are those that hear of each change, and ``pending`` what they shall next.

    ``number`` grows with each new group. ``details``: they are told what is known of nodes besides their values, too.
    """

    __slots__ = (
        *("details", "filter", "is_about_resources", "is_dropped", "live", "matcher", "number", "pending", "watches"),
    )

    def __init__(self, filter: Filter, number: int, *, details: bool) -> None:
        self.filter = filter
        self.details = details
        self.number = number
        self.matcher = Matcher(filter)
        self.is_about_resources = filter.is_about_resources
        self.watches: set[Watch] = set()
        self.live: dict[Watch, None] = {}
        self.pending: list[bytes] = []
        self.is_dropped = False


class Audience:
    """Who wants to hear of a resource, of the groups up to number ``seen``."""

    __slots__ = ("groups", "seen")

    def __init__(self, groups: tuple[Group, ...], seen: int) -> None:
        self.groups = groups
        self.seen = seen


class _Index:
    """Groups, oldest first, by the narrowest condition that they have: each is in one of the tables."""

    def __init__(self) -> None:
        self._by_uid: defaultdict[str, list[Group]] = defaultdict(list)
        self._by_resource: defaultdict[str, list[Group]] = defaultdict(list)
        self._by_type: defaultdict[str, list[Group]] = defaultdict(list)
        self._by_gateway: defaultdict[str, list[Group]] = defaultdict(list)
        self._others: list[Group] = []

    def add(self, group: Group) -> None:
        filter = group.filter
        for table, names in (
            (self._by_uid, filter.only_uids),
            (self._by_resource, filter.resources),
            (self._by_type, filter.types),
            (self._by_gateway, filter.only_gateways),
        ):
            if names:
                for name in names:
                    table[name].append(group)
                return
        self._others.append(group)

    def of_resource(self, node: Node, name: str, type: str, after: int) -> Iterator[Group]:
        """Groups that are newer than number ``after`` and may want to hear of it."""
        for groups in (
            self._by_uid.get(node.uid),
            self._by_resource.get(name),
            self._by_type.get(type),
            self._by_gateway.get(node.gateway),
            self._others,
        ):
            for group in reversed(groups or ()):
                if group.number <= after:
                    break
                yield group

    def of_node(self, node: Node) -> Iterator[Group]:
        """Groups that may want to hear of it, whatever resources it has."""
        yield from self._by_uid.get(node.uid, ())
        yield from self._by_gateway.get(node.gateway, ())
        yield from self._others


class Groups:
    """All groups."""

    def __init__(self) -> None:
        self._by_filter: dict[tuple[Filter, bool], Group] = {}
        self._newest = 0
        self._idle = 0
        self._glob_steps = 0
        self._of_nodes = _Index()
        self._of_resources = _Index()
        #: Equal audiences are one, as far as they were found since the newest group came.
        self._audiences: dict[tuple[Group, ...], Audience] = {}

    def __iter__(self) -> Iterator[Group]:
        return iter(tuple(self._by_filter.values()))

    def enter(self, filter: Filter, watch: Watch, *, details: bool) -> Group:
        """The group of that filter, with ``watch`` in it. Raises RpcError ``busy``: there are too many."""
        group = self._by_filter.get((filter, details))
        if group is None:
            if not self._has_room_for(filter):
                self._drop_idle()
            if not self._has_room_for(filter):
                raise RpcError.of("busy", f"more than {MAX_GROUPS} different filters, or too many globs, are in use")
            self._newest += 1
            self._glob_steps += filter.glob_steps
            group = self._by_filter[filter, details] = Group(filter, self._newest, details=details)
            self._index(group)
            self._audiences.clear()
        elif not group.watches:
            self._idle -= 1
        group.watches.add(watch)
        return group

    def _has_room_for(self, filter: Filter) -> bool:
        return len(self._by_filter) < MAX_GROUPS and self._glob_steps + filter.glob_steps <= MAX_GLOB_STEPS

    def leave(self, group: Group, watch: Watch) -> None:
        """``watch`` is over."""
        group.live.pop(watch, None)
        group.watches.discard(watch)
        if not group.watches:
            self._idle += 1
            if self._idle > MAX_IDLE_GROUPS:
                self._drop_idle()

    def _drop_idle(self) -> None:
        for key, group in list(self._by_filter.items()):
            if not group.watches:
                group.is_dropped = True
                del self._by_filter[key]
                self._glob_steps -= group.filter.glob_steps
        self._idle = 0
        self._audiences.clear()
        self._of_nodes, self._of_resources = _Index(), _Index()
        for group in self._by_filter.values():
            self._index(group)

    def _index(self, group: Group) -> None:
        (self._of_resources if group.is_about_resources else self._of_nodes).add(group)

    def of_resource(self, resource: Resource) -> tuple[Group, ...]:
        """The groups that want to hear of ``resource``."""
        audience: Audience | None = resource.audience
        if audience is None or audience.seen != self._newest:
            audience = resource.audience = self._look(resource, audience)
        return audience.groups

    def _look(self, resource: Resource, known: Audience | None) -> Audience:
        node, name = resource.node, resource.name
        type = resource_type(name, resource.unit)
        seen = 0 if known is None else known.seen
        found = [] if known is None else [group for group in known.groups if not group.is_dropped]
        for index in (self._of_nodes, self._of_resources):
            for group in index.of_resource(node, name, type, seen):
                if group.matcher.means(node.gateway, node.uid, name, type):
                    found.append(group)
        groups = tuple(found)
        return self._audiences.setdefault(groups, Audience(groups, self._newest))

    def of_node(self, node: Node) -> Iterable[Group]:
        """The groups that want to hear of ``node`` itself, as it is: of one with the resources that it has."""
        found = {group: None for group in self._of_nodes.of_node(node) if group.filter.may_mean(node.gateway, node.uid)}
        for resource in node.resources.values():
            for group in self.of_resource(resource):
                found[group] = None
        return found

    def of_description(self, description: Description) -> Iterable[Group]:
        """The groups that want to hear what a resource is: of those about resources, once there is that resource."""
        node = description.node
        resource = node.resources.get(description.name)
        if resource is not None:
            return self.of_resource(resource)
        return (group for group in self._of_nodes.of_node(node) if group.filter.may_mean(node.gateway, node.uid))

    def of_departed(self, uid: str) -> Iterator[Group]:
        """The groups that may have heard of the node ``uid``, which is gone."""
        gateway = uid.partition("/")[0]
        for group in self:
            if group.filter.may_mean(gateway, uid):
                yield group

    def of_gateway(self, gateway: Gateway) -> Iterator[Group]:
        """The groups that want to hear of ``gateway``."""
        for group in self:
            only = group.filter.only_gateways
            if only is None or gateway.name in only:
                yield group
