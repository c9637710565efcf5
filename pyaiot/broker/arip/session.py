# SPDX-License-Identifier: BSD-3-Clause
"""One client of ``/arip``: who may connect, under which id, and until when (PROTOCOL.md section 3.6)."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import msgspec

from pyaiot.broker.arip import translation
from pyaiot.broker.arip.member import AripMember
from pyaiot.broker.arip.requests import Requests
from pyaiot.broker.client_connection import ClientConnection
from pyaiot.broker.close_codes import (
    CLOSE_GOING_AWAY,
    CLOSE_MALFORMED,
    CLOSE_NEEDS_TOKEN,
    CLOSE_REPLACED,
    CLOSE_TRY_LATER,
)
from pyaiot.broker.entities.descriptions import DEFAULT_TYPE, EntityId, EntityType
from pyaiot.broker.framing import text_frame
from pyaiot.broker.hub import Hub
from pyaiot.broker.rpc.api import Api
from pyaiot.broker.rpc.caller import Caller
from pyaiot.broker.rpc.outgoing import Outgoing
from pyaiot.rpc.errors import RpcError

log = logging.getLogger("pyaiot.broker")

NEEDS_TOKEN: Final = "a token of an operator is needed (aiot-generate-keys --client NAME --role operator)"


class _Query(msgspec.Struct):
    """What a client says of itself in the URL. The URL is never logged: there is a token in it."""

    id: EntityId | None
    type: EntityType


class AripSession(ClientConnection):
    """A client's WebSocket; a member.Line. Its entity is there from the first moment to the last."""

    def initialize(self, hub: Hub, api: Api) -> None:
        """``hub``: what all sessions of this broker share; ``api``: has the methods of entities."""
        self._hub = hub
        self._is_over = False
        self._outgoing = Outgoing(self, hub.turns)
        self._member = AripMember(self)
        self._caller = Caller(self.name, None)
        self._requests = Requests(hub.entities, api.entities, self._member, self._caller, self)

    def prepare(self) -> None:
        """The URL says who it is; Host and Origin are judged as everywhere."""
        self._token = self.get_query_argument("token", "") or None
        self._id = self.get_query_argument("id", "") or None
        self._type = self.get_query_argument("type", "") or DEFAULT_TYPE
        super().prepare()

    @property
    def now(self) -> float:
        """See member.Line."""
        return self._hub.now

    def open(self, *args: str, **kwargs: str) -> None:
        """Connected: register, or say why not."""
        super().open()
        # While reading is held back Tornado does not notice by itself that the connection is gone.
        self.stream.set_close_callback(self._stop)
        self._outgoing.add_source(self._member.newsbox)
        if not self.reconsider():
            return
        if not self._hub.admit_client(self):
            self._refuse("too many clients; try again later", CLOSE_TRY_LATER)
            return
        try:
            query = msgspec.convert({"id": self._id, "type": self._type}, _Query)
            self._hub.entities.register(self._member, query.id, None, type=query.type)
        except msgspec.ValidationError:
            self._refuse("id: 1 to 64 of A-Z a-z 0-9 . _ : - and type: at most 64 characters", CLOSE_MALFORMED)
        except RpcError as error:
            if error.name == "taken":
                self._refuse(translation.ID_IS_TAKEN, CLOSE_REPLACED)
            else:
                self._refuse(error.message, CLOSE_TRY_LATER)

    def on_message(self, message: str | bytes) -> asyncio.Future[None] | None:
        """Take one message. Tornado reads the next once the future given here is done."""
        if self._is_over:
            return None
        before = self._requests.malformed
        self._requests.serve(message)
        self._hub.counters.arip_malformed += self._requests.malformed - before
        return self._outgoing.until_read()

    def on_close(self) -> None:
        """The connection ended, however: so has its entity."""
        self._stop()
        super().on_close()
        self._hub.entities.leave(self._member)

    def goodbye(self) -> None:
        """The broker stops."""
        self.end(CLOSE_GOING_AWAY, "the broker stops")

    def evict(self) -> None:
        """See peers.Peer. Never needed: who is here has registered in the same moment."""
        self._stop()
        self.abort()

    def reconsider(self) -> bool:
        """Judge it by the keys as they are now: who may not be an entity has no business here."""
        self._caller.role = self._hub.gatekeeper.role(self._request, self._token)
        if not self._caller.may("write"):
            self._hub.counters.clients_refused += 1
            log.warning("%s: client of /arip needs a token of an operator", self.name)
            self._refuse(NEEDS_TOKEN, CLOSE_NEEDS_TOKEN)
            return False
        return True

    def say(self, text: bytes) -> None:
        """See member.Line. Nothing more is read from a client for which too much waits: so this has a bound."""
        if not self._is_over:
            self._outgoing.queue(text_frame(text))

    def has_room(self) -> bool:
        """See member.Line."""
        return self._outgoing.has_room()

    def deliver(self, frames: bytes) -> bool:
        """See member.Line."""
        return self._outgoing.tell(frames)

    def end(self, code: int, reason: str) -> None:
        """See member.Line."""
        if not self._is_over:
            self._outgoing.flush()
            self._stop()
            self.close(code, reason)

    def _refuse(self, why: str, code: int) -> None:
        self.say(translation.encode_error(why))
        self.end(code, why)

    def _stop(self) -> None:
        self._is_over = True
        self._outgoing.end()
