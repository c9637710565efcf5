# SPDX-License-Identifier: BSD-3-Clause
"""Whether a device's token is good: a JSON Web Token (RFC 7519) of an issuer whose public key we have. Pure.

After RFC 8725: the algorithm is the key's own, never the token's choice; a token that brings or names a key of its
own is refused, as is any extension that must be understood; the claims are read strictly, and only after the
signature. ``signatures`` checks that one.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from pyaiot.wire.codec import decode
from pyaiot.wire.errors import Malformed
from pyaiot.wire.messages import JSON

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

#: The longest token that is looked at, in bytes.
MAX_TOKEN_BYTES: Final = 8_192
#: Public keys that are tried; with more, a bad token would cost too much.
MAX_KEYS: Final = 6
#: How far the issuer's clock may be ahead of ours, in seconds (RFC 7519 section 4.1.5). ``exp`` is taken exactly.
LEEWAY_S: Final = 60
#: The longest name of an account, in characters; a longer one is none.
MAX_ACCOUNT: Final = 128

Algorithm = Literal["RS256", "ES256"]


class BadToken(Exception):
    """The token is not good; ``str()`` says why, for our own log. The device is told only that."""


class BadKey(ValueError):
    """A public key that cannot be used; ``str()`` says why."""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """An issuer's public key. ``name`` may be a token's ``kid``; ``digest`` tells one key from another."""

    name: str
    algorithm: Algorithm
    public: RSAPublicKey | EllipticCurvePublicKey
    digest: bytes


@dataclass(frozen=True, slots=True)
class Grant:
    """What a good token says: which device, of which account, until when (Unix seconds), and whose word that is."""

    device: str
    account: str | None
    expires_at: float
    key_digest: bytes


class _Header(msgspec.Struct, frozen=True):
    """The JOSE header (RFC 7515 section 4.1). What is not named here means nothing, and is ignored."""

    alg: str
    typ: str | UnsetType = UNSET
    kid: str | UnsetType = UNSET
    crit: JSON | UnsetType = UNSET
    b64: JSON | UnsetType = UNSET
    zip: JSON | UnsetType = UNSET
    enc: JSON | UnsetType = UNSET
    jku: JSON | UnsetType = UNSET
    jwk: JSON | UnsetType = UNSET
    x5u: JSON | UnsetType = UNSET
    x5c: JSON | UnsetType = UNSET


class _Claims(msgspec.Struct, frozen=True):
    """The claims that are looked at (RFC 7519 section 4.1), and the platform's own ``accounts``."""

    sub: str
    exp: float
    nbf: float | UnsetType = UNSET
    iat: float | UnsetType = UNSET
    aud: str | list[str] | UnsetType = UNSET
    accounts: JSON = None


_headers = msgspec.json.Decoder(_Header)
_claims = msgspec.json.Decoder(_Claims)
#: Parameters of the header that must not be there: each would change what is to be checked, or by which key.
_FORBIDDEN: Final = ("crit", "b64", "zip", "enc", "jku", "jwk", "x5u", "x5c")
_TYPES: Final = frozenset(("jwt", "at+jwt"))


def verify(token: str, device: str, keys: Sequence[TokenKey], now: float, audience: str = "") -> Grant:
    """What ``token`` grants to ``device`` at ``now`` (Unix seconds); raises BadToken.

    ``audience``, if it is not empty, must be in the token's ``aud``; else ``aud`` means nothing here.
    """
    if len(token) > MAX_TOKEN_BYTES:
        raise BadToken(f"it is longer than {MAX_TOKEN_BYTES} bytes")
    parts = token.split(".")
    if len(parts) != 3:
        raise BadToken("it is not header.claims.signature")
    header_bytes, claims_bytes, _ = map(_from_base64url, parts)
    header = _read(_headers, header_bytes, "header")
    candidates = _candidates(header, keys)
    from pyaiot.gateway.device_tokens.signatures import is_signed  # 10 MB: only for who has keys to check tokens by

    for key in candidates:
        if is_signed(token, key):
            return _grant(_read(_claims, claims_bytes, "claims"), device, key, now, audience)
    raise BadToken("no key of ours has signed it")


def _candidates(header: _Header, keys: Sequence[TokenKey]) -> Sequence[TokenKey]:
    """The keys that may have signed: of the algorithm; of them the one that ``kid`` names, where one is called so."""
    for name in _FORBIDDEN:
        if getattr(header, name) is not UNSET:
            raise BadToken(f"its header has {name}, which is not taken")
    if header.typ is not UNSET and header.typ.lower() not in _TYPES:
        raise BadToken("its typ is not JWT")
    if header.alg not in ("RS256", "ES256"):
        raise BadToken("its alg is neither RS256 nor ES256")
    candidates = [key for key in keys if key.algorithm == header.alg]
    if not candidates:
        raise BadToken(f"there is no key for {header.alg}")
    return [key for key in candidates if key.name == header.kid] or candidates


def _grant(claims: _Claims, device: str, key: TokenKey, now: float, audience: str) -> Grant:
    if claims.sub != device:
        raise BadToken("its sub is another device")
    if claims.exp <= now:
        raise BadToken("it has expired")
    if claims.nbf is not UNSET and claims.nbf > now + LEEWAY_S:
        raise BadToken("it is not valid yet (nbf)")
    if claims.iat is not UNSET and claims.iat > now + LEEWAY_S:
        raise BadToken("it was issued in the future (iat): are both clocks right?")
    if audience:
        named = [] if claims.aud is UNSET else [claims.aud] if isinstance(claims.aud, str) else claims.aud
        if audience not in named:
            raise BadToken("it is for another audience (aud)")
    return Grant(device, _account_of(claims.accounts), claims.exp, key.digest)


def _account_of(accounts: JSON) -> str | None:
    """``accounts[0].id``. A token without one is good all the same, whatever it has in its place."""
    first: Any = accounts[0] if isinstance(accounts, list) and accounts else None
    name = first.get("id") if isinstance(first, dict) else None
    return name if isinstance(name, str) and 0 < len(name) <= MAX_ACCOUNT and name.isprintable() else None


def _read(decoder: msgspec.json.Decoder[Any], raw: bytes, what: str) -> Any:
    try:
        return decode(decoder, raw)
    except Malformed as error:
        raise BadToken(f"its {what} cannot be read: {error}") from None


def _from_base64url(text: str) -> bytes:
    """The bytes of a part; only their one canonical spelling (RFC 7515 section 2) is taken. Raises BadToken."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):  # UnicodeError is a ValueError
        raise BadToken("it is not base64url") from None
    if not raw or urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise BadToken("it is not base64url")
    return raw
