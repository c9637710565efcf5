# SPDX-License-Identifier: BSD-3-Clause
"""What a backup holds, and its manifest: what each file is for, where it was, its mode and digest. Pure.

A file's *role* is the option that names it (``key_file``), or ``environment`` (options of the units), or
``aiot-broker.environment`` (of one unit alone), or ``device_token_key``. Where it goes on another host follows from its
role there, never from the path that it had.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
MAX_FILES: Final = 1000
MAX_FILE_BYTES: Final = 4 * 1024 * 1024
MAX_MANIFEST_BYTES: Final = 1024 * 1024
#: The role of the keys, without which no broker or gateway is what it was.
KEY_FILE: Final = "key_file"
#: Roles besides options.
ENVIRONMENT: Final = "environment"
DEVICE_TOKEN_KEY: Final = "device_token_key"


def environment_of(service: str) -> str:
    """The role of the environment file of one unit alone, which is also its name."""
    return f"{service}.{ENVIRONMENT}"


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,60}){0,2}", re.ASCII)


class BadBackup(ValueError):
    """This is no backup that can be restored; ``str()`` says why, and has no control characters."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One file. ``services`` read it there (none: no service has an option for it); ``path`` is where it was."""

    role: str
    services: tuple[str, ...]
    path: str
    mode: int
    content: bytes

    @property
    def filename(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Backup:
    """``version`` is pyaiot's; ``taken_at`` is UTC, as ``2026-11-21T22:50:35Z``."""

    version: str
    host: str
    taken_at: str
    files: tuple[Kept, ...]


_Line = Annotated[str, msgspec.Meta(max_length=256)]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    name: _Line
    role: _Line
    services: Annotated[list[_Line], msgspec.Meta(max_length=64)]
    path: Annotated[str, msgspec.Meta(max_length=4096)]
    mode: Annotated[str, msgspec.Meta(pattern=r"^0[0-7]{3}\Z")]
    size: Annotated[int, msgspec.Meta(ge=0, le=MAX_FILE_BYTES)]
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class _Manifest(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    pyaiot: _Line
    host: _Line
    taken_at: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")]
    files: Annotated[list[_File], msgspec.Meta(max_length=MAX_FILES)]


class _Format(msgspec.Struct):
    format: int


def to_members(backup: Backup) -> list[tuple[str, int, bytes]]:
    """The manifest and the files, each as name, mode and content. Raises BadBackup: too much, or an odd name."""
    if len(backup.files) > MAX_FILES:
        raise BadBackup(f"more than {MAX_FILES} files")
    entries = []
    members = []
    for number, kept in enumerate(backup.files):
        if len(kept.content) > MAX_FILE_BYTES:
            raise BadBackup(f"{kept.path!r} is larger than {MAX_FILE_BYTES} bytes")
        if not kept.path.isprintable():  # what could not be read back
            raise BadBackup(f"{kept.path!r} has signs in its name that no backup takes")
        name = f"{kept.role}/{number}/{kept.filename}"
        if _NAME.fullmatch(name) is None:
            name = f"{kept.role}/{number}"
        digest = hashlib.sha256(kept.content).hexdigest()
        services = list(kept.services)
        entries.append(_File(name, kept.role, services, kept.path, f"{kept.mode:04o}", len(kept.content), digest))
        members.append((name, kept.mode, kept.content))
    manifest = _Manifest(FORMAT, backup.version, backup.host, backup.taken_at, entries)
    return [(MANIFEST, 0o600, msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"), *members]


def from_members(members: Mapping[str, bytes]) -> Backup:
    """What :func:`to_members` was given. Raises BadBackup: something is missing, too much, or not what it was."""
    if MANIFEST not in members:
        raise BadBackup("it has no manifest")
    manifest = _read_manifest(members[MANIFEST])
    _check_texts(manifest)
    named = [each.name for each in manifest.files]
    if len(set(named)) != len(named):
        raise BadBackup("its manifest names a file twice")
    if {MANIFEST, *named} != members.keys() or MANIFEST in named:
        raise BadBackup("its files are not those of its manifest")
    files = []
    for each in manifest.files:
        content = members[each.name]
        if len(content) != each.size or hashlib.sha256(content).hexdigest() != each.sha256:
            raise BadBackup(f"{each.name} is not as it was when the backup was made")
        files.append(Kept(each.role, tuple(each.services), each.path, int(each.mode, 8), content))
    return Backup(manifest.pyaiot, manifest.host, manifest.taken_at, tuple(files))


def is_name(name: str) -> bool:
    """Whether a member of a backup may be called so: it leads nowhere but down, and shows nothing strange."""
    return _NAME.fullmatch(name) is not None


def _read_manifest(raw: bytes) -> _Manifest:
    try:
        if len(raw) > MAX_MANIFEST_BYTES:
            raise BadBackup("its manifest is too large")
        if msgspec.json.decode(raw, type=_Format).format != FORMAT:
            raise BadBackup("a newer pyaiot made it: update this one")
        return msgspec.json.decode(raw, type=_Manifest)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadBackup("its manifest makes no sense") from None


def _check_texts(manifest: _Manifest) -> None:
    """Everything that may be shown, or becomes part of a path."""
    texts = [manifest.pyaiot, manifest.host]
    for each in manifest.files:
        texts += [each.role, each.path, *each.services]
        filename = each.path.rpartition("/")[2]
        if not is_name(each.name) or not each.path.startswith("/") or filename in ("", ".", ".."):
            raise BadBackup("its manifest has a path that cannot be one")
    if not all(text.isprintable() for text in texts):
        raise BadBackup("its manifest has control characters")
