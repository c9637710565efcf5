# SPDX-License-Identifier: BSD-3-Clause
"""A platform that issues tokens for devices, and can issue any others, too: each part is the bytes one wants."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from pyaiot.gateway.device_tokens.signatures import read_key
from pyaiot.gateway.device_tokens.tokens import TokenKey

#: When the tests of tokens take place, in Unix seconds.
NOW = 1_790_000_000.0
HOUR = 3600


def part(data: Any) -> str:
    """A part of a token: JSON, or bytes as they are."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims_of(device: str = "joe", **more: Any) -> dict[str, Any]:
    """The claims of a good token; ``more`` of None leaves one out."""
    claims = {"sub": device, "exp": NOW + HOUR, "iat": NOW - HOUR, "accounts": [{"id": "acc-1"}], **more}
    return {name: claim for name, claim in claims.items() if claim is not None}


class Issuer:
    """One with a key for RS256 (``bits``) or ES256 (``curve``)."""

    def __init__(self, algorithm: str, *, bits: int = 2048, curve: ec.EllipticCurve | None = None) -> None:
        self.algorithm = algorithm
        self.private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
        if algorithm == "RS256":
            self.private = rsa.generate_private_key(65537, bits)
        else:
            self.private = ec.generate_private_key(curve or ec.SECP256R1())
        public = self.private.public_key()
        self.pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.private_pem = self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def key(self, name: str = "public") -> TokenKey:
        """Its public key, as the gateway has it."""
        return read_key(name, self.pem)

    def header(self, **more: Any) -> dict[str, Any]:
        return {"alg": self.algorithm, "typ": "JWT", **more}

    def sign(self, signed: str) -> str:
        """The signature over ``signed``, as the third part."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            return part(self.private.sign(signed.encode(), padding.PKCS1v15(), SHA256()))
        r, s = decode_dss_signature(self.private.sign(signed.encode(), ec.ECDSA(SHA256())))
        size = (self.private.curve.key_size + 7) // 8
        return part(r.to_bytes(size) + s.to_bytes(size))

    def token(self, claims: Any = None, header: Any = None) -> str:
        """A token of these claims and this header: good ones, where nothing is said."""
        signed = (
            f"{part(self.header() if header is None else header)}.{part(claims_of() if claims is None else claims)}"
        )
        return f"{signed}.{self.sign(signed)}"


def hmac_token(secret: bytes, *, algorithm: str = "HS256", claims: Any = None) -> str:
    """A token whose signature is an HMAC."""
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[algorithm]
    signed = f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims_of() if claims is None else claims)}"
    return f"{signed}.{part(hmac.new(secret, signed.encode(), digest).digest())}"
