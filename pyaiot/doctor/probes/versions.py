# SPDX-License-Identifier: BSD-3-Clause
"""What is installed beside this program."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path

import pyaiot
from pyaiot.dashboard.assets import AssetFolder
from pyaiot.doctor.checks.versions import Versions, requirement

STATIC = Path(pyaiot.__file__).parent / "dashboard" / "static"


def look() -> Versions:
    """As pip's metadata tell it."""
    python = (sys.version_info.major, sys.version_info.minor, sys.version_info.micro)
    page = "" if (STATIC / "index.html").is_file() else AssetFolder(STATIC).why_missing()
    try:
        installed = metadata.metadata("pyaiot")
    except metadata.PackageNotFoundError:
        return Versions(python=python, ours=pyaiot.__version__, installed=None, page=page)
    requires = metadata.requires("pyaiot") or []
    return Versions(
        python=python,
        ours=pyaiot.__version__,
        installed=installed["Version"],
        requires_python=installed["Requires-Python"] or "",
        requires=requires,
        found={name: _version(name) for name in {requirement(each)[0] for each in requires}},
        page=page,
    )


def installed_at() -> float | None:
    """When pip put pyaiot here, Unix time; None where it did not, as it is for sources that are worked on."""
    try:
        record = metadata.distribution("pyaiot").locate_file(f"pyaiot-{pyaiot.__version__}.dist-info/RECORD")
        return os.stat(str(record)).st_mtime
    except (metadata.PackageNotFoundError, OSError):
        return None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
