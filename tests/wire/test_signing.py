# SPDX-License-Identifier: BSD-3-Clause
"""Keys, base64url, names: what is one and what is not. Frames are in test_vectors and test_mutants."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyaiot.wire.errors import BadSignature
from pyaiot.wire.names import is_name, is_resource
from pyaiot.wire.signing import (
    Opener,
    PrivateKey,
    PublicKey,
    Sealer,
    from_base64url,
    join_frame,
    split_frame,
    to_base64url,
)

from . import rfc8032

SEED = bytes(range(32))
KEY = PrivateKey(SEED)


@given(st.binary(max_size=100))
def test_base64url_comes_back_as_it_was(raw: bytes) -> None:
    assert from_base64url(to_base64url(raw), len(raw)) == raw
    assert "=" not in to_base64url(raw)


@given(st.text(max_size=50), st.integers(0, 40))
@settings(max_examples=500)
def test_base64url_has_one_spelling(text: str, length: int) -> None:
    try:
        raw = from_base64url(text, length)
    except ValueError:
        return
    assert to_base64url(raw) == text


@pytest.mark.parametrize("text", ["", "A", "AB", "AA=", "AA==", " AA", "AA\n", "A+", "A/", "é", "\ud800", "AAAA"])
def test_what_is_not_the_base64url_of_one_byte(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_base64url(text, 1)
    assert from_base64url("AQ", 1) == b"\1"


def test_a_public_key_is_its_32_bytes() -> None:
    assert KEY.public.raw == rfc8032.public_key(SEED)
    same = PublicKey.from_text(str(KEY.public))
    assert same == KEY.public
    assert hash(same) == hash(KEY.public)
    assert same != PrivateKey(bytes(32)).public
    assert same != str(same)
    assert len(str(same)) == 43


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        bytes(31),
        bytes(33),
        b"\x02" + bytes(31),  # on no point of the curve
        (2**255 - 19).to_bytes(32, "little"),  # 0, spelled another way
        b"\xff" * 32,
    ],
)
def test_what_is_no_public_key(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        PublicKey(raw)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_private_key_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32"):
        PrivateKey(bytes(length))


def test_a_private_key_is_never_shown() -> None:
    shown = f"{KEY!r} {KEY} {[KEY]} %s" % KEY
    assert str(KEY.public) in shown
    for private in (SEED.hex(), to_base64url(SEED), repr(SEED)[2:-1]):
        assert private not in shown


@given(st.binary(max_size=300))
@settings(max_examples=20, deadline=None)
def test_signatures_are_those_of_the_rfc(message: bytes) -> None:
    assert KEY.sign(message) == rfc8032.sign(SEED, message)


def test_frames_are_numbered_and_one_failure_does_not_count() -> None:
    session = bytes(32)
    sealer, opener = Sealer(KEY, session, b"G"), Opener(KEY.public, session, b"G")
    frames = [sealer.seal(b"{}") for _ in range(3)]
    assert len(set(frames)) == 3
    assert opener.open(frames[0]) == b"{}"
    with pytest.raises(BadSignature):
        opener.open(frames[2])
    assert opener.open(frames[1]) == b"{}"


@pytest.mark.parametrize("text", ["", " ", "{}", "A" * 86, "A" * 85 + " {}", "A" * 86 + "{}", "\ud800" * 90])
def test_what_has_no_signature(text: str) -> None:
    with pytest.raises(BadSignature, match="no signature"):
        split_frame(text)


def test_what_is_joined_is_split() -> None:
    signature, body = bytes(range(64)), '{"a":"°"}'.encode()
    assert split_frame(join_frame(signature, body)) == (signature, body)


@pytest.mark.parametrize("name", ["a", "A-z.0_9:", "x" * 64, "aa:bb", "..", "-"])
def test_names(name: str) -> None:
    assert is_name(name)
    assert is_resource(name)


@pytest.mark.parametrize(
    "name", ["", "x" * 65, "a b", "a\n", "\n", "é", "a/", "/a", "a//b", "a#", "a+", "٣", "a\0", "a%"]
)
def test_what_is_no_name(name: str) -> None:
    assert not is_name(name)
    assert not is_resource(name)


def test_a_resource_may_have_slashes_inside() -> None:
    assert is_resource("a/b/c")
    assert not is_name("a/b/c")
    assert is_resource("a/" * 31 + "aa")
    assert not is_resource("a/" * 32 + "a")
