# SPDX-License-Identifier: BSD-3-Clause
"""The units of systemd: of this installation, and well. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pyaiot.doctor.findings import Finding
from pyaiot.doctor.unit_files import UnitFile

#: Started again so often since it was started by hand: it fails again and again.
MANY_RESTARTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFacts:
    """A unit that is installed. ``programs``: the folder of this installation's commands; ``exists``: its program does.

    ``expected``: the unit that this version would write, None where that is not known. ``state`` are properties that
    systemd shows (ActiveState, SubState, Result, NRestarts), empty where it does not run or cannot be asked.
    ``settings_modes``: permission bits of those of its environment files that are there, by path.
    """

    unit: UnitFile
    programs: str
    exists: bool
    text: str = ""
    expected: str | None = None
    state: Mapping[str, str] = field(default_factory=dict)
    settings_modes: Mapping[str, int] = field(default_factory=dict)


def check_enabled(installed: Sequence[str], enabled: Collection[str]) -> Iterator[Finding]:
    """Names of services that have a unit, and of those that systemd is to start."""
    if installed and not enabled:
        yield Finding(
            check="units.enabled",
            level="note",
            summary="units of systemd are installed, but none is enabled: systemctl enable --now aiot.target and "
            f"those that are wanted of {', '.join(installed)}",
            facts={"services": list(installed)},
        )


def check_age(unit: UnitFile, programs: str, started_s: float | None, installed_s: float | None) -> Iterator[Finding]:
    """Of a service that runs: whether it was started before pip put this pyaiot in its place (both Unix time).

    ``programs``: the folder of this installation's commands; None: not known.
    """
    if unit.program.rpartition("/")[0] != programs or started_s is None or installed_s is None:
        return
    if started_s < installed_s:
        systemctl = "systemctl --user" if unit.user else "systemctl"
        yield Finding(
            check="units.age",
            level="warning",
            service=unit.name,
            summary="runs since before pyaiot was installed here, so by older code",
            fix=f"{systemctl} restart {unit.name}",
            facts={"started": round(started_s), "installed": round(installed_s)},
        )


def check_unit(facts: UnitFacts) -> Iterator[Finding]:
    """One unit."""
    unit = facts.unit
    user = " --user" if unit.user else ""
    systemctl, journalctl = f"systemctl{user}", f"journalctl{user}"
    again = f"aiot install-units{user}; {systemctl} daemon-reload"
    seen = {"unit": unit.path, "program": unit.program, **dict(facts.state)}
    folder, _, _ = unit.program.rpartition("/")
    if not facts.exists:
        yield Finding(
            check="units.program",
            level="problem",
            service=unit.name,
            summary=f"its unit starts {unit.program}, which is not there",
            fix=again,
            facts=seen,
        )
    elif folder != facts.programs:
        yield Finding(
            check="units.installation",
            level="warning",
            service=unit.name,
            summary=f"its unit starts the installation in {folder}; this is {facts.programs}",
            fix=f"{again}   (or use that one: {shlex.quote(folder + '/aiot')} doctor)",
            facts=seen,
        )
    elif facts.expected is not None and facts.text != facts.expected:
        yield Finding(
            check="units.version",
            level="note",
            service=unit.name,
            summary=f"{unit.path} is not what this version writes: {again}",
            facts=seen,
        )
    for path, mode in facts.settings_modes.items():
        if mode & 0o022:
            yield Finding(
                check="units.settings",
                level="warning",
                summary=f"others can change {path} (mode {mode:04o}), and so what services run",
                fix=f"chmod go-w {shlex.quote(path)}",
                facts={"path": path},
            )
    restarts = facts.state.get("NRestarts", "0")
    if facts.state.get("ActiveState") == "failed" or facts.state.get("SubState") == "auto-restart":
        yield Finding(
            check="units.failed",
            level="problem",
            service=unit.name,
            summary=f"has failed ({facts.state.get('Result') or 'no reason told'}), started again {restarts} times",
            fix=f"{journalctl} -u {unit.name} -n 50 tells why; then {systemctl} restart {unit.name}",
            facts=seen,
        )
    elif restarts.isdecimal() and int(restarts) >= MANY_RESTARTS:
        yield Finding(
            check="units.restarts",
            level="warning",
            service=unit.name,
            summary=f"was started again {restarts} times after failures",
            fix=f"{journalctl} -u {unit.name} | grep -B 20 'Scheduled restart' tells why",
            facts=seen,
        )
