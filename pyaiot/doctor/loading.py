# SPDX-License-Identifier: BSD-3-Clause
"""The settings of each service that is examined: those that it runs by, that its unit gives it, or that it would get
here; and what its own checks say of them before it starts."""

from __future__ import annotations

import errno
import os
import pwd
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib.util import find_spec
from itertools import pairwise
from typing import Literal

from pyaiot import options
from pyaiot.actuation_file import read_actuation_map
from pyaiot.broker.authorisation import allowed_origins
from pyaiot.dashboard.cli import make_config
from pyaiot.doctor.probes import units
from pyaiot.doctor.probes.files import CREDENTIALS
from pyaiot.doctor.probes.processes import STARTED_BY_SYSTEMD, Running
from pyaiot.doctor.probes.rights import Rights
from pyaiot.doctor.probes.units import Units
from pyaiot.doctor.subjects import ROLES, SETTINGS, UP, Subject, absolute, located, roles_of, tls_settings
from pyaiot.doctor.unit_files import UnitFile, read_environment_file
from pyaiot.gateway.cli import broker_address
from pyaiot.gateway.mqtt.cli import make_tls, read_account
from pyaiot.gateway.mqtt.embedded import check_options
from pyaiot.gateway.ws.admission import parse_origins
from pyaiot.options import ConfigurationError
from pyaiot.settings import (
    ALL_SETTINGS,
    BrokerSettings,
    CommonSettings,
    DashboardSettings,
    GatewaySettings,
    MqttGatewaySettings,
    WsGatewaySettings,
)
from pyaiot.tls.certificate import server_certificate


@dataclass(frozen=True, slots=True)
class Loaded:
    """One service. ``fault``: why its settings are not taken; then ``subject`` is None, as it is where it is
    ``unseen``: it runs, but only root sees by which settings. ``where`` they come from, and ``variables``: names of
    environment variables there. ``uid``: who runs it, None where that is not known; ``files``: how many it
    may open; ``copies``: files that systemd copied for it, as the variable that names it, the copy and its original;
    ``rights``: those that it runs by; ``changed``: variables that systemd would start it with otherwise now.
    """

    name: str
    where: str
    subject: Subject | None = None
    fault: str = ""
    variables: frozenset[str] = frozenset()
    uid: int | None = None
    pid: int | None = None
    files: int | None = None
    unseen: bool = False
    copies: tuple[tuple[str, str, str], ...] = ()
    rights: Rights | None = None
    changed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a service's settings come from."""

    where: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    home: str
    folder: str


def load(names: Sequence[str], processes: Sequence[Running], installed: Units, config: str) -> list[Loaded]:
    """Each of ``names``, once for each process of it. ``config`` is for those that do not run."""
    found: list[Loaded] = []
    for name in names:
        of_it = [each for each in processes if each.name == name]
        if not of_it and name != UP:
            # All in one is that service, too.
            of_it = [each for each in processes if each.name == UP]
        unit = next((unit for unit, _ in installed.found if unit.name == name), None)
        if of_it:
            found += [_running(name, each, unit) for each in of_it]
            continue
        if unit is not None and not config:
            uid = os.getuid() if unit.user else None
            found.append(_loaded(name, _of_unit(unit), "unit", None, name in installed.enabled, uid))
        else:
            found.append(_loaded(name, _here(config), "here", None, False, os.getuid()))
    return found


def key_file_here(config: str) -> str:
    """The key file that a service would take that is started here; the usual one where settings are wrong."""
    loaded = _loaded("aiot-broker", _here(config), "here", None, False, None)
    usual = absolute("~/.pyaiot/keys", os.path.expanduser("~"), os.getcwd())
    return usual if loaded.subject is None else loaded.subject.settings.key_file


def _running(name: str, process: Running, unit: UnitFile | None) -> Loaded:
    if process.environment is not None:
        environment, uid = process.environment, process.uid
        home = environment.get("HOME") or _home_of(uid)
        copied = {key: value for key, value in environment.items() if value.startswith(CREDENTIALS)}
        originals: dict[str, str] = {}
        if unit is not None:
            # What is to be looked at, and mended, is what systemd copied for the service: that is root's.
            originals = {key: unit.environment[key] for key in copied if key in unit.environment}
            environment = {**environment, **originals}
        source = _Source(f"the running process {process.pid}", process.arguments, environment, home, process.folder)
        loaded = _loaded(name, source, "running", process, True, None if copied else uid)
        copies = tuple((key, copied[key], path) for key, path in originals.items())
        by_systemd = unit is not None and environment.get(STARTED_BY_SYSTEMD) == str(process.pid)
        changed = _differences(environment, _of_unit(unit).environment) if unit is not None and by_systemd else ()
        return replace(loaded, copies=copies, changed=frozenset(changed))
    if unit is not None:
        # Anybody may read that, and it is what the process was started by.
        return _loaded(name, _of_unit(unit), "running", process, True, process.uid)
    return Loaded(name, f"the running process {process.pid}", pid=process.pid, uid=process.uid, unseen=True)


