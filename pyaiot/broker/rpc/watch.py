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

from collections.abc import Iterable, Iterator
from contextlib import closing

from pyaiot.broker.change_list import Bookmark
from pyaiot.broker.close_codes import CLOSE_TRY_LATER
from pyaiot.broker.directory import Directory
from pyaiot.broker.entries import Entry, Milestone, Retyping
from pyaiot.broker.rpc import changes
from pyaiot.broker.rpc.caller import Session
from pyaiot.broker.rpc.filtered_view import PAUSE, FilteredView
from pyaiot.broker.rpc.filters import Filter
from pyaiot.broker.rpc.groups import Group, Groups

#: Entries that are looked at before the others have their turn: most of them may be none that the filter means.
MAX_LOOKED_AT = 4_000
#: The same for what it takes to look at them: see filters.Glob.
MAX_STEPS = 8_000
#: The version of parts after which nobody can go on: the state follows.
NOTHING = 0


class Watch:
    """A watch: a Source (see caller.py) of ``nodes.changed`` number ``number`` for ``session``.

    ``bookmark`` is None while it is live. ``skip``: so many of the group's pending changes it knows already, having
    been told all up to the version ``since`` at ``place``, where it became live.
    """

    __slots__ = (
        *("_base", "_directory", "_groups", "_rest", "_says_synced", "_view", "_walked"),
        *("bookmark", "group", "number", "place", "served", "session", "since", "skip"),
    )

    group: Group
    _view: FilteredView

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

    def enter_group(self, filter: Filter, *, details: bool) -> None:
        """It is to be told what ``filter`` means. Raises RpcError ``busy``: see Groups.enter."""
        self.group = self._groups.enter(filter, self, details=details)
        self._view = FilteredView(self._directory, self.group)

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
            self._rest = self._view.named(only)
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
                if piece is not PAUSE:
                    pieces.append(piece)
                    size += len(piece)
                if size >= limit or steps >= MAX_STEPS:
                    return self._frame(pieces, version, synced=False)
            self._rest = None
        list, view = self._directory.changes, self._view
        with closing(list.news(bookmark, MAX_LOOKED_AT)) as news:
            for entry in news:
                if type(entry) is Milestone:
                    self._walked = list.version
                    continue
                version = entry.version - 1  # there may be more of the same version
                told: Iterable[bytes]
                if type(entry) is Retyping:
                    told, self._rest = view.retyped(entry.uid)
                else:
                    told = view.pieces(entry, self._base)
                for piece in told:
                    pieces.append(piece)
                    size += len(piece)
                steps += view.steps(entry)
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
