# SPDX-License-Identifier: BSD-3-Clause
"""Everything that can be told of nodes, in one list, in the order of its last change. Pure.

A :class:`Bookmark` is a place in that list: what is before it has been told to its client, what is behind it has not.
A change moves to the end. So a client that joins, or cannot keep up, costs one bookmark however much changes, and is
told the newest value of each thing when it can take it.

All that changes together (a gateway's frame, for example) has one *version*, higher than any before. Whoever has been
told everything up to a version can go on from it later, as long as no departure since then was forgotten.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import islice
from typing import Any, Literal, NamedTuple, TypeAlias

from pyaiot.wire.messages import JSON, OutReason

#: How many departures and resets are remembered while there are clients that have not been told them …
MAX_PENDING_NOTICES = 100_000
#: … and for clients that may come back.
MAX_REMEMBERED_NOTICES = 20_000
#: The oldest are forgotten so many at a time: each time costs a walk over those that went before.
FORGOTTEN_AT_ONCE = 2_000
#: Whoever comes back and has missed more than this is told everything …
MAX_MISSED = 50_000
#: … where signs of life do not count, up to so many: silent nodes give one every 10 s, and most watches are told none.
MAX_MISSED_SIGNS = 100_000

NodeState = Literal["online", "unreachable"]
GatewayState = Literal["connected", "resyncing", "away"]
NoticeKind = Literal["out", "reset", "dismissed"]
#: Why a node went: as its gateway said, or that was away for too long, or came back without it.
Why = OutReason | Literal["gateway", "forgotten"]


class Entry:
    """Something to tell: a place in the list of what changed when, and the version of its last change."""

    __slots__ = ("after", "before", "version")

    def __init__(self) -> None:
        self.version = -1
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
    """The newest value of one resource of a node; ``born`` is the version that it has been there and of one unit since.

    ``audience`` is a note of whoever tells changes: who is to hear of it. It is None when that is not known.
    """

    __slots__ = ("at", "audience", "born", "data", "name", "node", "unit", "value")

    def __init__(self, node: Node, name: str) -> None:
        super().__init__()
        self.node = node
        self.name = name
        self.data: JSON = None
        self.value: JSON = None
        self.unit: str | None = None
        self.at = -1
        self.born = -1
        self.audience: Any = None


class Node(Entry):
    """Our record of a device. Its uid is ``<gateway>/<uid at the gateway>``; times are Unix ms, as gateways give.

    ``account`` is that of its platform, if its gateway had it proved. After silence of ``timeout_ms`` its gateway takes
    it out, and ``interval_ms`` is how often it usually shows itself, as far as that is known.
    """

    __slots__ = (
        *("account", "again", "first_seen", "gateway", "last_seen", "protocol", "resources", "state", "uid"),
        *("abouts", "gone", "interval_ms", "liveness", "timeout_ms"),
    )

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
        self.again: Again | None = None
        self.gone: Gone | None = None
        self.timeout_ms: int | None = None
        self.interval_ms: int | None = None
        #: Both are made when there is something to tell.
        self.liveness: Liveness | None = None
        self.abouts: dict[str, Description] | None = None


class Gone(NamedTuple):
    """Why and when a node went, in Unix ms; None: that is not known."""

    why: Why
    at: int | None


class Again(Entry):
    """That a node is there again after its gateway came back, or that it ``has_changed`` otherwise."""

    __slots__ = ("has_changed", "node")

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.node = node
        self.has_changed = False


class Liveness(Entry):
    """That a node gave a sign of life without a value, or that its liveness is judged otherwise from here on."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.node = node


class Description(Entry):
    """What a resource of a node is, besides its values: ``about`` is that as JSON."""

    __slots__ = ("about", "name", "node")

    def __init__(self, node: Node, name: str, about: bytes) -> None:
        super().__init__()
        self.node = node
        self.name = name
        self.about = about


class Gateway(Entry):
    """Whether a gateway is there, and has told of its nodes again."""

    __slots__ = ("name", "state")

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.state: GatewayState = "away"


class Notice(Entry):
    """That a node went ``out``, was ``reset``, or was ``dismissed`` after it went; for those who have not been told."""

    __slots__ = ("gone", "kind", "uid")

    def __init__(self, kind: NoticeKind, uid: str, gone: Gone | None = None) -> None:
        super().__init__()
        self.kind = kind
        self.uid = uid
        self.gone = gone


class Retyping(Entry):
    """That a resource of a node came to have another unit: it may be none of those that somebody wants to hear of."""

    __slots__ = ("uid",)

    def __init__(self, uid: str) -> None:
        super().__init__()
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


#: Everything that can be told.
News: TypeAlias = Gateway | Node | Again | Resource | Liveness | Description | Notice | Retyping | Milestone
_NEWS = (Resource, Liveness, Node, Notice, Gateway, Again, Description, Retyping)


