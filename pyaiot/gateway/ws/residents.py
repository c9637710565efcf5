# SPDX-License-Identifier: BSD-3-Clause
"""Which connection speaks for which node: one for each, and the newest. Pure.

A device that lost its network connects again long before its old connection is known to be dead; so the newer one
takes the node over, and whatever still comes of the older one is about nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from pyaiot.gateway.adapter import DeviceEvents, Refused, WriteFailed
from pyaiot.gateway.confirmation import Confirmations
from pyaiot.gateway.device_tokens.owners import Owners
from pyaiot.gateway.questions import Questions
from pyaiot.gateway.ws.counters import Counters
from pyaiot.gateway.ws.sessions.contract import Code, Rejected
from pyaiot.nodes.node import ACCOUNT
from pyaiot.wire.messages import JSON

#: A node whose connection has proved nothing for so long is out, whatever became of the connection. Pings find a dead
#: connection in less than half of it, so that ``--max-time`` does not matter here.
NODE_TIMEOUT_S = 60.0
#: Random names tried for a device that gives none.
_TRIES = 8

#: Whether the device called so may have it, given its key or None.
MayBe = Callable[[str, bytes | None], bool]


@dataclass(frozen=True, slots=True)
class Proof:
    """What a device has proved to be who it is by: the key of its id, or a good token, of ``account`` if of any."""

    kind: Literal["key", "token"]
    account: str | None = None


class Resident(Protocol):
    """A session that speaks for a node."""

    #: None: it was only not refused.
    proof: Proof | None

    def write(self, resource: str, data: JSON, arrived: Callable[[], None]) -> bool:
        """See contract.Session."""

    def discover(self) -> None:
        """See contract.Session."""

    def ask(self) -> None:
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
        self,
        counters: Counters,
        may_be: MayBe,
        new_name: Callable[[], str],
        owners: Owners,
        *,
        require_key: bool = False,
    ) -> None:
        """``owners`` are the accounts that ids were proved for; ``require_key``: none is had without a proof."""
        self.events: DeviceEvents | None = None
        self.counters = counters
        self.confirmations = Confirmations()
        self.questions = Questions()
        self.may_be = may_be
        self._require_key = require_key
        self._new_name = new_name
        self._sessions: dict[str, Resident] = {}
        self._owners = owners

    def __len__(self) -> int:
        return len(self._sessions)

    def is_open(self, uid: str) -> bool:
        """Whether a device that has neither a key nor a proof may be called ``uid``."""
        return not self._require_key and self.may_be(uid, None)

    def enter(self, uid: str, session: Resident, address: str) -> None:
        """``session`` speaks for ``uid`` from now on. Raises Rejected: the gateway stops, is full, the id is another's.

        Once a token has proved an id, it is had only with a token of the same account, or with its key if we gave it
        one; and a session that has proved to be who it is gives way to none that has not. Where it has proved something
        else than the one before, all that was said of the node is void: it goes, and is another one.
        """
        events, proof = self._reporting(), session.proof
        older = self._sessions.get(uid)
        if not self._admits(uid, proof, None if older is None else older.proof):
            raise Rejected(Code.NOT_ADMITTED, "this id is another's")
        if older is not None and older.proof != proof:
            # Before anything is told of the newer one: what is for its account must not go to the older.
            self.leave(uid, older)
            self.counters.replaced += 1
            older.replaced()
            older = None
        attributes = {"ip": address}
        if proof is not None and proof.account is not None:
            attributes[ACCOUNT] = proof.account
        try:
            events.seen(uid, attributes=attributes, timeout_s=NODE_TIMEOUT_S)
        except Refused as error:
            self.counters.refused += 1
            raise Rejected(Code.TRY_AGAIN, str(error)) from None
        if proof is not None and proof.kind == "token":
            self._owners.prove(uid, proof.account)
        self._sessions[uid] = session
        if older is not None:
            self.counters.replaced += 1
            older.replaced()

    def _admits(self, uid: str, proof: Proof | None, had_by: Proof | None) -> bool:
        if proof is None:
            return had_by is None and uid not in self._owners
        if proof.kind == "key":
            return True
        return self._owners.admits(uid, proof.account) and had_by in (None, proof)

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
