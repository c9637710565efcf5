# SPDX-License-Identifier: BSD-3-Clause
"""Room on disks where services write, open files, and memory. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyaiot.doctor.findings import Finding, Level

MEGABYTE: Final = 1_000_000
#: Below the first it is said, below the second what is written may be lost at any time.
LITTLE_BYTES: Final = 200 * MEGABYTE
NO_BYTES: Final = 20 * MEGABYTE
#: Files that can still be made on the disk.
LITTLE_FILES: Final = 1_000
NO_FILES: Final = 20
LITTLE_MEMORY: Final = 60 * MEGABYTE
#: Connections that each server should have files for, and files for everything else (as listening.py counts).
FILES_A_SERVER: Final = 1_024
OTHER_FILES: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """The file system that ``folder`` is on. ``files``: that can still be made; None where it has no such bound.

    ``writable``: whether who runs the service may write in the folder; None where that cannot be told. ``purpose``:
    what a service writes there, empty where it only reads.
    """

    folder: str
    free_bytes: int
    files: int | None
    read_only: bool
    writable: bool | None
    purpose: str
    service: str


def check_disk(disk: Disk) -> Iterator[Finding]:
    """One file system that a service uses."""
    facts = {"folder": disk.folder, "free_bytes": disk.free_bytes, "files": disk.files, "read_only": disk.read_only}

    def found(name: str, level: Level, summary: str, fix: str) -> Finding:
        return Finding(check=f"disk.{name}", level=level, service=disk.service, summary=summary, fix=fix, facts=facts)

    folder = shlex.quote(disk.folder)
    if disk.purpose and disk.read_only:
        yield found(
            "read_only",
            "problem",
            f"{disk.folder} is on a read-only file system, where {disk.purpose} is to be written",
            f"mount -o remount,rw {folder}, or choose another folder",
        )
        return
    if disk.purpose and disk.writable is False:
        yield found(
            "writable",
            "problem",
            f"{disk.purpose} cannot be written in {disk.folder}",
            f'sudo chown "$USER" {folder}',
        )
        return
    little = disk.free_bytes < LITTLE_BYTES
    few = disk.files is not None and disk.files < LITTLE_FILES
    if not little and not few:
        # That there is room concerns no service alone.
        summary = f"{disk.folder}: {_megabytes(disk.free_bytes)} free"
        yield Finding(check="disk.room", level="ok", summary=summary, facts=facts)
        return
    none = disk.free_bytes < NO_BYTES or (disk.files is not None and disk.files < NO_FILES)
    what = f"{_megabytes(disk.free_bytes)}" if little else f"room for {disk.files} files"
    yield found(
        "room",
        "problem" if none else "warning",
        f"{disk.folder}: only {what} left on its disk",
        f"make room: journalctl --vacuum-size=100M; du -xh {folder} | sort -h | tail shows what takes it",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Open files that a service may have (the hard limit; None: any number), and how many servers share them."""

    service: str
    files: int | None
    servers: int


def check_limits(limits: Limits) -> Iterator[Finding]:
    """Whether there are enough for its connections."""
    wanted = limits.servers * FILES_A_SERVER + OTHER_FILES
    if limits.files is not None and limits.files < wanted:
        yield Finding(
            check="limits.files",
            level="warning",
            service=limits.service,
            summary=f"may open {limits.files} files only, which bounds how many can be connected",
            fix=f"ulimit -n {wanted} before it is started, or LimitNOFILE={wanted} in its unit",
            facts={"files": limits.files, "wanted": wanted},
        )


def check_memory(available_bytes: int | None) -> Iterator[Finding]:
    """``available_bytes``: what the system could still give out; None where it does not say."""
    if available_bytes is None:
        return
    facts = {"available_bytes": available_bytes}
    if available_bytes < LITTLE_MEMORY:
        yield Finding(
            check="memory.available",
            level="warning",
            summary=f"only {_megabytes(available_bytes)} of memory can still be had",
            fix="ps -eo rss,pid,args --sort=-rss | head shows who has it",
            facts=facts,
        )
    else:
        summary = f"memory: {_megabytes(available_bytes)} can be had"
        yield Finding(check="memory.available", level="ok", summary=summary, facts=facts)


def _megabytes(count: int) -> str:
    return f"{count / 1_000 / MEGABYTE:.1f} GB" if count >= 1_000 * MEGABYTE else f"{count // MEGABYTE} MB"
