# SPDX-License-Identifier: BSD-3-Clause
"""``aiot-dashboard``."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pyaiot import lifecycle, options
from pyaiot.addresses import broker_url
from pyaiot.announce.announcer import Announced
from pyaiot.announce.offers import Offer
from pyaiot.dashboard.config import DashboardConfig, NoSuchImage
from pyaiot.dashboard.server import DashboardServer
from pyaiot.lifecycle import Ready, StartupError
from pyaiot.listening import bind, port_of
from pyaiot.monitoring.families import Family
from pyaiot.monitoring.health import Health
from pyaiot.options import OptionError
from pyaiot.settings import ALL_SETTINGS, DashboardSettings
from pyaiot.tls.certificate import ServerCertificate, server_certificate
from pyaiot.tls.renewal import renewing

log = logging.getLogger("pyaiot.dashboard")

DESCRIPTION = "The dashboard: serves the web page that shows devices live, and connects it to the broker."


def main() -> int:
    """Entry point of the command."""
    return lifecycle.main(lambda: run(sys.argv[1:]))


def run(args: Sequence[str] = ()) -> int:
    """Run the dashboard with ``args`` as its command line; the exit code."""
    settings = options.load(
        DashboardSettings, program="aiot-dashboard", description=DESCRIPTION, arguments=args, known=ALL_SETTINGS
    )
    certificate = server_certificate(settings)
    config = make_config(settings)
    sockets = bind(settings.web_host, settings.web_port, "web")
    port = port_of(sockets)
    dashboard = Dashboard(config, sockets, certificate)
    announced = Announced(dashboard, settings.announce, lambda: [make_offer(settings, port)])
    return lifecycle.run(renewing(announced, certificate), settings)


def make_config(settings: DashboardSettings) -> DashboardConfig:
    """What the page is told; raises StartupError.

    Browsers let a page that came by TLS connect by nothing else, so the broker is taken to speak it, too.
    """
    with_tls = settings.broker_ssl or bool(settings.tls_cert)
    try:
        config = DashboardConfig(
            broker_url=settings.broker_url or broker_url(settings.broker_host, settings.broker_port, with_tls, "/rpc"),
            title=settings.title,
            logo=settings.logo or None,
            favicon=settings.favicon or None,
            camera_url=settings.camera_url or None,
            webcam_hosts=tuple(settings.webcam_hosts.replace(",", " ").split()),
            map_tiles=settings.map_tiles or None,
        )
        if settings.static_path:
            folder = Path(os.path.expanduser(settings.static_path))
            if not folder.is_dir():
                raise StartupError(f"--static-path: {settings.static_path!r} is not a folder")
            return replace(config, static_path=folder)
        return config
    except NoSuchImage as error:
        raise StartupError(str(error)) from None
    except ValueError as error:
        raise OptionError(str(error)) from None


def make_offer(settings: DashboardSettings, port: int) -> Offer:
    """What the network may be told of the dashboard that listens on ``port``."""
    return Offer("dashboard", settings.title, settings.web_host, port, tls=bool(settings.tls_cert))


class Dashboard:
    """The dashboard as a service, on sockets that are bound already; with a ``certificate`` it speaks only TLS."""

    def __init__(
        self, config: DashboardConfig, sockets: list[socket.socket], certificate: ServerCertificate | None = None
    ) -> None:
        self._server = DashboardServer(config, "", port_of(sockets), certificate)
        self._sockets = sockets

    async def run(self, ready: Ready) -> None:
        """Serve until cancelled."""
        await self._server.start(self._sockets)
        log.info(
            "Dashboard listening on port %d, for the broker at %s",
            port_of(self._sockets),
            self._server.config.broker_url,
        )
        ready()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await self._server.stop()

    def families(self) -> Iterator[Family]:
        """See monitoring.Watched."""
        return self._server.families()

    def health(self) -> Health:
        """See monitoring.Watched."""
        return self._server.health()
