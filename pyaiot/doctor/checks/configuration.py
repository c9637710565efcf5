# SPDX-License-Identifier: BSD-3-Clause
"""Whether each service would take its settings: what its checks say, and names that nobody reads. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator

from pyaiot.doctor.findings import Finding
from pyaiot.doctor.subjects import Subject, known_options

#: Variables of the commands that are no services.
OTHER_VARIABLES = frozenset(("AIOT_BROKER", "AIOT_TOKEN"))
#: Variables that nobody reads are told up to so many.
MAX_TOLD = 10

_RUN = re.compile(r": run (.+)$")
_MEANT = re.compile(r"did you mean ([A-Za-z0-9_-]+)\?")


def check_settings(service: str, fault: str | None, where: str) -> Finding:
    """``fault``: what the service would say before it ends (exit code 78, 75); ``where`` its settings come from."""
    if fault is None:
        return Finding(
            check="configuration.settings", level="ok", service=service, summary=f"its settings are well: {where}"
        )
    return Finding(
        check="configuration.settings",
        level="problem",
        service=service,
        summary=fault,
        fix=fix_of(fault),
        facts={"where": where},
    )


def fix_of(fault: str) -> str:
    """What mends a ConfigurationError: it says so itself, or names what is to be corrected first."""
    if (run := _RUN.search(fault)) is not None:
        return run[1]
    if (meant := _MEANT.search(fault)) is not None:
        return f"call it {meant[1]} (in {fault.partition(': ')[0]})"
    if fault.startswith("Config file not found: "):
        return f"make {fault.partition(': ')[2]}, or say another with --config"
    if fault.startswith("Config file "):
        return "name one that can be read with --config, or AIOT_CONFIG"
    fault = fault.removeprefix("Invalid config file: ")
    head, colon, rest = fault.partition(": ")
    if head.startswith(("/", "~", ".")) and re.match(r"[A-Za-z_-]+: ", rest):
        return f"correct {rest.partition(': ')[0]} in {head}"
    return f"correct {head}" if colon else "say otherwise, or leave that option out"


def check_variables(names: Iterable[str], where: str) -> Iterator[Finding]:
    """Variables that look like options and are none: services pass them over, as other programs' variables."""
    known = {f"AIOT_{option.upper()}" for option in known_options()} | OTHER_VARIABLES
    unknown = sorted(name for name in names if name.startswith("AIOT_") and name not in known)
    for name in unknown[:MAX_TOLD]:
        near = difflib.get_close_matches(name, known, 1)
        yield Finding(
            check="configuration.variables",
            level="warning",
            summary=f"{name} is read by no service (set in {where})",
            fix=f"call it {near[0]}" if near else f"take {name} out",
        )


def check_changed(service: str, names: Collection[str], *, user: bool) -> Iterator[Finding]:
    """``names``: of variables that systemd would give the service otherwise if it started it now."""
    systemctl = "systemctl --user" if user else "systemctl"
    if names:
        yield Finding(
            check="configuration.changed",
            level="warning",
            service=service,
            summary=f"{', '.join(sorted(names))}: changed since it started, and it does not know",
            fix=f"{systemctl} daemon-reload; {systemctl} restart {service}",
            facts={"variables": sorted(names)},
        )


def check_unseen(service: str, pid: int | None, uid: int | None) -> Finding:
    """A service of another user's, without a unit that would tell its settings."""
    return Finding(
        check="configuration.unseen",
        level="note",
        service=service,
        summary=f"runs (pid {pid}, uid {uid}), but only root sees by which settings: sudo aiot doctor",
        facts={"pid": pid, "uid": uid},
    )


def check_scope(examined: Collection[str], left_out: Collection[str], *, running: bool) -> Iterator[Finding]:
    """What was examined says what was not; ``running``: at least one of those that were runs."""
    if not running:
        yield Finding(
            check="configuration.running",
            level="note",
            summary="no service of pyaiot runs here; what follows is how they would start",
            facts={"services": list(examined)},
        )
    if left_out:
        yield Finding(
            check="configuration.not_examined",
            level="note",
            summary=f"{', '.join(left_out)}: not running here, and not examined (aiot doctor --service does)",
            facts={"services": list(left_out)},
        )


def check_config(config: str, examined: Collection[str]) -> Iterator[Finding]:
    """``config`` was named, but all of ``examined`` run, by the settings that they were started with."""
    first = next(iter(examined), "")
    yield Finding(
        check="configuration.unread",
        level="warning",
        summary=f"{config} was not examined: what is examined runs, by the settings that it was started with",
        fix=f"stop {first} first, or name a service that does not run: --service",
        facts={"config": config, "services": list(examined)},
    )


def check_expected(subject: Subject, *, user: bool) -> Iterator[Finding]:
    """A service that systemd is to start runs; ``user``: a user's own systemd."""
    option = " --user" if user else ""
    if subject.expected and subject.pid is None:
        yield Finding(
            check="configuration.running",
            level="problem",
            service=subject.name,
            summary="is enabled, but does not run",
            fix=f"systemctl{option} start {subject.name}; journalctl{option} -u {subject.name} tells why it ended",
        )
