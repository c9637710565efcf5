# SPDX-License-Identifier: BSD-3-Clause
"""Processes of ours on this host, with what they were started with, and all sockets that listen (proc(5))."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pyaiot.doctor import proc_net
from pyaiot.doctor.probes.rights import Rights, read_rights
from pyaiot.doctor.proc_net import Listening
from pyaiot.doctor.subjects import Transport

PROC: Final = Path("/proc")
#: What is read of one file, in bytes: a table of some 40,000 sockets.
MAX_READ: Final = 8 * 1024 * 1024
#: Services that are looked at: any user may start as many as she likes that are called so.
MAX_RUNNING: Final = 64
#: Systemd names in it the process that it starts, which others inherit with that number (systemd.exec(5)).
STARTED_BY_SYSTEMD: Final = "SYSTEMD_EXEC_PID"
#: Of a command's name so much is told.
MAX_COMMAND: Final = 40
_TABLES: Final[tuple[tuple[Transport, str], ...]] = (("TCP", "tcp"), ("TCP", "tcp6"), ("UDP", "udp"), ("UDP", "udp6"))


@dataclass(frozen=True, slots=True)
class Running:
    """A service that runs. ``environment`` is None where we may not see it; ``files`` is its limit of open files.

    ``rights``: by which it opens files.
    """

    pid: int
    uid: int
    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str] | None
    folder: str
    files: int | None
    rights: Rights | None = None
    #: Unix time; None where it cannot be told.
    started_s: float | None = None


def running() -> list[Running]:
    """Services of pyaiot in this network namespace: those in containers have ports of their own."""
    here = _namespace("self")
    found = []
    for pid in _pids():
        words = _text(PROC / pid / "cmdline").split("\0")[:-1]
        service = proc_net.service_of(words, _interpreter(pid, words))
        if service is None or _namespace(pid) not in (here, ""):
            continue
        name, arguments = service
        # Before its environment: whoever becomes root in between has it still read by the rights of before.
        rights = read_rights(_text(PROC / pid / "status"))
        if rights is None:
            continue  # it has ended
        found.append(
            Running(
                int(pid),
                rights.uid,
                name,
                tuple(arguments),
                _environment(pid),
                _link(pid, "cwd") or "/",
                _files(pid),
                rights,
                started_at(pid),
            )
        )
        if len(found) == MAX_RUNNING:
            break
    return found


def sockets() -> list[Listening]:
    """Everything that listens here, with its process where we may see it."""
    found: list[Listening] = []
    for transport, table in _TABLES:
        text = _text(PROC / "self" / "net" / table)
        found += proc_net.listening(text, transport, little_endian=sys.byteorder == "little")
    owners = _owners({f"socket:[{each.inode}]" for each in found})
    return [_owned(each, owners.get(f"socket:[{each.inode}]")) for each in found]


def _owned(socket: Listening, pid: str | None) -> Listening:
    if pid is None:
        return socket
    name = _text(PROC / pid / "comm").strip()[:MAX_COMMAND]
    return replace(socket, pid=int(pid), command=name)


def _owners(wanted: set[str]) -> dict[str, str]:
    """The process of each socket, by what its link in /proc/<pid>/fd says; of several the one that came last."""
    found: dict[str, str] = {}
    for pid in _pids():
        try:
            names = os.listdir(PROC / pid / "fd")
        except OSError:
            continue
        for name in names:
            target = _link(pid, f"fd/{name}")
            if target in wanted:
                found[target] = pid
    return found


def _pids() -> Iterator[str]:
    return (name for name in os.listdir(PROC) if name.isdecimal())


def _interpreter(pid: str, words: list[str]) -> str:
    """The name of the file that runs; where we may not see it, what it is called by."""
    path = _link(pid, "exe") or (words[0] if words else "")
    return path.rpartition("/")[2]


def _namespace(pid: str) -> str:
    return _link(pid, "ns/net")


def _environment(pid: str) -> dict[str, str] | None:
    """Of it only what may matter: options of ours, the home, and who started it."""
    try:
        raw = (PROC / pid / "environ").read_bytes()[:MAX_READ]
    except OSError:
        return None
    pairs = (each.partition("=") for each in raw.decode(errors="surrogateescape").split("\0"))
    return {name: value for name, _, value in pairs if name.startswith("AIOT_") or name in ("HOME", STARTED_BY_SYSTEMD)}


def started_at(pid: str) -> float | None:
    """By this host's clock as it is now (proc(5): ticks since the machine started, and when that was)."""
    boot = next((line.split()[1] for line in _text(PROC / "stat").splitlines() if line.startswith("btime ")), None)
    fields = _text(PROC / pid / "stat").rpartition(")")[2].split()
    if boot is None or len(fields) < 20:
        return None
    return int(boot) + int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _files(pid: str) -> int | None:
    """The hard limit of open files; None where there is none, or it cannot be seen."""
    for line in _text(PROC / pid / "limits").splitlines():
        if line.startswith("Max open files"):
            hard = line.split()[4]
            return int(hard) if hard.isdecimal() else None
    return None


def _link(pid: str, name: str) -> str:
    try:
        return os.readlink(PROC / pid / name)
    except OSError:
        return ""


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_READ).decode(errors="surrogateescape")
    except OSError:
        return ""
