# SPDX-License-Identifier: BSD-3-Clause
"""The last commit, as files: what is published is what everybody can check out, and not what lies about here."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Extras that are for those who work on pyaiot; users get all others, and these are what is checked and audited.
EXTRAS_FOR_DEVELOPERS = frozenset(("dev", "docs", "test"))


class ReleaseError(Exception):
    """Something is not fit to be published; ``str()`` says what, in a line or a few."""


@dataclass(frozen=True)
class Commit:
    """``moment_s``: when it was made, in seconds since 1970. ``changes``: files here that are not as in it."""

    name: str
    moment_s: int
    changes: tuple[str, ...]


def last_commit(root: Path = ROOT) -> Commit:
    """Raises ReleaseError where this is no clone."""
    name, moment = _git(root, "log", "-1", "--format=%h %ct").split()
    changed = _git(root, "status", "--porcelain").splitlines()
    return Commit(name, int(moment), tuple(line[3:] for line in changed))


def export(folder: Path, root: Path = ROOT) -> None:
    """Put the files of the last commit into ``folder``, and nothing else."""
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=root, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")


def extras_for_users(root: Path = ROOT) -> list[str]:
    """The extras of pyproject.toml that are part of what is published."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return sorted(set(project["optional-dependencies"]) - EXTRAS_FOR_DEVELOPERS)


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        raise ReleaseError("what is published is made from a commit: this needs git, and a clone") from None
    return done.stdout.rstrip("\n")