def _differences(has: Mapping[str, str], would: Mapping[str, str]) -> Iterable[str]:
    """Options that a process has otherwise than its unit says; not those whose specifiers only systemd knows."""
    names = (name for name in has.keys() | would.keys() if name.startswith("AIOT_"))
    return (name for name in names if has.get(name) != would.get(name) and "%" not in would.get(name, ""))


def _loaded(
    name: str,
    source: _Source,
    origin: Literal["running", "unit", "here"],
    process: Running | None,
    expected: bool,
    uid: int | None,
) -> Loaded:
    variables = frozenset(each for each in source.environment if each.startswith("AIOT_"))
    pid, files, rights = (process.pid, process.files, process.rights) if process else (None, None, None)
    loaded = Loaded(name, source.where, variables=variables, uid=uid, pid=pid, files=files, rights=rights)
    environment = dict(source.environment)
    if environment.get("AIOT_CONFIG"):
        environment["AIOT_CONFIG"] = absolute(environment["AIOT_CONFIG"], source.home, source.folder)
    arguments = list(_located_arguments(source))
    try:
        if process is not None:
            check_ordinary(_config_of(arguments) or environment.get("AIOT_CONFIG", ""), "--config")
        settings = located(
            options.load(
                SETTINGS[name if process is None else process.name],
                program=name,
                description="",
                arguments=arguments,
                environment=environment,
                known=ALL_SETTINGS,
            ),
            source.home,
            source.folder,
        )
    except ConfigurationError as error:
        if _is_unseen(error, uid):
            return replace(loaded, unseen=True)
        return replace(loaded, fault=str(error))
    try:
        if process is not None:
            for each in fields(settings):
                if each.metadata["keeps"] and each.metadata["metavar"] == "FILE":
                    check_ordinary(getattr(settings, each.name), f"--{each.name.replace('_', '-')}")
        _check(settings)
    except ConfigurationError as error:
        if not _is_unseen(error, uid):
            return replace(loaded, fault=str(error))
    # All in one is asked as one of its services.
    can_embed = find_spec("amqtt") is not None
    roles = roles_of(name, settings, can_embed=can_embed) if process is None or process.name == name else ROLES[name]
    subject = Subject(name, settings, roles, origin, process.pid if process else None, expected)
    return replace(loaded, subject=subject)


def _is_unseen(error: ConfigurationError, uid: int | None) -> bool:
    """Whether it is only we who may not read a file, and not the service, which another user runs."""
    return uid != os.geteuid() and str(error).endswith(os.strerror(errno.EACCES))


def _check(settings: CommonSettings) -> None:
    """What services look at as they start, besides keys and sockets. Raises ConfigurationError."""
    if isinstance(settings, BrokerSettings):
        allowed_origins(settings.allowed_origins, settings.web_port)
        read_actuation_map(settings.actuation_map)
    if isinstance(settings, WsGatewaySettings):
        parse_origins(settings.device_origins)
        read_actuation_map(settings.actuation_map)
    if (tls := tls_settings(settings)) is not None:
        server_certificate(tls)
    if isinstance(settings, GatewaySettings) and not isinstance(settings, BrokerSettings):
        broker_address(settings)
    if isinstance(settings, DashboardSettings):
        make_config(settings)
    if isinstance(settings, MqttGatewaySettings):
        if settings.embedded_broker:
            check_options(settings)
        else:
            make_tls(settings)
            read_account(settings)


def _located_arguments(source: _Source) -> Iterable[str]:
    """A relative configuration file is where the process is."""
    following = False
    for word in source.arguments:
        if following:
            yield absolute(word, source.home, source.folder)
        elif word.startswith("--config="):
            yield "--config=" + absolute(word.removeprefix("--config="), source.home, source.folder)
        else:
            yield word
        following = word == "--config"


def _config_of(arguments: Sequence[str]) -> str:
    """The configuration file that a located command line names, or empty."""
    named = ""
    for word, following in pairwise([*arguments, ""]):
        if word == "--config":
            named = following
        elif word.startswith("--config="):
            named = word.removeprefix("--config=")
    return named


def check_ordinary(path: str, option: str) -> None:
    """Raise ConfigurationError where there is something else than a file or a folder at ``path`` (absolute).

    Another user's service may name a pipe that nobody writes to, or what never ends: the doctor would wait for it.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return  # reading it will say why
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise ConfigurationError(f"{option}: {path} is no ordinary file, and is not looked at")


def _here(config: str) -> _Source:
    where = f"{config} and the environment" if config else "the environment"
    arguments = ("--config", config) if config else ()
    return _Source(where, arguments, os.environ, os.path.expanduser("~"), os.getcwd())


def _of_unit(unit: UnitFile) -> _Source:
    """What systemd gives the service: nothing of our own environment."""
    environment = dict(unit.environment)
    where = [unit.path]
    for path in unit.settings:
        text = units.read(path)
        if text is not None:
            environment.update(read_environment_file(text))
            where.append(path)
    home = os.path.expanduser("~") if unit.user else "/root"
    return _Source(" and ".join(where), unit.arguments, environment, home, "/")


def _home_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return "/"
