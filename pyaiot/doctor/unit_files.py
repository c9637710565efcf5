# SPDX-License-Identifier: BSD-3-Clause
"""What the units of systemd say of a service, as far as it matters here: its program, its environment. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

#: Where systemd keeps the state of services of the machine (``%S``), and of a user, below the home.
STATE: Final = "/var/lib"
USER_STATE: Final = ".config"


@dataclass(frozen=True, slots=True)
class UnitFile:
    """A unit of ours. ``settings``: its environment files, the last wins; ``user``: of a user's own systemd."""

    name: str
    path: str
    program: str = ""
    arguments: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: bool = False


def read_unit(name: str, path: str, text: str, *, user: bool = False, state: str = STATE) -> UnitFile:
    """What ``text`` says; what is not understood is left out. Credentials are read where systemd copies them from."""
    credentials: dict[str, str] = {}
    assigned: list[str] = []
    command: list[str] = []
    settings: list[str] = []
    for line in text.splitlines():
        key, _, value = line.strip().partition("=")
        try:
            match key:
                case "LoadCredential":
                    credential, _, source = value.partition(":")
                    credentials[credential] = source.replace("%%", "%")
                case "Environment":
                    assigned += shlex.split(value)
                case "EnvironmentFile":
                    settings.append(value.removeprefix("-").replace("%%", "%"))
                case "ExecStart":
                    command = [word.replace("%%", "%") for word in shlex.split(value)]
        except ValueError:
            continue
    environment: dict[str, str] = {}
    for each in assigned:
        key, _, value = each.partition("=")
        for credential, source in credentials.items():
            value = value.replace(f"%d/{credential}", source)
        environment[key] = value.replace("%S", state).replace("%%", "%")
    program, *arguments = command or [""]
    return UnitFile(name, path, program, tuple(arguments), tuple(settings), environment, user)


def read_environment_file(text: str) -> dict[str, str]:
    """The variables that an environment file sets (systemd.exec(5)), with or without quotes."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        line = line.strip()
        key, equals, value = line.partition("=")
        if not line or line[0] in "#;" or not equals:
            continue
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        found[key.strip()] = value
    return found
