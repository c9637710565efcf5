# SPDX-License-Identifier: BSD-3-Clause
"""Ed25519 keys (RFC 8032) and the sealing of frames (PROTOCOL.md section 2).

A frame is ``<signature> <json>``. Signed is ``"pyaiot-frame-v1" 0x00 || session || direction || n || json``:
so a frame is worth nothing in another session, in the other direction, or a second time.
"""

from __future__ import annotations

import base64
import binascii
from typing import Literal

from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa

from pyaiot.wire.errors import BadSignature

FRAME_CONTEXT = b"pyaiot-frame-v1\x00"
KEY_BYTES = 32
SIGNATURE_CHARACTERS = 86

Direction = Literal[b"G", b"B"]


def to_base64url(raw: bytes) -> str:
    """Base64url without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: str | bytes, length: int) -> bytes:
    """The ``length`` bytes that ``text`` spells; ValueError for any other spelling, also of the same bytes."""
    if isinstance(text, str):
        text = text.encode("ascii")
    try:
        raw = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if len(raw) != length or base64.urlsafe_b64encode(raw).rstrip(b"=") != text:
        raise ValueError(f"not the base64url of {length} bytes")
    return raw


class PublicKey:
    """Somebody's Ed25519 public key; equal to another with the same 32 bytes."""

    __slots__ = ("_scheme", "raw")

    def __init__(self, raw: bytes) -> None:
        """``raw`` is the 32 bytes of RFC 8032 section 5.1.5; ValueError if they are no key."""
        self.raw = raw
        self._scheme = eddsa.new(eddsa.import_public_key(raw), "rfc8032")

    @classmethod
    def from_text(cls, text: str) -> PublicKey:
        """Read the 43 characters that :meth:`__str__` gives; ValueError if they are no key."""
        return cls(from_base64url(text, KEY_BYTES))

    def __str__(self) -> str:
        return to_base64url(self.raw)

    def __repr__(self) -> str:
        return f"PublicKey({self})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and other.raw == self.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Raise BadSignature unless ``signature`` (64 bytes) is this key's over ``message``."""
        try:
            self._scheme.verify(message, signature)
        except ValueError:
            raise BadSignature("signature does not match") from None


class PrivateKey:
    """Our own Ed25519 key, made from its 32-byte seed. Never printed: ``repr`` shows the public part."""

    __slots__ = ("_scheme", "public", "seed")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != KEY_BYTES:
            raise ValueError(f"a private key has {KEY_BYTES} bytes")
        key = ECC.construct(curve="Ed25519", seed=seed)
        self.seed = seed
        self.public = PublicKey(key.public_key().export_key(format="raw"))
        self._scheme = eddsa.new(key, "rfc8032")

    def __repr__(self) -> str:
        return f"PrivateKey(public={self.public})"

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of this key's signature over ``message``."""
        return self._scheme.sign(message)


def split_frame(text: str) -> tuple[bytes, bytes]:
    """``<signature> <json>`` → the signature's 64 bytes and the JSON's bytes as sent; BadSignature if it is not so."""
    if len(text) <= SIGNATURE_CHARACTERS or text[SIGNATURE_CHARACTERS] != " ":
        raise BadSignature("no signature")
    try:
        signature = from_base64url(text[:SIGNATURE_CHARACTERS], 64)
        return signature, text[SIGNATURE_CHARACTERS + 1 :].encode()
    except ValueError:  # UnicodeError is one
        raise BadSignature("no signature") from None


def join_frame(signature: bytes, body: bytes) -> str:
    """The text message for a signature and the JSON that it covers."""
    return f"{to_base64url(signature)} {body.decode()}"


class Sealer:
    """Signs the frames of one direction of one session, numbering them from 0."""

    def __init__(self, key: PrivateKey, session: bytes, direction: Direction) -> None:
        self._key = key
        self._prefix = FRAME_CONTEXT + session + direction
        self._n = 0

    def seal(self, body: bytes) -> str:
        """The next frame: ``body`` (JSON, UTF-8) with its signature before it."""
        signature = self._key.sign(b"".join((self._prefix, self._n.to_bytes(8, "big"), body)))
        self._n += 1
        return join_frame(signature, body)


class Opener:
    """Checks the frames of one direction of one session. One failure ends the session: the caller closes it."""

    def __init__(self, key: PublicKey, session: bytes, direction: Direction) -> None:
        self._key = key
        self._prefix = FRAME_CONTEXT + session + direction
        self._n = 0

    def open(self, frame: str) -> bytes:
        """The JSON bytes of the next frame, its signature checked; BadSignature otherwise, with nothing parsed."""
        signature, body = split_frame(frame)
        self._key.verify(b"".join((self._prefix, self._n.to_bytes(8, "big"), body)), signature)
        self._n += 1
        return body
