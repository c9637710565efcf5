# SPDX-License-Identifier: BSD-3-Clause
"""Who may speak for which device (PROTOCOL.md section 1.4), judged by the head of a request alone. Pure.

On a loopback bind a program of this host may speak for every device; it needs no password, but a wrong one is wrong.
Everywhere else a device needs its own. No page may: neither those of others, nor by another name for this host.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from pyaiot.addresses import is_loopback
from pyaiot.http_origin import bearer, may_be_asked_for, name_in

#: The longest Authorization header that is read; ours have less than 200 characters.
MAX_AUTHORIZATION: Final = 1_024

#: What a user with that password is ("device"), or None (see devices.Devices).
Verify: TypeAlias = Callable[[str, bytes], str | None]


class Denied(Exception):
    """The request is refused with an HTTP ``status``; ``str()`` is one sentence, fit to send to its sender.

    ``guessed``: it came with a password that is wrong.
    """

    def __init__(self, status: int, reason: str, *, guessed: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.guessed = guessed


@dataclass(frozen=True, slots=True)
class Request:
    """What the head of a request says of its sender. ``site`` is ``Sec-Fetch-Site`` (W3C Fetch Metadata)."""

    peer: str
    host: str
    origin: str | None = None
    site: str | None = None
    proxied: bool = False
    authorization: str | None = None


class Claim(NamedTuple):
    """A password, and whose it is said to be; ``user`` is None where only a token was given."""

    user: str | None
    password: bytes


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of one gateway: ``trust_this_host`` needs a loopback bind; ``names`` are those we are reached by."""

    trust_this_host: bool
    names: frozenset[str]

    def check_sender(self, request: Request) -> None:
        """Raises Denied for what a browser sends on behalf of a page.

        A page must not take commands either, and browsers send no ``Origin`` with some GETs: hence ``Sec-Fetch-Site``.
        """
        name = name_in(request.host)
        if name is None or not may_be_asked_for(name, self.names):
            raise Denied(403, "this Host is not allowed (see --allowed-hosts)")
        if request.origin is not None or request.site not in (None, "none"):
            raise Denied(403, "a page is not a device")

    def check_device(self, request: Request, uid: str, verify: Verify) -> None:
        """Raises Denied: the sender may not speak for the device ``uid``. Says nothing about which ids there are."""
        if request.authorization is None:
            if self.trust_this_host and is_loopback(request.peer) and not request.proxied:
                return
            raise Denied(401, "a password is needed (aiot device add)")
        claim = parse_authorization(request.authorization)
        if claim is None:
            raise Denied(401, "the Authorization is neither Basic nor Bearer", guessed=True)
        user = uid if claim.user is None else claim.user
        if verify(user, claim.password) != "device":
            raise Denied(401, "the password is wrong", guessed=True)
        if user != uid:
            raise Denied(403, "the password is another device's")


def parse_authorization(header: str) -> Claim | None:
    """Read ``Basic`` (RFC 7617) or ``Bearer`` (RFC 6750); None for everything else."""
    if len(header) > MAX_AUTHORIZATION:
        return None
    token = bearer(header)
    if token is not None:
        return Claim(None, token.encode("utf-8", "surrogateescape"))
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = b64decode(coded.strip(), validate=True).partition(b":")
        return Claim(user.decode(), password) if colon else None
    except (binascii.Error, ValueError):  # UnicodeError is a ValueError
        return None
