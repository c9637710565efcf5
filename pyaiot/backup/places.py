# SPDX-License-Identifier: BSD-3-Clause
"""Where this host has what belongs into a backup: what its services' settings say, as their units start them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from pyaiot import options
from pyaiot.backup.contents import DEVICE_TOKEN_KEY, ENVIRONMENT
from pyaiot.backup.layout import SYSTEM_SETTINGS, SYSTEM_STATE, USER_SETTINGS, Layout, Place
from pyaiot.backup.settings_text import assignments
from pyaiot.dashboard.config import is_url
from pyaiot.options import ConfigurationError, Keeps
from pyaiot.settings import ALL_SETTINGS, SERVICES, CommonSettings


def find_layout(folder: str = "", *, system: bool | None = None) -> Layout:
    """That of systemd's units where root has it, else that of the user who asks; ``folder`` is another for settings."""
    home = os.path.expanduser("~")
    if system is None:
        system = os.getuid() == 0 and folder in ("", SYSTEM_SETTINGS) and os.path.isdir(SYSTEM_SETTINGS)
    if system:
        return Layout(os.path.abspath(folder or SYSTEM_SETTINGS), home, SYSTEM_STATE)
    shell = {name: value for name, value in os.environ.items() if name.startswith("AIOT_") and value}
    return Layout(os.path.abspath(os.path.expanduser(folder or USER_SETTINGS)), home, "", shell)


def written(layout: Layout) -> dict[str, str]:
    """What the units' environment file sets. Raises ConfigurationError."""
    try:
        return assignments(Path(layout.environment).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigurationError(f"{layout.environment} cannot be read: {error.strerror}") from None
    except UnicodeError:
        raise ConfigurationError(f"{layout.environment} is not text") from None


def config_path(layout: Layout, environment: Mapping[str, str], config: str = "") -> str:
    """The config file, which ``config`` or a variable names; empty: there is none."""
    path = config or layout.shell.get("AIOT_CONFIG") or environment.get("AIOT_CONFIG") or ""
    return absolute(path, layout) if path else ""


def find_places(layout: Layout, environment: Mapping[str, str], config: str, *, lenient: bool = False) -> list[Place]:
    """Every place but the config file's; those of one path and role as one.

    ``environment``: what the environment file sets; ``config``: the config file to read, if any. Raises
    ConfigurationError: the settings are wrong; where ``lenient``, all of them count as not said then.
    """
    found: dict[tuple[str, str], Place] = {}
    for service, settings in SERVICES.items():
        for place in _places_of(service, settings, layout, environment, config, lenient):
            known = found.get((place.role, place.path), place)
            services = tuple(dict.fromkeys((*known.services, *place.services)))
            chosen = place.chosen or known.chosen
            found[place.role, place.path] = Place(
                place.role, place.keeps, services, place.path, place.is_folder, chosen
            )
    return [
        *found.values(),
        Place(ENVIRONMENT, "chosen", (), layout.environment),
        Place(DEVICE_TOKEN_KEY, "secret", (), layout.device_token_key),
    ]


def config_place(path: str) -> Place:
    """The config file is all services'."""
    return Place("config", "chosen", tuple(SERVICES), path, chosen=True)


def absolute(path: str, layout: Layout) -> str:
    """As a service finds it: units are started in ``/``, a user's services where she is."""
    expanded = os.path.expanduser(path)
    return os.path.normpath(os.path.join("/", expanded)) if layout.is_system else os.path.abspath(expanded)


def _places_of(
    service: str,
    settings: type[CommonSettings],
    layout: Layout,
    environment: Mapping[str, str],
    config: str,
    lenient: bool,
) -> list[Place]:
    usual = layout.usual(service)
    loaded = _load(service, settings, layout, environment, config, lenient)
    places = []
    for each in fields(settings):
        keeps: Keeps = each.metadata["keeps"]
        said = getattr(loaded, each.name)
        if not keeps or each.name == "config" or not said or is_url(said):
            continue
        path = usual[each.name] if said == each.default else absolute(said, layout)
        is_folder = each.metadata["metavar"] == "FOLDER"
        places.append(Place(each.name, keeps, (service,), path, is_folder, chosen=path != usual.get(each.name)))
    return places


def _load(
    service: str,
    settings: type[CommonSettings],
    layout: Layout,
    environment: Mapping[str, str],
    config: str,
    lenient: bool,
) -> CommonSettings:
    # What a unit says itself is what its service has, unless the environment file says otherwise.
    usual = layout.usual(service).items() if layout.is_system else ()
    units = {f"AIOT_{name.upper()}": path for name, path in usual}
    said = {**units, **environment, **layout.shell}
    try:
        return _options(service, settings, config, said)
    except ConfigurationError:
        if not lenient:
            raise
    return _options(service, settings, "", units)


def _options(
    service: str, settings: type[CommonSettings], config: str, environment: Mapping[str, str]
) -> CommonSettings:
    return options.load(
        settings,
        program=service,
        description="",
        arguments=[f"--config={config}"],
        environment=environment,
        known=ALL_SETTINGS,
    )
