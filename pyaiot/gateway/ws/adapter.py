# SPDX-License-Identifier: BSD-3-Clause
"""WebSocket devices (PROTOCOL.md section 1.3): the connection is the liveness, what it says are values.

::

    device ─frames▶ connection ▶ sessions/node, token ▶ residents ▶ DeviceEvents
    device ◀message connection ◀ sessions/node, token ◀ WsAdapter ◀ discover, write
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import ClassVar

from websockets.http11 import Request

from pyaiot.actuation import ActuationMap
from pyaiot.addresses import is_loopback
from pyaiot.gateway.adapter import DeviceEvents, WriteFailed, door
from pyaiot.gateway.confirmation import CONFIRM_S
from pyaiot.gateway.credentials import Credentials
from pyaiot.gateway.device_tokens.authority import Authority
from pyaiot.gateway.device_tokens.owner_file import OwnerFile
from pyaiot.gateway.device_tokens.token_keys import TokenKeys
from pyaiot.gateway.questions import REPORT_S
from pyaiot.gateway.tally import counting_read, counting_write
from pyaiot.gateway.ws.admission import NotAdmitted, admit, check_origin, offers
from pyaiot.gateway.ws.connection import Connection
from pyaiot.gateway.ws.counters import Counters
from pyaiot.gateway.ws.echo import SUBPROTOCOL
from pyaiot.gateway.ws.ownership import Ownership
from pyaiot.gateway.ws.residents import Residents
from pyaiot.gateway.ws.server import Server
from pyaiot.gateway.ws.sessions.contract import Session
from pyaiot.gateway.ws.sessions.node import NodeSession
from pyaiot.gateway.ws.sessions.token import TokenSession
from pyaiot.tls.ports import DevicePorts, TlsPort
from pyaiot.wire.messages import JSON, Door

logger = logging.getLogger("pyaiot.gateway.ws")

#: Characters of a name that we give.
_NAME_LENGTH = 12


class WsAdapter:
    """The WebSocket side of a gateway; fulfils :class:`pyaiot.gateway.adapter.Adapter`."""

    protocol: ClassVar[str] = "ws"
    title: ClassVar[str] = "WebSocket"
    can_read: ClassVar[bool] = True
    connection_is_liveness: ClassVar[bool] = True

    def __init__(
        self,
        *,
        host: str = "::",
        port: int = 8001,
        origins: frozenset[str] = frozenset(),
        device_file: str = "",
        device_owners: str = "",
        token_keys: TokenKeys | None = None,
        audience: str = "",
        actuations: ActuationMap | None = None,
        require_key: bool = False,
        tls: TlsPort | None = None,
    ) -> None:
        """Listen on ``host`` (``::`` means every address, IPv4 too) and TCP ``port`` (0: any free one), or ``tls``.

        ``origins`` are the web pages that may play device, in lower case; ``device_file`` has the keys of those
        devices whose id is not for everybody. ``token_keys`` check the tokens of devices, each of which must be for
        ``audience``, if that is not empty; ``device_owners`` is the file that keeps which ids were proved by them,
        and for which accounts (empty: that is known until the gateway ends). ``actuations`` says what their resources
        are called on their platform. With ``require_key`` nobody is let in who has neither a key nor a token.
        """
        self._host = host
        self._trusts_everybody = not require_key and not is_loopback(host)
        self._origins = origins
        self.counters = Counters()
        self._ownership = Ownership(Credentials(device_file))
        self._owner_file = OwnerFile(device_owners)
        self._authority = Authority(token_keys, audience)
        self._actuations = actuations or ActuationMap()
        self._residents = Residents(
            self.counters, self._ownership.may_be, _new_name, self._owner_file.owners, require_key=require_key
        )
        # Tornado takes :: for IPv6 alone, and nothing for every address of this host.
        self.ports = DevicePorts("" if host == "::" else host, port, "gateway", tls)
        self._server = Server(self.ports, self._admit, self.counters)

    @property
    def port(self) -> int:
        """The port that it listens on; the one asked for, until it was started."""
        return self.ports.port

    @property
    def doors(self) -> tuple[Door, ...]:
        """See adapter.OpenAdapter."""
        found = self.ports.by_scheme("ws", "wss")
        return tuple(door(scheme, self._host, port, "/node") for scheme, port in found)

    async def start(self, events: DeviceEvents) -> None:
        """Open the port and begin to report. Raises ConfigurationError: CannotListen, DeviceFileError …"""
        self._ownership.start(self._residents.find)
        self._owner_file.start(self._ownership.released)
        self._authority.start()
        self._residents.events = events
        await self._server.open(events)
        logger.info("listening for WebSocket devices on %s", self.ports)
        if self._trusts_everybody:
            logger.info("devices without a key are let in from other hosts, too; --ws-require-key keeps them out")

    async def stop(self) -> None:
        """Close everything; nothing is reported afterwards."""
        self._residents.events = None
        self._ownership.stop()
        self._authority.stop()
        await asyncio.gather(self._server.close(), self._owner_file.stop())

    async def discover(self, uid: str) -> None:
        """Ask the device for all its values; they come as updates. Never raises."""
        session = self._residents.find(uid)
        if session is not None:
            session.discover()

    async def write(self, uid: str, resource: str, data: JSON) -> JSON | None:
        """Send ``data``, and wait until the device reports it as its own, for CONFIRM_S at most. Raises WriteFailed.

        Of one that will not report it, until it has arrived there: more cannot be known.
        """
        resource = resource.removeprefix("/")
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def told() -> None:
            if not confirmed.done():
                confirmed.set_result(None)

        with (
            counting_write(self.counters),
            self._residents.confirmations.expecting(uid, resource, data, told) as expectation,
        ):
            will_report = self._residents.at(uid).write(resource, data, told)
            try:
                async with asyncio.timeout(CONFIRM_S):
                    await confirmed
            except TimeoutError:
                if will_report:
                    raise expectation.failure() from None
                raise WriteFailed("timeout", "the device's connection does not answer") from None
        return None

    async def read(self, uid: str, resource: str) -> None:
        """Ask the device for its values, and wait until it reports this one, for REPORT_S. Raises WriteFailed."""
        resource = resource.removeprefix("/")
        reported = asyncio.Event()
        now = asyncio.get_running_loop().time()
        with (
            counting_read(self.counters),
            self._residents.questions.waiting(uid, resource, now, reported.set) as is_to_be_asked,
        ):
            session = self._residents.at(uid)
            if is_to_be_asked:
                session.ask()
            try:
                async with asyncio.timeout(REPORT_S):
                    await reported.wait()
            except TimeoutError:
                raise WriteFailed("timeout", f"the device did not report {resource} within {REPORT_S:g} s") from None

    def forget(self, uid: str) -> None:
        """The node is out: its connection, if there still is one, is closed."""
        self._residents.forget(uid)

    def _admit(self, request: Request, connection: Connection) -> Session:
        """See server.Admit: the sub-protocol or the path chooses the kind of session."""
        headers = request.headers
        origins = headers.get_all("Origin")
        if offers(SUBPROTOCOL, headers.get_all("Sec-WebSocket-Protocol")):
            check_origin(origins, self._origins)
            return TokenSession(connection, self._residents, self._authority, self._actuations)
        claim = admit(request.path, origins, headers.get_all("Authorization"), self._origins)
        if claim.uid is not None and claim.key is not None and not self._ownership.may_be(claim.uid, claim.key):
            self.counters.wrong_keys += 1
            raise NotAdmitted(401, "Wrong id or key.\n")
        return NodeSession(connection, claim, self._residents)


def _new_name() -> str:
    return uuid.uuid4().hex[:_NAME_LENGTH]
