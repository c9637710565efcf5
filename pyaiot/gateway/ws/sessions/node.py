# SPDX-License-Identifier: BSD-3-Clause
"""A device at ``/node`` (PROTOCOL.md section 1.3): its updates become values of its node, writes go to it. Pure.

Who it is, in this order: the ``?id=`` of its URL or the user of its credentials; the ``"uid"`` of its first update;
a fresh name. An id that has a key is only had with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable

from msgspec import UNSET

from pyaiot.gateway.adapter import Refused, WriteFailed
from pyaiot.gateway.ws.admission import Claim
from pyaiot.gateway.ws.payloads import DISCOVER, BadMessage, Update, check_uid, encode_write, parse_message
from pyaiot.gateway.ws.residents import Residents
from pyaiot.gateway.ws.sessions.contract import Code, Peer, Rejected
from pyaiot.gateway.ws.sessions.values import report
from pyaiot.wire.messages import JSON

logger = logging.getLogger("pyaiot.gateway.ws")

_ONE_UID = "another uid than before: a device has one, said in its URL or its first update"


class NodeSession:
    """One open device; fulfils contract.Session and residents.Resident."""

    __slots__ = ("_asked", "_claim", "_complained", "_peer", "_residents", "_uid")

    hurried = False
    #: An id that has a key is guarded by that already: nobody comes to it without.
    proof: Hashable | None = None

    def __init__(self, peer: Peer, claim: Claim, residents: Residents) -> None:
        self._peer = peer
        self._claim = claim
        self._residents = residents
        #: The node that it speaks for: from when it has said who it is, until it does so no more.
        self._uid: str | None = None
        self._asked = False
        self._complained = False

    @property
    def settled(self) -> bool:
        """See contract.Session."""
        return self._uid is not None

    def late(self) -> Rejected:
        """See contract.Session."""
        return Rejected(Code.TRY_AGAIN, "nothing was said: send an update")

    def opened(self) -> None:
        """See contract.Session. A device that said all of it in its request is a node at once."""
        claim = self._claim
        if claim.uid is not None:
            check_uid(claim.uid)
            # One with a key that was not in the request may still say it in its first update.
            if claim.key is not None or self._residents.is_open(claim.uid):
                self._enter(claim.uid, claim.key)
        self._asked = True
        self._peer.send(DISCOVER)

    def received(self, message: bytes) -> int:
        """See contract.Session."""
        residents = self._residents
        counters = residents.counters
        counters.messages += 1
        update = parse_message(message)
        if update is None:
            return 1
        uid = self._uid
        if uid is None:
            uid = self._introduce(update)
        elif update.uid is not UNSET and update.uid != uid:
            raise BadMessage(_ONE_UID)
        return report(update, uid, residents, self._refused)

    def alive(self, mark: int = 0) -> None:
        """See contract.Session."""
        if self._uid is not None and self._residents.events is not None:
            self._residents.events.seen(self._uid)

    def write(self, resource: str, data: JSON, arrived: Callable[[], None] | None = None) -> bool:
        """See contract.Session."""
        if not self._peer.send(encode_write(resource, data)):
            raise WriteFailed("offline", "the device's connection is closing")
        return True

    def discover(self) -> None:
        """See contract.Session. What a device was asked when it connected it is not asked twice."""
        if self._asked:
            self._asked = False
        else:
            self._peer.send(DISCOVER)

    def ended(self) -> None:
        """See contract.Session."""
        uid, self._uid = self._uid, None
        if uid is not None:
            self._residents.leave(uid, self)

    def replaced(self) -> None:
        """See residents.Resident."""
        logger.info("node %s: a newer connection took the place of the one from %s", self._uid, self._peer.address)
        self._uid = None
        self._peer.close(Code.NORMAL, "replaced by a newer connection with this id")

    def evicted(self) -> None:
        """See residents.Resident."""
        if self._uid is not None:
            self._uid = None
            self._peer.close(Code.TRY_AGAIN, "the node is out: connect again")

    def revoked(self, why: str) -> None:
        """See residents.Resident."""
        if self._uid is not None:
            self._residents.counters.revoked += 1
            logger.info("node %s: disconnected, as %s", self._uid, why)
            self._peer.close(Code.NOT_ADMITTED, why)

    def _introduce(self, update: Update) -> str:
        """The first update: who it is. Raises Rejected."""
        claim = self._claim
        uid = claim.uid
        if update.uid is not UNSET:
            if uid is not None and update.uid != uid:
                raise BadMessage(_ONE_UID)
            uid = check_uid(update.uid)
        if uid is None:
            if update.key is not UNSET:
                raise BadMessage('a key is of no use without "uid"')
            self._uid = self._residents.enter_unnamed(self, self._peer.address)
            return self._uid
        key = claim.key
        if key is None and update.key is not UNSET:
            key = update.key.encode(errors="replace")
        self._enter(uid, key)
        return uid

    def _enter(self, uid: str, key: bytes | None) -> None:
        if not (self._residents.is_open(uid) if key is None else self._residents.may_be(uid, key)):
            self._residents.counters.wrong_keys += 1
            logger.warning(
                "%s said to be %s, and %s", self._peer.address, uid, "has no key" if key is None else "its key is wrong"
            )
            raise Rejected(Code.NOT_ADMITTED, "this id needs its key" if key is None else "wrong id or key")
        self._residents.enter(uid, self, self._peer.address)
        self._uid = uid

    def _refused(self, uid: str, resource: str, error: Refused) -> bool:
        """A value was not taken; the device is told nothing (it could not help it), its owner once a connection."""
        if not self._complained:
            self._complained = True
            logger.warning("node %s: %s is not taken: %s", uid, resource, error)
        return self._uid is not None
