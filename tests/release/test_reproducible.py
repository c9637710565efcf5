# SPDX-License-Identifier: BSD-3-Clause
"""Archives say nothing of when, where and by whom they were built."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from build_backend.reproducible import normal_sdist, normal_wheel, normalize

FILES = {"pyaiot/a.py": b"a = 1\n", "pyaiot/b.py": b"b = 2\n", "pyaiot-1.dist-info/RECORD": b"pyaiot/a.py,,\n"}
MOMENT_S = 1_700_000_000


def wheel(names: list[str], year: int, mode: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            info = zipfile.ZipInfo(name, (year, 1, 2, 3, 4, 6))
            info.external_attr = mode << 16
            archive.writestr(info, FILES[name])
    return out.getvalue()


def sdist(names: list[str], mtime: int, owner: str, mode: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        folder = tarfile.TarInfo("pyaiot")
        folder.type, folder.mtime = tarfile.DIRTYPE, mtime
        archive.addfile(folder)
        for name in names:
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.uname, info.uid, info.mode = len(FILES[name]), mtime, owner, mtime % 1000, mode
            archive.addfile(info, io.BytesIO(FILES[name]))
    return out.getvalue()


def test_wheels_of_different_builders_are_the_same() -> None:
    one = normal_wheel(wheel([*FILES], 2020, 0o100600), MOMENT_S)
    other = normal_wheel(wheel([*reversed(FILES)], 2024, 0o100664), MOMENT_S)
    assert one == other
    with zipfile.ZipFile(io.BytesIO(one)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
        assert archive.namelist()[-1] == "pyaiot-1.dist-info/RECORD"
        assert {each.date_time for each in archive.infolist()} == {(2023, 11, 14, 22, 13, 20)}


def test_sdists_of_different_builders_are_the_same() -> None:
    one = normal_sdist(sdist([*FILES], 1_600_000_000, "alice", 0o600), MOMENT_S)
    other = normal_sdist(sdist([*reversed(FILES)], 1_650_000_123, "bob", 0o664), MOMENT_S)
    assert one == other
    with tarfile.open(fileobj=io.BytesIO(one)) as archive:
        found = {each.name: file.read() for each in archive if (file := archive.extractfile(each)) is not None}
        assert {each.uname or each.uid for each in archive.getmembers()} == {0}
    assert found == FILES


def test_rights_to_run_a_program_are_kept_and_others_are_not() -> None:
    for mode, kept in ((0o100700, 0o755), (0o100640, 0o644), (0, 0o644)):
        with zipfile.ZipFile(io.BytesIO(normal_wheel(wheel(["pyaiot/a.py"], 2020, mode), MOMENT_S))) as archive:
            assert archive.infolist()[0].external_attr >> 16 & 0o777 == kept


def test_a_moment_before_zips_is_their_first() -> None:
    with zipfile.ZipFile(io.BytesIO(normal_wheel(wheel([*FILES], 2020, 0o100644), 0))) as archive:
        assert archive.infolist()[0].date_time[0] == 1980


def test_without_a_moment_archives_stay_as_they_are(tmp_path: Path) -> None:
    made = wheel([*FILES], 2020, 0o100600)
    path = tmp_path / "pyaiot-1-py3-none-any.whl"
    path.write_bytes(made)
    normalize(path, {})
    assert path.read_bytes() == made
    normalize(path, {"SOURCE_DATE_EPOCH": str(MOMENT_S)})
    assert path.read_bytes() == normal_wheel(made, MOMENT_S)
    with pytest.raises(ValueError, match="yesterday"):
        normalize(path, {"SOURCE_DATE_EPOCH": "yesterday"})
