# SPDX-License-Identifier: BSD-3-Clause
"""What goes wrong with a release is a line, not a traceback."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from release import __main__ as command
from release.tree import Commit, ReleaseError


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ReleaseError("twine finds fault with it"), "twine finds fault with it"),
        (subprocess.TimeoutExpired(["python", "-m", "build", "--sdist", "."], 900.0), "python -m build --sdist … took"),
    ],
)
def test_what_goes_wrong_is_told_in_a_line(
    error: Exception, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def make(commit: Commit, folder: Path) -> list[Path]:
        raise error

    monkeypatch.setattr(command, "last_commit", lambda: Commit("abc1234", 0, ()))
    monkeypatch.setattr(command, "make", make)
    assert command.main() == 1
    assert capsys.readouterr().err.startswith(f"\nNothing was made: {told}")
