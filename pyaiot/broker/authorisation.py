# SPDX-License-Identifier: BSD-3-Clause
"""Who may do what: one table, and the checks of Host, Origin and token before it (PROTOCOL.md section 3.3). Pure."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pyaiot.addresses import is_loopback
from pyaiot.http_origin import PROXY_HEADERS, bearer, is_address, may_be_asked_for, name_in
from pyaiot.keys import ClientToken, Role, token_digest
from pyaiot.options import OptionError

Scheme = Literal["http", "https"]
_USUAL_PORT: Mapping[Scheme, int] = {"http": 80, "https": 443}
Action = Literal["read", "write", "administer"]

#: The one table.
MAY: Mapping[Role, frozenset[Action]] = {
    "viewer": frozenset(("read",)),
    "operator": frozenset(("read", "write")),
    "admin": frozenset(("read", "write", "administer")),
}

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Request:
    """What is known of a client before it says anything: its address, and headers of its request."""

    peer: str
    host: str
    origin: str | None = None
    proxied: bool = False
    bearer: str | None = None

    @classmethod
    def of(cls, peer: str, headers: Mapping[str, str]) -> Request:
        """From the address, and the headers by their names, in whatever case."""
        return cls(
            peer=peer,
            host=headers.get("Host", ""),
            origin=headers.get("Origin"),
            proxied=any(name in headers for name in PROXY_HEADERS),
            bearer=bearer(headers.get("Authorization")),
        )


@dataclass(frozen=True)
class Gatekeeper:
    """The rules of one broker. ``clients`` are the tokens it knows, by the name of their holder.

    ``trust_this_host``: programs of this host need no token (bound to loopback, and no proxy in front).
    ``own_page_port``: pages served at this port by the very host that the broker is reached at may connect, too, and
    those by one of its names.
    """

    trust_this_host: bool
    origins: frozenset[str]
    hosts: frozenset[str]
    clients: Mapping[str, ClientToken]
    anonymous_read: bool = False
    own_page_port: int | None = None
    own_page_scheme: Scheme = "http"

    def refusal(self, request: Request) -> str | None:
        """Why this request is refused before any upgrade (HTTP 403), or None.

        The Host must be ours (see http_origin). A page must come from a known origin; a program sends none.
        """
        host = name_in(request.host)
        if host is None:
            return "bad Host"
        if not may_be_asked_for(host, self.hosts):
            return "this Host is not allowed (see --allowed-hosts)"
        if request.origin is not None and not self._is_known_page(request.origin.lower(), host):
            return "this Origin is not allowed (see --allowed-origins)"
        return None

    def _is_known_page(self, origin: str, host: str) -> bool:
        if origin in self.origins:
            return True
        if self.own_page_port is None:
            return False
        own = _origin(self.own_page_scheme, host, self.own_page_port)
        return origin == own or self._is_own_name(origin, self.own_page_port)

    def _is_own_name(self, origin: str, port: int) -> bool:
        """Whether the page was asked for by a name of this host, though the broker was by its address.

        Another host of the network could answer for that name: so its pages have no rights without a token.
        """
        if self.trust_this_host:
            return False
        name = name_in(origin.removeprefix(f"{self.own_page_scheme}://"))
        if name is None or origin != _origin(self.own_page_scheme, name, port):
            return False
        return not is_address(name) and may_be_asked_for(name, self.hosts)

    def role(self, request: Request, token: str | None = None) -> Role | None:
        """What role the client has, by its token or by where it comes from; None: it needs a token, or a better one."""
        offered = token or request.bearer
        if offered:
            return self.role_of(token_digest(offered))
        if self.trust_this_host and is_loopback(request.peer) and not request.proxied:
            return "operator"
        return "viewer" if self.anonymous_read else None

    def role_of(self, digest: bytes) -> Role | None:
        """What role the holder of the token with this digest has; None: there is no such token, or not any more."""
        for known in self.clients.values():
            if hmac.compare_digest(known.digest, digest):
                return known.role
        return None


def allowed_origins(listed: str, web_port: int, scheme: Scheme = "http") -> frozenset[str]:
    """The origins in a comma-separated list; where it is empty, those of this host's dashboard, served by ``scheme``.

    Raises ConfigurationError for what no browser ever sends as an Origin.
    """
    given = {origin.strip().rstrip("/").lower() for origin in listed.split(",") if origin.strip()}
    for origin in given:
        if _ORIGIN.fullmatch(origin) is None:
            raise OptionError(f"--allowed-origins: {origin!r} is not an origin, such as https://iot.example.org")
    if given:
        return frozenset(given)
    return frozenset(_origin(scheme, host, web_port) for host in ("localhost", "127.0.0.1", "[::1]"))


def hosts_of(origins: frozenset[str]) -> frozenset[str]:
    """The hosts in ``origins``: whoever's pages may connect may have them connect by their own name, too."""
    return frozenset(match[1] for match in map(_ORIGIN.fullmatch, origins) if match is not None)


def _origin(scheme: Scheme, host: str, port: int) -> str:
    """The origin of pages at ``host`` as browsers write it: the usual port is left out (RFC 6454 section 6.2)."""
    return f"{scheme}://{host}" if port == _USUAL_PORT[scheme] else f"{scheme}://{host}:{port}"
