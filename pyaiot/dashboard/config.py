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
_HOST_HEADER = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


@dataclass(frozen=True, kw_only=True)
class DashboardConfig:
    """The dashboard's settings. Making one raises ValueError, in one line, for what could not be shown.

    ``broker_url`` is where the broker speaks JSON-RPC (PROTOCOL.md section 3.5).
    ``logo`` and ``favicon`` are a path of a file on this machine, which the dashboard then serves itself, or a URL.
    ``static_path`` is where the built page is; by default where the build puts it.
    """

    broker_url: str = "ws://localhost:8000/rpc"
    title: str = "IoT Dashboard"
    logo: str | None = None
    favicon: str | None = None
    camera_url: str | None = None
    static_path: Path = Path(__file__).parent / "static"

    def __post_init__(self) -> None:
        source(self.broker_url, ("ws", "wss"))
        if self.camera_url:
            _check_url("--camera-url", self.camera_url)
        for option, image in (("--logo", self.logo), ("--favicon", self.favicon)):
            if image and is_url(image):
                _check_url(option, image)
            elif image and not Path(image).is_file():
                raise ValueError(f"{option}: {image!r} is neither a file on this machine nor a http(s) URL")

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

    def image_sources(self) -> list[str]:
        """Return the CSP sources of the images that other hosts serve, in a stable order."""
        images = [image for image in (self.logo, self.favicon) if image and is_url(image)]
        if self.camera_url:
            images.append(self.camera_url)
        return sorted({source(image, ("http", "https")) for image in images})


def _check_url(option: str, url: str) -> None:
    try:
        source(url, ("http", "https"))
    except ValueError as error:
        raise ValueError(f"{option}: {error}") from None


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
