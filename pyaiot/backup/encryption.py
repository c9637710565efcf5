# SPDX-License-Identifier: BSD-3-Clause
"""A backup that only a passphrase opens: scrypt (RFC 7914) makes the key, AES-256-GCM encrypts and seals. Pure.

::

    "pyaiot backup, encrypted\\n"  version (1)  log2 of scrypt's N  salt (16 bytes)  nonce (12)  | ciphertext | tag (16)

What is before the first bar is sealed along with the rest.
"""

from __future__ import annotations

from typing import Final

from Crypto.Cipher import AES
from Crypto.Protocol.KDF import scrypt

from pyaiot.backup.contents import BadBackup

MAGIC: Final = b"pyaiot backup, encrypted\n"
VERSION: Final = 1
SALT_BYTES: Final = 16
NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_HEADER_BYTES: Final = len(MAGIC) + 2 + SALT_BYTES + NONCE_BYTES
#: 64 MB and half a second: what a Raspberry Pi has, and who guesses has to spend each time.
LOG2_N: Final = 16
_R: Final = 8
_P: Final = 2
#: What a file may ask of us: at most 256 MB.
MAX_LOG2_N: Final = 18
MIN_PASSPHRASE: Final = 8


def is_encrypted(raw: bytes) -> bool:
    """Whether :func:`encrypt` made it, of any version."""
    return raw.startswith(MAGIC)


def encrypt(plain: bytes, passphrase: str, salt: bytes, nonce: bytes, log2_n: int) -> bytes:
    """``salt`` and ``nonce`` are random and used once; ``log2_n`` is what it costs to try a passphrase."""
    header = MAGIC + bytes((VERSION, log2_n)) + salt + nonce
    cipher = AES.new(_key(passphrase, salt, log2_n), AES.MODE_GCM, nonce=nonce, mac_len=_TAG_BYTES)
    cipher.update(header)
    ciphertext, tag = cipher.encrypt_and_digest(plain)
    return header + ciphertext + tag


def decrypt(raw: bytes, passphrase: str) -> bytes:
    """What was encrypted. Raises BadBackup: not with this passphrase, or it was changed."""
    if len(raw) < _HEADER_BYTES + _TAG_BYTES:
        raise BadBackup("its end is missing")
    header, ciphertext, tag = raw[:_HEADER_BYTES], raw[_HEADER_BYTES:-_TAG_BYTES], raw[-_TAG_BYTES:]
    version, log2_n = header[len(MAGIC) : len(MAGIC) + 2]
    if version != VERSION:
        raise BadBackup("a newer pyaiot made it: update this one")
    if not 1 <= log2_n <= MAX_LOG2_N:
        raise BadBackup("it is damaged")
    salt, nonce = header[-SALT_BYTES - NONCE_BYTES : -NONCE_BYTES], header[-NONCE_BYTES:]
    cipher = AES.new(_key(passphrase, salt, log2_n), AES.MODE_GCM, nonce=nonce, mac_len=_TAG_BYTES)
    cipher.update(header)
    try:
        return cipher.decrypt_and_verify(ciphertext, tag)
    except ValueError:
        raise BadBackup("the passphrase is wrong, or the file was changed") from None


def _key(passphrase: str, salt: bytes, log2_n: int) -> bytes:
    # Bytes: of text the library takes Latin-1 only.
    key = scrypt(passphrase.encode(), salt, 32, 2**log2_n, _R, _P)
    assert isinstance(key, bytes)
    return key
