# SPDX-License-Identifier: BSD-3-Clause
"""Wheel and sdist, twice over, on ways and in surroundings that differ: what both make must be the same."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from release.tree import ReleaseError, export

#: The page is built here, too; that takes a minute on a small machine.
BUILD_TIMEOUT_S = 900


class BuildsDifferError(ReleaseError):
    """Two builds of one commit are not the same; both have to stay, or nobody can find out why."""


@dataclass(frozen=True)
class Way:
    """How a build is done. With ``what`` empty the wheel is made from the sdist, else both from the tree."""

    folder: str
    what: tuple[str, ...]
    umask: int
    environment: dict[str, str]


#: The second differs in whatever archives like to remember.
WAYS = (
    Way("tree", ("--sdist", "--wheel"), 0o022, {"TZ": "UTC", "PYTHONHASHSEED": "1"}),
    Way("from-the-sdist", (), 0o077, {"TZ": "Pacific/Auckland", "PYTHONHASHSEED": "2", "LC_ALL": "C"}),
)


@dataclass(frozen=True)
class Built:
    """What a build made."""

    wheel: Path
    sdist: Path


def build(way: Way, folder: Path, moment_s: int) -> Built:
    """Export the last commit and build it. Raises ReleaseError."""
    sources, made = folder / way.folder, folder / f"{way.folder}-dist"
    sources.mkdir()
    export(sources)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-m", "build", *way.what, "--outdir", str(made), str(sources)],
        cwd=folder,
        env={**kept, **way.environment, "SOURCE_DATE_EPOCH": str(moment_s)},
        umask=way.umask,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=BUILD_TIMEOUT_S,
    )
    if done.returncode != 0:
        raise ReleaseError(f"{done.stdout}\n{done.stderr}\nthe build ({way.folder}) failed; its output is above")
    return Built(_only(made, "*.whl"), _only(made, "*.tar.gz"))


def compare(first: Built, second: Built) -> None:
    """Raises BuildsDifferError unless both made the same, byte for byte."""
    for one, other in ((first.sdist, second.sdist), (first.wheel, second.wheel)):
        if one.name != other.name or one.read_bytes() != other.read_bytes():
            raise BuildsDifferError(
                f"two builds of one commit differ; compare them with diffoscope:\n  {one}\n  {other}"
            )


def _only(folder: Path, pattern: str) -> Path:
    found = list(folder.glob(pattern))
    if len(found) != 1:
        raise ReleaseError(f"the build made {len(found)} files {pattern} instead of one")
    return found[0]
