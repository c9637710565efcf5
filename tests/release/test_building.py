# SPDX-License-Identifier: BSD-3-Clause
"""Two builds that differ are not published, and say where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.building import Built, compare
from release.tree import ReleaseError


def built(folder: Path, wheel: bytes, sdist: bytes) -> Built:
    folder.mkdir()
    (folder / "pyaiot-1-py3-none-any.whl").write_bytes(wheel)
    (folder / "pyaiot-1.tar.gz").write_bytes(sdist)
    return Built(folder / "pyaiot-1-py3-none-any.whl", folder / "pyaiot-1.tar.gz")


def test_builds_that_differ_by_a_byte_are_found(tmp_path: Path) -> None:
    first = built(tmp_path / "first", b"wheel", b"sdist")
    compare(first, built(tmp_path / "same", b"wheel", b"sdist"))
    with pytest.raises(ReleaseError, match=r"another-wheel/.*\.whl"):
        compare(first, built(tmp_path / "another-wheel", b"wheeL", b"sdist"))
    with pytest.raises(ReleaseError, match=r"another-sdist/.*\.tar\.gz"):
        compare(first, built(tmp_path / "another-sdist", b"wheel", b"sdis"))
