# SPDX-License-Identifier: BSD-3-Clause
"""HTTP devices (PROTOCOL.md section 1.4): what they post is told to the gateway, what it asks waits to be fetched.

::

    device ─POST▶ server ▶ HttpAdapter ▶ payloads, senml ▶ DeviceEvents
    device ◀GET── server ◀ HttpAdapter ◀ delivery, commands ◀ write
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import ClassVar, Final

from pyaiot.gateway.adapter import DeviceEvents, Refused, WriteFailed, door
from pyaiot.gateway.credentials import Credentials
from pyaiot.gateway.device_tokens.authority import Authority
from pyaiot.gateway.device_tokens.owner_file import OwnerFile
from pyaiot.gateway.device_tokens.token_keys import TokenKeys
from pyaiot.gateway.device_tokens.tokens import Grant
from pyaiot.gateway.http.access import Access, Request, check_owner
from pyaiot.gateway.http.commands import Command, Poll
from pyaiot.gateway.http.counters import Counters
from pyaiot.gateway.http.delivery import Delivery
from pyaiot.gateway.http.handlers import MAX_WAIT_S
from pyaiot.gateway.http.payloads import parse_report
from pyaiot.gateway.http.report import BadPayload
from pyaiot.gateway.http.server import Server
from pyaiot.gateway.tally import counting_write
from pyaiot.nodes.node import ACCOUNT
from pyaiot.tls.ports import DevicePorts, TlsPort
from pyaiot.wire.messages import JSON, Door

logger = logging.getLogger("pyaiot.gateway.http")

#: A poll is a sign of life at its beginning and end: it lasts for no more than this share of ``--max-time``.
POLL_SHARE: Final = 0.5


class HttpAdapter:
    """The HTTP side of a gateway; fulfils :class:`pyaiot.gateway.adapter.Adapter` and :class:`contract.Host`."""

    protocol: ClassVar[str] = "http"
    title: ClassVar[str] = "HTTP"

    def __init__(
        self,
        access: Access,
        *,
        host: str = "localhost",
        port: int = 8002,
        device_file: str = "",
        device_owners: str = "",
        token_keys: TokenKeys | None = None,
        audience: str = "",
        timeout_s: float = 120.0,
        tls: TlsPort | None = None,
    ) -> None:
        """Listen on ``host`` (a name or an address) and TCP ``port`` (0: any free one), or ``tls``.

        ``device_file`` has the passwords of devices (``aiot device``). ``token_keys`` check their tokens, each of which
        must be for ``audience``, if that is not empty; ``device_owners`` is the file that keeps which ids they have
        proved, and for which accounts (empty: that is known until the gateway ends). ``timeout_s`` is the gateway's
        ``--max-time``.
        """
        self._access = access
        self._credentials = Credentials(device_file)
        self._token_keys = token_keys
        self._authority = Authority(token_keys, audience)
        self._owner_file = OwnerFile(device_owners)
        self._owners = self._owner_file.owners
        self.counters = Counters()
        self.max_wait_s = min(MAX_WAIT_S, timeout_s * POLL_SHARE)
        self.ports = DevicePorts(host, port, "http", tls)
        self._server = Server(self, self.ports)
        self._delivery = Delivery(self.counters)
        # Of the nodes there are, those spoken for by a token, and of which account if of any.
        self._proved: dict[str, str | None] = {}
        self._events: DeviceEvents | None = None

    @property
    def port(self) -> int:
        """The port that it listens on; the one asked for, until it was started."""
        return self.ports.port

    @property
    def doors(self) -> tuple[Door, ...]:
        """See adapter.OpenAdapter."""
        found = self.ports.by_scheme("http", "https")
        return tuple(door(scheme, self.ports.host, port, "/v1/nodes") for scheme, port in found)

    async def start(self, events: DeviceEvents) -> None:
        """Listen, and begin to report. Raises ConfigurationError: the port is taken, the device file is none …"""
        self._credentials.load()
        self._owner_file.start(self._released)
        try:
            self._authority.start()
            self._server.start()
        except BaseException:
            self._authority.stop()
            await self._owner_file.stop()
            raise
        self._events = events
        logger.info("Listening for HTTP devices on %s", self.ports)
        tokens = self._token_keys is not None and self._token_keys.keys
        if not self._access.trust_this_host and not self._credentials and not tokens:
            logger.warning(
                "No device has a password yet, nor is there a key for tokens, so none is let in: "
                "aiot device add ID, or aiot device-token ID"
            )

    async def stop(self) -> None:
        """Close everything; nothing is reported afterwards."""
        self._events = None
        self._authority.stop()
        self._delivery.close()
        self._proved.clear()
        await asyncio.gather(self._server.stop(), self._owner_file.stop())

    async def discover(self, uid: str) -> None:
        """Nothing to do: a device that only sends cannot be asked."""

    async def write(self, uid: str, resource: str, data: JSON) -> JSON | None:
        """Have the device fetch ``data``; it reports its new value itself. Raises WriteFailed."""
        with counting_write(self.counters):
            if self._events is None:
                raise WriteFailed("offline", "the gateway stops")
            await self._delivery.write(uid, resource, data)
        return None

    def forget(self, uid: str) -> None:
        """The node is out: its poll is answered, and nothing waits for it any more."""
        self._proved.pop(uid, None)
        self._delivery.forget(uid)

    # contract.Host

    def check_sender(self, request: Request) -> None:
        """See contract.Host. The names in a certificate are the gateway's own."""
        certificate = self.ports.certificate
        self._access.check_sender(request, certificate.names if certificate else ())

    def let_in(self, request: Request, uid: str) -> Grant | None:
        """See contract.Host."""
        grant = self._check(request, uid)
        if grant is not None:
            self._owners.prove(uid, grant.account)
        return grant

    def check_still(self, request: Request, uid: str, grant: Grant | None) -> None:
        """See contract.Host. It proves nothing: else who waits while the id is released would have it again."""
        self._check(request, uid)
        check_owner(uid, grant, self._owners)

    def _check(self, request: Request, uid: str) -> Grant | None:
        self._credentials.refresh()
        return self._access.check_device(request, uid, self._credentials.verify, self._authority.grant, self._owners)

    @property
    def crowded(self) -> bool:
        """See contract.Host."""
        return self._reporting().crowded

    async def room(self) -> None:
        """See contract.Host."""
        await self._reporting().room()

    def report(
        self, uid: str, peer: str, grant: Grant | None, body: bytes, *, senml: bool
    ) -> tuple[int, dict[str, str]]:
        """See contract.Host."""
        events = self._reporting()
        check_owner(uid, grant, self._owners)
        try:
            report = parse_report(body, uid, time.time(), senml=senml)
        except BadPayload:
            self._replace(uid, grant)
            if events.known(uid):  # it is alive, if unintelligible; but nonsense makes no node
                events.seen(uid)
            raise
        self._enter(uid, peer, grant)
        taken = 0
        for reading in report.readings:
            try:
                events.updated(uid, reading.resource, reading.data, unit=reading.unit, age_ms=reading.age_ms)
            except Refused as error:
                report.refused[reading.resource] = str(error)
                continue
            taken += 1
            self._delivery.reported(uid, reading)
        self.counters.values += taken
        self.counters.refused += len(report.refused)
        return taken, report.refused

    def ask(self, uid: str, peer: str, grant: Grant | None) -> list[Command]:
        """See contract.Host."""
        check_owner(uid, grant, self._owners)
        self._enter(uid, peer, grant)
        self.counters.polls += 1
        return self._delivery.take(uid)

    async def wait(self, uid: str, poll: Poll, woken: asyncio.Event, wait_s: float, grant: Grant | None) -> bool:
        """See contract.Host."""
        if grant is not None:
            self._authority.hold(poll, grant)
        try:
            return await self._delivery.wait(uid, poll, woken, wait_s)
        finally:
            self._authority.release(poll)

    def collect(self, uid: str) -> list[Command]:
        """See contract.Host."""
        self._reporting().seen(uid)
        return self._delivery.take(uid)

    def deregister(self, uid: str, grant: Grant | None) -> bool:
        """See contract.Host."""
        events = self._reporting()
        check_owner(uid, grant, self._owners)
        known = events.known(uid)
        events.gone(uid, "deregistered")
        return known

    def _replace(self, uid: str, grant: Grant | None) -> None:
        """Where ``grant`` proves something else than who had the id before: the node goes, and what was said of it."""
        events = self._reporting()
        before = (self._proved[uid],) if uid in self._proved else None
        if before != (None if grant is None else (grant.account,)):
            events.gone(uid, "closed")

    def _enter(self, uid: str, peer: str, grant: Grant | None) -> None:
        """A sign of life of who was let in with ``grant``. Raises Refused."""
        self._replace(uid, grant)
        self._reporting().seen(uid, attributes=_attributes(peer, grant))
        if grant is not None:
            self._proved[uid] = grant.account

    def _released(self, uids: Sequence[str]) -> None:
        """Those ids are not any more the accounts' that tokens have proved them for: nor are their nodes, and polls."""
        if self._events is not None:
            for uid in uids:
                self._events.gone(uid, "closed")

    def _reporting(self) -> DeviceEvents:
        if self._events is None:
            raise Refused("the gateway stops")
        return self._events


def _attributes(peer: str, grant: Grant | None) -> dict[str, str]:
    """What the gateway states of a device that is let in."""
    attributes = {"ip": peer}
    if grant is not None and grant.account is not None:
        attributes[ACCOUNT] = grant.account
    return attributes
