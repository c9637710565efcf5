# SPDX-License-Identifier: BSD-3-Clause
"""A backup as bytes: what goes in comes out, and nothing else than that is ever taken for one."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyaiot.backup import archive, contents, encryption
from pyaiot.backup.archive import pack, unpack
from pyaiot.backup.contents import Backup, BadBackup, Kept

texts = st.text(st.characters(categories=["L", "N", "P"], exclude_characters="/"), min_size=1, max_size=20)
names = texts.filter(lambda name: name.strip("."))
kept = st.builds(
    Kept,
    role=st.sampled_from(["key_file", "device_keys", "environment"]),
    services=st.lists(texts, max_size=3).map(tuple),
    path=names.map(lambda name: f"/home/joe/{name}"),
    mode=st.integers(0, 0o777),
    content=st.binary(max_size=1500),
)
FILES = (Kept("key_file", ("aiot-broker",), "/home/joe/.pyaiot/keys", 0o600, b"private"),)
WHOLE = Backup("0.1.0", "pi", "2026-11-21T22:50:35Z", FILES)


@settings(max_examples=60, deadline=None)
@given(st.lists(kept, max_size=6), texts)
def test_what_goes_in_comes_out(files: list[Kept], host: str) -> None:
    backup = Backup("0.1.0", host, "2026-11-21T22:50:35Z", tuple(files))
    raw = pack(backup)
    assert unpack(raw) == backup
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:  # any other program reads it, too
        assert [tar.extractfile(each).read() for each in tar][1:] == [each.content for each in files]  # type: ignore[union-attr]


def made(change: Callable[[tarfile.TarInfo], object], content: bytes = b"private", **format: Any) -> bytes:
    """A backup whose only file is another kind of member."""
    manifest = {name: data for name, _, data in contents.to_members(WHOLE)}[contents.MANIFEST]
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", **{"format": tarfile.USTAR_FORMAT, **format}) as tar:
        for name, data in ((contents.MANIFEST, manifest), ("key_file/0/keys", content)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            if name != contents.MANIFEST:
                change(member)
            tar.addfile(member, io.BytesIO(data))
    return file.getvalue()


def with_manifest(**changes: Any) -> bytes:
    """A backup whose manifest says something else."""
    members = {name: data for name, _, data in contents.to_members(WHOLE)}
    manifest = json.loads(members.pop(contents.MANIFEST))
    for name, value in changes.items():
        target = manifest if name in manifest else manifest["files"][0]
        target[name] = value
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in {contents.MANIFEST: json.dumps(manifest).encode(), **members}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return file.getvalue()


def setting(**values: Any) -> Callable[[tarfile.TarInfo], object]:
    return lambda member: [setattr(member, name, value) for name, value in values.items()]


GOOD = made(setting())
HOSTILE: dict[str, tuple[bytes, str]] = {
    "up": (made(setting(name="../../etc/passwd")), "name"),
    "absolute": (made(setting(name="/etc/cron.d/x")), "name"),
    "hidden": (made(setting(name="key_file/.profile")), "name"),
    "symbolic link": (made(setting(type=tarfile.SYMTYPE, linkname="/etc/shadow", size=0), b""), "ordinary files"),
    "hard link": (made(setting(type=tarfile.LNKTYPE, linkname="manifest.json", size=0), b""), "ordinary files"),
    "device": (made(setting(type=tarfile.CHRTYPE, size=0), b""), "ordinary files"),
    "pipe": (made(setting(type=tarfile.FIFOTYPE, size=0), b""), "ordinary files"),
    "folder": (made(setting(type=tarfile.DIRTYPE, size=0), b""), "ordinary files"),
    "twice": (made(setting(name="manifest.json")), "twice"),
    "not in the manifest": (made(setting(name="key_file/0/other")), "not those of its manifest"),
    "changed": (made(setting(), b"Private"), "not as it was"),
    "longer": (made(setting(), b"private!"), "not as it was"),
    "prefix of ustar": (made(setting(name=f"{'a' * 60}/{'b' * 90}")), "ordinary files|name"),
    "GNU's long names": (made(setting(name="k" * 200), format=tarfile.GNU_FORMAT), "not as aiot backup makes it"),
    "extended headers": (made(setting(name="kéys"), format=tarfile.PAX_FORMAT), "ordinary files|name"),
    "bomb": (gzip.compress(bytes(archive.MAX_TOTAL_BYTES + 1), 1), "unpack to more"),
    "cut off": (GOOD[:-9], "end is missing|damaged"),
    "cut off inside": (gzip.compress(gzip.decompress(GOOD)[:1024]), "end is missing"),
    "no end of the archive": (gzip.compress(gzip.decompress(GOOD).rstrip(b"\0") + bytes(505)), "end is missing"),
    "more behind": (GOOD + b"x", "behind its end"),
    "more behind inside": (gzip.compress(gzip.decompress(GOOD) + b"x"), "behind its last file"),
    "another gzip behind": (GOOD + GOOD, "behind its end"),
    "a picture": (b"\x89PNG", "not a backup"),
    "nothing": (b"", "not a backup"),
    "another version": (with_manifest(format=2), "newer pyaiot"),
    "escape sequence": (with_manifest(host="\x1b]0;pwned"), "control characters"),
    "path with a line": (with_manifest(path="/a\n/b"), "control characters"),
    "path of a folder": (with_manifest(path="/a/.."), "path that cannot be one"),
    "relative path": (with_manifest(path="keys"), "path that cannot be one"),
    "mode with setuid": (with_manifest(mode="4755"), "makes no sense"),
    "unknown field": (with_manifest(files=[{"owner": 0}]), "makes no sense"),
    "depth": (gzip.compress(tarfile.TarInfo("x").tobuf()), "not as aiot backup|ordinary|end is missing"),
}


def test_what_other_programs_packed_alike_is_taken() -> None:
    assert unpack(GOOD) == WHOLE
    assert unpack(with_manifest()) == WHOLE


@pytest.mark.parametrize("path", ["/home/h\udcff/keys", "/home/a\nb/keys"])
def test_what_could_not_be_read_back_is_not_written(path: str) -> None:
    with pytest.raises(BadBackup, match="signs in its name"):
        pack(replace(WHOLE, files=(replace(WHOLE.files[0], path=path),)))


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_else_is_taken_for_a_backup(name: str) -> None:
    raw, why = HOSTILE[name]
    with pytest.raises(BadBackup, match=why) as caught:
        unpack(raw)
    assert str(caught.value).isprintable()


def test_damage_is_noticed_wherever_it_is() -> None:
    """Bytes changed, taken out, put in: one line, or it is as it was (bits of gzip's header mean nothing)."""
    random = Random(7)
    plain = gzip.decompress(pack(WHOLE))
    for number in range(400):
        data = bytearray(plain if number % 2 else pack(WHOLE))
        for _ in range(random.randint(1, 3)):
            at = random.randrange(len(data))
            match random.randrange(3):
                case 0:
                    data[at] ^= 1 << random.randrange(8)
                case 1:
                    del data[at : at + random.randint(1, 600)]
                case _:
                    data[at:at] = random.randbytes(random.randint(1, 8))
            if not data:
                break
        raw = zlib.compress(bytes(data), wbits=31) if number % 2 else bytes(data)
        with contextlib.suppress(BadBackup):  # anything else that is raised fails the test
            assert unpack(raw).files[0].content == b"private"


def test_only_its_passphrase_opens_what_is_encrypted() -> None:
    """With a cheap key, as its cost is no matter here."""
    raw = encryption.encrypt(b"plain", "the passphrase é✓", bytes(16), bytes(12), log2_n=4)
    assert encryption.is_encrypted(raw)
    assert b"plain" not in raw
    assert encryption.decrypt(raw, "the passphrase é✓") == b"plain"
    with pytest.raises(BadBackup, match="passphrase is wrong"):
        encryption.decrypt(raw, "the passphrase")
    for at in range(len(encryption.MAGIC) + 2, len(raw)):
        with pytest.raises(BadBackup, match="passphrase is wrong"):
            encryption.decrypt(raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :], "the passphrase é✓")
    for short in range(len(encryption.MAGIC), len(raw)):
        with pytest.raises(BadBackup, match=r"end is missing|passphrase is wrong"):
            encryption.decrypt(raw[:short], "the passphrase é✓")
    greedy = raw[:26] + b"\x3f" + raw[27:]
    with pytest.raises(BadBackup, match="damaged"):
        encryption.decrypt(greedy, "the passphrase é✓")


def test_the_format_is_the_one_that_is_written_down() -> None:
    """The key by another library, from what the module's docstring says."""
    import hashlib

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    raw = encryption.encrypt(b"plain", "passphrase", b"s" * 16, b"n" * 12, log2_n=5)
    header, sealed = raw[:55], raw[55:]
    assert header == b"pyaiot backup, encrypted\n\x01\x05" + b"s" * 16 + b"n" * 12
    key = hashlib.scrypt(b"passphrase", salt=b"s" * 16, n=32, r=8, p=2, dklen=32)
    assert AESGCM(key).decrypt(b"n" * 12, sealed, header) == b"plain"
