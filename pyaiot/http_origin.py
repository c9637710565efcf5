# SPDX-License-Identifier: BSD-3-Clause
"""Where an HTTP request comes from, as far as it tells: from this host, through a proxy, by which name. Pure.

A page of anybody, shown in a browser of this network, can make requests to whatever listens here. The browser says
whose page it is (``Origin``, RFC 6454) and what name it asked for (``Host``, RFC 9110 section 7.2), which is how such
requests are told from those of programs.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from pyaiot.addresses import is_loopback, mdns_label
from pyaiot.options import OptionError

#: Headers that a proxy adds: whoever comes through one is not on this host, though the connection is.
PROXY_HEADERS: Final = ("Forwarded", "X-Forwarded-For", "X-Real-Ip")

#: How browsers call themselves (``User-Agent``, RFC 9110 section 10.1.5), which the pages that they show cannot change.
_BROWSERS: Final = ("Mozilla/", "Opera/")

_NAME = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
#: What stands behind a host's name where it is announced.
_ANNOUNCED = re.compile(r"-[0-9a-f]{8}\.local$", re.ASCII)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?", re.ASCII)


def name_in(host_header: str) -> str | None:
    """The name or address in a ``Host`` header, in lower case and without the port; None for what is none."""
    match = _HOST.fullmatch(host_header)
    return None if match is None else match[1].lower()


def may_be_asked_for(name: str, names: frozenset[str]) -> bool:
    """Whether requests for the host ``name`` (as :func:`name_in` gives it) are meant for us, who are called ``names``.

    An address cannot be rebound by a hostile name server, so any address will do; a name must be known, or be the one
    that we are announced by (see announce.offers.target).
    """
    return is_address(name) or name in names or _ANNOUNCED.sub(".local", name) in names


def allowed_hosts(listed: str, bound_to: str, host_name: str) -> frozenset[str]:
    """The names that a service may be called by: localhost, this host's, the one bound to, and those listed.

    What is bound to loopback has none by mDNS: anybody in the network could answer for that name, first with an address
    of pages of his own, then with loopback. Raises ConfigurationError for what cannot be a name.
    """
    by_mdns = () if is_loopback(bound_to) else (f"{host_name}.local", f"{mdns_label(host_name)}.local")
    own = ("localhost", bound_to, host_name, *by_mdns)
    given = [name.strip() for name in listed.split(",") if name.strip()]
    for name in given:
        if _NAME.fullmatch(name) is None:
            raise OptionError(f"--allowed-hosts: {name!r} is not a name, such as iot.example.org")
    return frozenset(name.lower() for name in (*own, *given) if name)


def seen_by_proxy(forwarded_for: str | None) -> str | None:
    """The address that the nearest proxy was called from: the last of ``X-Forwarded-For``; None where it says none.

    What stands before it is what the caller said, and no proxy of ours.
    """
    last = (forwarded_for or "").rpartition(",")[2].strip().strip("[]")
    try:
        return str(ipaddress.ip_address(last))
    except ValueError:
        return None


def bearer(header: str | None) -> str | None:
    """The token of an ``Authorization: Bearer …`` header (RFC 6750 section 2.1)."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def is_of_browser(site: str | None, user_agent: str) -> bool:
    """Whether a browser made the request: it sends ``Sec-Fetch-Site`` (``site``), or calls itself one; no program need.

    What the header says does not matter: ``none``, a user's own doing, is also an address opened for her that another
    site redirects to here.
    """
    return site is not None or user_agent.lstrip().startswith(_BROWSERS)


def hides_its_page(method: str, origin: str | None, site: str | None) -> bool:
    """Whether a browser asks for something to be done and does not say whose page wants it.

    With all but GET and HEAD they send ``Origin`` (Fetch Standard section 3.2), which is for others to judge; a GET of
    any page's is harmless where it only reads, as no page is let read the answer.
    """
    return method not in ("GET", "HEAD") and origin is None and site is not None


def is_address(host: str) -> bool:
    """Whether a host, as :func:`name_in` gives it, is an address."""
    if host.startswith("["):
        return True
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True
