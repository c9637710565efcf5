# SPDX-License-Identifier: BSD-3-Clause
"""Which connection speaks for which node: one for each, and the newest. Pure.

A device that lost its network connects again long before its old connection is known to be dead; so the newer one
takes the node over, and whatever still comes of the older one is about nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol

from pyaiot.gateway.adapter import DeviceEvents, Refused, WriteFailed
from pyaiot.gateway.confirmation import Confirmations
from pyaiot.gateway.ws.counters import Counters
from pyaiot.gateway.ws.sessions.contract import Code, Rejected
from pyaiot.wire.messages import JSON

#: A node whose connection has proved nothing for so long is out, whatever became of the connection. Pings find a dead
#: connection in less than half of it, so that ``--max-time`` does not matter here.
NODE_TIMEOUT_S = 60.0
#: Ids that were proved since the start, which are not had without a proof any more; the oldest is forgotten first.
MAX_PROVED = 16_384
#: Random names tried for a device that gives none.
_TRIES = 8

#: Whether the device called so may have it, given its key or None.
MayBe = Callable[[str, bytes | None], bool]


class Resident(Protocol):
    """A session that speaks for a node."""

    #: What it has proved to be who it is by; None: it was only not refused.
    proof: Hashable | None

    def write(self, resource: str, data: JSON, arrived: Callable[[], None]) -> bool:
        """See contract.Session."""

    def discover(self) -> None:
        """See contract.Session."""

    def replaced(self) -> None:
        """Another session speaks for the node now."""

    def evicted(self) -> None:
        """The node is out."""

    def revoked(self, why: str) -> None:
        """It may not speak for the node any more; nothing happens where it does not."""


class Residents:
    """The sessions by uid. ``events`` is None while the gateway does not run, and everything is refused then."""

    def __init__(
        self, counters: Counters, may_be: MayBe, new_name: Callable[[], str], *, require_key: bool = False
    ) -> None:
        """``require_key``: no id is had without a key or a proof."""
        self.events: DeviceEvents | None = None
        self.counters = counters
        self.confirmations = Confirmations()
        self.may_be = may_be
        self._require_key = require_key
        self._new_name = new_name
        self._sessions: dict[str, Resident] = {}
        self._proved: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def is_open(self, uid: str) -> bool:
        """Whether a device that has neither a key nor a proof may be called ``uid``."""
        return not self._require_key and self.may_be(uid, None)

    def enter(self, uid: str, session: Resident, address: str) -> None:
        """``session`` speaks for ``uid`` from now on. Raises Rejected: the gateway stops, is full, the id is another's.

        A session that has proved to be who it is gives way only to one that has proved the same; and once proved, an
        id is not had without a proof.
        """
        events = self._reporting()
        older = self._sessions.get(uid)
        if session.proof is None:
            if uid in self._proved:
                raise Rejected(Code.NOT_ADMITTED, "this id is another's")
        elif older is not None and older.proof is not None and older.proof != session.proof:
            raise Rejected(Code.NOT_ADMITTED, "this id is another's")
        try:
            events.seen(uid, attributes={"ip": address}, timeout_s=NODE_TIMEOUT_S)
        except Refused as error:
            self.counters.refused += 1
            raise Rejected(Code.TRY_AGAIN, str(error)) from None
        if session.proof is not None:
            self._proved.pop(uid, None)
            self._proved[uid] = None
            if len(self._proved) > MAX_PROVED:
                del self._proved[next(iter(self._proved))]
        self._sessions[uid] = session
        if older is not None:
            self.counters.replaced += 1
            older.replaced()

    def enter_unnamed(self, session: Resident, address: str) -> str:
        """As :meth:`enter`, under a name that no node has; returns it. Nobody has a key for such a name."""
        events = self._reporting()
        if self._require_key:
            self.counters.wrong_keys += 1
            raise Rejected(Code.NOT_ADMITTED, "devices need a key here")
        for _ in range(_TRIES):
            uid = self._new_name()
            if uid not in self._sessions and not events.known(uid):
                break
        self.enter(uid, session, address)
        return uid

    def leave(self, uid: str, session: Resident) -> None:
        """The connection of ``session`` is over: the node is gone, if no newer one speaks for it."""
        if self._sessions.get(uid) is session:
            del self._sessions[uid]
            if self.events is not None:
                self.events.gone(uid, "closed")

    def forget(self, uid: str) -> None:
        """The node is out."""
        session = self._sessions.pop(uid, None)
        if session is not None:
            session.evicted()

    def at(self, uid: str) -> Resident:
        """The session that speaks for ``uid``. Raises WriteFailed."""
        session = self._sessions.get(uid)
        if session is None:
            raise WriteFailed("offline", "the device is not connected")
        return session

    def find(self, uid: str) -> Resident | None:
        """The session that speaks for ``uid``, if one does."""
        return self._sessions.get(uid)

    def _reporting(self) -> DeviceEvents:
        if self.events is None:
            raise Rejected(Code.GOING_AWAY, "the gateway stops")
        return self.events
