# SPDX-License-Identifier: BSD-3-Clause
"""``aiot device-token``: tokens for devices that speak HTTP or ``echo-protocol``, where no platform issues them."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from jwt.api_jws import PyJWS

from pyaiot.gateway.device_tokens.signatures import read_key
from pyaiot.gateway.device_tokens.tokens import MAX_ACCOUNT, BadKey, BadToken, verify
from pyaiot.options import ConfigurationError, OneLineParser
from pyaiot.private_file import PrivateFile
from pyaiot.settings import DEVICE_KEYS, DEVICE_TOKEN_KEY
from pyaiot.wire.codec import encode
from pyaiot.wire.messages import JSON
from pyaiot.wire.names import is_name

DESCRIPTION = """\
A token for a device that speaks HTTP or echo-protocol. The first one makes a
key pair: the public key goes to the folder where the HTTP and WebSocket
gateways look for keys, and counts within a second."""

EPILOG = """\
a token for a year, in a file:
  aiot device-token joe > joe.token
the gateway is on another host:
  copy device-token.pem to its --device-keys folder
a token was stolen: --new-key ends all tokens that were made before."""

#: The public key's file in the gateway's folder; its stem is the tokens' ``kid``.
NAME: Final = "device-token"
DEFAULT_DAYS: Final = 365
MAX_DAYS: Final = 3_650


class TokenKeyError(ConfigurationError):
    """The key that signs tokens cannot be used; one line that says what to do."""


PRIVATE_FILE = PrivateFile("private key", "the private key", "aiot device-token ID", TokenKeyError)
PUBLIC_FILE = PrivateFile("public key", "the devices' keys", "aiot device-token ID --new-key", TokenKeyError)


def run(arguments: Sequence[str]) -> int:
    """Do what ``arguments`` say; raises ConfigurationError."""
    options = make_parser().parse_args(list(arguments))
    if not is_name(options.id):
        raise ConfigurationError("an id has 1 to 64 of the characters A-Z a-z 0-9 . _ : -")
    if not 0 < options.days <= MAX_DAYS:
        raise ConfigurationError(f"--days: from 1 to {MAX_DAYS}")
    for name in ("account", "audience"):
        text = getattr(options, name)
        if len(text) > MAX_ACCOUNT or not text.isprintable():
            raise ConfigurationError(f"--{name}: at most {MAX_ACCOUNT} printable characters")
    private = Path(os.path.expanduser(options.private_key))
    public = Path(os.path.expanduser(options.device_keys)) / f"{NAME}.pem"
    with PRIVATE_FILE.changing(private):
        key = _make_key(private, public) if options.new_key or not private.exists() else _load_key(private, public)
    now = int(time.time())
    expires_at = now + options.days * 86_400
    print(issue(key, options.id, now, expires_at, account=options.account, audience=options.audience))
    until = time.strftime("%Y-%m-%d", time.gmtime(expires_at))
    print(f"Whoever has this token is the device {options.id}, until {until}.", file=sys.stderr)
    return 0


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = OneLineParser(
        prog="aiot device-token",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    folder = os.environ.get("AIOT_DEVICE_KEYS") or DEVICE_KEYS
    parser.add_argument("id", metavar="ID", help="the device's id, which is the node's name, too")
    parser.add_argument("--account", default="", metavar="ID", help="the account that the device belongs to")
    parser.add_argument(
        "--days", type=int, default=DEFAULT_DAYS, metavar="N", help=f"how long it is good (default: {DEFAULT_DAYS})"
    )
    parser.add_argument(
        "--audience", default="", metavar="TEXT", help="what the gateway's --device-token-audience says"
    )
    parser.add_argument("--new-key", action="store_true", help="a new key pair: no earlier token is good any more")
    parser.add_argument("--device-keys", default=folder, metavar="FOLDER", help=f"default: {folder}")
    parser.add_argument("--private-key", default=DEVICE_TOKEN_KEY, metavar="FILE", help=f"default: {DEVICE_TOKEN_KEY}")
    return parser


def issue(
    key: EllipticCurvePrivateKey, device: str, now: int, expires_at: int, *, account: str = "", audience: str = ""
) -> str:
    """A token (ES256) for ``device``, good from ``now`` to ``expires_at`` (Unix seconds); of ``account``, if any."""
    claims: dict[str, JSON] = {"sub": device, "iat": now, "exp": expires_at}
    if account:
        claims["accounts"] = [{"id": account}]
    if audience:
        claims["aud"] = audience
    token = PyJWS(algorithms=("ES256",)).encode(encode(claims), key, "ES256", {"kid": NAME})
    try:
        # Nobody is given a token that the gateway would not take.
        verify(token, device, [read_key(NAME, _public_pem(key).encode())], now, audience)
    except (BadKey, BadToken) as error:
        raise TokenKeyError(f"the token would not be good: {error}") from None
    return token


def _make_key(private: Path, public: Path) -> EllipticCurvePrivateKey:
    key = generate_private_key(SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    PRIVATE_FILE.write(private, pem)
    PUBLIC_FILE.write(public, _public_pem(key))
    print(f"A key pair was made: {private}, and for the gateway {public}.", file=sys.stderr)
    return key


def _load_key(private: Path, public: Path) -> EllipticCurvePrivateKey:
    """The key in the file ``private``, if ``public`` is its public key; raises TokenKeyError."""
    text = PRIVATE_FILE.read(private)
    try:
        key = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError):
        raise PRIVATE_FILE.invalid(private, "it is no private key; say --new-key for one") from None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise PRIVATE_FILE.invalid(private, "it is no key on the curve P-256; say --new-key for one")
    try:
        known = read_key(NAME, public.read_bytes()).digest
    except (OSError, BadKey):
        known = b""
    if known != read_key(NAME, _public_pem(key).encode()).digest:
        raise TokenKeyError(
            f"{public} is not the public key of {private}, so that no token would be good; "
            "say --new-key for a new pair, or put the right one there"
        )
    return key


def _public_pem(key: EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
