# SPDX-License-Identifier: BSD-3-Clause
"""Where this host has what belongs into a backup: what its services' settings say, as their units start them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from pyaiot import options
from pyaiot.backup.contents import DEVICE_TOKEN_KEY, ENVIRONMENT, KEY_FILE, environment_of
from pyaiot.backup.layout import SYSTEM_SETTINGS, SYSTEM_STATE, SYSTEM_UNITS, USER_SETTINGS, Layout, Place
from pyaiot.backup.settings_text import assignments
from pyaiot.dashboard.config import is_url
from pyaiot.key_files import file_of
from pyaiot.options import ConfigurationError, Keeps
from pyaiot.settings import ALL_SETTINGS, SERVICES, CommonSettings

#: What environment files set, by role.
Environments = Mapping[str, Mapping[str, str]]


def find_layout(folder: str = "", *, system: bool | None = None) -> Layout:
    """That of systemd's units where root has it, else that of the user who asks; ``folder`` is another for settings."""
    home = os.path.expanduser("~")
    if system is None:
        system = os.getuid() == 0 and folder in ("", SYSTEM_SETTINGS) and os.path.isdir(SYSTEM_SETTINGS)
    if system:
        return Layout(os.path.abspath(folder or SYSTEM_SETTINGS), home, SYSTEM_STATE)
    shell = {name: value for name, value in os.environ.items() if name.startswith("AIOT_") and value}
    return Layout(os.path.abspath(os.path.expanduser(folder or USER_SETTINGS)), home, "", shell)


def additions(layout: Layout) -> list[str]:
    """What ``systemctl edit`` has added to our units: no backup has it, as it could have anything started by root."""
    return sorted(map(str, Path(SYSTEM_UNITS).glob("aiot-*.service.d/*.conf"))) if layout.is_system else []


def written(layout: Layout) -> Environments:
    """What the environment files set that are there. Raises ConfigurationError."""
    return {role: _assigned(layout, role) for role in (ENVIRONMENT, *map(environment_of, SERVICES))}


def _assigned(layout: Layout, role: str) -> dict[str, str]:
    path = f"{layout.settings}/{role}"
    try:
        return assignments(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeError:
        raise ConfigurationError(f"{path} is not text") from None


def config_path(layout: Layout, environments: Environments, config: str = "") -> str:
    """The config file of all, which ``config`` or a variable names; empty: there is none."""
    shared = environments.get(ENVIRONMENT, {})
    path = config or layout.shell.get("AIOT_CONFIG") or shared.get("AIOT_CONFIG") or ""
    return absolute(path, layout) if path else ""


def find_places(layout: Layout, environments: Environments, config: str, *, lenient: bool = False) -> list[Place]:
    """Every place but the config file's; those of one path and role as one.

    ``environments``: what the environment files set; ``config``: the config file to read, if any. Raises
    ConfigurationError: the settings are wrong; where ``lenient``, all of them count as not said then.
    """
    found: dict[tuple[str, str], Place] = {}
    for service in SERVICES:
        environment = {**environments.get(ENVIRONMENT, {}), **environments.get(environment_of(service), {})}
        settings = _settings_of(service, layout, environment, config, lenient=lenient)
        for place in _places_of(service, settings, layout):
            known = found.get((place.role, place.path), place)
            services = tuple(dict.fromkeys((*known.services, *place.services)))
            chosen = place.chosen or known.chosen
            found[place.role, place.path] = Place(
                place.role, place.keeps, services, place.path, place.is_folder, chosen
            )
    return [
        *found.values(),
        Place(ENVIRONMENT, "chosen", (), f"{layout.settings}/{ENVIRONMENT}"),
        *(
            Place(role, "chosen", (service,), f"{layout.settings}/{role}")
            for service, role in ((each, environment_of(each)) for each in SERVICES)
        ),
        Place(DEVICE_TOKEN_KEY, "secret", (), layout.device_token_key),
    ]


def config_place(path: str) -> Place:
    """The config file is all services'."""
    return Place("config", "chosen", tuple(SERVICES), path, chosen=True)


def absolute(path: str, layout: Layout) -> str:
    """As a service finds it: units are started in ``/``, a user's services where she is."""
    expanded = os.path.expanduser(path)
    return os.path.normpath(os.path.join("/", expanded)) if layout.is_system else os.path.abspath(expanded)


def _places_of(service: str, settings: CommonSettings, layout: Layout) -> list[Place]:
    usual = layout.usual(service)
    places = []
    for each in fields(settings):
        keeps: Keeps = each.metadata["keeps"]
        said = getattr(settings, each.name)
        if not keeps or each.name == "config" or not said or is_url(said):
            continue
        path = usual[each.name] if said == each.default else absolute(said, layout)
        is_folder = each.metadata["metavar"] == "FOLDER"
        chosen = path != usual.get(each.name)
        if each.name == KEY_FILE:
            path = str(file_of(service, Path(path)))
        places.append(Place(each.name, keeps, (service,), path, is_folder, chosen))
    return places


def _settings_of(
    service: str, layout: Layout, environment: Mapping[str, str], config: str, *, lenient: bool
) -> CommonSettings:
    # What a unit says itself is what its service has, unless the environment file says otherwise.
    usual = layout.usual(service).items() if layout.is_system else ()
    units = {f"AIOT_{name.upper()}": path for name, path in usual}
    said = {**units, **environment, **layout.shell}
    try:
        return _load(service, config, said)
    except ConfigurationError:
        if not lenient:
            raise
    return _load(service, "", units)


def _load(service: str, config: str, environment: Mapping[str, str]) -> CommonSettings:
    return options.load(
        SERVICES[service],
        program=service,
        description="",
        arguments=[f"--config={config}"],
        environment=environment,
        known=ALL_SETTINGS,
    )
