# SPDX-License-Identifier: BSD-3-Clause
"""Serves the built dashboard. Everything live happens between the browser and the broker."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import tornado.web

from pyaiot.dashboard.assets import Asset, AssetFolder, read_asset
from pyaiot.dashboard.config import DashboardConfig, is_url
from pyaiot.dashboard.served import Served
from pyaiot.listening import BoundedServer, bind, http_server
from pyaiot.monitoring.families import Family
from pyaiot.monitoring.health import Health, worst
from pyaiot.monitoring.health_answer import answer
from pyaiot.settings import DashboardSettings
from pyaiot.tls.certificate import ServerCertificate

logger = logging.getLogger(__name__)

REVALIDATE = "no-cache"
FOR_EVER = "public, max-age=31536000, immutable"

#: The pages, by what is asked for.
PAGES = {"": "index.html", "index.html": "index.html", "join": "join.html", "join.html": "join.html"}
#: The page's ground in the light theme, until its style is there.
GROUND = "#f4f6f8"

#: The sensors of the device that a page may ask its user for.
SENSORS = ("accelerometer", "camera", "geolocation", "gyroscope", "microphone")
SENSORS_OF_PAGES = {"join.html": ("accelerometer", "geolocation", "gyroscope")}


def security_headers(config: DashboardConfig, host: str) -> dict[str, str]:
    """Return the headers that every answer carries, to a browser that asked for ``host`` (a Host header).

    The page may load from here, talk to here and to its broker, and show images of the configured hosts; nothing else.
    Trusted Types keep text from becoming markup; the policies are Svelte's, for its own
    constant templates, and that of the one script that the page has the browser run beside it.
    """
    policy = {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "worker-src": ["'self'"],
        "manifest-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", *config.image_sources()],
        "connect-src": ["'self'", *config.broker_sources(host)],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["svelte-trusted-html", "pyaiot-service-worker"],
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {' '.join(values)}" for name, values in policy.items()),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": permissions(),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def permissions(allowed: tuple[str, ...] = ()) -> str:
    """Return the Permissions-Policy of a page that may ask for the ``allowed`` sensors."""
    return ", ".join(f"{sensor}={'(self)' if sensor in allowed else '()'}" for sensor in SENSORS)


class PlainHandler(tornado.web.RequestHandler):
    """Answers with the security headers, and with plain text when something is wrong."""

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        for name, value in security_headers(self.settings["config"], self.request.host).items():
            self.set_header(name, value)
        self.set_header("Cache-Control", REVALIDATE)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{status_code} {self._reason}\n")

    def send_asset(self, asset: Asset) -> None:
        """Answer with a file, compressed as the browser likes it."""
        encoding, content = asset.best(self.request.headers.get("Accept-Encoding", ""))
        self.set_header("Content-Type", asset.content_type)
        self.set_header("Vary", "Accept-Encoding")
        if encoding != "identity":
            self.set_header("Content-Encoding", encoding)
        self.finish(content)


class PageHandler(PlainHandler):
    """The pages and their assets. Assets are named by their content, so browsers may keep them for ever.

    ``client/`` is the JavaScript client as it is, for other pages of the same origin.
    """

    def initialize(self, folder: AssetFolder) -> None:
        self.folder = folder

    def get(self, path: str) -> None:
        page = PAGES.get(path)
        asset = self.folder.get(page or path)
        if asset is not None:
            if path.startswith("assets/"):
                self.set_header("Cache-Control", FOR_EVER)
            if page in SENSORS_OF_PAGES:
                self.set_header("Permissions-Policy", permissions(SENSORS_OF_PAGES[page]))
            self.send_asset(asset)
        elif page is not None:
            why = self.folder.why_missing()
            logger.error("%s", why)
            self.set_status(503)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(why + "\n")
        else:
            self.send_error(404)

    def head(self, path: str) -> None:
        self.get(path)


class ImageHandler(PlainHandler):
    """A logo or favicon from this machine."""

    def initialize(self, image: Path) -> None:
        self.image = image

    def get(self) -> None:
        try:
            asset = read_asset(self.image)
        except OSError as error:
            logger.warning("cannot read %s: %s", self.image, error.strerror)
            self.send_error(404)
            return
        self.send_asset(asset)

    def head(self) -> None:
        self.get()


class JsonHandler(PlainHandler):
    """A small constant JSON object."""

    def initialize(self, content: dict[str, Any]) -> None:
        self.content = content

    def get(self) -> None:
        self.finish(dict(self.content))

    def head(self) -> None:
        self.get()


class HealthHandler(PlainHandler):
    """``/health``: whether the dashboard can do its work."""

    def initialize(self, health: Callable[[], Health]) -> None:
        self._health = health

    def get(self) -> None:
        status, body = answer(self._health(), DashboardSettings.program)
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(body)

    def head(self) -> None:
        self.get()


class ConfigHandler(JsonHandler):
    """What the page is told."""

    def get(self) -> None:
        config: DashboardConfig = self.settings["config"]
        self.finish({**self.content, "broker_url": config.broker_url_for(self.request.host)})


class ManifestHandler(JsonHandler):
    """What an installed page is called and looks like."""

    def get(self) -> None:
        self.set_header("Content-Type", "application/manifest+json")
        self.finish(json.dumps(self.content))


class NotFoundHandler(PlainHandler):
    """Everything else."""

    def prepare(self) -> None:
        self.send_error(404)


def manifest(title: str, favicon: str | None) -> dict[str, Any]:
    """Return the web application manifest of a page. All addresses are relative to it: it may be below any path."""
    icons = [
        {"src": "icons/icon-192.png", "sizes": "192x192", "type": "image/png"},
        {"src": "icons/icon-512.png", "sizes": "512x512", "type": "image/png"},
        {"src": "icons/maskable-512.png", "sizes": "512x512", "type": "image/png", "purpose": "maskable"},
    ]
    return {
        "name": title,
        "short_name": title,
        "id": "./",
        "start_url": "./",
        "scope": "./",
        "display": "standalone",
        "background_color": GROUND,
        "theme_color": GROUND,
        "icons": [{"src": favicon, "sizes": "any"}] if favicon else icons,
    }


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
