# SPDX-License-Identifier: BSD-3-Clause
"""Tokens that nobody may take, each with a name: made from good ones by what is known to break verifiers."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .issuer import HOUR, NOW, Issuer, claims_of, hmac_token, part

Case = tuple[str, str]


def all_bad(issuer: Issuer, stranger: Issuer) -> Iterator[Case]:
    """Bad tokens for the device joe and the audience gateways, at a gateway that has only the key of ``issuer``."""
    for cases in (_algorithms, _strangers, _headers, _claims, _malformed, _broken):
        for name, token in cases(issuer, stranger):
            yield f"{issuer.algorithm}: {name}", token


def good(issuer: Issuer, **more: Any) -> dict[str, Any]:
    return claims_of(**{"aud": "gateways", **more})


def _algorithms(issuer: Issuer, stranger: Issuer) -> Iterator[Case]:
    claims = part(good(issuer))
    for alg in (
        *("none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "RS384", "RS512", "PS256", "PS384", "ES384"),
        *("ES512", "ES256K", "EdDSA", "Ed25519", "rs256", "es256", "RS256 ", "RS1", "dir", "A128KW"),
    ):
        signed = f"{part(issuer.header(alg=alg))}.{claims}"
        yield f"alg {alg!r} with a good signature", f"{signed}.{issuer.sign(signed)}"
        yield f"alg {alg!r} without signature", f"{signed}."
    for alg in (None, 1, True, ["RS256"], ["none", "RS256"], {"alg": "RS256"}):
        signed = f"{part(issuer.header(alg=alg))}.{claims}"
        yield f"alg {alg!r}", f"{signed}.{issuer.sign(signed)}"
    other = "ES256" if issuer.algorithm == "RS256" else "RS256"
    signed = f"{part(issuer.header(alg=other))}.{claims}"
    yield f"alg {other} with a key of {issuer.algorithm}", f"{signed}.{issuer.sign(signed)}"
    public = issuer.private.public_key()
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    secrets = {
        "PEM": issuer.pem,
        "PEM stripped": issuer.pem.strip(),
        "PEM with CRLF": issuer.pem.replace(b"\n", b"\r\n"),
        "DER": spki,
        "digest of the key": hashlib.sha256(spki).digest(),
        "empty": b"",
    }
    for alg in ("HS256", "HS384", "HS512"):
        for name, secret in secrets.items():
            yield (
                f"{alg} with the public key as secret ({name})",
                hmac_token(secret, algorithm=alg, claims=good(issuer)),
            )


def _strangers(issuer: Issuer, stranger: Issuer) -> Iterator[Case]:
    """Signed properly, by another's key of the same kind, in whatever way it is brought along."""
    numbers: dict[str, Any] = {"kty": "oct", "k": part(issuer.pem)}
    for name, more in {
        "nothing more": {},
        "kid of ours": {"kid": "public"},
        "kid of a file": {"kid": "../../../../dev/null"},
        "kid of SQL": {"kid": "x' UNION SELECT 'secret"},
        "kid of a list": {"kid": ["public"]},
        "jwk": {"jwk": numbers},
        "jku": {"jku": "http://127.0.0.1:1/keys"},
        "x5u": {"x5u": "https://127.0.0.1:1/cert.pem"},
        "x5c": {"x5c": [part(stranger.pem)]},
        "x5t": {"x5t": "AAAA"},
    }.items():
        yield f"another's key, {name}", stranger.token(good(issuer), stranger.header(**more))
    for way in ("signature", "claims"):
        mine, other = issuer.token(good(issuer)).split("."), issuer.token(good(issuer, sub="eve")).split(".")
        at = 2 if way == "signature" else 1
        mine[at] = other[at]
        yield f"the {way} of another token", ".".join(mine)


