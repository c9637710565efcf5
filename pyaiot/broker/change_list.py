# SPDX-License-Identifier: BSD-3-Clause
"""Everything that can be told of nodes, in one list, in the order of its last change. Pure.

A :class:`Bookmark` is a place in that list: what is before it has been told to its client, what is behind it has not.
A change moves to the end. So a client that joins, or cannot keep up, costs one bookmark however much changes, and is
told the newest value of each thing when it can take it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pyaiot.wire.messages import JSON

#: How many departures and resets are remembered for clients that have not been told them yet.
MAX_PENDING_NOTICES = 100_000

NodeState = Literal["online", "unreachable"]
NoticeKind = Literal["out", "reset"]


class Entry:
    """Something to tell: a place in the list of what changed when."""

    __slots__ = ("after", "before")

    def __init__(self) -> None:
        self.before: Entry = self
        self.after: Entry = self

    def unlink(self) -> None:
        """Leave the list; harmless when not in one."""
        self.before.after = self.after
        self.after.before = self.before
        self.before = self.after = self

    def insert_before(self, place: Entry) -> None:
        """Enter the list just before ``place``."""
        self.before = place.before
        self.after = place
        place.before.after = self
        place.before = self


class Resource(Entry):
    """The newest value of one resource of a node."""

    __slots__ = ("at", "data", "name", "node", "unit", "value")

    def __init__(self, node: Node, name: str) -> None:
        super().__init__()
        self.node = node
        self.name = name
        self.data: JSON = None
        self.value: JSON = None
        self.unit: str | None = None
        self.at = -1


class Node(Entry):
    """Our record of a device. Its uid is ``<gateway>/<uid at the gateway>``; times are Unix ms, as gateways give.

    ``account`` is that of its platform, if its gateway had it proved.
    """

    __slots__ = ("account", "first_seen", "gateway", "last_seen", "protocol", "resources", "state", "uid")

    def __init__(self, uid: str, gateway: str, protocol: str, at: int) -> None:
        super().__init__()
        self.uid = uid
        self.gateway = gateway
        self.protocol = protocol
        self.account: str | None = None
        self.first_seen = at
        self.last_seen = at
        self.state: NodeState = "online"
        self.resources: dict[str, Resource] = {}


class Notice(Entry):
    """That a node went ``out`` or was ``reset``; kept only while somebody may not have been told."""

    __slots__ = ("kind", "uid")

    def __init__(self, kind: NoticeKind, uid: str) -> None:
        super().__init__()
        self.kind = kind
        self.uid = uid


class Milestone(Entry):
    """Where the list ended when a bookmark was set at its beginning: who is there knows every node."""

    __slots__ = ()


class Bookmark(Entry):
    """How far one client has been told. ``overtaken`` when it waited so long that notices had to be dropped."""

    __slots__ = ("milestone", "overtaken")

    def __init__(self) -> None:
        super().__init__()
        self.milestone: Milestone | None = None
        self.overtaken = False


class ChangeList:
    """The list. ``end`` is where it begins and ends: a change is ``insert_before(end)``."""

    def __init__(self) -> None:
        self.end = Entry()
        self.bookmarks: set[Bookmark] = set()
        self._notices: dict[tuple[NoticeKind, str], Notice] = {}

    def bookmark(self, *, told_all: bool) -> Bookmark:
        """A place in the list: at its end (``told_all``), or at its beginning for one who knows nothing yet."""
        bookmark = Bookmark()
        if told_all:
            bookmark.insert_before(self.end)
        else:
            bookmark.insert_before(self.end.after)
            bookmark.milestone = Milestone()
            bookmark.milestone.insert_before(self.end)
        self.bookmarks.add(bookmark)
        return bookmark

    def drop(self, bookmark: Bookmark) -> None:
        """The client is live again, or gone."""
        bookmark.unlink()
        if bookmark.milestone is not None:
            bookmark.milestone.unlink()
        self.bookmarks.discard(bookmark)
        if not self.bookmarks:
            self._drop_notices()

    def untold(self, bookmark: Bookmark) -> Iterator[Node | Resource | Notice | Milestone]:
        """What the bookmark's client has not been told, oldest change first, moving the bookmark along.

        Its own Milestone comes once every node that was there when the bookmark was set has been told. The
        iterator may be left at any time and taken up by another call, with changes in between.
        """
        end = self.end
        while (entry := bookmark.after) is not end:
            bookmark.unlink()
            bookmark.insert_before(entry.after)
            if isinstance(entry, Node | Resource | Notice):
                yield entry
            elif entry is bookmark.milestone:
                entry.unlink()
                bookmark.milestone = None
                yield Milestone()

    def notify(self, kind: NoticeKind, uid: str) -> None:
        """Keep a notice for those who are behind: one of a kind a node, at its newest place."""
        if not self.bookmarks:
            return
        if len(self._notices) >= MAX_PENDING_NOTICES:
            # Whoever is this far behind starts over, rather than let others pay for it.
            for bookmark in self.bookmarks:
                bookmark.overtaken = True
            self._drop_notices()
        notice = self._notices.setdefault((kind, uid), Notice(kind, uid))
        notice.unlink()
        notice.insert_before(self.end)

    def _drop_notices(self) -> None:
        for notice in self._notices.values():
            notice.unlink()
        self._notices.clear()
