# SPDX-License-Identifier: BSD-3-Clause
"""Issuers' public keys, and whether one of them has signed a token (RFC 7515). Pure.

PyJWT and cryptography do it; they are given no address, open nothing and ask no clock. They take 10 MB and a tenth of a
second: what imports this module does so only once there is a key.
"""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError

from pyaiot.gateway.device_tokens.tokens import BadKey, TokenKey

#: Below, RS256 must not be used (RFC 7518 section 3.3); above, checking a bad token costs too much. In bits.
MIN_RSA_BITS: Final = 2_048
MAX_RSA_BITS: Final = 4_096

_signatures = PyJWS(algorithms=("RS256", "ES256"))


def read_key(name: str, pem: bytes) -> TokenKey:
    """The public key in the text of a PEM file; raises BadKey, in words for who put it there."""
    if b"PRIVATE KEY-----" in pem:
        raise BadKey("it is a private key, which has no place here: put the public key there")
    if pem.count(b"-----BEGIN ") > 1:
        raise BadKey("it has more than one key: give each a file of its own")
    try:
        public = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey("it is no public key in PEM (-----BEGIN PUBLIC KEY-----)") from None
    digest = hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    if isinstance(public, RSAPublicKey):
        if not MIN_RSA_BITS <= public.key_size <= MAX_RSA_BITS:
            raise BadKey(f"an RSA key of {public.key_size} bits; take {MIN_RSA_BITS} to {MAX_RSA_BITS}")
        return TokenKey(name, "RS256", public, digest)
    if isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP256R1):
        return TokenKey(name, "ES256", public, digest)
    raise BadKey("it is neither an RSA key (RS256) nor one on the curve P-256 (ES256)")


def is_signed(token: str, key: TokenKey) -> bool:
    """Whether ``key``, by its own algorithm, is that of the token's signature."""
    try:
        _signatures.decode_complete(token, key=key.public, algorithms=[key.algorithm])
    except PyJWTError:
        return False
    return True
