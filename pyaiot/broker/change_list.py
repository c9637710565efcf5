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

from pyaiot.broker.entries import (
    NEWS_TYPES,
    Description,
    Entry,
    Gone,
    Liveness,
    Milestone,
    News,
    Node,
    Notice,
    NoticeKind,
    Resource,
    Retyping,
)
from pyaiot.broker.notices import Notices

#: Whoever comes back and has missed more than this is told everything …
MAX_MISSED = 50_000
#: … where signs of life do not count, up to so many: silent nodes give one every 10 s, and most watches are told none.
MAX_MISSED_SIGNS = 100_000


class Bookmark(Entry):
    """How far one client has been told. ``overtaken`` when it waited so long that notices had to be dropped."""

    __slots__ = ("milestone", "overtaken")

    def __init__(self) -> None:
        super().__init__()
        self.milestone: Milestone | None = None
        self.overtaken = False


class ChangeList:
    """The list. ``end`` is where it begins and ends.

    ``first_version``: no later run of the broker may take this one's versions for its own, so each begins elsewhere.
    """

    def __init__(self, first_version: int = 0) -> None:
        self.end = Entry()
        self.version = first_version
        self.bookmarks: set[Bookmark] = set()
        self._notices = Notices(first_version)

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
        bookmark.overtaken = version < self._notices.forgotten
        bookmark.insert_before(place.after)
        self.bookmarks.add(bookmark)
        return bookmark

    def resume(self, version: int) -> Bookmark | None:
        """A bookmark of one who has been told everything up to ``version``; None: more was missed than is known."""
        if not self._notices.forgotten <= version <= self.version:
            return None
        place = self.end.before
        missed = signs = 0
        while missed < MAX_MISSED and signs < MAX_MISSED_SIGNS:
            if place is self.end or (place.version <= version and isinstance(place, NEWS_TYPES)):
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
        if not self.bookmarks:
            self._notices.trim()

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
                if isinstance(entry, NEWS_TYPES):
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
        self._keep(Notice(kind, uid, gone))

    def notify_retyping(self, uid: str) -> None:
        """The same for a resource of a node that has another unit from here on."""
        self._keep(Retyping(uid))

    def _keep(self, notice: Notice | Retyping) -> None:
        if self._notices.keep(notice, is_awaited=bool(self.bookmarks)):
            # Whoever is this far behind starts over, rather than let others pay for it.
            for bookmark in self.bookmarks:
                bookmark.overtaken = True
        self.append(notice)
