# SPDX-License-Identifier: BSD-3-Clause
"""All that waits for somebody's answer, at once: resolvers, brokers, MQTT brokers, systemd."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from pyaiot import __version__
from pyaiot.doctor import subjects
from pyaiot.doctor.checks import broker as broker_checks
from pyaiot.doctor.checks import clock as clock_checks
from pyaiot.doctor.checks import exposure, ports
from pyaiot.doctor.checks import mqtt as mqtt_checks
from pyaiot.doctor.checks import units as unit_checks
from pyaiot.doctor.checks.key_file import KeyFacts
from pyaiot.doctor.findings import Finding
from pyaiot.doctor.host import Host
from pyaiot.doctor.probes import broker as broker_probe
from pyaiot.doctor.probes import mqtt as mqtt_probe
from pyaiot.doctor.probes import network as network_probe
from pyaiot.doctor.probes import processes
from pyaiot.doctor.probes import units as unit_probe
from pyaiot.doctor.probes.bounded import in_thread, resolve
from pyaiot.doctor.probes.rights import acting_as
from pyaiot.doctor.subjects import Door, Place, Subject
from pyaiot.gateway.mqtt.cli import make_tls, read_account
from pyaiot.keys import Keys
from pyaiot.options import ConfigurationError
from pyaiot.settings import MqttGatewaySettings

#: What has not answered by then is left out, which is said. Each probe has a bound of its own, below this one.
ALL_S: Final = 6.0

KeyFiles = Mapping[str, tuple[KeyFacts, Keys | None]]


async def ask(host: Host, doors: Sequence[Door], keys: KeyFiles) -> list[Finding]:
    """What all of them made known. Takes at most ALL_S."""
    asked = {
        "sockets and names": _ports(doors, host, keys),
        "systemd": _units(host.units),
        **dict(_brokers(host, keys)),
        **dict(_mqtt_brokers(host)),
    }
    found = await asyncio.gather(*(_in_time(what, each) for what, each in asked.items()))
    return [finding for each in found for finding in each]


async def _in_time(what: str, asking: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(ALL_S):
            return await asking
    except TimeoutError:
        return [Finding(check="examination.late", level="note", summary=f"{what}: no answer within {ALL_S:g} s")]


async def _ports(doors: Sequence[Door], host: Host, keys: KeyFiles) -> list[Finding]:
    names = list(dict.fromkeys(door.host for door in doors))
    listening = asyncio.ensure_future(in_thread(processes.sockets))
    resolved = dict(zip(names, await asyncio.gather(*(_addresses(name) for name in names)), strict=True))
    try:
        sockets = await listening
    except TimeoutError:
        sockets = []
    ours = {each.pid: each.name for each in host.processes}
    foreign = network_probe.foreign(address for found in resolved.values() for address in found)
    seen = ports.Sockets(sockets, ours, resolved, foreign, host.network.own)
    found = [*ports.check_ports(doors, seen), *ports.check_devices_doors(doors, seen)]
    for subject in host.subjects:
        brokers = [door for door in subjects.doors(subject) if door.role == "broker"]
        if any(ports.is_public(door, seen) for door in brokers):
            facts, _ = keys[subject.settings.key_file]
            found += exposure.check_exposure(subject, facts)
    return found


async def _addresses(name: str) -> tuple[str, ...]:
    try:
        return await resolve(name, passive=True)
    except TimeoutError:
        return ()


async def _units(units: unit_probe.Units) -> list[Finding]:
    if not units.found:
        return []
    facts = await in_thread(lambda: unit_probe.facts(units), ALL_S)
    return [finding for each in facts for finding in unit_checks.check_unit(each)]


def _brokers(host: Host, keys: KeyFiles) -> Iterator[tuple[str, Awaitable[list[Finding]]]]:
    """Each broker once for each key file whose gateways are to talk to it."""
    for where, talking in subjects.places(host.subjects).items():
        paths = [path for path in keys if any(each.settings.key_file == path for each in talking)]
        for path in paths or [""]:
            facts, stored = keys.get(path, (None, None))
            of_it = [each for each in talking if not path or each.settings.key_file == path]
            yield f"the broker at {where.url} ({path})", _broker(where, of_it, facts, stored, host)


async def _broker(
    where: Place,
    talking: Sequence[Subject],
    facts: KeyFacts | None,
    stored: Keys | None,
    host: Host,
) -> list[Finding]:
    if urlsplit(where.url).port == 0:
        return []  # any port: which one it is, only the broker knows
    expected = any(each.expected for each in talking)
    try:
        seen = await broker_probe.look(where, stored, host.network.own, expected)
    except ConfigurationError:
        return []  # its settings say so
    away = any("broker" in each.roles and each.pid is None for each in talking)
    if seen.facts.fault and away:
        return []  # that it does not run is said already
    address = broker_checks.address_of(seen.facts.url)
    return [
        *broker_checks.check_broker(seen.facts, facts, __version__, [each.name for each in talking]),
        *clock_checks.check_difference(address, None if seen.facts.here else seen.difference_s),
    ]


def _mqtt_brokers(host: Host) -> Iterator[tuple[str, Awaitable[list[Finding]]]]:
    for loaded in host.loaded:
        each = loaded.subject
        settings = each.settings if each is not None else None
        if each is None or "mqtt" not in each.roles:
            continue
        if isinstance(settings, MqttGatewaySettings) and not settings.embedded_broker:
            try:
                # Before there are threads. The password goes to whom the service says: not one that it may not read.
                with acting_as(loaded.rights):
                    login = read_account(settings), make_tls(settings)
            except ConfigurationError as error:
                asking = _told(mqtt_checks.check_account(str(error), each.name))
            else:
                asking = _mqtt_broker(each, settings, login, host.network.own)
            yield f"the MQTT broker of {each.name} ({each.pid})", asking


async def _told(found: Iterator[Finding]) -> list[Finding]:
    return list(found)


async def _mqtt_broker(
    subject: Subject, settings: MqttGatewaySettings, login: mqtt_probe.Login, own: frozenset[str]
) -> list[Finding]:
    account, tls = login
    address = settings.mqtt_host.strip("[]")
    facts = await mqtt_probe.look(address, settings.mqtt_port, account, tls, own, subject.expected)
    return list(mqtt_checks.check_mqtt(facts, subject.name))
