# SPDX-License-Identifier: BSD-3-Clause
"""Which tokens of devices are good: those of an issuer we know, for this device, now; and no others, cheaply."""

from __future__ import annotations

import socket
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any, NoReturn

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pyaiot.gateway.device_tokens.signatures import read_key
from pyaiot.gateway.device_tokens.tokens import (
    MAX_KEYS,
    MAX_TOKEN_BYTES,
    BadKey,
    BadToken,
    Grant,
    TokenKey,
    verify,
)

from .bad_tokens import all_bad
from .issuer import HOUR, NOW, Issuer, claims_of, part

RSA, OTHER_RSA = Issuer("RS256"), Issuer("RS256")
EC, OTHER_EC = Issuer("ES256"), Issuer("ES256")
BAD = [*all_bad(RSA, OTHER_RSA), *all_bad(EC, OTHER_EC)]
#: What a bad token may cost, in seconds; the machine may be busy, so the median counts.
MAX_COST_S = 1e-3


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever connects to anywhere fails the test, also if the failure is caught: the token would be taken for bad."""

    def connect(self: socket.socket, address: Any) -> NoReturn:
        pytest.exit(f"a connection to {address} was tried", 1)

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    monkeypatch.setattr(socket, "getaddrinfo", connect)


def key_of(case: str) -> TokenKey:
    return RSA.key() if case.startswith("RS256") else EC.key()


def check(token: str, *keys: TokenKey, device: str = "joe", now: float = NOW, audience: str = "") -> Grant:
    return verify(token, device, keys or (RSA.key(), EC.key()), now, audience)


@pytest.mark.parametrize("issuer", [RSA, EC], ids=lambda issuer: issuer.algorithm)
def test_a_good_token_grants_its_device_until_it_expires(issuer: Issuer) -> None:
    grant = check(issuer.token())
    assert grant == Grant("joe", "acc-1", NOW + HOUR, issuer.key().digest)
    check(issuer.token(), now=NOW + HOUR - 0.001)
    with pytest.raises(BadToken, match="expired"):
        check(issuer.token(), now=NOW + HOUR)


@pytest.mark.parametrize("issuer", [RSA, EC], ids=lambda issuer: issuer.algorithm)
def test_what_platforms_put_into_their_tokens_is_taken(issuer: Issuer) -> None:
    for header in (
        {"alg": issuer.algorithm},
        issuer.header(kid="Zx9", x5t="AAAA", cty="x"),
        issuer.header(typ="at+jwt"),
    ):
        check(issuer.token(header=header))
    for more in (
        {"nbf": NOW + 59},
        {"iat": NOW + 59},
        {"iat": None},
        {"aud": ["a", "b"]},
        {"iss": "https://iss", "jti": "1"},
    ):
        check(issuer.token(claims_of(**more)))
    check(issuer.token(claims_of(aud=["others", "gateways"])), audience="gateways")
    check(issuer.token(claims_of(aud="gateways")), audience="gateways")


@pytest.mark.parametrize(
    "accounts",
    [None, [], [{}], [{"id": 1}], [{"id": ""}], "acc-1", {"id": "acc-1"}, [None], [["id"]], [{"id": "a\n"}], 1],
)
def test_a_token_without_an_account_is_good_and_has_none_OI_B3(accounts: Any) -> None:
    assert check(EC.token(claims_of(accounts=accounts))).account is None


def test_there_are_enough_bad_tokens() -> None:
    assert len(BAD) >= 500
    assert len({token for _, token in BAD}) >= 0.95 * len(BAD)


@pytest.mark.parametrize(("case", "token"), BAD, ids=[case for case, _ in BAD])
def test_a_bad_token_is_refused(case: str, token: str) -> None:
    with pytest.raises(BadToken):
        verify(token, "joe", (key_of(case),), NOW, "gateways")


def test_a_bad_token_costs_little() -> None:
    """Also with as many keys as there can be, all of which are tried."""
    keys = {issuer.algorithm: [issuer.key()] * MAX_KEYS for issuer in (RSA, EC)}
    costs = []
    for case, token in BAD:
        times = []
        for _ in range(3):
            begin = time.thread_time()
            with pytest.raises(BadToken):
                verify(token, "joe", keys[case[:5]], NOW, "gateways")
            times.append(time.thread_time() - begin)
        costs.append(min(times))
    assert statistics.median(costs) < MAX_COST_S


def test_a_token_at_the_limit_is_looked_at() -> None:
    padding = MAX_TOKEN_BYTES - len(EC.token(claims_of(x="")))
    token = EC.token(claims_of(x="x" * (padding * 3 // 4 - 2)))
    assert MAX_TOKEN_BYTES - 8 < len(token) <= MAX_TOKEN_BYTES
    check(token)


def test_an_algorithm_belongs_to_a_key_and_no_token_chooses() -> None:
    for issuer, other in ((RSA, EC), (EC, RSA)):
        with pytest.raises(BadToken, match="no key for"):
            check(issuer.token(), other.key())
        check(issuer.token(), other.key(), issuer.key())


def test_any_of_the_keys_may_have_signed_and_a_kid_may_name_it() -> None:
    ours = (OTHER_RSA.key("old"), RSA.key("new"), OTHER_EC.key("x"))
    check(RSA.token(), *ours)
    check(RSA.token(header=RSA.header(kid="new")), *ours)
    check(RSA.token(header=RSA.header(kid="unheard-of")), *ours)
    with pytest.raises(BadToken, match="no key of ours"):
        check(RSA.token(header=RSA.header(kid="old")), *ours)


def test_without_keys_no_token_is_good() -> None:
    with pytest.raises(BadToken, match="no key"):
        verify(RSA.token(), "joe", (), NOW)


def test_a_reason_has_none_of_the_tokens_own_words() -> None:
    for case, token in BAD:
        with pytest.raises(BadToken) as refused:
            verify(token, "joe", (key_of(case),), NOW, "gateways")
        assert len(str(refused.value)) < 200
        assert str(refused.value).isprintable()
        assert "eve" not in str(refused.value).replace("never", "")


def test_a_key_is_one_public_key_of_a_proper_kind() -> None:
    ed25519 = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for pem, reason in (
        (RSA.private_pem, "private"),
        (EC.private_pem, "private"),
        (RSA.pem + EC.pem, "more than one"),
        (Issuer("RS256", bits=1024).pem, "1024 bits"),
        (Issuer("ES256", curve=ec.SECP384R1()).pem, "P-256"),
        (Issuer("ES256", curve=ec.SECP256K1()).pem, "P-256"),
        (ed25519, "P-256"),
        (b"", "no public key"),
        (b"joe", "no public key"),
        (RSA.pem[:200], "no public key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no public key"),
    ):
        with pytest.raises(BadKey, match=reason):
            read_key("public", pem)


@pytest.mark.needs("openssl")
def test_a_token_that_openssl_has_signed_is_good(tmp_path: Path) -> None:
    """As of a platform that shares no line of code with us."""

    def openssl(*arguments: str, data: bytes = b"") -> bytes:
        return subprocess.run(
            ["openssl", *arguments], input=data, capture_output=True, check=True, cwd=tmp_path, timeout=60
        ).stdout

    openssl("genrsa", "-out", "private.pem", "2048")
    openssl("rsa", "-in", "private.pem", "-pubout", "-out", "public.pem")
    signed = f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{part(claims_of())}"
    signature = openssl("dgst", "-sha256", "-sign", "private.pem", data=signed.encode())
    key = read_key("public", (tmp_path / "public.pem").read_bytes())
    assert check(f"{signed}.{part(signature)}", key).account == "acc-1"
    with pytest.raises(BadToken, match="no key of ours"):
        check(f"{signed}.{part(signature[:-1] + bytes([signature[-1] ^ 1]))}", key)
