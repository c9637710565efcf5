# SPDX-License-Identifier: BSD-3-Clause
"""A device with a token, by ``echo-protocol`` (PROTOCOL.md section 1.3): OISP devices that wait for actuations. Pure.

It is nobody until its token is good; then the node is called as the device is. A write goes to it as an actuation,
which it does not answer: that the device has it is known by a ping behind it, and is all that is known, but of a
resource that the device reports itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Protocol

from msgspec import UNSET

from pyaiot.actuation import ActuationMap
from pyaiot.gateway.adapter import Refused, WriteFailed
from pyaiot.gateway.device_text import CannotSay, encode_data
from pyaiot.gateway.device_tokens.tokens import BadToken, Grant
from pyaiot.gateway.ws import echo
from pyaiot.gateway.ws.echo import Introduction, Ping, WrongFormat, encode_command, parse_message
from pyaiot.gateway.ws.payloads import Update
from pyaiot.gateway.ws.residents import Proof, Residents
from pyaiot.gateway.ws.sessions.contract import Code, Peer, Rejected
from pyaiot.gateway.ws.sessions.speaker import Speaker
from pyaiot.gateway.ws.sessions.values import report
from pyaiot.wire.messages import JSON

logger = logging.getLogger("pyaiot.gateway.ws")

#: Messages that a device may send before it has said who it is.
MAX_EARLY: Final = 16
#: What a token counts for, in updates (see pace): checking one costs as much.
TOKEN_COST: Final = 20
#: Resources that are known to be reported by the device itself; as many as a node may have.
MAX_REPORTED: Final = 1_024
#: Writes of which it is not known that they arrived; the oldest is given up first, as its time is over anyway.
MAX_UNCONFIRMED: Final = 256

_WHO_FIRST: Final = 'say who you are first: {"type": "device", "deviceId": …, "deviceToken": …}'


class Authority(Protocol):
    """Who says which tokens are good, and for how long."""

    def grant(self, token: str, device: str) -> Grant:
        """What ``token`` grants to ``device`` now. Raises BadToken."""

    def hold(self, holder: TokenSession, grant: Grant) -> None:
        """Call ``holder.revoked`` when ``grant`` ends, if it was not replaced or released before."""

    def release(self, holder: TokenSession) -> None:
        """``holder`` is over."""


class TokenSession(Speaker):
    """One device with a token; fulfils contract.Session, residents.Resident and grants.Holder."""

    __slots__ = ("__weakref__", "_arrivals", "_authority", "_early", "_map", "_reported")

    hurried = True

    def __init__(self, peer: Peer, residents: Residents, authority: Authority, actuations: ActuationMap) -> None:
        super().__init__(peer, residents)
        self._authority = authority
        self._map = actuations
        self._early = 0
        self._reported: frozenset[str] = frozenset()
        # Writes that the device may not have yet: the mark behind each, and whom to tell.
        self._arrivals: list[tuple[int, Callable[[], None]]] = []

    def late(self) -> Rejected:
        """See contract.Session."""
        return Rejected(Code.NOT_ADMITTED, _WHO_FIRST)

    def opened(self) -> None:
        """See contract.Session. The device has the first word."""

    def received(self, message: bytes) -> int:
        """See contract.Session."""
        self._residents.counters.messages += 1
        try:
            return self._take(parse_message(message))
        except WrongFormat as error:
            self._peer.send(echo.WRONG_FORMAT)
            raise Rejected(Code.BAD_MESSAGE, str(error)) from None
        except Rejected:
            raise
        except Exception:
            self._residents.counters.internal_errors += 1
            logger.exception("handling a message from %s failed; please report this", self._peer.address)
            raise self._fault("a fault of the gateway") from None

    def rejecting(self, why: Rejected) -> None:
        """See contract.Session."""
        if why.code is Code.BAD_MESSAGE:
            self._peer.send(echo.WRONG_FORMAT)

    def alive(self, mark: int = 0) -> None:
        """See contract.Session."""
        arrivals = self._arrivals
        while arrivals and arrivals[0][0] <= mark:
            arrivals.pop(0)[1]()
        super().alive(mark)

    def write(self, resource: str, data: JSON, arrived: Callable[[], None]) -> bool:
        """See contract.Session."""
        if self._uid is None:
            raise WriteFailed("offline", "the device is not connected")
        try:
            value = encode_data(data).decode()
        except CannotSay as error:
            raise WriteFailed("unsupported", str(error)) from None
        actuator = self._map.actuator(self._uid, resource)
        account = None if self.proof is None else self.proof.account
        if not self._peer.send(encode_command(self._uid, account, actuator, value)):
            raise WriteFailed("offline", "the device's connection is closing")
        if resource in self._reported:
            return True
        if len(self._arrivals) == MAX_UNCONFIRMED:
            del self._arrivals[0]
        self._arrivals.append((self._peer.mark(), arrived))
        return False

    def discover(self) -> None:
        """See contract.Session. A device cannot be asked; what the map says that it has, it has, of unknown value."""
        events, uid = self._residents.events, self._uid
        if events is None or uid is None:
            return
        for resource in self._map.named(uid):
            if resource not in self._reported:
                try:
                    events.updated(uid, resource, None)
                except Refused as error:
                    self._refused(uid, resource, error)

    def ask(self) -> None:
        """See contract.Session. Its protocol has no word for it."""
        raise WriteFailed("unsupported", "a device that speaks echo-protocol cannot be asked for a value")

    def ended(self) -> None:
        """See contract.Session."""
        self._authority.release(self)
        super().ended()

    def _take_leave(self) -> None:
        self._peer.send(echo.INVALID_TOKEN)

    def _take(self, message: echo.Message | None) -> int:
        """What the message counts for. Raises Rejected."""
        if isinstance(message, Introduction):
            self._introduce(message.device_id, message.device_token)
            return TOKEN_COST
        if self._uid is None:
            self._early += 1
            if self._early > MAX_EARLY or isinstance(message, Update):
                raise Rejected(Code.NOT_ADMITTED, _WHO_FIRST)
        if isinstance(message, Ping):
            self._peer.send(echo.PONG)
        elif isinstance(message, Update) and self._uid is not None:
            if message.uid is not UNSET or message.key is not UNSET:
                raise WrongFormat("a device with a token has no uid or key to say")
            self._note_reported(message)
            return report(message, self._uid, self._residents, self._refused)
        return 1

    def _introduce(self, device: str, token: str) -> None:
        """The device says who it is, or has a newer token. Raises Rejected."""
        if self._uid is not None and device != self._uid:
            raise self._refuse(device, "the connection is another device's")
        try:
            grant = self._authority.grant(token, device)
        except BadToken as error:
            raise self._refuse(device, f"its token is not good: {error}") from None
        proof = Proof("token", grant.account)
        if self._uid is None:
            if not self._residents.may_be(device, None):
                raise self._refuse(device, "that id has a key of ours, and connects with it at /node")
            self.proof = proof
            try:
                self._residents.enter(device, self, self._peer.address)
            except Rejected as error:
                if error.code is Code.NOT_ADMITTED:
                    raise self._refuse_account(device, grant.account) from None
                raise self._fault(str(error)) from None
            self._uid = device
        elif proof != self.proof:
            raise self._refuse_account(device, grant.account)
        self._authority.hold(self, grant)
        self._peer.send(echo.ACCEPTED)

    def _refuse(self, device: str, why: str) -> Rejected:
        self._residents.counters.bad_tokens += 1
        logger.warning("%s said to be the device %s, and is refused: %s", self._peer.address, device, why)
        self._peer.send(echo.INVALID_TOKEN)
        return Rejected(Code.NOT_ADMITTED, "invalid device token")

    def _refuse_account(self, device: str, account: str | None) -> Rejected:
        self._residents.counters.bad_tokens += 1
        logger.warning(
            "%s has a good token for the device %s of %s, and is refused: the id was proved for another account. "
            "If the device has moved to this one, run: aiot device release %s",
            self._peer.address,
            device,
            "no account" if account is None else f"the account {account}",
            device,
        )
        self._peer.send(echo.INVALID_TOKEN)
        return Rejected(Code.NOT_ADMITTED, "invalid device token")

    def _fault(self, reason: str) -> Rejected:
        self._peer.send(echo.FAULT)
        return Rejected(Code.NORMAL, reason)

    def _note_reported(self, update: Update) -> None:
        new = {resource.removeprefix("/") for resource in update.data} - self._reported
        if new and len(self._reported) + len(new) <= MAX_REPORTED:
            self._reported |= new
