# SPDX-License-Identifier: BSD-3-Clause
"""The embedded MQTT broker as a service: listens, follows the device file, ends in order."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pyaiot import devices
from pyaiot.addresses import is_loopback
from pyaiot.devices import DeviceFileError
from pyaiot.lifecycle import Ready, closing
from pyaiot.listening import CannotListen, connection_limit
from pyaiot.monitoring.families import Family
from pyaiot.monitoring.health import Health
from pyaiot.mqtt_broker.admission import MAX_CONNECTIONS
from pyaiot.mqtt_broker.connection import Connection
from pyaiot.mqtt_broker.counters import Counters, families
from pyaiot.mqtt_broker.guard import Guard
from pyaiot.options import ConfigurationError
from pyaiot.tls.ports import DevicePorts, TlsPort

if TYPE_CHECKING:
    from pyaiot.mqtt_broker.routing import AmqttRouter

log = logging.getLogger("pyaiot.mqtt-broker")

NOT_INSTALLED = (
    "the embedded MQTT broker is not installed: pip install 'pyaiot[mqtt-broker]', "
    "or have the gateway use another MQTT broker (--mqtt-host)"
)
#: How often to look whether the device file has changed.
DEVICE_FILE_INTERVAL_S = 1.0
#: How long amqtt may take to end.
STOP_S = 2.0
#: Connections that the system keeps for us until we take them.
BACKLOG = 1_024


class MqttBroker:
    """An MQTT broker in this process; to be run by ``lifecycle``.

    ``host`` and ``port`` as of all services (``localhost``: IPv4 and IPv6; 0: a free port); the same by ``tls``, where
    that is given. ``ports`` says which they are, once it runs. Without a user name
    clients are let in only where it listens on loopback alone, and not ``require_password``. ``alone``: there is no
    gateway in this process, so that devices wait for every gateway that reads slowly.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        device_file: str | Path,
        require_password: bool = False,
        alone: bool = False,
        tls: TlsPort | None = None,
    ) -> None:
        self.ports = DevicePorts(host, port, "mqtt", tls)
        #: A user name and password with the rights of a gateway, for one in this process.
        self.account = ("@embedded", secrets.token_urlsafe(32))
        self.guard: Guard
        self._device_file = device_file
        self._require_password = require_password
        self._alone = alone

    @property
    def port(self) -> int:
        """Where it lets clients in without TLS; the port asked for, until it runs."""
        return self.ports.port

    @property
    def counters(self) -> Counters:
        """What was counted, once it runs."""
        return self.guard.counters

    async def run(self, ready: Ready) -> None:
        """Serve until cancelled. Raises ConfigurationError before ``ready``."""
        router = _make_router()
        seen = devices.fingerprint(self._device_file)
        known = devices.load_or_none(self._device_file)
        max_connections = connection_limit(MAX_CONNECTIONS)
        _open(self.ports)
        local = all(is_loopback(sock.getsockname()[0]) for sock in (*self.ports.plain, *self.ports.secured))
        self.guard = Guard(
            own=self.account,
            anonymous=local and not self._require_password,
            devices=known,
            max_connections=max_connections,
            alone=self._alone,
        )
        if not local and not known.accounts:
            log.warning("No device has a password yet, so none can connect: aiot device add ID")
        async with contextlib.AsyncExitStack() as stack:
            await router.start()
            stack.push_async_callback(closing, router.shutdown(), STOP_S, "amqtt")
            async with asyncio.TaskGroup() as group:
                self.guard.begin(router, group)
                servers = await self.ports.serve(lambda: Connection(self.guard), BACKLOG)
                log.info("MQTT broker listening on %s %s", self.ports.host, self.ports)
                ready()
                try:
                    await self._watch_device_file(seen)
                finally:
                    for server in servers:
                        server.close()
                    self.guard.end()

    def families(self) -> Iterator[Family]:
        """See monitoring.Watched; once it runs."""
        return families(self.counters, len(self.guard.sessions))

    def health(self) -> Health:
        """See monitoring.Watched."""
        return Health()

    async def _watch_device_file(self, seen: tuple[int, int, int] | None) -> None:
        """Take over changes of the device file, for ever; what cannot be read is tried again, and told once."""
        told = ""
        while True:
            await asyncio.sleep(DEVICE_FILE_INTERVAL_S)
            found = devices.fingerprint(self._device_file)
            if found == seen:
                continue
            try:
                known = devices.load_or_none(self._device_file)
            except DeviceFileError as error:
                if told != str(error):
                    told = str(error)
                    log.error("%s; the passwords that were read before stay in force", error)
                continue
            seen, told = found, ""
            log.info("The device file changed: %d accounts", len(known.accounts))
            self.guard.change_devices(known)


def _make_router() -> AmqttRouter:
    try:
        from pyaiot.mqtt_broker.routing import AmqttRouter
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] == "pyaiot":
            raise
        raise ConfigurationError(NOT_INSTALLED) from None
    return AmqttRouter()


def _open(ports: DevicePorts) -> None:
    try:
        ports.open()
    except CannotListen as error:
        if os.strerror(errno.EADDRINUSE) in str(error):
            raise CannotListen(
                f"{error}; if it is an MQTT broker, use that one instead (--embedded-broker=no)"
            ) from None
        raise
