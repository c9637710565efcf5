# SPDX-License-Identifier: BSD-3-Clause
"""The files of the built page, held in memory with their precompressed variants."""

from __future__ import annotations

import logging
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

logger = logging.getLogger(__name__)

ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""Content codings the build makes, best first, and the ending of their files."""

NOT_BUILT = "not-built.txt"
"""Where the build leaves the one line that says why there is no page."""

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


@dataclass(frozen=True)
class Asset:
    """One file: its type and its bytes by content coding (``identity`` is always there)."""

    content_type: str
    variants: Mapping[str, bytes]

    def best(self, accept_encoding: str) -> tuple[str, bytes]:
        """Return the best variant that the request's ``Accept-Encoding`` admits (RFC 9110, section 12.5.3)."""
        weights = _weights(accept_encoding)
        for encoding in ENCODINGS:
            if encoding in self.variants and weights.get(encoding, weights.get("*", 0.0)) > 0:
                return encoding, self.variants[encoding]
        return "identity", self.variants["identity"]


@dataclass
class AssetFolder:
    """The files below a folder by their path in it. Only what is listed can be asked for: no path is ever followed.

    The files are read again when the folder's ``index.html`` has changed, so a page built while the server runs shows.
    """

    folder: Path
    _assets: dict[str, Asset] = field(default_factory=dict)
    _seen: tuple[int, int] | None = None

    def get(self, path: str) -> Asset | None:
        """Return the file at a path such as ``assets/x.js``, or None."""
        self._refresh()
        return self._assets.get(path)

    def why_missing(self) -> str:
        """Return one line that says why there is no page and what to do."""
        try:
            reason = (self.folder / NOT_BUILT).read_text(encoding="utf-8").strip()
        except OSError:
            reason = ""
        reason = reason.splitlines()[0] if reason else f"there is no built page in {self.folder}"
        return (
            f"The dashboard's page is missing: {reason}. Run `make front-end` or `pip install .` in a clone of pyaiot."
        )

    def _refresh(self) -> None:
        try:
            status = (self.folder / "index.html").stat()
        except OSError:
            self._assets, self._seen = {}, None
            return
        seen = (status.st_mtime_ns, status.st_ino)
        if seen == self._seen:
            return
        self._assets = {
            path.relative_to(self.folder).as_posix(): read_asset(path)
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.suffix not in ENCODINGS.values()
        }
        self._seen = seen
        logger.debug("read %d files of the page from %s", len(self._assets), self.folder)


def read_asset(path: Path) -> Asset:
    """Read a file and the precompressed variants beside it."""
    variants = {"identity": path.read_bytes()}
    for encoding, ending in ENCODINGS.items():
        compressed = path.with_name(path.name + ending)
        if compressed.is_file():
            variants[encoding] = compressed.read_bytes()
    guessed = _TYPES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0]
    return Asset(guessed or "application/octet-stream", variants)


def _weights(accept_encoding: str) -> dict[str, float]:
    """Parse ``Accept-Encoding``; what cannot be read counts as not acceptable."""
    weights: dict[str, float] = {}
    for item in accept_encoding.lower().split(","):
        coding, _, parameter = item.partition(";")
        name, _, weight = parameter.partition("=")
        try:
            weights[coding.strip()] = float(weight) if name.strip() == "q" else 1.0
        except ValueError:
            weights[coding.strip()] = 0.0
    return weights
