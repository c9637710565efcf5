# SPDX-License-Identifier: BSD-3-Clause
"""What the dashboard's page is told, checked when it is made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from pyaiot.addresses import is_every_address

# What may stand in a header of ours: a host name or an address, nothing that ends a CSP source.
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
_BROKER_PATH = re.compile(r"(?!//)[A-Za-z0-9._~/-]+")
# The same with what a CSP source may have besides (level 3, section 2.3.1), which has no way to write an IPv6 address.
_WEBCAM_HOST = re.compile(r"(?:https?://)?(?:\*\.)?[A-Za-z0-9][A-Za-z0-9._-]*(?::(?P<port>[0-9]{1,5}))?")
#: They are in a header of each answer.
MOST_WEBCAM_HOSTS = 64
_HOST_HEADER = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


class NoSuchImage(ValueError):
    """A file that is not there; it may come."""


@dataclass(frozen=True, kw_only=True)
class DashboardConfig:
    """The dashboard's settings. Making one raises ValueError, in one line, for what could not be shown.

    ``broker_url`` is where the broker speaks JSON-RPC (PROTOCOL.md section 3.5): a URL, or a path from the page's own
    address, such as ``rpc``, where one proxy serves both.
    ``logo`` and ``favicon`` are a path of a file on this machine, which the dashboard then serves itself, or a URL.
    ``webcam_hosts`` are the hosts whose pictures devices may have shown: names or addresses, with a port where it is
    not the scheme's, and a scheme where only that one will do.
    ``map_tiles`` is where the pictures of a map are, as a URL with ``{z}``, ``{x}`` and ``{y}``; without it the map is
    an outline of the world.
    ``static_path`` is where the built page is; by default where the build puts it.
    """

    broker_url: str = "ws://localhost:8000/rpc"
    title: str = "IoT Dashboard"
    logo: str | None = None
    favicon: str | None = None
    camera_url: str | None = None
    webcam_hosts: tuple[str, ...] = ()
    map_tiles: str | None = None
    static_path: Path = Path(__file__).parent / "static"

    def __post_init__(self) -> None:
        if _is_address(self.broker_url):
            source(self.broker_url, ("ws", "wss"))
        elif _BROKER_PATH.fullmatch(self.broker_url) is None:
            raise ValueError(
                f"--broker-url: {self.broker_url!r} is neither a URL of ws:// or wss:// nor a path such as rpc"
            )
        if self.camera_url:
            _check_url("--camera-url", self.camera_url)
        if len(self.webcam_hosts) > MOST_WEBCAM_HOSTS:
            raise ValueError(f"--webcam-hosts: {len(self.webcam_hosts)} hosts are more than {MOST_WEBCAM_HOSTS}")
        for host in self.webcam_hosts:
            _check_webcam_host(host)
        if self.map_tiles:
            _check_url("--map-tiles", self.map_tiles)
            missing = [place for place in ("{z}", "{x}", "{y}") if place not in self.map_tiles]
            if missing:
                raise ValueError(f"--map-tiles: {self.map_tiles!r} has no {missing[0]}")
        for option, image in (("--logo", self.logo), ("--favicon", self.favicon)):
            if image and is_url(image):
                _check_url(option, image)
            elif image and not Path(image).is_file():
                raise NoSuchImage(f"{option}: {image!r} is neither a file on this machine nor a http(s) URL")

    def broker_url_for(self, host: str) -> str:
        """Return the broker's address for a browser that asked for the page at ``host`` (a Host header).

        A broker that is bound to every address is reached at the one that the page was.
        """
        parts = urlsplit(self.broker_url)
        page = _HOST_HEADER.fullmatch(host)
        if parts.hostname is None or not is_every_address(parts.hostname) or page is None:
            return self.broker_url
        port = f":{parts.port}" if parts.port is not None else ""
        return f"{parts.scheme}://{page[1]}{port}{parts.path}"

    def broker_sources(self, host: str) -> list[str]:
        """Return the CSP sources of the broker, for a browser that asked for the page at ``host`` (a Host header)."""
        if _is_address(self.broker_url):
            return [source(self.broker_url_for(host), ("ws", "wss"))]
        # Not every browser takes 'self' for the WebSockets of the page's own host, too.
        page = _HOST_HEADER.fullmatch(host)
        return [] if page is None or ":" in page[1] else [f"ws://{host}", f"wss://{host}"]

    def image_sources(self) -> list[str]:
        """Return the CSP sources of the images that other hosts serve, in a stable order."""
        images = [image for image in (self.logo, self.favicon) if image and is_url(image)]
        images += [url for url in (self.camera_url, self.map_tiles) if url]
        return sorted({source(image, ("http", "https")) for image in images} | set(self.webcam_hosts))


def _check_url(option: str, url: str) -> None:
    try:
        source(url, ("http", "https"))
    except ValueError as error:
        raise ValueError(f"{option}: {error}") from None


def _is_address(broker_url: str) -> bool:
    return ":" in broker_url


def _check_webcam_host(host: str) -> None:
    match = _WEBCAM_HOST.fullmatch(host)
    if match is None or not 0 < int(match["port"] or 80) <= 65_535:
        raise ValueError(
            f"--webcam-hosts: {host!r} is not a host such as camera.local, 192.0.2.7:8081 or https://cameras.example.org"
        )


def is_url(image: str) -> bool:
    """Tell a URL from a path; a path with ``://`` in it has to be written with ``./`` in front."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", image) is not None


def source(url: str, schemes: tuple[str, ...]) -> str:
    """Return the CSP source that allows exactly the origin of a URL, or its scheme where CSP cannot name the host.

    CSP (level 3, section 2.3.1) has no way to write an IPv6 address, so there the whole scheme is allowed.
    Raises ValueError, in one line, for anything that is not an absolute URL of one of the schemes.
    """
    try:
        parts: SplitResult = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{url!r} is not a URL: {error}") from None
    host = parts.hostname or ""
    if parts.scheme not in schemes or _HOST.fullmatch(host) is None or url != url.strip() or not url.isprintable():
        raise ValueError(f"{url!r} is not a URL that starts with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    if ":" in host:
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")
