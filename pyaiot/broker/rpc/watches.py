# SPDX-License-Identifier: BSD-3-Clause
"""All watches: whose they are, and how many there may be. Pure. What they are told: watch.py and watch_fanout.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from pyaiot.broker.directory import Directory
from pyaiot.broker.rpc.caller import Session
from pyaiot.broker.rpc.filters import Filter
from pyaiot.broker.rpc.groups import Groups
from pyaiot.broker.rpc.watch import Watch
from pyaiot.broker.rpc.watch_fanout import WatchFanout
from pyaiot.rpc.errors import RpcError

MAX_WATCHES_PER_SESSION = 16
#: What the globs of all watches of a session may cost, in steps: see filters.Glob.
MAX_GLOB_STEPS_PER_SESSION = 256


@dataclass(slots=True)
class Counters:
    """What happened, since the start."""

    watches: int = 0
    resumed: int = 0


@dataclass(slots=True)
class SessionWatches:
    """The watches of one session, by number."""

    watches: dict[int, Watch] = field(default_factory=dict)
    last: int = 0


class Watches:
    """See the module. ``wake``: see WatchFanout."""

    def __init__(self, directory: Directory, wake: Callable[[], None]) -> None:
        self.counters = Counters()
        self._directory = directory
        self._groups = Groups()
        self._sessions: dict[Session, SessionWatches] = {}
        #: Watches with details.
        self._detailed = 0
        self.fanout = WatchFanout(directory, self._groups, self._of, wake)

    def __len__(self) -> int:
        return sum(len(each.watches) for each in self._sessions.values())

    def _of(self, session: Session) -> Iterable[Watch]:
        own = self._sessions.get(session)
        return () if own is None else own.watches.values()

    def add(self, session: Session, filter: Filter, since: int | None, *, details: bool = False) -> tuple[Watch, bool]:
        """A watch of ``session``, and whether it goes on from version ``since``.

        Raises RpcError ``busy``: there are too many.
        """
        own = self._sessions.get(session)
        if own is None:
            own = SessionWatches()
        if len(own.watches) >= MAX_WATCHES_PER_SESSION:
            raise RpcError.of("busy", f"more than {MAX_WATCHES_PER_SESSION} watches of one connection")
        glob_steps = sum(each.group.filter.glob_steps for each in own.watches.values())
        if glob_steps + filter.glob_steps > MAX_GLOB_STEPS_PER_SESSION:
            raise RpcError.of("busy", "too many globs, or too long ones, in all watches of one connection")
        watch = Watch(own.last + 1, session, self._directory, self._groups)
        watch.enter_group(filter, details=details)
        if not self._sessions:
            self.fanout.begin()
        if not own.last:
            session.on_end.append(partial(self._end, session))
        own.last += 1
        self._sessions[session] = own
        own.watches[watch.number] = watch
        if details and not self._detailed:
            self.fanout.want_details(True)
        self._detailed += details
        resumed = watch.begin(since)
        self.counters.watches += 1
        self.counters.resumed += resumed
        session.add_source(watch)
        return watch, resumed

    def remove(self, session: Session, number: int) -> None:
        """Raises RpcError ``unknown``: the session has no such watch."""
        own = self._sessions.get(session)
        watch = None if own is None else own.watches.pop(number, None)
        if watch is None:
            raise RpcError.of("unknown", "this connection has no such watch")
        session.remove_source(watch)
        self._end_watch(watch)

    def _end_watch(self, watch: Watch) -> None:
        self._detailed -= watch.group.details
        if not self._detailed:
            self.fanout.want_details(False)
        watch.end()

    def _end(self, session: Session) -> None:
        ended = self._of(session)
        self._sessions.pop(session, None)
        for watch in ended:
            self._end_watch(watch)
        self.fanout.forget(session)
        if not self._sessions:
            self.fanout.end()
