# SPDX-License-Identifier: BSD-3-Clause
"""Tells each change to all live watches that mean it: encoded once, many changes in one notification a watch. Pure.

As fanout.py does for ``/ws``: on an idle link at once, under load all changes of its ``INTERVAL_S`` together. A watch
whose session has not taken its last write becomes a bookmark in the directory's list of changes, and catches up by
itself (see watch.py); the others do not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pyaiot.broker.change_feed import NewsKind
from pyaiot.broker.directory import Directory
from pyaiot.broker.entries import Description, Entry, Gateway, Liveness, Node, Resource
from pyaiot.broker.rpc import changes
from pyaiot.broker.rpc.caller import Session
from pyaiot.broker.rpc.filtered_view import first_pieces, node_pieces, void_piece
from pyaiot.broker.rpc.groups import Group, Groups
from pyaiot.broker.rpc.resource_type import resource_type
from pyaiot.broker.rpc.watch import Watch

#: A notification to live watches is of about so many bytes: what one session can have waiting is bounded by it.
MAX_PART_BYTES = 128 * 1024
#: With more than this pending, for all watches together, gateways wait: it takes some 10 ms to tell it.
MAX_PENDING_BYTES = 3 * 1024 * 1024


class WatchFanout:
    """``wake`` is called when there is something to tell; its duty is to call :meth:`flush` soon.

    ``watches_of``: all watches of a session.
    """

    def __init__(
        self,
        directory: Directory,
        groups: Groups,
        watches_of: Callable[[Session], Iterable[Watch]],
        wake: Callable[[], None],
    ) -> None:
        #: How often a session did not keep up, and changes told, once for each watch that was told; since the start.
        self.fallen_behind = 0
        self.delivered = 0
        self._directory = directory
        self._groups = groups
        self._watches_of = watches_of
        self._wake = wake
        #: Groups with pending changes.
        self._dirty: dict[Group, None] = {}
        self._pending_bytes = 0
        #: Sessions of which a watch fell behind by itself, and has something to take.
        self._to_wake: dict[Session, None] = {}
        #: Live watches have been told all that is before this place, and what is behind it is pending.
        self._told = Entry()
        self._told_version = 0
        self._turn = 0

    # From when to when

    def begin(self) -> None:
        """There are watches from here on."""
        feed = self._directory.feed
        feed.on_news, feed.on_gateway, feed.on_retyping = self.on_news, self.on_gateway, self.on_retyping
        self._told.unlink()
        self._told.insert_before(self._directory.changes.end)
        self._told_version = self._directory.changes.version

    def want_details(self, wanted: bool) -> None:
        """Whether any watch is with details."""
        feed = self._directory.feed
        feed.on_detail = self.on_detail if wanted else None
        feed.on_dismissed = self.on_dismissed if wanted else None

    def forget(self, session: Session) -> None:
        """It has ended."""
        self._to_wake.pop(session, None)

    def end(self) -> None:
        """There is no watch any more: nobody pays for them."""
        feed = self._directory.feed
        feed.on_news = feed.on_gateway = feed.on_retyping = None
        self._told.unlink()
        for group in self._dirty:
            group.pending.clear()
        self._dirty.clear()
        self._pending_bytes = 0

    # What is told

    def on_news(self, kind: NewsKind, node: Node, resource: Resource | None) -> None:
        """Take a change from the directory."""
        if resource is not None:
            self._on_value(resource)
            return
        for group in self._groups.of_node(node):
            if group.live:
                if kind == "new" or kind == "again":
                    for piece in node_pieces(node, group):
                        self._tell(group, piece)
                elif kind != "update":
                    self._tell(group, void_piece(kind, node.uid, node.gone, group))

    def on_detail(self, detail: Liveness | Description) -> None:
        """Take the liveness of a node, or what one of its resources is."""
        groups = self._groups
        piece = b""
        for group in groups.of_node(detail.node) if isinstance(detail, Liveness) else groups.of_description(detail):
            if group.details and group.live:
                piece = piece or changes.encode_detail(detail)
                self._tell(group, piece)

    def on_dismissed(self, uid: str) -> None:
        """Take that a node which went is to be forgotten."""
        for group in self._groups.of_departed(uid):
            if group.details and group.live:
                self._tell(group, changes.encode_dismissed(uid))

    def on_gateway(self, gateway: Gateway) -> None:
        """Take the state of a gateway."""
        piece = changes.encode_gateway(gateway)
        for group in self._groups.of_gateway(gateway):
            if group.live:
                self._tell(group, piece)

    def _on_value(self, resource: Resource) -> None:
        value = b""
        for group in self._groups.of_resource(resource):
            if not group.live:
                continue
            if not value:
                value = changes.encode_value(resource)
            if group.is_about_resources and resource.born == resource.version:
                for piece in first_pieces(resource, group):
                    self._tell(group, piece)
            self._tell(group, value)

    def on_retyping(self, resource: Resource, new_unit: str | None) -> None:
        """Who meant the resource for the type that it has, and will not any more, is told by the list of changes."""
        node, name = resource.node, resource.name
        type = resource_type(name, new_unit)
        for group in self._groups.of_resource(resource):
            if group.live and not group.matcher.means(node.gateway, node.uid, name, type):
                for watch in tuple(group.live):
                    self._let_fall_behind(watch)
                    self._to_wake[watch.session] = None
                self._wake()

    def _tell(self, group: Group, piece: bytes) -> None:
        if not group.pending:
            if not self._dirty:
                self._wake()
            self._dirty[group] = None
        group.pending.append(piece)
        self._pending_bytes += len(piece) * len(group.live)

    @property
    def is_full(self) -> bool:
        """Whether so much is pending that it should be told before more is taken from gateways."""
        return self._pending_bytes >= MAX_PENDING_BYTES

    def flush(self) -> None:
        """Tell what has come."""
        if self._directory.is_applying:
            self._wake()  # a version is told as a whole
            return
        if self._dirty:
            self._serve()
        to_wake, self._to_wake = self._to_wake, {}
        for session in to_wake:
            session.wake()

    def _serve(self) -> None:
        """To each live watch of each group what is pending for it."""
        dirty, self._dirty = self._dirty, {}
        self._pending_bytes = 0
        serving = {}
        for group in dirty:
            serving[group], group.pending = group.pending, []
        # What happens from here on (a session may end, for example) is for the next time.
        before, before_version = self._told, self._told_version
        self._told, self._told_version = Entry(), self._directory.changes.version
        self._told.insert_before(self._directory.changes.end)
        self._turn += 1
        for group, pieces in serving.items():
            made: dict[tuple[int, int, int], list[bytes]] = {}
            for watch in tuple(group.live):
                if watch not in group.live:
                    continue  # it fell behind with another watch of its session
                skip = watch.skip
                if skip < len(pieces):
                    key = (watch.number, watch.session.version, skip)
                    frames = made.get(key)
                    if frames is None:
                        frames = made[key] = self._frames(watch, pieces[skip:], before_version)
                    if not self._deliver(watch, frames):
                        self._fall_behind(watch.session, serving, before, before_version)
                        continue
                    self.delivered += len(pieces) - skip
                watch.served = self._turn
                watch.was_told()
        before.unlink()

    def _deliver(self, watch: Watch, frames: list[bytes]) -> bool:
        """Whether its session keeps up; even if it does not, the last frame that it was given is on its way."""
        session = watch.session
        for place, frame in enumerate(frames, 1):
            if session.is_behind:
                return False
            keeps_up = session.deliver(frame)
            if place == len(frames):
                watch.served = self._turn
            if not keeps_up:
                return False
        return True

    def _frames(self, watch: Watch, pieces: list[bytes], before_version: int) -> list[bytes]:
        """Only with the last of them it has been told everything up to the version."""
        parts = list(changes.parts(pieces, MAX_PART_BYTES))
        versions = [before_version] * (len(parts) - 1) + [self._told_version]
        return [
            changes.changed_frame(watch.number, version, part, rpc_version=watch.session.version)
            for part, version in zip(parts, versions, strict=True)
        ]

    def _fall_behind(
        self, session: Session, serving: dict[Group, list[bytes]], before: Entry, before_version: int
    ) -> None:
        """All live watches of a session that does not take what it is told."""
        self.fallen_behind += 1
        for watch in self._watches_of(session):
            if watch.bookmark is not None:
                continue
            if watch.group in serving and watch.served != self._turn:
                if watch.since > before_version:  # it became live later
                    watch.fall_behind(watch.place, watch.since)
                else:
                    watch.fall_behind(before, before_version)
            else:
                watch.fall_behind(self._told, self._told_version)

    def _let_fall_behind(self, watch: Watch) -> None:
        watch.fall_behind(self._told, self._told_version)
