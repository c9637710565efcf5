# SPDX-License-Identifier: BSD-3-Clause
"""Keys of this host: an INI file that only its owner can read (PROTOCOL.md section 2).

::

    [broker]                  the broker's own key, where a broker runs
    private = …
    [gateway coap]            the key of a gateway of this host
    private = …
    [trusted broker]          who the gateways of this host believe is the broker
    public = …
    [authorized gateways]     who the broker admits, by name, as in SSH's authorized_keys
    coap = …
    [clients]                 tokens of programs and people, as role and SHA-256
    alice = operator …
"""

from __future__ import annotations

import configparser
import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar, get_args

from pyaiot.options import ConfigurationError
from pyaiot.private_file import MAX_FILE_BYTES as MAX_FILE_BYTES
from pyaiot.private_file import PrivateFile
from pyaiot.private_file import fingerprint as fingerprint
from pyaiot.wire.names import PEER_GATEWAY, is_name
from pyaiot.wire.signing import KEY_BYTES, PrivateKey, PublicKey, from_base64url, to_base64url

Role = Literal["viewer", "operator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
T = TypeVar("T")
RESERVED = (
    f"no gateway may be called {PEER_GATEWAY!r}, which stands for programs that register at the broker: "
    "give it another name (take it out of this file, then aiot-generate-keys --gateway NAME)"
)


class KeyFileError(ConfigurationError):
    """The key file cannot be used; one line that says what to do."""


FILE = PrivateFile("key file", "the keys", "aiot-generate-keys", KeyFileError)


@dataclass(frozen=True, slots=True)
class ClientToken:
    """What is kept of a client's token: never the token itself."""

    role: Role
    digest: bytes


@dataclass(slots=True)
class Keys:
    """What a key file holds."""

    broker: PrivateKey | None = None
    gateways: dict[str, PrivateKey] = field(default_factory=dict)
    trusted_broker: PublicKey | None = None
    authorized: dict[str, PublicKey] = field(default_factory=dict)
    clients: dict[str, ClientToken] = field(default_factory=dict)

    def gateway(self, name: str, protocol: str) -> tuple[str, PrivateKey, PublicKey]:
        """Name, key, and the broker's key for a gateway: of ``name``, else of its protocol, else the only one.

        Raises KeyFileError with advice.
        """
        if not name:
            name = next(iter(self.gateways)) if len(self.gateways) == 1 else protocol
        key = self.gateways.get(name)
        if key is None:
            have = f"; it has {', '.join(sorted(self.gateways))} (say --gateway-name)" if self.gateways else ""
            raise KeyFileError(
                f"the key file has no key for a gateway {name!r}{have}: run aiot-generate-keys --gateway {name}"
            )
        if self.trusted_broker is None:
            raise KeyFileError(
                "the key file does not say which broker to trust: run aiot-generate-keys --trust-broker KEY "
                "(aiot-generate-keys --list shows the key at the broker)"
            )
        return name, key, self.trusted_broker


def new_private_key() -> PrivateKey:
    """A fresh key from the system's randomness."""
    return PrivateKey(secrets.token_bytes(KEY_BYTES))


def token_digest(token: str) -> bytes:
    """What is kept of a token; tokens are 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def parse(text: str) -> Keys:
    """Read the text of a key file; raises KeyFileError."""
    if "\0" in text:
        raise KeyFileError("not text")
    parser = _parser()
    try:
        parser.read_string(text)
        keys = Keys()
        for section in parser.sections():
            _read_section(keys, section, dict(parser[section]))
    except configparser.Error as error:
        raise KeyFileError(f"{_what_is_wrong(error)}") from None
    return keys


def _what_is_wrong(error: configparser.Error) -> str:
    """In our own words: configparser's quote the line, which may hold a private key."""
    match error:
        case configparser.DuplicateSectionError(lineno=line) | configparser.DuplicateOptionError(lineno=line):
            return f"line {line} says something for the second time"
        case configparser.MissingSectionHeaderError(lineno=line):
            return f"line {line} is before the first [section]"
        case configparser.ParsingError(errors=[(line, _), *_]):
            return f"line {line} is neither a [section] nor name = value"
    return "it is not an INI file"


def render(keys: Keys) -> str:
    """The text of a key file."""
    lines = ["# Keys of pyaiot. Private: whoever reads this file can speak for this host."]

    def section(title: str, entries: Mapping[str, str]) -> None:
        if entries:
            lines.extend(("", f"[{title}]", *(f"{name} = {value}" for name, value in sorted(entries.items()))))

    if keys.broker is not None:
        section("broker", {"private": to_base64url(keys.broker.seed)})
    for name, key in sorted(keys.gateways.items()):
        section(f"gateway {name}", {"private": to_base64url(key.seed)})
    if keys.trusted_broker is not None:
        section("trusted broker", {"public": str(keys.trusted_broker)})
    section("authorized gateways", {name: str(key) for name, key in keys.authorized.items()})
    section("clients", {name: f"{token.role} {to_base64url(token.digest)}" for name, token in keys.clients.items()})
    return "\n".join(lines) + "\n"


def load(path: str | Path) -> Keys:
    """Read a key file. Raises KeyFileError: missing, not a key file, or others than its owner can read it."""
    text = FILE.read(path)
    try:
        return parse(text)
    except KeyFileError as error:
        raise FILE.invalid(path, error) from None


def store(path: str | Path, keys: Keys) -> None:
    """Write a key file, 0600 in a directory of 0700, whole or not at all. Raises KeyFileError."""
    FILE.write(path, render(keys))


def _parser() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(
        delimiters=("=",), comment_prefixes=("#",), interpolation=None, default_section="\0"
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    return parser


def _read_section(keys: Keys, section: str, entries: dict[str, str]) -> None:
    match section.split(" ", 1):
        case ["broker"]:
            keys.broker = _only(section, entries, "private", _private)
        case ["trusted", "broker"]:
            keys.trusted_broker = _only(section, entries, "public", PublicKey.from_text)
        case ["gateway", name] if name == PEER_GATEWAY:
            raise KeyFileError(RESERVED)
        case ["gateway", name] if is_name(name):
            keys.gateways[name] = _only(section, entries, "private", _private)
        case ["authorized", "gateways"]:
            if PEER_GATEWAY in entries:
                raise KeyFileError(RESERVED)
            keys.authorized.update(_named(section, entries, PublicKey.from_text))
        case ["clients"]:
            keys.clients.update(_named(section, entries, _client))
        case ["keys"]:
            raise KeyFileError(
                "this is a key file of the old pyaiot, whose shared secret is no longer used: "
                "run aiot-generate-keys --force"
            )
        case _:
            raise KeyFileError(f"unknown section [{section[:40]}]")


def _private(text: str) -> PrivateKey:
    return PrivateKey(from_base64url(text, KEY_BYTES))


def _client(text: str) -> ClientToken:
    role, _, digest = text.partition(" ")
    for known in ROLES:
        if role == known:
            return ClientToken(known, from_base64url(digest, 32))
    raise ValueError("no such role")


def _only(section: str, entries: dict[str, str], name: str, read: Callable[[str], T]) -> T:
    if set(entries) != {name}:
        raise KeyFileError(f"[{section}] has one entry, {name!r}")
    try:
        return read(entries[name])
    except ValueError:
        raise KeyFileError(f"[{section}] {name} is not a key") from None


def _named(section: str, entries: dict[str, str], read: Callable[[str], T]) -> Iterator[tuple[str, T]]:
    for name, text in entries.items():
        if not is_name(name):
            raise KeyFileError(f"[{section}] has a name that cannot be one")
        try:
            yield name, read(text)
        except ValueError:
            raise KeyFileError(f"[{section}] {name} is not a key") from None
