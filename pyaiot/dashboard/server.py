# SPDX-License-Identifier: BSD-3-Clause
"""Serves the built dashboard. Everything live happens between the browser and the broker."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import tornado.web

from pyaiot.dashboard.assets import AssetFolder
from pyaiot.dashboard.config import DashboardConfig, is_url
from pyaiot.dashboard.handlers import (
    ConfigHandler,
    HealthHandler,
    ImageHandler,
    ManifestHandler,
    NotFoundHandler,
    PageHandler,
    PlainHandler,
)
from pyaiot.dashboard.manifest import manifest
from pyaiot.dashboard.served import Served
from pyaiot.listening import BoundedServer, bind, http_server
from pyaiot.monitoring.families import Family
from pyaiot.monitoring.health import Health, worst
from pyaiot.tls.certificate import ServerCertificate

logger = logging.getLogger(__name__)


def make_application(
    config: DashboardConfig, served: Served | None = None, health: Callable[[], Health] = Health
) -> tornado.web.Application:
    """Return the web application of a dashboard, which counts in ``served``. Opens no socket and reads no file yet.

    ``health``: what is at ``/health``.
    """
    served = served or Served()
    page_settings: dict[str, Any] = {"title": config.title}
    if config.camera_url:
        page_settings["camera_url"] = config.camera_url
    if config.webcam_hosts:
        page_settings["webcam_hosts"] = config.webcam_hosts
    if config.map_tiles:
        page_settings["map_tiles"] = config.map_tiles
    images: list[tuple[str, type[PlainHandler], dict[str, Any]]] = []
    for name, image in (("logo", config.logo), ("favicon", config.favicon)):
        if not image:
            continue
        if is_url(image):
            page_settings[name] = image
        else:
            page_settings[name] = f"branding/{name}"
            images.append((rf"/branding/{name}", ImageHandler, {"image": Path(image)}))
    return tornado.web.Application(
        [
            (r"/config\.json", ConfigHandler, {"content": page_settings}),
            (
                r"/manifest\.webmanifest",
                ManifestHandler,
                {"content": manifest(config.title, page_settings.get("favicon"))},
            ),
            (r"/health", HealthHandler, {"health": health}),
            *images,
            (r"/(.*)", PageHandler, {"folder": AssetFolder(config.static_path)}),
        ],
        default_handler_class=NotFoundHandler,
        log_function=served.answered,
        config=config,
    )


class DashboardServer:
    """A dashboard on one address; ``port`` is the real one once started, also when 0 was asked for.

    With a ``certificate`` it speaks only TLS.
    """

    def __init__(
        self, config: DashboardConfig, host: str, port: int, certificate: ServerCertificate | None = None
    ) -> None:
        self.config = config
        self._certificate = certificate
        self.host = host
        self.port = port
        self._server: BoundedServer | None = None
        self._served = Served()
        self._folder = AssetFolder(config.static_path)

    async def start(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve on sockets that listen already, or bind first. A missing page is logged, not an error.

        Raises CannotListen when the address cannot be had.
        """
        if sockets is None:
            sockets = bind(self.host, self.port, "web")
        self.port = sockets[0].getsockname()[1]
        tls = None if self._certificate is None else self._certificate.context
        self._server = http_server(make_application(self.config, self._served, self.health), tls=tls)
        self._server.add_sockets(sockets)
        if not self._is_built():
            logger.warning("%s", self._folder.why_missing())

    def families(self) -> Iterator[Family]:
        """See monitoring.Watched."""
        return chain(self._served.families(), self._certificate.families() if self._certificate else ())

    def health(self) -> Health:
        """See monitoring.Watched: a dashboard without a page is of no use."""
        own = Health() if self._is_built() else Health(self._folder.why_missing().rstrip("."))
        return worst(own, self._certificate.health()) if self._certificate else own

    def _is_built(self) -> bool:
        return (self._folder.folder / "index.html").is_file()

    async def stop(self) -> None:
        """Close the sockets and every connection. Does nothing when not started."""
        if self._server is None:
            return
        self._server.stop()
        await self._server.close_all_connections()
        self._server = None
