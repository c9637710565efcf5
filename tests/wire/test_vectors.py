# SPDX-License-Identifier: BSD-3-Clause
"""The published vectors are what the code makes, what another implementation makes, and refused where they must be."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from pyaiot.wire import codec, handshake
from pyaiot.wire.errors import BadSignature, HandshakeFailed, Malformed
from pyaiot.wire.messages import READ
from pyaiot.wire.signing import Opener, PublicKey

from . import rfc8032, strict_json, vectors

PUBLISHED: dict[str, Any] = json.loads(vectors.FILE.read_bytes())
SEEDS = {name: bytes.fromhex(key["seed"]) for name, key in PUBLISHED["keys"].items()}
PUBLIC = {name: bytes.fromhex(key["public_hex"]) for name, key in PUBLISHED["keys"].items()}
SESSION = bytes.fromhex(PUBLISHED["session"])
SENDER = {"G": "gateway", "B": "broker"}
REFUSED = {each["name"]: each for each in PUBLISHED["refused_frames"]}
NO_HANDSHAKE = {each["name"]: each for each in PUBLISHED["refused_handshakes"]}


def unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().replace("=", "")


def to_be_signed(direction: str, n: int, body: str) -> bytes:
    return b"pyaiot-frame-v1" + b"\0" + SESSION + direction.encode() + n.to_bytes(8, "big") + body.encode("utf-8")


def test_the_published_file_is_what_the_code_makes() -> None:
    assert vectors.FILE.read_text(encoding="utf-8") == vectors.render(), "run python -m tests.wire.vectors"


# Another implementation: nothing of pyaiot, Ed25519 from the RFC.


def test_independent_ed25519_agrees_with_the_rfc() -> None:
    # RFC 8032 section 7.1, TEST 2
    seed = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert rfc8032.public_key(seed) == public
    assert rfc8032.sign(seed, b"\x72") == signature
    assert rfc8032.verifies(public, b"\x72", signature)
    assert not rfc8032.verifies(public, b"\x73", signature)


def test_independent_keys() -> None:
    for name, key in PUBLISHED["keys"].items():
        assert rfc8032.public_key(SEEDS[name]) == PUBLIC[name]
        assert unpadded(PUBLIC[name]) == key["public"]


def test_independent_handshake() -> None:
    hello, auth = PUBLISHED["hello"]["text"], PUBLISHED["auth"]
    assert json.loads(hello) == {
        "type": "hello",
        "broker": PUBLISHED["keys"]["broker"]["public"],
        "nonce": unpadded(bytes.fromhex(PUBLISHED["hello_nonce"])),
    }
    assert json.loads(auth["json"]) == {
        "type": "auth",
        "gateway": PUBLISHED["gateway"],
        "broker": PUBLISHED["keys"]["broker"]["public"],
        "nonce": unpadded(bytes.fromhex(PUBLISHED["auth_nonce"])),
        "epoch": PUBLISHED["epoch"],
    }
    signed = b"pyaiot-auth-v1\x00" + hello.encode() + auth["json"].encode()
    assert signed.hex() == auth["signed"]
    assert auth["text"] == unpadded(rfc8032.sign(SEEDS["gateway"], signed)) + " " + auth["json"]
    assert hashlib.sha256(hello.encode() + auth["json"].encode()).digest() == SESSION
    assert PUBLISHED["welcome"]["direction"] == "B"
    assert PUBLISHED["welcome"]["n"] == 0
    assert json.loads(PUBLISHED["welcome"]["json"]) == {"type": "welcome", "ack": 0}


@pytest.mark.parametrize("vector", [PUBLISHED["welcome"], *PUBLISHED["frames"]], ids=lambda vector: vector["name"])
def test_independent_frame(vector: dict[str, Any]) -> None:
    signed = to_be_signed(vector["direction"], vector["n"], vector["json"])
    assert signed.hex() == vector["signed"]
    signature = rfc8032.sign(SEEDS[SENDER[vector["direction"]]], signed)
    assert vector["text"] == unpadded(signature) + " " + vector["json"]
    strict_json.read(vector["json"].encode())


@pytest.mark.parametrize("name", REFUSED)
def test_independent_judgement_of_a_refused_frame(name: str) -> None:
    """What is refused for its signature has none that is right; what is malformed has, but JSON that is not ours."""
    vector = REFUSED[name]
    good = independently_signed(vector)
    if vector["error"] == "signature":
        assert not good
        return
    assert good
    raw = vector["text"][87:].encode()
    assert to_be_signed(vector["direction"], vector["n"], raw.decode()).hex() == vector["signed"]
    reads = strict_json.is_gateway_frame if vector["direction"] == "G" else strict_json.is_broker_frame
    assert not reads(raw)


def independently_signed(vector: dict[str, Any]) -> bool:
    text = vector["text"]
    head, blank, body = text[:86], text[86:87], text[87:]
    if blank != " " or not set(head) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"):
        return False
    signature = base64.urlsafe_b64decode(head + "==")
    if len(signature) != 64 or unpadded(signature) != head:
        return False
    signed = to_be_signed(vector["direction"], vector["n"], body)
    return rfc8032.verifies(PUBLIC[SENDER[vector["direction"]]], signed, signature)


# Our own receivers.


def opener(direction: str, n: int) -> Opener:
    return opener_at(PublicKey(PUBLIC[SENDER[direction]]), SESSION, direction.encode(), n)


def opener_at(key: PublicKey, session: bytes, direction: bytes, n: int) -> Opener:
    """An opener that expects frame ``n``."""
    made = Opener(key, session, direction)  # type: ignore[arg-type]
    made._n = n
    return made


@pytest.mark.parametrize("vector", [PUBLISHED["welcome"], *PUBLISHED["frames"]], ids=lambda vector: vector["name"])
def test_frames_are_taken(vector: dict[str, Any]) -> None:
    assert opener(vector["direction"], vector["n"]).open(vector["text"]) == vector["json"].encode()


@pytest.mark.parametrize("name", REFUSED)
def test_refused_frames_are_refused(name: str) -> None:
    vector = REFUSED[name]
    receiver = opener(vector["direction"], vector["n"])
    decode = codec.decode_gateway_frame if vector["direction"] == "G" else codec.decode_broker_frame
    if vector["error"] == "signature":
        with pytest.raises(BadSignature):
            receiver.open(vector["text"])
    else:
        raw = receiver.open(vector["text"])
        with pytest.raises(Malformed):
            decode(raw)


@pytest.mark.parametrize("name", NO_HANDSHAKE)
def test_refused_handshakes_are_refused(name: str) -> None:
    vector = NO_HANDSHAKE[name]
    broker, gateway = vectors.KEYS["broker"], vectors.KEYS["gateway"]
    hello = PUBLISHED["hello"]["text"]

    def answer(hello: str) -> handshake.Answer:
        return handshake.answer_hello(
            hello,
            key=gateway,
            name=vectors.NAME,
            broker=broker.public,
            nonce=vectors.AUTH_NONCE,
            epoch=vectors.EPOCH,
        )

    authorised = {vectors.NAME: gateway.public}.get
    # What is not changed is taken …
    assert handshake.accept_auth(hello, answer(hello).auth, broker, authorised).gateway == vectors.NAME
    assert handshake.read_welcome(answer(hello), PUBLISHED["welcome"]["text"]).ack == 0
    # … and this is not.
    judge: dict[str, Callable[[str], object]] = {
        "hello": answer,
        "auth": lambda text: handshake.accept_auth(hello, text, broker, authorised),
        "welcome": lambda text: handshake.read_welcome(answer(hello), text),
    }
    with pytest.raises(HandshakeFailed):
        judge[vector["message"]](vector["text"])


def test_every_cause_of_refusal_is_there() -> None:
    assert {each["error"] for each in REFUSED.values()} == {"signature", "malformed"}
    assert {each["message"] for each in NO_HANDSHAKE.values()} == {"hello", "auth", "welcome"}
    assert len(REFUSED) == len(PUBLISHED["refused_frames"]) >= 35
    assert len(NO_HANDSHAKE) == len(PUBLISHED["refused_handshakes"]) >= 15


def test_features_are_told_in_auth_and_change_nothing_for_who_does_not_know_them() -> None:
    """An older broker's type of ``auth`` has no features; an older gateway's ``auth`` has none."""

    class OlderAuth(msgspec.Struct, tag_field="type", tag="auth"):
        gateway: str
        broker: str
        nonce: str
        epoch: str

    hello, broker = PUBLISHED["hello"]["text"], vectors.KEYS["broker"]
    able = PUBLISHED["auth_with_features"]
    authorised = {vectors.NAME: vectors.KEYS["gateway"].public}.get
    signature = rfc8032.sign(SEEDS["gateway"], bytes.fromhex(able["signed"]))
    assert able["text"] == f"{unpadded(signature)} {able['json']}"
    assert hashlib.sha256((hello + able["json"]).encode()).hexdigest() == able["session"]
    assert handshake.accept_auth(hello, able["text"], broker, authorised).features >= {READ}
    assert handshake.accept_auth(hello, PUBLISHED["auth"]["text"], broker, authorised).features == frozenset()
    older = msgspec.json.Decoder(OlderAuth)
    assert codec.decode(older, able["json"].encode()) == older.decode(PUBLISHED["auth"]["json"])
