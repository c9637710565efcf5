# SPDX-License-Identifier: BSD-3-Clause
"""Registrations at ``/rd``: the standard door beside ``/alive`` (RFC 9176 section 5).

An endpoint name (``ep``) is the device's uid. Differences to a full resource directory, all on purpose: there
is no lookup interface and no sector (``d`` is ignored), and ``base`` may name another port but not another
host than the sender's, since nothing vouches for a third party and the gateway will send requests there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from pyaiot.gateway.coap.contacts import readable
from pyaiot.gateway.coap.linkformat import BadLinks, Link, parse_links
from pyaiot.wire.names import is_name

#: RFC 9176 section 5: the lifetime of a registration that says none.
DEFAULT_LIFETIME_S = 90000
#: A node may be silent for so long at most, whatever ``lt`` it asks for (30 days).
MAX_LIFETIME_S = 30 * 86400
#: The largest ``lt`` that a request may carry.
_MAX_LT = 4294967295

_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)


class BadRegistration(ValueError):
    """A registration that is not taken; ``str()`` is the reason, fit to send to the device."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What a registration request asks for; None is what an update does not say."""

    uid: str | None
    lifetime_s: int | None
    port: int | None
    links: tuple[Link, ...] | None


def parse_registration(query: Iterable[str], body: bytes, host: str, *, update: bool = False) -> Registration:
    """Read the parameters of POST /rd, of /.well-known/rd and, with ``update``, of POST /rd/<id>.

    ``query`` holds the Uri-Query options, ``host`` is the sender's address as the socket gives it.
    Raises BadRegistration.
    """
    parameters: dict[str, str] = {}
    for option in query:
        name, _, value = option.partition("=")
        if name in parameters:
            raise BadRegistration(f"{name[:20]} is given twice")
        parameters[name] = value
    uid = parameters.get("ep")
    if update:
        if uid is not None:
            raise BadRegistration("an update cannot change ep")
    elif uid is None or not is_name(uid):
        raise BadRegistration("ep is 1 to 64 characters of A-Z a-z 0-9 . _ : -")
    lifetime = parameters.get("lt")
    lifetime_s = None if update else DEFAULT_LIFETIME_S
    if lifetime is not None:
        if _NUMBER.fullmatch(lifetime) is None or not 1 <= int(lifetime) <= _MAX_LT:
            raise BadRegistration(f"lt is a number of seconds from 1 to {_MAX_LT}")
        lifetime_s = min(int(lifetime), MAX_LIFETIME_S)
    base = parameters.get("base")
    try:
        links = tuple(parse_links(body)) or None
    except BadLinks as error:
        raise BadRegistration(str(error)) from None
    return Registration(uid, lifetime_s, None if base is None else _port(base, host), links)


def _port(base: str, host: str) -> int:
    try:
        parts = urlsplit(base)
        port, base_host = parts.port, parts.hostname
    except ValueError:
        raise BadRegistration("base is no URI") from None
    if parts.scheme != "coap" or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise BadRegistration("base is coap://<address>:<port>")
    if base_host is None or base_host.partition("%")[0] != readable(host).lower():
        raise BadRegistration("base is at another address than you are")
    if port == 0:
        raise BadRegistration("base has no port")
    return 5683 if port is None else port


@dataclass(slots=True)
class Entry:
    """A registration in force."""

    uid: str
    location: str
    lifetime_s: int
    port: int | None
    links: tuple[Link, ...] | None


class Directory:
    """The registrations in force; one a uid. Their time-out is the node's, so nothing here expires by itself."""

    def __init__(self) -> None:
        self._by_uid: dict[str, Entry] = {}
        self._by_location: dict[str, Entry] = {}

    def __len__(self) -> int:
        return len(self._by_uid)

    def add(self, uid: str, registration: Registration, location: str) -> Entry:
        """Register ``uid``, or register it again at the location that it has (RFC 9176 section 5.1)."""
        entry = self._by_uid.get(uid)
        if entry is None:
            entry = Entry(uid, location, DEFAULT_LIFETIME_S, None, None)
            self._by_uid[uid] = entry
            self._by_location[location] = entry
        entry.lifetime_s = registration.lifetime_s or DEFAULT_LIFETIME_S
        entry.port = registration.port
        entry.links = registration.links
        return entry

    def update(self, location: str, registration: Registration) -> Entry | None:
        """Change what the update says; None for an unknown location."""
        entry = self._by_location.get(location)
        if entry is None:
            return None
        entry.lifetime_s = registration.lifetime_s or entry.lifetime_s
        entry.port = registration.port or entry.port
        entry.links = registration.links or entry.links
        return entry

    def at(self, location: str) -> Entry | None:
        """The registration at ``/rd/<location>``."""
        return self._by_location.get(location)

    def lifetime_s(self, uid: str) -> int | None:
        """The lifetime that ``uid`` registered with; None: it did not register."""
        entry = self._by_uid.get(uid)
        return None if entry is None else entry.lifetime_s

    def links(self, uid: str) -> tuple[Link, ...] | None:
        """The links that ``uid`` registered; None: ask the device."""
        entry = self._by_uid.get(uid)
        return None if entry is None else entry.links

    def remove(self, uid: str) -> None:
        """``uid`` is out; unknown ones are ignored."""
        entry = self._by_uid.pop(uid, None)
        if entry is not None:
            del self._by_location[entry.location]
