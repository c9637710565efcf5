# SPDX-License-Identifier: BSD-3-Clause
"""What the dashboard answers to each request; ``settings["config"]`` of the application is its DashboardConfig."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tornado.web

from pyaiot.dashboard.assets import Asset, AssetFolder, read_asset
from pyaiot.dashboard.config import DashboardConfig
from pyaiot.dashboard.security import permissions, security_headers
from pyaiot.monitoring.health import Health
from pyaiot.monitoring.health_answer import answer
from pyaiot.settings import DashboardSettings

logger = logging.getLogger("pyaiot.dashboard.server")

REVALIDATE = "no-cache"
FOR_EVER = "public, max-age=31536000, immutable"

#: The pages, by what is asked for.
PAGES = {"": "index.html", "index.html": "index.html", "join": "join.html", "join.html": "join.html"}
#: What a page may ask its user for.
SENSORS_OF_PAGES = {"join.html": ("accelerometer", "geolocation", "gyroscope")}


class PlainHandler(tornado.web.RequestHandler):
    """Answers with the security headers, and with plain text when something is wrong."""

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        config: DashboardConfig = self.settings["config"]
        sources = config.image_sources(), config.broker_sources(self.request.host)
        for name, value in security_headers(*sources).items():
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
