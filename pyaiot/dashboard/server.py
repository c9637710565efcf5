# SPDX-License-Identifier: BSD-3-Clause
"""Serves the built dashboard. Everything live happens between the browser and the broker."""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import Any

import tornado.web

from pyaiot.dashboard.assets import Asset, AssetFolder, read_asset
from pyaiot.dashboard.config import DashboardConfig, is_url, source
from pyaiot.listening import BoundedServer, bind, http_server

logger = logging.getLogger(__name__)

REVALIDATE = "no-cache"
FOR_EVER = "public, max-age=31536000, immutable"

#: The pages, by what is asked for, and the sensors of the device that a page may ask its user for.
PAGES = {"": "index.html", "index.html": "index.html", "join": "join.html", "join.html": "join.html"}
SENSORS = ("accelerometer", "camera", "geolocation", "gyroscope", "microphone")
SENSORS_OF_PAGES = {"join.html": ("accelerometer", "geolocation", "gyroscope")}


def security_headers(config: DashboardConfig, host: str) -> dict[str, str]:
    """Return the headers that every answer carries, to a browser that asked for ``host`` (a Host header).

    The page may load from here, talk to here and to its broker, and show images of the configured hosts; nothing else.
    Trusted Types keep text from becoming markup; the one policy is Svelte's, for its own constant templates.
    """
    policy = {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", *config.image_sources()],
        "connect-src": ["'self'", source(config.broker_url_for(host), ("ws", "wss"))],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["svelte-trusted-html"],
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

    def initialize(self, content: dict[str, str]) -> None:
        self.content = content

    def get(self) -> None:
        self.finish(dict(self.content))

    def head(self) -> None:
        self.get()


class ConfigHandler(JsonHandler):
    """What the page is told."""

    def get(self) -> None:
        config: DashboardConfig = self.settings["config"]
        self.finish({**self.content, "broker_url": config.broker_url_for(self.request.host)})


class NotFoundHandler(PlainHandler):
    """Everything else."""

    def prepare(self) -> None:
        self.send_error(404)


def make_application(config: DashboardConfig) -> tornado.web.Application:
    """Return the web application of a dashboard. Opens no socket and reads no file yet."""
    page_settings = {"title": config.title}
    if config.camera_url:
        page_settings["camera_url"] = config.camera_url
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
            (r"/health", JsonHandler, {"content": {"status": "ok"}}),
            *images,
            (r"/(.*)", PageHandler, {"folder": AssetFolder(config.static_path)}),
        ],
        default_handler_class=NotFoundHandler,
        log_function=_log_request,
        config=config,
    )


class DashboardServer:
    """A dashboard on one address; ``port`` is the real one once started, also when 0 was asked for."""

    def __init__(self, config: DashboardConfig, host: str, port: int) -> None:
        self.config = config
        self.host = host
        self.port = port
        self._server: BoundedServer | None = None

    async def start(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve on sockets that listen already, or bind first. A missing page is logged, not an error.

        Raises CannotListen when the address cannot be had.
        """
        if sockets is None:
            sockets = bind(self.host, self.port, "web")
        self.port = sockets[0].getsockname()[1]
        self._server = http_server(make_application(self.config))
        self._server.add_sockets(sockets)
        folder = AssetFolder(self.config.static_path)
        if folder.get("index.html") is None:
            logger.warning("%s", folder.why_missing())

    async def stop(self) -> None:
        """Close the sockets and every connection. Does nothing when not started."""
        if self._server is None:
            return
        self._server.stop()
        await self._server.close_all_connections()
        self._server = None


def _log_request(handler: tornado.web.RequestHandler) -> None:
    request = handler.request
    logger.debug(
        "%s %s %s -> %d in %.1f ms",
        request.remote_ip,
        request.method,
        request.path,
        handler.get_status(),
        1000 * request.request_time(),
    )
