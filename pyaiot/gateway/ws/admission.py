# SPDX-License-Identifier: BSD-3-Clause
"""Who may come in, by the HTTP request alone; and how many of one address. Pure.

A page of anybody, shown on a computer in the same network, could play device: browsers say whose page it is, as
``Origin``, and only those that are listed may. Devices and programs send none.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import parse_qs

from pyaiot.addresses import group_of, is_loopback
from pyaiot.gateway.ws.fair_queue import Group
from pyaiot.options import OptionError

PATH = "/node"
#: Connections that one address (IPv6: one /64) may have that is not this host's own, where a proxy would be; and all
#: together, fewer where the system allows fewer files.
MAX_CONNECTIONS_PER_ADDRESS = 1_024
MAX_CONNECTIONS = 16_384
#: Parameters of the query that are looked at.
MAX_PARAMETERS = 8


class NotAdmitted(Exception):
    """The request is refused with an HTTP status; ``str()`` is the body of the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Claim(NamedTuple):
    """Who a device says that it is before it has said a word: any of it may be missing."""

    uid: str | None = None
    key: bytes | None = None


def admit(path: str, origins: Sequence[str], authorization: Sequence[str], allowed: frozenset[str]) -> Claim:
    """Whether a request for ``path`` may be upgraded, and who asks.

    ``origins`` and ``authorization`` are the values of these headers; ``allowed`` are the origins that may.
    ``?id=<name>`` says who it is; its key comes as ``Authorization: Basic`` (RFC 7617; then the user is the id) or
    ``Bearer`` (RFC 6750), never in the URL. Raises NotAdmitted.
    """
    path, _, query = path.partition("?")
    if path != PATH:
        raise NotAdmitted(404, f"There is nothing here; devices connect to {PATH}.\n")
    check_origin(origins, allowed)
    try:
        named = parse_qs(query, max_num_fields=MAX_PARAMETERS, errors="strict").get("id", [])
    except ValueError:
        raise NotAdmitted(400, "The query cannot be read.\n") from None
    if len(named) > 1:
        raise NotAdmitted(400, "There are two ids.\n")
    uid = named[0] if named else None
    if not authorization:
        return Claim(uid)
    user, key = _credentials(authorization)
    if user is not None and uid is not None and user != uid:
        raise NotAdmitted(401, "The id is another than the user.\n")
    uid = user if uid is None else uid
    if uid is None:
        raise NotAdmitted(401, "A key is of no use without ?id=.\n")
    return Claim(uid, key)


def check_origin(origins: Sequence[str], allowed: frozenset[str]) -> None:
    """Whether the page that a request comes from, if any, may play device. Raises NotAdmitted."""
    if any(origin.lower() not in allowed for origin in origins):
        raise NotAdmitted(403, "This page may not play device here (see --device-origins).\n")


def offers(subprotocol: str, headers: Sequence[str]) -> bool:
    """Whether ``subprotocol`` is in the Sec-WebSocket-Protocol ``headers`` (RFC 6455 section 11.3.4)."""
    return any(offered.strip() == subprotocol for header in headers for offered in header.split(","))


def _credentials(authorization: Sequence[str]) -> tuple[str | None, bytes]:
    scheme, _, value = authorization[0].strip().partition(" ")
    value = value.strip()
    if len(authorization) == 1 and scheme.lower() == "bearer" and value:
        return None, value.encode(errors="surrogateescape")
    if len(authorization) == 1 and scheme.lower() == "basic":
        try:
            user, colon, key = b64decode(value, validate=True).partition(b":")
            if colon:
                return user.decode(), key
        except (binascii.Error, UnicodeError, ValueError):
            pass
    raise NotAdmitted(401, "Send Authorization: Basic <id:key>, or Bearer <key> and ?id=.\n")


def parse_origins(text: str) -> frozenset[str]:
    """The origins in ``--device-origins``; raises ConfigurationError."""
    found = frozenset(part.strip().rstrip("/").lower() for part in text.split(",") if part.strip())
    for origin in found:
        scheme, separator, host = origin.partition("://")
        if not (separator and scheme and host) or "/" in host:
            raise OptionError(f"--device-origins: {origin!r} is not an origin such as https://iot.example.org")
    return found


class Places:
    """The connections of each address (see addresses.group_of), which have their turns in common."""

    def __init__(self) -> None:
        self._groups: dict[str, Group] = {}
        self.total = 0
        self.limit = MAX_CONNECTIONS

    def enter(self, address: str) -> Group | None:
        """Take a place; None: there is none."""
        name = group_of(address)
        group = self._groups.get(name)
        taken = 0 if group is None else group.connections
        if self.total >= self.limit or (taken >= MAX_CONNECTIONS_PER_ADDRESS and not is_loopback(address)):
            return None
        if group is None:
            group = self._groups[name] = Group()
        group.connections += 1
        self.total += 1
        return group

    def leave(self, address: str) -> None:
        """Give a place back."""
        self.total -= 1
        name = group_of(address)
        group = self._groups[name]
        group.connections -= 1
        if not group.connections:
            del self._groups[name]
