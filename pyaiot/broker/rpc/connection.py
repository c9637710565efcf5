# SPDX-License-Identifier: BSD-3-Clause
"""``/rpc`` over WebSocket: who may connect, and until when (PROTOCOL.md sections 3.2 and 3.5)."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from pyaiot.broker.client_connection import JOIN_TIMEOUT_S, ClientConnection
from pyaiot.broker.close_codes import CLOSE_GOING_AWAY, CLOSE_NEEDS_TOKEN, CLOSE_TRY_LATER
from pyaiot.broker.hub import Hub
from pyaiot.broker.rpc.api import Api
from pyaiot.broker.rpc.session import RpcSession
from pyaiot.keys import Role

log = logging.getLogger("pyaiot.broker")

#: As a close frame can hold (RFC 6455 section 5.5).
MAX_CLOSE_REASON_BYTES: Final = 120
#: What no JSON is, in place of a binary message.
_BINARY: Final = b"\xff"


class RpcConnection(ClientConnection):
    """A client's WebSocket."""

    def initialize(self, hub: Hub, api: Api) -> None:
        """``hub``: what all sessions of this broker share; ``api``: its methods."""
        self._hub = hub
        self._session = RpcSession(self, hub, api)
        self._session.caller.authenticate = self._authenticate
        self._token: str | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._joined = False

    def open(self, *args: str, **kwargs: str) -> None:
        """Connected: whoever needs no token, or has shown it, has joined."""
        super().open()
        # While reading is held back Tornado does not notice by itself that the connection is gone.
        self.stream.set_close_callback(self._session.stop)
        role = self._hub.gatekeeper.role(self._request)
        self._session.caller.role = role
        if role is not None:
            self._join()
        else:
            self._deadline = asyncio.get_running_loop().call_later(JOIN_TIMEOUT_S, self._be_late)

    def on_message(self, message: str | bytes) -> asyncio.Future[None] | None:
        """Take one message. Tornado reads the next once the future given here is done."""
        return self._session.receive(_BINARY if isinstance(message, bytes) else message)

    def on_close(self) -> None:
        """The connection ended, however."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().on_close()
        self._session.ended()

    def goodbye(self) -> None:
        """The broker stops."""
        self._session.close(CLOSE_GOING_AWAY, "the broker stops")

    def evict(self) -> None:
        """Make room for others: this one has not shown a token yet."""
        self._session.stop()
        self.abort()

    def end(self, code: int, reason: str) -> None:
        """See session.Connection."""
        self.close(code, reason.encode()[:MAX_CLOSE_REASON_BYTES].decode(errors="ignore"))

    def reconsider(self) -> bool:
        """The keys changed; it is closed when it may not even read."""
        role = self._hub.gatekeeper.role(self._request, self._token)
        self._session.caller.role = role
        if role is None:
            self._hub.counters.clients_refused += 1
            log.warning("%s: client has no valid token any more", self.name)
            self._refuse()
        return role is not None

    def _join(self) -> None:
        if self._joined:
            return
        self._joined = self._hub.admit_client(self)
        if not self._joined:
            self._session.close(CLOSE_TRY_LATER, "too many clients; try again later")

    def _authenticate(self, token: str) -> Role | None:
        caller = self._session.caller
        role = self._hub.gatekeeper.role(self._request, token)
        if role is None:
            self._hub.counters.clients_refused += 1
            log.warning("%s: client shows a token that is none", self.name)
            if caller.role is None:
                self._hub.call_soon(self._refuse)  # once it was told why
            return None
        self._token, caller.role = token, role
        self._join()
        return role

    def _be_late(self) -> None:
        if not self._joined:
            self._refuse()

    def _refuse(self) -> None:
        self._session.close(CLOSE_NEEDS_TOKEN, "a valid token is needed (aiot-generate-keys --client)")
