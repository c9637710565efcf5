# SPDX-License-Identifier: BSD-3-Clause
"""Passwords of devices, hashed, in an INI file that only its owner can read (``aiot device``).

::

    [devices]                 a device's user name is its id
    joe = <salt> <digest>
    [gateways]                for a gateway that is not in the process of the embedded MQTT broker
    greenhouse = <salt> <digest>

A password here is 192 random bits that this program has made. Nobody can guess one from its digest, however
fast the hash is; so a salted SHA-256 is enough, and a login costs the broker microseconds instead of the tenth of
a second that scrypt takes, which would be a way to keep it busy. Passwords that people think of have no place here.
"""

from __future__ import annotations

import configparser
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from pyaiot.options import ConfigurationError
from pyaiot.private_file import PrivateFile
from pyaiot.private_file import fingerprint as fingerprint
from pyaiot.wire.names import is_name
from pyaiot.wire.signing import from_base64url, to_base64url

PASSWORD_BYTES = 24
SALT_BYTES = 16
DIGEST_BYTES = 32
#: Accounts in one file.
MAX_ACCOUNTS = 20_000

Kind = Literal["device", "gateway"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class DeviceFileError(ConfigurationError):
    """The device file cannot be used; one line that says what to do."""


FILE = PrivateFile("device file", "the devices' passwords", "aiot device add ID", DeviceFileError)


@dataclass(frozen=True, slots=True)
class Credential:
    """What is kept of a password: never the password itself."""

    kind: Kind
    salt: bytes
    digest: bytes

    @classmethod
    def of(cls, kind: Kind, password: bytes) -> Credential:
        """The credential that ``password`` opens, with a salt of its own."""
        salt = secrets.token_bytes(SALT_BYTES)
        return cls(kind, salt, _digest(salt, password))

    def matches(self, password: bytes) -> bool:
        """Whether ``password`` is the one; takes as long for every password of the same length."""
        return hmac.compare_digest(_digest(self.salt, password), self.digest)


@dataclass(slots=True)
class Devices:
    """What a device file holds, by user name."""

    accounts: dict[str, Credential] = field(default_factory=dict)

    def verify(self, user: str, password: bytes) -> Kind | None:
        """What ``user`` is, or None: as long in the taking when there is no such user as when the password is wrong."""
        credential = self.accounts.get(user)
        matches = (credential or _NOBODY).matches(password)
        return credential.kind if matches and credential is not None else None


def new_password() -> str:
    """A fresh password: 32 characters that need no quoting anywhere."""
    while True:
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        if not password.startswith("-"):  # which commands would take for an option
            return password


def parse(text: str) -> Devices:
    """Read the text of a device file; raises DeviceFileError."""
    if "\0" in text:
        raise DeviceFileError("not text")
    parser = configparser.ConfigParser(
        delimiters=("=",), comment_prefixes=("#",), interpolation=None, default_section="\0"
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    devices = Devices()
    try:
        parser.read_string(text)
    except configparser.Error:
        # In our own words: configparser's would quote the line.
        raise DeviceFileError("it is not an INI file, or says something twice") from None
    for section in parser.sections():
        kind = next((each for each in KINDS if section == f"{each}s"), None)
        if kind is None:
            raise DeviceFileError(f"unknown section [{section[:40]}]")
        for name, value in parser[section].items():
            _add(devices, kind, name, value)
    return devices


def _add(devices: Devices, kind: Kind, name: str, value: str) -> None:
    if not is_name(name):
        raise DeviceFileError(f"[{kind}s] has a name that cannot be one")
    if name in devices.accounts:
        raise DeviceFileError(f"{name} is both a device and a gateway")
    if len(devices.accounts) >= MAX_ACCOUNTS:
        raise DeviceFileError(f"more than {MAX_ACCOUNTS} accounts")
    salt, _, digest = value.partition(" ")
    try:
        credential = Credential(kind, from_base64url(salt, SALT_BYTES), from_base64url(digest, DIGEST_BYTES))
    except ValueError:
        raise DeviceFileError(f"[{kind}s] {name} is not a salt and a digest") from None
    devices.accounts[name] = credential


def render(devices: Devices) -> str:
    """The text of a device file."""
    lines = ["# Passwords of pyaiot's devices, hashed. To be changed with: aiot device"]
    for kind in KINDS:
        entries = sorted((name, each) for name, each in devices.accounts.items() if each.kind == kind)
        if entries:
            lines += ["", f"[{kind}s]"]
            lines += [f"{name} = {to_base64url(each.salt)} {to_base64url(each.digest)}" for name, each in entries]
    return "\n".join(lines) + "\n"


def load(path: str | Path) -> Devices:
    """Read a device file. Raises DeviceFileError: missing, no device file, or others than its owner can read it."""
    text = FILE.read(path)
    try:
        return parse(text)
    except DeviceFileError as error:
        raise FILE.invalid(path, error) from None


def load_or_none(path: str | Path) -> Devices:
    """As :func:`load`; a file that is not there has no devices, but one that cannot be reached is an error."""
    return load(path) if fingerprint(path) is not None else Devices()


def store(path: str | Path, devices: Devices) -> None:
    """Write a device file, 0600 in a directory of 0700, whole or not at all. Raises DeviceFileError."""
    FILE.write(path, render(devices))


def _digest(salt: bytes, password: bytes) -> bytes:
    return hashlib.sha256(salt + password).digest()


#: Compared with when there is no such user.
_NOBODY = Credential("device", secrets.token_bytes(SALT_BYTES), secrets.token_bytes(DIGEST_BYTES))
