# SPDX-License-Identifier: BSD-3-Clause
"""Whether there is room for more messages: devices wait for the gateway that reads them, others pay alone.

Devices are held back for the gateway in this process only; where there is none (``aiot-mqtt-broker`` alone), for every
gateway account. Whoever they wait for must go on taking messages: saying that one is there (PINGREQ) is not enough.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from pyaiot.mqtt_broker.access import Account
from pyaiot.mqtt_broker.counters import Counters

if TYPE_CHECKING:
    from pyaiot.mqtt_broker.connection import Connection
    from pyaiot.mqtt_broker.session import Session

log = logging.getLogger("pyaiot.mqtt-broker")

#: Payloads that the router has not taken yet, of all clients.
MAX_ROUTED_BYTES = 8 * 1024 * 1024
#: What a device may leave unread, and a gateway for which devices do not wait.
MAX_UNSENT_BYTES = 256 * 1024
MAX_OTHER_GATEWAY_UNSENT_BYTES = 4 * 1024 * 1024
#: From where on devices wait for a gateway, and until when; how long it may take nothing; what it may leave unread.
GATEWAY_HIGH_BYTES = 1024 * 1024
GATEWAY_LOW_BYTES = 256 * 1024
GATEWAY_STUCK_S = 60.0
MAX_GATEWAY_UNSENT_BYTES = 32 * 1024 * 1024


class Room:
    """``own_user``: the account of the gateway in this process; None where there is none."""

    def __init__(self, own_user: str | None, counters: Counters) -> None:
        self.routed_bytes = 0
        self._own_user = own_user
        self._counters = counters
        self._waiting: set[Connection] = set()
        #: Gateways that devices wait for, and when each took something last.
        self._behind: dict[Session, float] = {}

    @property
    def is_free(self) -> bool:
        """Whether devices may go on publishing."""
        return not self._behind and self.routed_bytes < MAX_ROUTED_BYTES

    @property
    def behind(self) -> tuple[Session, ...]:
        """The gateways that devices wait for."""
        return tuple(self._behind)

    def waits(self, connection: Connection) -> None:
        """The connection is held; it goes on when there is room, if that is what it lacks."""
        if not self.is_free:
            self._waiting.add(connection)

    def waits_no_more(self, connection: Connection) -> None:
        """The connection is gone."""
        self._waiting.discard(connection)

    def wake(self) -> None:
        """There may be room again."""
        if self._waiting and self.is_free:
            waiting, self._waiting = self._waiting, set()
            for connection in waiting:
                connection.go_on()

    def sent(self, session: Session) -> None:
        """The session was sent something: see whether it reads."""
        unsent = session.unsent_bytes
        if unsent > self._most(session.account):
            self._too_slow(session, unsent)
        elif unsent > GATEWAY_HIGH_BYTES and self._is_awaited(session.account) and session not in self._behind:
            loop = asyncio.get_running_loop()
            self._behind[session] = loop.time()
            loop.call_later(GATEWAY_STUCK_S, self._look_at, session)
            session.connection.note("reads too slowly: devices wait for it (%d bytes)", unsent)

    def moved(self, session: Session) -> None:
        """The session has acknowledged a message, or taken all bytes of its socket."""
        if session in self._behind:
            self._behind[session] = asyncio.get_running_loop().time()
            if session.unsent_bytes < GATEWAY_LOW_BYTES:
                log.info("%s has caught up: devices no longer wait for it", session.connection)
                self.forget(session)

    def forget(self, session: Session) -> None:
        """Nobody waits for the session any more."""
        if self._behind.pop(session, None) is not None:
            self.wake()

    def _is_awaited(self, account: Account) -> bool:
        return account.role == "gateway" and self._own_user in (None, account.user)

    def _most(self, account: Account) -> int:
        """What ``account`` may leave unread."""
        if self._is_awaited(account):
            return MAX_GATEWAY_UNSENT_BYTES
        return MAX_OTHER_GATEWAY_UNSENT_BYTES if account.role == "gateway" else MAX_UNSENT_BYTES

    def _look_at(self, session: Session) -> None:
        """A gateway was behind: it may have been stuck since."""
        moved_at = self._behind.get(session)
        if moved_at is None:
            return
        loop = asyncio.get_running_loop()
        if loop.time() - moved_at >= GATEWAY_STUCK_S:
            self._too_slow(session, session.unsent_bytes)
        else:
            loop.call_at(moved_at + GATEWAY_STUCK_S, self._look_at, session)

    def _too_slow(self, session: Session, unsent: int) -> None:
        if session.over.is_set() or session.connection.is_over:
            return
        self._counters.too_slow += 1
        if session in self._behind:
            session.connection.note("took nothing for %.0f s, and devices waited; disconnected", GATEWAY_STUCK_S)
        else:
            session.connection.note("reads too slowly: %d bytes wait for it; disconnected", unsent)
        session.connection.drop()
        self.forget(session)
