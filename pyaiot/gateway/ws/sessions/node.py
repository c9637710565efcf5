# SPDX-License-Identifier: BSD-3-Clause
"""A device at ``/node`` (PROTOCOL.md section 1.3): its updates become values of its node, writes go to it. Pure.

Who it is, in this order: the ``?id=`` of its URL or the user of its credentials; the ``"uid"`` of its first update;
a fresh name. An id that has a key is only had with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from msgspec import UNSET

from pyaiot.gateway.adapter import WriteFailed
from pyaiot.gateway.ws.admission import Claim
from pyaiot.gateway.ws.payloads import DISCOVER, BadMessage, Description, Update, check_uid, encode_write, parse_message
from pyaiot.gateway.ws.residents import Proof, Residents
from pyaiot.gateway.ws.sessions.contract import Code, Peer, Rejected
from pyaiot.gateway.ws.sessions.speaker import Speaker
from pyaiot.gateway.ws.sessions.values import describe, report
from pyaiot.wire.messages import JSON

logger = logging.getLogger("pyaiot.gateway.ws")

_ONE_UID = "another uid than before: a device has one, said in its URL or its first update"


class NodeSession(Speaker):
    """One open device; fulfils contract.Session and residents.Resident."""

    __slots__ = ("_asked", "_claim")

    hurried = False

    def __init__(self, peer: Peer, claim: Claim, residents: Residents) -> None:
        super().__init__(peer, residents)
        self._claim = claim
        self._asked = False

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
        if isinstance(update, Description):
            if uid is None:
                raise BadMessage("say first who you are, by an update")
            return describe(update, uid, residents, self._refused)
        if uid is None:
            uid = self._introduce(update)
        elif update.uid is not UNSET and update.uid != uid:
            raise BadMessage(_ONE_UID)
        return report(update, uid, residents, self._refused)

    def rejecting(self, why: Rejected) -> None:
        """See contract.Session. The close code is all that it is told."""

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

    def ask(self) -> None:
        """See contract.Session."""
        if not self._peer.send(DISCOVER):
            raise WriteFailed("offline", "the device's connection is closing")

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
        if key is not None:
            self.proof = Proof("key")
        try:
            self._residents.enter(uid, self, self._peer.address)
        except Rejected as error:
            if error.code is Code.NOT_ADMITTED:
                self._residents.counters.wrong_keys += 1
                logger.warning("%s said to be %s, which a token has proved to be another", self._peer.address, uid)
            raise
        self._uid = uid
