# SPDX-License-Identifier: BSD-3-Clause
"""The directory as a filter means it: what a group of watches is told of each thing that there is, or is no more. Pure.

Live watches (watch_fanout.py) find by an index whom a change is for; those that catch up (watch.py) ask here, for each
entry of the list of changes. What is said to either of them is said alike, by the functions at the end.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyaiot.broker.directory import Directory
from pyaiot.broker.entries import (
    Again,
    Description,
    Gateway,
    Gone,
    Liveness,
    News,
    Node,
    Notice,
    NoticeKind,
    Resource,
    Retyping,
)
from pyaiot.broker.rpc import changes
from pyaiot.broker.rpc.groups import Group

#: Where there is nothing to tell, and looking may end for now.
PAUSE = b""


class FilteredView:
    """What of ``directory`` is for ``group``."""

    __slots__ = ("_directory", "_group")

    def __init__(self, directory: Directory, group: Group) -> None:
        self._directory = directory
        self._group = group

    def pieces(self, entry: News, told_up_to: int) -> Iterator[bytes]:
        """What to tell of an entry of the list. What came to be there after the version ``told_up_to`` is new to it.

        Of a Retyping: see :meth:`retyped`.
        """
        group = self._group
        if isinstance(entry, Resource):
            if group.matcher.means_resource(entry):
                if group.is_about_resources and entry.born > told_up_to:
                    yield from first_pieces(entry, group)
                yield changes.encode_value(entry)
        elif isinstance(entry, Node):
            if group.matcher.means_node(entry):
                yield from node_pieces(entry, group)
        elif isinstance(entry, Again):
            # If the gateway's own news is newer, that says what the node's state is.
            gateway = self._directory.owners[entry.node.gateway].gateway
            if (entry.has_changed or entry.version >= gateway.version) and group.matcher.means_node(entry.node):
                yield from node_pieces(entry.node, group)
        elif isinstance(entry, Liveness | Description):
            if group.details and self._wants_detail(entry):
                yield changes.encode_detail(entry)
        elif isinstance(entry, Gateway):
            only = group.filter.only_gateways
            if only is None or entry.name in only:
                yield changes.encode_gateway(entry)
        elif isinstance(entry, Notice) and group.filter.may_mean(entry.uid.partition("/")[0], entry.uid):
            if entry.kind != "dismissed":
                yield void_piece(entry.kind, entry.uid, entry.gone, group)
            elif group.details:
                yield changes.encode_dismissed(entry.uid)

    def retyped(self, uid: str) -> tuple[list[bytes], Iterator[bytes] | None]:
        """Some resource of that node may be none of the wanted type any more: what to tell at once, and what is left.

        None: nothing is.
        """
        group = self._group
        node = self._directory.nodes.get(uid)
        if not group.filter.types or node is None or not group.filter.may_mean(node.gateway, uid):
            return [], None
        if group.matcher.means_node(node):
            return [changes.encode_reset(uid)], self.whole(uid)
        return [changes.encode_gone(uid)], None

    def steps(self, entry: News) -> int:
        """What it takes to look at the entry (see filters.Glob): a node is meant by its resources."""
        group = self._group
        if not group.is_about_resources:
            return 1
        if isinstance(entry, Again | Node | Liveness):
            if isinstance(entry, Liveness) and not group.details:
                return 1
            node = entry if isinstance(entry, Node) else entry.node
            return group.matcher.steps * (1 + len(node.resources))
        if isinstance(entry, Retyping):
            known = self._directory.nodes.get(entry.uid)
            return group.matcher.steps * (1 if known is None else 1 + len(known.resources))
        return group.matcher.steps

    def named(self, uids: frozenset[str]) -> Iterator[bytes]:
        """The nodes that the filter names, with their values; before the gateway's state those that are awaited."""
        nodes = self._directory.nodes
        awaited = {uid: uid in nodes and self._directory.is_awaited(nodes[uid]) for uid in sorted(uids)}
        for uid, is_awaited in awaited.items():
            if is_awaited:
                yield from self.whole(uid)
        for name in sorted(self._group.filter.only_gateways or ()):
            owner = self._directory.owners.get(name)
            if owner is not None:
                yield changes.encode_gateway(owner.gateway)
        for uid, is_awaited in awaited.items():
            if not is_awaited:
                yield from self.whole(uid)

    def whole(self, uid: str) -> Iterator[bytes]:
        """A node and its values, one at a time: it may change in between, which is told later."""
        node = self._directory.nodes.get(uid)
        if node is None:
            return
        group = self._group
        is_told = not group.is_about_resources and group.matcher.means_node(node)
        if is_told:
            yield from node_pieces(node, group)
        for name in list(node.resources):
            resource = node.resources.get(name)
            if resource is None or not group.matcher.means_resource(resource):
                yield PAUSE
                continue
            if not is_told:
                is_told = True
                yield from node_pieces(node, group)
            yield changes.encode_value(resource)
        if is_told and group.details:
            for description in list((node.abouts or {}).values()):
                if self._wants_detail(description):
                    yield changes.encode_about(description)

    def _wants_detail(self, detail: Liveness | Description) -> bool:
        """Whether the filter means it; to whom resources matter a resource is told about once it is there."""
        group = self._group
        if isinstance(detail, Liveness) or not group.is_about_resources:
            return group.matcher.means_node(detail.node)
        resource = detail.node.resources.get(detail.name)
        return resource is not None and group.matcher.means_resource(resource)


def node_pieces(node: Node, group: Group) -> Iterator[bytes]:
    """That a node is there; and its liveness, to whom details matter."""
    yield changes.encode_node(node)
    if group.details:
        yield changes.encode_liveness(node)


def first_pieces(resource: Resource, group: Group) -> Iterator[bytes]:
    """What comes before the first value of ``resource``: to those who mean only some it may be the node's first."""
    node = resource.node
    yield from node_pieces(node, group)
    if group.details and node.abouts is not None and resource.name in node.abouts:
        yield changes.encode_about(node.abouts[resource.name])


def void_piece(kind: NoticeKind, uid: str, gone: Gone | None, group: Group) -> bytes:
    """That a node is out, or was reset: to those who mean only some resources, it has none of them left."""
    if kind == "reset" and not group.is_about_resources:
        return changes.encode_reset(uid)
    return changes.encode_gone(uid, gone)
