# SPDX-License-Identifier: BSD-3-Clause
"""A backup as bytes: a gzipped tar archive (ustar of POSIX.1-1988), which every ``tar`` lists and unpacks. Pure.

Read strictly: nothing but ordinary files with plain names, each once, all there. Whatever else can be in such an
archive (links, devices, extensions, sparse files) is no backup, so no code of ours knows what it would do.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from typing import Final

from pyaiot.backup.contents import MAX_FILE_BYTES, MAX_FILES, Backup, BadBackup, from_members, is_name, to_members

#: Of the whole, unpacked.
MAX_TOTAL_BYTES: Final = 64 * 1024 * 1024
#: Nor is a longer file read. What was packed is hardly larger than before.
MAX_PACKED_BYTES: Final = MAX_TOTAL_BYTES + 1024 * 1024
_BLOCK: Final = 512
_GZIP: Final = 16 + zlib.MAX_WBITS
MAGIC: Final = b"\x1f\x8b"


def pack(backup: Backup) -> bytes:
    """Raises BadBackup: there is too much, or a name that none may have."""
    parts = []
    for name, mode, content in to_members(backup):
        header = tarfile.TarInfo(name)
        header.mode, header.size = mode, len(content)
        parts += [header.tobuf(tarfile.USTAR_FORMAT), content, bytes(-len(content) % _BLOCK)]
    data = b"".join([*parts, bytes(2 * _BLOCK)])
    if len(data) > MAX_TOTAL_BYTES:
        raise BadBackup(f"more than {MAX_TOTAL_BYTES} bytes in all")
    return gzip.compress(data, mtime=0)


def unpack(raw: bytes) -> Backup:
    """What :func:`pack` made ``raw`` of. Raises BadBackup."""
    found: dict[str, bytes] = {}
    for name, content in _members(_decompress(raw)):
        if name in found:
            raise BadBackup(f"{name} is in it twice")
        if len(found) > MAX_FILES:
            raise BadBackup(f"it has more than {MAX_FILES} files")
        found[name] = content
    return from_members(found)


def _decompress(raw: bytes) -> bytes:
    if not raw.startswith(MAGIC):
        raise BadBackup("it is not a backup of pyaiot")
    unzip = zlib.decompressobj(_GZIP)
    try:
        data = unzip.decompress(raw, MAX_TOTAL_BYTES + 1)
    except zlib.error:
        raise BadBackup("it is damaged") from None
    if len(data) > MAX_TOTAL_BYTES:
        raise BadBackup(f"it would unpack to more than {MAX_TOTAL_BYTES} bytes")
    if not unzip.eof:
        raise BadBackup("its end is missing")
    if unzip.unused_data:
        raise BadBackup("there is something behind its end")
    return data


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and contents (POSIX.1-1988, section 10.1.1)."""
    at = 0
    while True:
        header = data[at : at + _BLOCK]
        if len(header) < _BLOCK:
            raise BadBackup("its end is missing")
        if not any(header):
            break
        name, size = _read_header(header)
        begins, ends = at + _BLOCK, at + _BLOCK + size
        at = ends + -size % _BLOCK
        if at > len(data):
            raise BadBackup("its end is missing")
        if any(data[ends:at]):
            raise BadBackup("there is something between its files")
        yield name, data[begins:ends]
    if len(data) - at < 2 * _BLOCK or any(data[at:]):
        raise BadBackup("there is something behind its last file, or its end is missing")


def _read_header(header: bytes) -> tuple[str, int]:
    checksum = sum(header[:148]) + 8 * ord(" ") + sum(header[156:])
    if header[257:265] != b"ustar\x0000" or _octal(header[148:156]) != checksum:
        raise BadBackup("it is not as aiot backup makes it")
    if header[156:157] != b"0" or any(header[157:257]) or any(header[345:]):
        raise BadBackup("there is something else in it than ordinary files with short names")
    raw, end, rest = header[:100].partition(b"\0")
    name = raw.decode("ascii", "replace")
    if not end or any(rest) or not is_name(name):
        raise BadBackup("a file in it has a name that none may have")
    size = _octal(header[124:136])
    if size > MAX_FILE_BYTES:
        raise BadBackup(f"{name} is larger than {MAX_FILE_BYTES} bytes")
    return name, size


def _octal(field: bytes) -> int:
    digits = field.rstrip(b" \0")
    if not digits or digits.strip(b"01234567"):
        raise BadBackup("it is not as aiot backup makes it")
    return int(digits, 8)
