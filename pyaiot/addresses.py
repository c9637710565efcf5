# SPDX-License-Identifier: BSD-3-Clause
"""What an address says about the host that has it, and how it stands in a URL. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from pyaiot.ports import BROKER_PORT

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
#: What may stand before ``://`` in an address of the broker, and what that is for a WebSocket.
_SCHEMES = {"": "ws", "ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
#: A host's name by mDNS is no longer, in bytes; room is left for what tells it from others.
MAX_MDNS_LABEL: Final = 40
_NO_MDNS_LABEL = re.compile(r"[^A-Za-z0-9-]+", re.ASCII)
#: A name or an IPv4 address; an IPv6 address, with a zone where it needs one.
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?", re.ASCII)
#: An address with a zone, as it stands in a URL; the percent sign may be encoded (RFC 6874).
_ZONE = re.compile(r"(?<=//)\[([0-9A-Fa-f:.]+)%(?:25(?=[^]]))?([A-Za-z0-9._-]+)\]", re.ASCII)

#: Addresses that mean something in one network only: RFC 1918, RFC 3927, RFC 4193, RFC 4291 section 2.5.6.
_PRIVATE: Final = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"),
    )
)


@dataclass(frozen=True, order=True)
class InterfaceAddress:
    """An address of this host (without a zone), and the network interface that has it."""

    interface: str
    index: int
    address: str

    @property
    def is_ipv6(self) -> bool:
        """Else it is IPv4."""
        return ":" in self.address

    @property
    def is_link_local(self) -> bool:
        """Whether it needs a zone to be reached (RFC 4007)."""
        return self.is_ipv6 and ipaddress.IPv6Address(self.address).is_link_local


class BadAddress(ValueError):
    """What is no address of a broker; the text says what one looks like."""


@lru_cache(maxsize=1_024)
def group_of(address: str) -> str:
    """What is counted as one host: addresses that one can have at will, which are those of an IPv6 /64, are one.

    A zone is dropped, and an IPv4 address that is mapped into IPv6 is that. What is no address is a group of its own.
    """
    parsed = _parse(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
    return address if parsed is None else str(parsed)


def peer_address(peername: tuple[Any, ...] | None) -> str:
    """A socket's peer as people write its address: without a zone, IPv4 as such; empty for who has gone already."""
    return "" if peername is None else str(peername[0]).partition("%")[0].removeprefix("::ffff:")


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name or an address, as bound or as connected from) is this host only."""
    host = host.strip("[]").lower()
    if host == "localhost":
        return True
    parsed = _parse(host)
    return parsed is not None and parsed.is_loopback


def is_private(host: str) -> bool:
    """Whether ``host`` is an address of a private network or of one link, and not this host only."""
    parsed = _parse(host.strip("[]"))
    return parsed is not None and any(parsed in network for network in _PRIVATE)


def is_every_address(host: str) -> bool:
    """Whether ``host``, as bound, is every address of this host; an empty one is."""
    host = host.strip("[]")
    parsed = _parse(host)
    return not host or (parsed is not None and parsed.is_unspecified)


def reached_at(host: str) -> str:
    """Where this host reaches what is bound to ``host``: on loopback what listens on every address."""
    host = host.strip("[]")
    if not is_every_address(host):
        return host
    return "::1" if isinstance(_parse(host), ipaddress.IPv6Address) else "127.0.0.1"


def in_url(host: str) -> str:
    """``host`` as it stands in a URL (RFC 3986 section 3.2.2): an IPv6 address is put in brackets."""
    bare = host.strip("[]")
    return f"[{bare}]" if ":" in bare else bare


def mdns_label(host_name: str) -> str:
    """The first label of ``host_name`` as it stands in a name by mDNS (RFC 6762 section 3)."""
    return _NO_MDNS_LABEL.sub("-", host_name.partition(".")[0])[:MAX_MDNS_LABEL].strip("-") or "host"


def address_of_another(peer: str, own: str) -> str | None:
    """The address ``peer`` of a connection whose own end is ``own``; None where that is this very host."""
    parsed = _parse(peer)
    if parsed is None or parsed.is_loopback or parsed == _parse(own):
        return None
    return str(parsed)


def broker_url(host: str, port: str, ssl: bool, path: str) -> str:
    """Where a WebSocket of the broker is, by its settings; an empty port is the scheme's own, as behind a proxy.

    Raises ValueError, in one line, for what can never be a host.
    """
    if _HOST.fullmatch(host.strip("[]")) is None:
        raise ValueError(f"--broker-host: {host!r} is not the name or address of a host")
    return f"{'wss' if ssl else 'ws'}://{in_url(host)}{f':{port}' if port else ''}{path}"


def broker_url_at(address: str, path: str) -> str:
    """``ws://host:8000/rpc`` for ``host``, ``host:8000``, ``http://host:8000`` …, where ``path`` is ``/rpc``.

    What has a path of its own, as behind a proxy (``https://example.org/iot``), gets ``path`` behind it. One that ends
    with ``/rpc`` is a whole address, of which ``path`` is beside. Raises BadAddress.
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
    before = parts.path.rstrip("/")
    is_whole = before.endswith("/rpc")
    if port is None and parts.scheme in ("", "ws", "http") and not is_whole:
        port = BROKER_PORT
    name = in_url(host) if port is None else f"{in_url(host)}:{port}"
    before = before.removesuffix("/rpc") if is_whole else before
    return urlunsplit((scheme, name, f"{before}{path}", parts.query, ""))


def without_zone(url: str) -> tuple[str, dict[str, Any]]:
    """``url``, and whom to connect to where that is not the URL's host: ``{"host": …}``, else nothing.

    A zone (``[fe80::1%eth0]``) means something on this host only: nobody else is told it (RFC 9844 section 6).
    """
    match = _ZONE.search(url)
    if match is None:
        return url, {}
    return url.replace(match[0], f"[{match[1]}]", 1), {"host": f"{match[1]}%{match[2]}"}


def _parse(text: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
