# SPDX-License-Identifier: BSD-3-Clause
"""Who may speak for which device (PROTOCOL.md section 1.4), judged by the head of a request alone. Pure.

On a loopback bind a program of this host may speak for every device that no token has proved; it needs no password, but
a wrong one is wrong. Everywhere else a device needs its own, or a token. No page may: neither those of others, nor by
another name for this host.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from pyaiot.addresses import is_loopback
from pyaiot.gateway.device_tokens.owners import Owners
from pyaiot.gateway.device_tokens.tokens import MAX_TOKEN_BYTES, BadToken, Grant
from pyaiot.http_origin import bearer, is_of_browser, may_be_asked_for, name_in

#: The longest Authorization header that is read, in characters.
MAX_AUTHORIZATION: Final = len("Bearer ") + MAX_TOKEN_BYTES

#: What a user with that password is ("device"), or None (see devices.Devices).
Verify: TypeAlias = Callable[[str, bytes], str | None]
#: What a token grants to a device; raises BadToken (see authority.Authority.grant).
GrantTo: TypeAlias = Callable[[str, str], Grant]


class Denied(Exception):
    """The request is refused with an HTTP ``status``; ``str()`` is one sentence, fit to send to its sender.

    ``guessed``: what it came with that is wrong, for our own log; empty: nothing.
    """

    def __init__(self, status: int, reason: str, *, guessed: str = "") -> None:
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
    user_agent: str = ""
    proxied: bool = False
    authorization: str | None = None


class Claim(NamedTuple):
    """A password, and whose it is said to be; without ``user`` (``Bearer``) it may be a token."""

    user: str | None
    password: bytes


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of one gateway: ``trust_this_host`` needs a loopback bind; ``names`` are those we are reached by."""

    trust_this_host: bool
    names: frozenset[str]

    def check_sender(self, request: Request, certified: Collection[str] = ()) -> None:
        """Raises Denied for what a browser sends, whoever made it do so. ``certified``: further names of ours.

        A page must not take commands either. With a GET, as of ``<img>``, browsers send no ``Origin``; and
        ``Sec-Fetch-Site`` neither the old ones send, nor the new ones to what they do not hold for secure, which is
        plain HTTP by a name. Nor does ``none`` there mean that the user meant us: see is_of_browser.
        """
        name = name_in(request.host)
        if name is None or not (name in certified or may_be_asked_for(name, self.names)):
            raise Denied(403, "this Host is not allowed (see --allowed-hosts)")
        if request.origin is not None or is_of_browser(request.site, request.user_agent):
            raise Denied(
                403, "a page is not a device, nor is a browser: use curl here; the dashboard shows the devices"
            )

    def check_device(self, request: Request, uid: str, verify: Verify, grant: GrantTo, owners: Owners) -> Grant | None:
        """What the sender's token grants to ``uid``; None where it needs none, or has a password.

        Raises Denied: the sender may not speak for the device; an id of one of ``owners`` is only had with a token of
        the same account. Says nothing about which ids there are.
        """
        if request.authorization is None:
            if not self.trust_this_host or not is_loopback(request.peer) or request.proxied:
                raise Denied(401, "a password is needed, or a token (aiot device add, aiot device-token)")
            check_owner(uid, None, owners)
            return None
        claim = parse_authorization(request.authorization)
        if claim is None:
            raise Denied(401, "the Authorization is neither Basic nor Bearer", guessed="no Authorization that is one")
        if claim.user is None and claim.password.count(b".") == 2:  # no password of ours has a dot
            try:
                granted = grant(claim.password.decode("utf-8", "replace"), uid)
            except BadToken as error:
                raise Denied(401, "the token is not good", guessed=f"a bad token ({error})") from None
            if not owners.admits(uid, granted.account):
                raise Denied(401, "the token is not good", guessed=_of_another_account(uid, granted.account))
            return granted
        user = uid if claim.user is None else claim.user
        if verify(user, claim.password) != "device":
            raise Denied(401, "the password is wrong", guessed="a wrong password")
        if user != uid:
            raise Denied(403, "the password is another device's")
        check_owner(uid, None, owners)
        return None


def check_owner(uid: str, grant: Grant | None, owners: Owners) -> None:
    """Whether who was let in with ``grant``, or with none, may still speak for ``uid``. Raises Denied.

    An id may be proved while a request waits or its body comes, and may be released.
    """
    if grant is None:
        if uid in owners:
            raise Denied(401, "this id is only had with its token")
    elif uid not in owners or not owners.admits(uid, grant.account):
        raise Denied(401, "the id was released: ask again")


def _of_another_account(uid: str, account: str | None) -> str:
    whose = "no account" if account is None else f"the account {account}"
    return (
        f"a good token of {whose}, where the id was proved for another account (if the device has moved, "
        f"run: aiot device release {uid})"
    )


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
