# SPDX-License-Identifier: BSD-3-Clause
"""Room on disks, memory, and how many files this process may open."""

from __future__ import annotations

import os
import re
import resource
from pathlib import Path

from pyaiot.doctor.checks.room import Disk
from pyaiot.doctor.probes.files import existing_folder

_MEMORY = Path("/proc/meminfo")


def look_at_disk(path: str, purpose: str, service: str, uid: int | None) -> Disk | None:
    """The file system of the folder that ``path`` is or would be in; None where it cannot be looked at.

    ``uid``: who runs the service; only of ourselves it can be told whether we may write there.
    """
    folder = existing_folder(path)
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    writable = os.access(folder, os.W_OK) if uid == os.geteuid() else None
    return Disk(
        folder=folder,
        free_bytes=found.f_bavail * found.f_frsize,
        files=found.f_favail if found.f_files else None,
        read_only=bool(found.f_flag & os.ST_RDONLY),
        writable=writable,
        purpose=purpose,
        service=service,
    )


def available_memory() -> int | None:
    """In bytes, as the kernel guesses (proc(5), MemAvailable)."""
    try:
        found = re.search(r"^MemAvailable:\s+([0-9]+) kB", _MEMORY.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def open_files() -> int | None:
    """The hard limit of what is started from here; None: any number."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if hard == resource.RLIM_INFINITY else hard
