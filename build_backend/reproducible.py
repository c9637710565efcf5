# SPDX-License-Identifier: BSD-3-Clause
"""Writes a wheel or an sdist again so that its bytes say nothing of when, where and by whom it was built.

What is left of the builder are the contents. For that the time is ``SOURCE_DATE_EPOCH`` (reproducible-builds.org);
where nobody has set it, archives stay as setuptools made them.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

#: A zip cannot say an earlier moment than 1980, nor an odd second.
ZIP_EPOCH_S = 315_532_800
_FILE_MODE, _PROGRAM_MODE = 0o644, 0o755


def source_date_s(environment: Mapping[str, str]) -> int | None:
    """The moment that archives are to bear, in seconds since 1970; None where none is set. Raises ValueError."""
    text = environment.get("SOURCE_DATE_EPOCH", "")
    return int(text) if text else None


def normalize(archive: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Write ``archive`` (.whl or .tar.gz) again, in place, if a moment is set."""
    moment_s = source_date_s(environment)
    if moment_s is None:
        return
    content = archive.read_bytes()
    archive.write_bytes(
        normal_wheel(content, moment_s) if archive.suffix == ".whl" else normal_sdist(content, moment_s)
    )


def normal_wheel(content: bytes, moment_s: int) -> bytes:
    """The same files in the same order (PEP 427 wants the metadata last), with one time and the usual rights."""
    moment = time.gmtime(max(moment_s, ZIP_EPOCH_S))[:6]
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        ours = [each for each in old.infolist() if not each.is_dir()]
        for each in sorted(ours, key=lambda each: (".dist-info/" in each.filename, each.filename)):
            written = zipfile.ZipInfo(each.filename, moment)
            written.create_system = 3  # Unix, on every system
            written.external_attr = (stat.S_IFREG | _mode(each.external_attr >> 16)) << 16
            written.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(written, old.read(each), compresslevel=9)
    return out.getvalue()


def normal_sdist(content: bytes, moment_s: int) -> bytes:
    """The same files in the order of their names, of one time, owned by root with the usual rights; no folders."""
    plain = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as old,
        tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for each in sorted((each for each in old.getmembers() if each.isfile()), key=lambda each: each.name):
            written = tarfile.TarInfo(each.name)
            written.size, written.mtime, written.mode = each.size, moment_s, _mode(each.mode)
            new.addfile(written, old.extractfile(each))
    out = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=out, mtime=moment_s) as packed:
        packed.write(plain.getvalue())
    return out.getvalue()


def _mode(mode: int) -> int:
    return _PROGRAM_MODE if mode & stat.S_IXUSR else _FILE_MODE
