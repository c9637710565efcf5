# SPDX-License-Identifier: BSD-3-Clause
"""The sdist as those find it who package it for a distribution: unpacked, it can be tested."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

from release.tree import ReleaseError

TESTS_TIMEOUT_S: Final = 300
#: Some that need no installed command: they read files of all parts that an sdist has.
TESTS: Final = (
    *(
        "tests/test_layers.py",
        "tests/test_key_parts.py",
        "tests/containers/test_files.py",
        "tests/wire/test_signing.py",
    ),
    "tests/systemd/test_units.py::test_those_of_the_sources_are_of_the_code",
)
_ORIGIN: Final = "import pyaiot; print(pyaiot.__path__[0])"


def try_tests(sdist: Path, folder: Path) -> int:
    """Unpack it into ``folder`` and run TESTS there; how many passed. Raises ReleaseError."""
    folder.mkdir()
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (sources,) = folder.iterdir()
    origin = _python(sources, "-c", _ORIGIN).stdout.strip()
    if Path(origin) != sources / "pyaiot":
        raise ReleaseError(f"the tests of the sdist would be of {origin}")
    done = _python(sources, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS)
    passed = re.search(r"^(\d+) passed", done.stdout.splitlines()[-1] if done.stdout else "")
    if done.returncode != 0 or passed is None:
        raise ReleaseError(f"{done.stdout}{done.stderr}\nthe tests fail in the unpacked sdist; what they say is above")
    return int(passed[1])


def _python(sources: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python as it runs here, in ``sources``, whose modules come before any that are installed."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=sources,
        env={**os.environ, "PYTHONPATH": str(sources), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TESTS_TIMEOUT_S,
    )
