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
from typing import ClassVar, Final

from pyaiot.gateway.adapter import DeviceEvents, Refused, WriteFailed
from pyaiot.gateway.credentials import Credentials
from pyaiot.gateway.http.access import Access, Request
from pyaiot.gateway.http.commands import Command, Poll
from pyaiot.gateway.http.counters import Counters
from pyaiot.gateway.http.delivery import Delivery
from pyaiot.gateway.http.handlers import MAX_WAIT_S
from pyaiot.gateway.http.payloads import parse_report
from pyaiot.gateway.http.report import BadPayload
from pyaiot.gateway.http.server import Server
from pyaiot.wire.messages import JSON

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
        timeout_s: float = 120.0,
    ) -> None:
        """Listen on ``host`` (a name or an address) and TCP ``port`` (0: any free one).

        ``device_file`` has the passwords of devices (``aiot device``); ``timeout_s`` is the gateway's ``--max-time``.
        """
        self._access = access
        self._credentials = Credentials(device_file)
        self.counters = Counters()
        self.max_wait_s = min(MAX_WAIT_S, timeout_s * POLL_SHARE)
        self._server = Server(self, host, port)
        self._delivery = Delivery(self.counters)
        self._events: DeviceEvents | None = None

    @property
    def port(self) -> int:
        """The port that it listens on; the one asked for, until it was started."""
        return self._server.port

    async def start(self, events: DeviceEvents) -> None:
        """Listen, and begin to report. Raises ConfigurationError: the port is taken, the device file is none …"""
        self._credentials.load()
        self._events = events
        self._server.start()
        logger.info("Listening for HTTP devices on port %d", self.port)
        if not self._access.trust_this_host and not self._credentials:
            logger.warning("No device has a password yet, so none is let in: aiot device add ID")

    async def stop(self) -> None:
        """Close everything; nothing is reported afterwards."""
        self._events = None
        self._delivery.close()
        await self._server.stop()

    async def discover(self, uid: str) -> None:
        """Nothing to do: a device that only sends cannot be asked."""

    async def write(self, uid: str, resource: str, data: JSON) -> JSON | None:
        """Have the device fetch ``data``; it reports its new value itself. Raises WriteFailed."""
        self.counters.writes += 1
        try:
            if self._events is None:
                raise WriteFailed("offline", "the gateway stops")
            await self._delivery.write(uid, resource, data)
        except WriteFailed:
            self.counters.writes_failed += 1
            raise
        return None

    def forget(self, uid: str) -> None:
        """The node is out: its poll is answered, and nothing waits for it any more."""
        self._delivery.forget(uid)

    # contract.Host

    def check_sender(self, request: Request) -> None:
        """See contract.Host."""
        self._access.check_sender(request)

    def check_device(self, request: Request, uid: str) -> None:
        """See contract.Host."""
        self._credentials.refresh()
        self._access.check_device(request, uid, self._credentials.verify)

    @property
    def crowded(self) -> bool:
        """See contract.Host."""
        return self._reporting().crowded

    async def room(self) -> None:
        """See contract.Host."""
        await self._reporting().room()

    def report(self, uid: str, peer: str, body: bytes, *, senml: bool) -> tuple[int, dict[str, str]]:
        """See contract.Host."""
        events = self._reporting()
        try:
            report = parse_report(body, uid, time.time(), senml=senml)
        except BadPayload:
            if events.known(uid):  # it is alive, if unintelligible; but nonsense makes no node
                events.seen(uid)
            raise
        events.seen(uid, attributes={"ip": peer})
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

    def ask(self, uid: str, peer: str) -> list[Command]:
        """See contract.Host."""
        self._reporting().seen(uid, attributes={"ip": peer})
        self.counters.polls += 1
        return self._delivery.take(uid)

    async def wait(self, uid: str, poll: Poll, woken: asyncio.Event, wait_s: float) -> bool:
        """See contract.Host."""
        return await self._delivery.wait(uid, poll, woken, wait_s)

    def collect(self, uid: str) -> list[Command]:
        """See contract.Host."""
        self._reporting().seen(uid)
        return self._delivery.take(uid)

    def deregister(self, uid: str) -> bool:
        """See contract.Host."""
        events = self._reporting()
        known = events.known(uid)
        events.gone(uid, "deregistered")
        return known

    def _reporting(self) -> DeviceEvents:
        if self._events is None:
            raise Refused("the gateway stops")
        return self._events
