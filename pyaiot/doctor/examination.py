# SPDX-License-Identifier: BSD-3-Clause
"""The whole examination: what there is on this host, what others answer, and the judging of it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pyaiot import __version__
from pyaiot.addresses import is_loopback
from pyaiot.doctor import device_files, subjects
from pyaiot.doctor.asking import ask
from pyaiot.doctor.checks import clock as clock_checks
from pyaiot.doctor.checks import configuration, exposure, key_file, network, room, versions
from pyaiot.doctor.checks import units as unit_checks
from pyaiot.doctor.checks.files import check_copy
from pyaiot.doctor.checks.key_file import KeyFacts
from pyaiot.doctor.findings import Finding, Level, in_order
from pyaiot.doctor.host import Host, look_around
from pyaiot.doctor.loading import Loaded
from pyaiot.doctor.probes import clock as clock_probe
from pyaiot.doctor.probes import files
from pyaiot.doctor.probes import room as room_probe
from pyaiot.doctor.probes import versions as versions_probe
from pyaiot.doctor.subjects import Door, Subject
from pyaiot.keys import Keys
from pyaiot.options import ConfigurationError
from pyaiot.tls.certificate import server_certificate


@dataclass(frozen=True, slots=True)
class Report:
    """``about`` is for JSON, ``head`` for people."""

    head: list[str]
    about: dict[str, Any]
    findings: list[Finding]


async def examine(asked: Sequence[str], config: str) -> Report:
    """``asked``: names of services, or none; ``config``: a configuration file, or empty."""
    host = look_around(asked, config)
    found = list(_judge_settings(host))
    if config and all(each.pid for each in host.loaded):
        found += configuration.check_config(config, [each.name for each in host.loaded])
    keys = {path: _look_at_keys(path, host.loaded) for path in _key_files(host.subjects)}
    doors = [door for subject in host.subjects for door in subjects.doors(subject)]
    found += await ask(host, doors, keys)
    found += _judge_host(host, doors)
    found += _judge_files(host, keys)
    found += _judge_certificates(host.subjects)
    return Report(_head(host), _about(host), in_order(found))


def _judge_settings(host: Host) -> Iterator[Finding]:
    users = {unit.name for unit, _ in host.units.found if unit.user}
    yield from unit_checks.check_enabled([unit.name for unit, _ in host.units.found], host.units.enabled)
    for each in host.loaded:
        if each.unseen:
            yield configuration.check_unseen(each.name, each.pid, each.uid)
            continue
        yield configuration.check_settings(each.name, each.fault or None, each.where)
        yield from configuration.check_changed(each.name, each.changed, user=each.name in users)
        if each.subject is not None:
            yield from configuration.check_expected(each.subject, user=each.name in users)
    programs, installed_s = str(Path(sys.executable).parent.absolute()), versions_probe.installed_at()
    for unit, _ in host.units.found:
        for process in host.processes:
            if process.name == unit.name:
                yield from unit_checks.check_age(unit, programs, process.started_s, installed_s)
    by_place = {each.where: each.variables for each in host.loaded}
    told: frozenset[str] = frozenset()
    for where, names in by_place.items():
        yield from configuration.check_variables(names - told, where)  # units have one file of them
        told |= names
    yield from configuration.check_scope(
        [each.name for each in host.loaded], host.left_out, running=any(each.pid for each in host.loaded)
    )


def _key_files(found: Sequence[Subject]) -> list[str]:
    return list(
        dict.fromkeys(each.settings.key_file for each in found if set(each.roles) - {"dashboard", "mqtt-broker"})
    )


def _look_at_keys(path: str, loaded: Sequence[Loaded]) -> tuple[KeyFacts, Keys | None]:
    usual = subjects.absolute("~/.pyaiot/keys", os.path.expanduser("~"), os.getcwd())
    uid = next((each.uid for each in loaded if each.subject and each.subject.settings.key_file == path), None)
    return files.look_at_keys(path, key_file.key_command(path, usual), uid)


def _judge_files(host: Host, keys: Mapping[str, tuple[KeyFacts, Keys | None]]) -> Iterator[Finding]:
    for path, (facts, _) in keys.items():
        of_it = [
            each
            for each in host.subjects
            if each.settings.key_file == path and set(each.roles) - {"dashboard", "mqtt-broker"}
        ]
        yield from key_file.check_key_file(facts, of_it)
        units = {unit.name for unit, _ in host.units.found if not unit.user}
        for subject in of_it:
            if subject.name in units:
                yield from key_file.check_apart(facts, subject.name)
    for each in host.loaded:
        for variable, copy, original in each.copies:
            stale = files.is_stale(copy, original)
            yield from check_copy(each.name, original, certificate=variable.startswith("AIOT_TLS_"), stale=stale)
        if each.subject is not None:
            yield from device_files.examine(each.subject, each.uid)
            for path, purpose in device_files.written(each.subject):
                disk = room_probe.look_at_disk(path, purpose, each.name, each.uid)
                if disk is not None:
                    yield from room.check_disk(disk)


def _judge_certificates(found: Sequence[Subject]) -> Iterator[Finding]:
    for each in found:
        if (settings := subjects.tls_settings(each.settings)) is not None:
            try:
                shown = server_certificate(settings)
            except ConfigurationError:
                continue  # its settings say so
            if shown is not None:
                yield from exposure.check_certificate(each.name, shown.file, shown.validity, time.time())


def _judge_host(host: Host, doors: Sequence[Door]) -> Iterator[Finding]:
    found = host.subjects
    yield from network.check_network(host.network, found)
    elsewhere = any(not is_loopback(urlsplit(place.url).hostname or "") for place in subjects.places(found))
    tokens = any(device_files.has_token_keys(each) for each in found)
    certificates = any(subjects.shows_certificate(each.settings) for each in found)
    yield from clock_checks.check_clock(
        clock_checks.Clock(time.time(), clock_probe.synchronised(), matters=elsewhere or tokens or certificates)
    )
    yield from room.check_memory(room_probe.available_memory())
    for each in host.loaded:
        # A port by TLS shares what the one without has.
        servers = sum(door.transport == "TCP" and door.service == each.name and not door.tls for door in doors)
        if each.subject is not None and each.subject.origin != "unit":
            allowed = each.files if each.subject.pid is not None else room_probe.open_files()
            yield from room.check_limits(room.Limits(service=each.name, files=allowed, servers=servers))
    python = os.path.relpath(sys.executable) if sys.executable.startswith(os.getcwd() + "/") else sys.executable
    yield from versions.check_versions(
        versions_probe.look(), embedded=_embeds(found), dashboard=_serves_page(found), python=python
    )


def _embeds(found: Sequence[Subject]) -> Level | None:
    """How bad it is when there is no MQTT broker to embed: all in one does without, and says so."""
    if any("mqtt-broker" in each.roles and each.name != subjects.UP for each in found):
        return "problem"
    return "note" if any(getattr(each.settings, "embedded_broker", False) for each in found) else None


def _serves_page(found: Sequence[Subject]) -> bool:
    return any("dashboard" in each.roles and not getattr(each.settings, "static_path", "") for each in found)


def _head(host: Host) -> list[str]:
    name = os.uname()
    who = "root" if os.geteuid() == 0 else f"uid {os.geteuid()}, who does not see everything"
    told = ", ".join(f"{each.name} ({f'pid {each.pid}' if each.pid else 'not running'})" for each in host.loaded)
    return [
        f"pyaiot {__version__} in {Path(sys.prefix)}, on {name.nodename} ({name.sysname} {name.release}), as {who}",
        f"Examined: {told}",
    ]


def _about(host: Host) -> dict[str, Any]:
    return {
        "version": __version__,
        "host": os.uname().nodename,
        "uid": os.geteuid(),
        "at": int(time.time()),
        "services": [
            {
                "name": each.name,
                "pid": each.pid,
                "settings": each.where,
            }
            for each in host.loaded
        ],
    }
