# SPDX-License-Identifier: BSD-3-Clause
"""The broker's address as people write it. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

BROKER_PORT = 8000
_SCHEMES = {"": "ws", "ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}


class BadAddress(ValueError):
    """What is no address of a broker; the text says what one looks like."""


def rpc_url(address: str) -> str:
    """``ws://host:8000/rpc`` for ``host``, ``host:8000``, ``http://host:8000`` … Raises BadAddress.

    What has a path of its own, as behind a proxy (``https://example.org/iot``), gets ``/rpc`` behind it; what ends with
    it is the whole address.
    """
    given = address.strip()
    try:
        parts = urlsplit(given if "://" in given else f"//{given}")
        scheme, host, port = _SCHEMES.get(parts.scheme), parts.hostname, parts.port
        (host or "").encode("idna")  # which says how long a name's parts are
    except ValueError:
        scheme, host, port = None, None, None
    if scheme is None or not host or parts.username is not None or any(c.isspace() for c in given):
        raise BadAddress(f"{address!r} is no address of a broker, such as localhost:8000 or https://iot.example.org")
    path = parts.path.rstrip("/")
    if port is None and parts.scheme in ("", "ws", "http") and not path.endswith("/rpc"):
        port = BROKER_PORT
    name = f"[{host}]" if ":" in host else host
    path = path if path.endswith("/rpc") else f"{path}/rpc"
    return urlunsplit((scheme, name if port is None else f"{name}:{port}", path, parts.query, ""))
