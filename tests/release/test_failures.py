# SPDX-License-Identifier: BSD-3-Clause
"""What goes wrong with a release is a line, not a traceback; what is to be looked at then stays."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest

from release import __main__ as command
from release.building import BuildsDifferError
from release.tree import Commit, ReleaseError


@pytest.mark.parametrize(
    ("error", "told", "kept"),
    [
        (ReleaseError("twine finds fault with it"), "twine finds fault with it", False),
        (BuildsDifferError("two builds of one commit differ"), "two builds of one commit differ", True),
        (
            subprocess.TimeoutExpired(["python", "-m", "build", "--sdist", "."], 900),
            "python -m build --sdist … took",
            False,
        ),
    ],
)
def test_what_goes_wrong_is_told_in_a_line(
    error: Exception,
    told: str,
    kept: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def make(commit: Commit, folder: Path) -> list[Path]:
        assert folder.is_relative_to(tmp_path)
        raise error

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(command, "last_commit", lambda: Commit("abc1234", 0, ()))
    monkeypatch.setattr(command, "make", make)
    assert command.main() == 1
    assert capsys.readouterr().err.startswith(f"\nNothing was made: {told}")
    assert bool([*tmp_path.iterdir()]) is kept
