# SPDX-License-Identifier: BSD-3-Clause
"""One watch of one program: what it has been told, and what it is told while it is not live. Pure.

::

    catching up ──nothing untold──▶ live
         ▲                            │
         └──last write not taken──────┘

While catching up it is a bookmark in the directory's list of changes, and told the newest value of each thing. A watch
of nodes that its filter names begins at the list's end, and is told of those nodes first, one by one: it costs what it
tells, however many nodes there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from pyaiot.broker.change_list import Bookmark
from pyaiot.broker.close_codes import CLOSE_TRY_LATER
from pyaiot.broker.directory import Directory
from pyaiot.broker.entries import (
    Again,
    Description,
    Entry,
    Gateway,
    Liveness,
    Milestone,
    News,
    Node,
    Notice,
    Resource,
    Retyping,
)
from pyaiot.broker.rpc import changes
from pyaiot.broker.rpc.caller import Session
from pyaiot.broker.rpc.filters import Filter
from pyaiot.broker.rpc.groups import Group, Groups
from pyaiot.broker.rpc.resource_type import resource_type

#: Entries that are looked at before the others have their turn: most of them may be none that the filter means.
MAX_LOOKED_AT = 4_000
#: The same for what it takes to look at them: see filters.Glob.
MAX_STEPS = 8_000
#: Where there is nothing to tell, and looking may end for now.
_PAUSE = b""
#: The version of parts after which nobody can go on: the state follows.
NOTHING = 0


class Watch:
    """A watch: a Source (see caller.py) of ``nodes.changed`` number ``number`` for ``session``.

    ``bookmark`` is None while it is live. ``skip``: so many of the group's pending changes it knows already, having
    been told all up to the version ``since`` at ``place``, where it became live.
    """

    __slots__ = (
        *("_base", "_directory", "_groups", "_rest", "_says_synced", "_walked"),
        *("bookmark", "group", "number", "place", "served", "session", "since", "skip"),
    )

    group: Group

    def __init__(self, number: int, session: Session, directory: Directory, groups: Groups) -> None:
        self.number = number
        self.session = session
        self.bookmark: Bookmark | None = None
        self.skip = 0
        self.since = NOTHING
        self.place = Entry()
        self.served = 0
        self._directory = directory
        self._groups = groups
        #: What was born later was told without its node.
        self._base = NOTHING
        #: Nodes, and resources of them, and gateways, that are to be told before what is behind the bookmark.
        self._rest: Iterator[bytes] | None = None
        self._says_synced = True
        #: When all that was there at the beginning had been passed, if not told: see take.
        self._walked: int | None = None

    def begin(self, since: int | None) -> bool:
        """Whether it can go on from the version ``since``; otherwise it begins at the beginning."""
        list = self._directory.changes
        self.bookmark = None if since is None else list.resume(since)
        if self.bookmark is not None and since is not None:
            self._base = since
            return True
        self._base = list.version
        only = self.group.filter.only_uids
        self.bookmark = list.bookmark(told_all=only is not None)
        if only is not None:
            self._rest = self._named(self.group.filter, only)
        return False

    def fall_behind(self, place: Entry, version: int) -> None:
        """It is not live any more; it was told everything up to ``version``, which is what is not behind ``place``."""
        self.group.live.pop(self, None)
        self.bookmark = self._directory.changes.bookmark_behind(place, version)
        self._base = version
        self.was_told()

    def was_told(self) -> None:
        """It is live, and was told what was pending."""
        self.skip = 0
        self.place.unlink()

    def end(self) -> None:
        """It is told nothing any more."""
        self._groups.leave(self.group, self)
        self.place.unlink()
        if self.bookmark is not None:
            self._directory.changes.drop(self.bookmark)
            self.bookmark = None

    def take(self, limit: int) -> bytes:
        """The next frame, of about ``limit`` bytes; b"" when it is live: then its changes come as they happen."""
        bookmark = self.bookmark
        if bookmark is None:
            return b""
        if bookmark.overtaken:
            self.session.close(CLOSE_TRY_LATER, "too far behind; connect again")
            return b""
        pieces: list[bytes] = []
        size = steps = 0
        version = NOTHING
        if self._rest is not None:
            for piece in self._rest:
                steps += self.group.matcher.steps
                if piece is not _PAUSE:
                    pieces.append(piece)
                    size += len(piece)
                if size >= limit or steps >= MAX_STEPS:
                    return self._frame(pieces, version, synced=False)
            self._rest = None
        list = self._directory.changes
        with closing(list.news(bookmark, MAX_LOOKED_AT)) as news:
            for entry in news:
                if isinstance(entry, Milestone):
                    self._walked = list.version
                    continue
                version = entry.version - 1  # there may be more of the same version
                for piece in self._pieces(entry):
                    pieces.append(piece)
                    size += len(piece)
                steps += self._steps(entry)
                if self._rest is not None or size >= limit or steps >= MAX_STEPS:
                    break
        if self._rest is None and list.is_told(bookmark):
            return self._become_live(bookmark, pieces)
        # What changes faster than this program reads is never all told; it is told of everything once, though.
        synced = self._says_synced and self._walked is not None and version > self._walked
        return self._frame(pieces, NOTHING if self._rest is not None else version, synced=synced)

    def _become_live(self, bookmark: Bookmark, pieces: list[bytes]) -> bytes:
        list = self._directory.changes
        list.drop(bookmark)
        self.bookmark = None
        self.skip = len(self.group.pending)
        self.since = list.version
        self.place.insert_before(list.end)
        self.group.live[self] = None
        if not pieces and not self._says_synced:
            return b""
        return self._frame(pieces, list.version, synced=self._says_synced)

    def _frame(self, pieces: list[bytes], version: int, *, synced: bool) -> bytes:
        if synced:
            self._says_synced = False
        joined = b",".join(pieces)
        return changes.changed_frame(self.number, version, joined, synced=synced, rpc_version=self.session.version)

    def _steps(self, entry: News) -> int:
        """What it took to look at the entry: a node is meant by its resources."""
        if not self.group.is_about_resources:
            return 1
        if isinstance(entry, Again | Node | Liveness):
            if isinstance(entry, Liveness) and not self.group.details:
                return 1
            node = entry if isinstance(entry, Node) else entry.node
            return self.group.matcher.steps * (1 + len(node.resources))
        if isinstance(entry, Retyping):
            known = self._directory.nodes.get(entry.uid)
            return self.group.matcher.steps * (1 if known is None else 1 + len(known.resources))
        return self.group.matcher.steps

    def _pieces(self, entry: News) -> Iterator[bytes]:
        """What to tell of an entry of the list."""
        group = self.group
        if isinstance(entry, Resource):
            if self._wants(entry):
                if group.is_about_resources and entry.born > self._base:
                    yield from node_pieces(entry.node, group)
                    yield from self._about(entry)
                yield changes.encode_value(entry)
        elif isinstance(entry, Node):
            if self._means(entry):
                yield from node_pieces(entry, group)
        elif isinstance(entry, Again):
            # If the gateway's own news is newer, that says what the node's state is.
            if (entry.has_changed or entry.version >= self._gateway_of(entry.node).version) and self._means(entry.node):
                yield from node_pieces(entry.node, group)
        elif isinstance(entry, Liveness | Description):
            if group.details and self._wants_detail(entry):
                yield changes.encode_detail(entry)
        elif isinstance(entry, Gateway):
            only = group.filter.only_gateways
            if only is None or entry.name in only:
                yield changes.encode_gateway(entry)
        elif isinstance(entry, Notice):
            if group.filter.may_mean(entry.uid.partition("/")[0], entry.uid):
                yield from self._noticed(entry)
        elif not isinstance(entry, Milestone) and group.filter.types:
            yield from self._retyped(entry.uid)

    def _noticed(self, notice: Notice) -> Iterator[bytes]:
        if notice.kind == "dismissed":
            if self.group.details:
                yield changes.encode_dismissed(notice.uid)
        elif notice.kind == "reset" and not self.group.is_about_resources:
            yield changes.encode_reset(notice.uid)
        else:
            yield changes.encode_gone(notice.uid, notice.gone)

    def _about(self, resource: Resource) -> Iterator[bytes]:
        """What a resource is that is told for the first time."""
        abouts = resource.node.abouts
        if self.group.details and abouts is not None and resource.name in abouts:
            yield changes.encode_about(abouts[resource.name])

    def _wants_detail(self, detail: Liveness | Description) -> bool:
        """Whether the filter means it; to whom resources matter a resource is told about once it is there."""
        if isinstance(detail, Liveness) or not self.group.is_about_resources:
            return self._means(detail.node)
        resource = detail.node.resources.get(detail.name)
        return resource is not None and self._wants(resource)

    def _retyped(self, uid: str) -> Iterator[bytes]:
        """Some resource of that node may be none of the wanted type any more: tell what is left."""
        node = self._directory.nodes.get(uid)
        if node is None or not self.group.filter.may_mean(node.gateway, uid):
            return
        if self._means(node):
            yield changes.encode_reset(uid)
            self._rest = self._whole(uid)
        else:
            yield changes.encode_gone(uid)

    def _means(self, node: Node) -> bool:
        """Whether the filter means the node as it is."""
        group = self.group
        if not group.is_about_resources:
            return group.filter.may_mean(node.gateway, node.uid)
        return any(map(self._wants, node.resources.values()))

    def _wants(self, resource: Resource) -> bool:
        """Whether the filter means it. This asks, for once, and does not look for all others who mean it."""
        node, name = resource.node, resource.name
        return self.group.matcher.means(node.gateway, node.uid, name, resource_type(name, resource.unit))

    def _named(self, filter: Filter, uids: frozenset[str]) -> Iterator[bytes]:
        """The nodes that the filter names, with their values; before the gateway's state those that are awaited."""
        nodes = self._directory.nodes
        awaited = {uid: uid in nodes and self._directory.is_awaited(nodes[uid]) for uid in sorted(uids)}
        for uid, is_awaited in awaited.items():
            if is_awaited:
                yield from self._whole(uid)
        for name in sorted(filter.only_gateways or ()):
            owner = self._directory.owners.get(name)
            if owner is not None:
                yield changes.encode_gateway(owner.gateway)
        for uid, is_awaited in awaited.items():
            if not is_awaited:
                yield from self._whole(uid)

    def _whole(self, uid: str) -> Iterator[bytes]:
        """A node and its values, one at a time: it may change in between, which is told later."""
        node = self._directory.nodes.get(uid)
        if node is None:
            return
        group = self.group
        is_told = not group.is_about_resources and self._means(node)
        if is_told:
            yield from node_pieces(node, group)
        for name in list(node.resources):
            resource = node.resources.get(name)
            if resource is None or not self._wants(resource):
                yield _PAUSE
                continue
            if not is_told:
                is_told = True
                yield from node_pieces(node, group)
            yield changes.encode_value(resource)
        if is_told and group.details:
            for description in list((node.abouts or {}).values()):
                if self._wants_detail(description):
                    yield changes.encode_about(description)

    def _gateway_of(self, node: Node) -> Gateway:
        return self._directory.owners[node.gateway].gateway


def node_pieces(node: Node, group: Group) -> Iterator[bytes]:
    """That a node is there; and its liveness, to whom details matter."""
    yield changes.encode_node(node)
    if group.details:
        yield changes.encode_liveness(node)