class ChangeList:
    """The list. ``end`` is where it begins and ends.

    ``first_version``: no later run of the broker may take this one's versions for its own, so each begins elsewhere.
    """

    def __init__(self, first_version: int = 0) -> None:
        self.end = Entry()
        self.version = first_version
        #: What departed or was reset up to this version may be forgotten.
        self.forgotten = first_version
        self.bookmarks: set[Bookmark] = set()
        self._notices: dict[tuple[NoticeKind | Literal["retyped"], str], Notice | Retyping] = {}

    def begin(self) -> int:
        """The version of all that changes from here on, until the next call."""
        self.version += 1
        return self.version

    def append(self, entry: Entry) -> None:
        """``entry`` is new, or has changed."""
        entry.unlink()
        entry.version = self.version
        entry.insert_before(self.end)

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

    def bookmark_behind(self, place: Entry, version: int) -> Bookmark:
        """A bookmark of one who has been told what is not behind ``place``: everything up to ``version``."""
        bookmark = Bookmark()
        bookmark.overtaken = version < self.forgotten
        bookmark.insert_before(place.after)
        self.bookmarks.add(bookmark)
        return bookmark

    def resume(self, version: int) -> Bookmark | None:
        """A bookmark of one who has been told everything up to ``version``; None: more was missed than is known."""
        if not self.forgotten <= version <= self.version:
            return None
        place = self.end.before
        missed = signs = 0
        while missed < MAX_MISSED and signs < MAX_MISSED_SIGNS:
            if place is self.end or (place.version <= version and isinstance(place, _NEWS)):
                return self.bookmark_behind(place, version)
            if type(place) is Liveness:
                signs += 1
            else:
                missed += 1
            place = place.before
        return None

    def drop(self, bookmark: Bookmark) -> None:
        """The client is live again, or gone."""
        bookmark.unlink()
        if bookmark.milestone is not None:
            bookmark.milestone.unlink()
        self.bookmarks.discard(bookmark)
        if not self.bookmarks and len(self._notices) > MAX_REMEMBERED_NOTICES:
            self._forget(len(self._notices) - MAX_REMEMBERED_NOTICES)

    def untold(self, bookmark: Bookmark) -> Iterator[Node | Resource | Notice | Milestone]:
        """What the bookmark's client of ``/ws`` has not been told, oldest change first, moving the bookmark along.

        Its own Milestone comes once every node that was there when the bookmark was set has been told. The
        iterator may be left at any time and taken up by another call, with changes in between.
        """
        end = self.end
        while (entry := bookmark.after) is not end:
            # There may be one for each node in a row, none of which is told here: they are passed at once.
            while type(entry) is Liveness or type(entry) is Description:
                entry = entry.after
            bookmark.unlink()
            if entry is end:
                bookmark.insert_before(end)
                return
            bookmark.insert_before(entry.after)
            if isinstance(entry, Resource | Node):
                yield entry
            elif isinstance(entry, Notice):
                # Without a milestone: else it departed before this client came, which never heard of it.
                if bookmark.milestone is None and entry.kind != "dismissed":
                    yield entry
            elif entry is bookmark.milestone:
                entry.unlink()
                bookmark.milestone = None
                yield Milestone()

    def news(self, bookmark: Bookmark, most: int) -> Generator[News, None, None]:
        """As :meth:`untold`, with all that ``/rpc`` tells besides, of the next ``most`` entries.

        Nothing may change before the iterator is closed: only then the bookmark moves.
        """
        place: Entry = bookmark
        try:
            for _ in range(most):
                entry = place.after
                if entry is self.end:
                    return
                place = entry
                if isinstance(entry, _NEWS):
                    # Who begins at the beginning is told of departed nodes by nobody, and of liveness with the node.
                    if bookmark.milestone is None or not isinstance(entry, Notice | Retyping | Liveness):
                        yield entry
                elif entry is bookmark.milestone:
                    place = entry.before
                    entry.unlink()
                    bookmark.milestone = None
                    yield Milestone()
        finally:
            if place is not bookmark:
                bookmark.unlink()
                bookmark.insert_before(place.after)

    def is_told(self, bookmark: Bookmark) -> bool:
        """Whether nothing is behind the bookmark."""
        return bookmark.after is self.end

    def notify(self, kind: NoticeKind, uid: str, gone: Gone | None = None) -> None:
        """Keep a notice for those who are behind: one of a kind a node, at its newest place."""
        self._keep((kind, uid), Notice(kind, uid, gone))

    def notify_retyping(self, uid: str) -> None:
        """The same for a resource of a node that has another unit from here on."""
        self._keep(("retyped", uid), Retyping(uid))

    def _keep(self, key: tuple[NoticeKind | Literal["retyped"], str], notice: Notice | Retyping) -> None:
        kept = len(self._notices)
        if self.bookmarks and kept >= MAX_PENDING_NOTICES:
            # Whoever is this far behind starts over, rather than let others pay for it.
            for bookmark in self.bookmarks:
                bookmark.overtaken = True
            self._forget(kept)
        elif not self.bookmarks and kept >= MAX_REMEMBERED_NOTICES + FORGOTTEN_AT_ONCE:
            self._forget(kept - MAX_REMEMBERED_NOTICES)
        older = self._notices.pop(key, None)
        if older is not None:
            older.unlink()
        self._notices[key] = notice
        self.append(notice)

    def _forget(self, count: int) -> None:
        for key in list(islice(self._notices, count)):
            notice = self._notices.pop(key)
            self.forgotten = notice.version
            notice.unlink()