def _headers(issuer: Issuer, stranger: Issuer) -> Iterator[Case]:
    """With the issuer's own signature: what a header must not have."""
    forbidden: dict[str, list[Any]] = {
        "crit": [["exp"], ["b64"], ["b64", "exp"], [], "exp", None, {}, ["http://example.org/ext"]],
        "b64": [False, True, None],
        "zip": ["DEF", ""],
        "enc": ["A128GCM"],
        "jku": ["http://127.0.0.1:1/keys", "file:///etc/passwd", "data:,x", "", None, 1],
        "x5u": ["http://127.0.0.1:1/cert", "ftp://127.0.0.1/c", ""],
        "jwk": [{}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "x", None],
        "x5c": [[], ["MII="], "x"],
    }
    for name, values in forbidden.items():
        for value in values:
            yield f"header {name}: {value!r}", issuer.token(good(issuer), issuer.header(**{name: value}))
    for value in ("JWE", "", "jose+json", 1, None, ["JWT"], {"typ": "JWT"}, "secevent+jwt"):
        yield f"header typ: {value!r}", issuer.token(good(issuer), issuer.header(typ=value))
    for value in (None, 1, 1.5, True, ["public"], [], {"kid": "public"}, {}):  # RFC 7515 section 4.1.4: a text
        yield f"header kid: {value!r}", issuer.token(good(issuer), issuer.header(kid=value))
    for name in ("kid", "typ", "alg", "crit", "x"):
        for depth in (17, 1_000, 2_000):
            nested = b"[" * depth + b"]" * depth
            raw = b'{"alg":"%b","%b":%b}' % (issuer.algorithm.encode(), name.encode(), nested)
            yield f"header {name} nested {depth} deep", issuer.token(good(issuer), raw)
    alg = issuer.algorithm.encode()
    for raw in (
        b'{"alg":"none","alg":"%b"}' % alg, b'{"alg":"%b","alg":"none"}' % alg,
        b'{"alg":"%b","\\u0061lg":"%b"}' % (alg, alg),
        b'{"alg":"%b","x":{"y":1,"y":2}}' % alg, b'{"alg":"%b","x":NaN}' % alg, b'{"alg":"%b"' % alg, b"{}", b"[]",
        b'"%b"' % alg, b"null", b"1", b"", b" ", b"\xff", b'{"alg":"%b","x":"\xff"}' % alg, b'{"alg":"%b"}{}' % alg,
        b'\xef\xbb\xbf{"alg":"%b"}' % alg, b"[" * 3000, b'{"alg":"%b","x":%b}' % (alg, b"[" * 20 + b"]" * 20),
        b'{"alg":"%b","x":%b}' % (alg, b"9" * 4000), b'{"ALG":"%b"}' % alg, b'{"typ":"JWT"}',
    ):  # fmt: skip
        yield f"header {raw[:40]!r}", issuer.token(good(issuer), raw)


def _claims(issuer: Issuer, stranger: Issuer) -> Iterator[Case]:
    changed: dict[str, list[Any]] = {
        "sub": [None, "", "eve", "Joe", "joe ", "joe\0", "jo", "joee", 1, True, ["joe"], {"id": "joe"}, "ｊoe"],
        "exp": [None, NOW, NOW - 1, NOW - 59, 0, -1, 1, str(NOW + HOUR), True, [NOW + HOUR], {}, -NOW, "never"],
        "nbf": [NOW + 61, NOW + HOUR, 1e300, str(NOW - 1), True, [], {}],
        "iat": [NOW + 61, NOW + HOUR, 1e300, str(NOW - 1), False, [0], {}],
        "aud": [None, "", "others", "Gateways", "gateways ", [], ["others"], [1], ["gateways", 1], {}, 1, True],
    }
    for name, values in changed.items():
        for value in values:
            yield f"{name}: {value!r}", issuer.token(good(issuer, **{name: value}))
    whole = json.dumps(good(issuer)).encode()
    for raw in (
        b"", b" ", b"null", b"true", b"1", b'"joe"', b"[]", b"[%b]" % whole, whole[:-1], whole + b"}", whole + whole,
        b"\xef\xbb\xbf" + whole, whole.replace(b"joe", b"jo\xff"), whole.replace(b"joe", b"\\ud800"), b"[" * 3000,
        whole[:-1] + b',"sub":"joe"}', whole[:-1] + b',"exp":9999999999}', b'{"sub":"eve",' + whole[1:],
        b'{"exp":1,' + whole[1:], b'{"\\u0073ub":"eve",' + whole[1:], whole[:-1] + b',"x":{"a":1,"a":2}}',
        whole[:-1] + b',"x":NaN}', whole[:-1] + b',"x":Infinity}', whole[:-1] + b',"x":' + b"9" * 4000 + b"}",
        whole[:-1] + b',"x":' + b"[" * 20 + b"]" * 20 + b"}", b'{"sub":"joe","aud":"gateways","exp":1e999}',
        b'{"sub":"joe","aud":"gateways","exp":NaN}', b'{"sub":"joe","aud":"gateways","exp":Infinity}',
    ):  # fmt: skip
        yield f"claims {raw[:60]!r}", issuer.token(raw)


def _malformed(issuer: Issuer, stranger: Issuer) -> Iterator[Case]:
    token = issuer.token(good(issuer))
    head, body, signature = token.split(".")
    yield from (
        ("empty", ""), ("dots", ".."), ("one dot", "."), ("four parts", f"{token}.{signature}"), ("JWE", f"{token}..."),
        ("two parts", f"{head}.{body}"), ("no signature", f"{head}.{body}."), ("no claims", f"{head}..{signature}"),
        ("no header", f".{body}.{signature}"), ("blank before", f" {token}"), ("newline behind", f"{token}\n"),
        ("newline inside", f"{head}.\n{body}.{signature}"), ("padding", f"{head}.{body}.{signature}=="),
        ("NUL behind", f"{token}\0"), ("Bearer", f"Bearer {token}"), ("not ASCII", f"{head}.{body}.{signature}é"),
        ("surrogate", f"{head}.{body}.{signature}\ud800"), ("standard base64", f"{head}.{body}.+/{signature[2:]}"),
        ("junk in the signature", f"{head}.{body}.{signature[:9]}!!{signature[9:]}"),
        ("swapped", f"{body}.{head}.{signature}"),
        ("a longer signature", f"{head}.{body}.{signature}AAAA"),
        ("a signature of zeros", f"{head}.{body}.{'A' * len(signature)}"),
        ("JSON serialization", json.dumps({"protected": head, "payload": body, "signature": signature})),
        ("huge, all one part", "A" * 9000), ("huge, of dots", "." * 9000), ("huge, 16 KiB", f"{token}{'A' * 16000}"),
        ("huge claims, well signed", issuer.token(good(issuer, x="x" * 8000))),
        ("huge header, well signed", issuer.token(good(issuer), issuer.header(x="x" * 8000))),
    )  # fmt: skip
    if isinstance(issuer.private, ec.EllipticCurvePrivateKey):
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        for name, r, s in (("0, 0", 0, 0), ("0, 1", 0, 1), ("1, 0", 1, 0), ("n, n", order, order), ("1, 1", 1, 1)):
            yield f"signature of r, s = {name}", f"{head}.{body}.{part(r.to_bytes(32) + s.to_bytes(32))}"
    # The same bytes in another spelling of base64: the unused bits of the last character.
    if len(signature) % 4:
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        last = alphabet[alphabet.index(signature[-1]) + 1]
        yield "another spelling of the signature", f"{head}.{body}.{signature[:-1]}{last}"


def _broken(issuer: Issuer, stranger: Issuer) -> Iterator[Case]:
    chance = Random(20261121)
    token = issuer.token(good(issuer))
    for length in sorted(chance.sample(range(1, len(token)), 40)):
        yield f"cut to {length}", token[:length]
    for index, text in enumerate(token.split(".")):
        raw = bytearray(_decoded(text))
        for bit in sorted(chance.sample(range(len(raw) * 8), 40)):
            flipped = bytearray(raw)
            flipped[bit // 8] ^= 1 << bit % 8
            parts = token.split(".")
            parts[index] = urlsafe_b64encode(bytes(flipped)).rstrip(b"=").decode()
            yield f"bit {bit} of part {index} flipped", ".".join(parts)
    for place in sorted(chance.sample(range(len(token)), 40)):
        if token[place] != ".":
            yield (
                f"character {place} changed",
                token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :],
            )


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
