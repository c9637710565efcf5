# SPDX-License-Identifier: BSD-3-Clause
"""Units of ours that systemd knows, the machine's and this user's, and how they fare."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyaiot.cli.install_units import SYSTEM_UNITS, this_installation
from pyaiot.doctor.checks.units import UnitFacts
from pyaiot.doctor.probes.bounded import STEP_S
from pyaiot.doctor.unit_files import STATE, USER_STATE, UnitFile, read_environment_file, read_unit
from pyaiot.options import ConfigurationError
from pyaiot.systemd.units import SERVICES, TARGET, all_units

#: It is there where systemd runs the machine (sd_booted(3)).
BOOTED: Final = Path("/run/systemd/system")
MAX_UNIT: Final = 64 * 1024
MAX_ADDITIONS: Final = 64
_SHOWN: Final = ("ActiveState", "SubState", "Result", "NRestarts")


@dataclass(frozen=True, slots=True)
class Units:
    """Units that are installed, by service, and names of those that systemd is to start."""

    found: tuple[tuple[UnitFile, str], ...]
    enabled: frozenset[str]


def look() -> Units:
    """Read them; without systemd there are none."""
    found = [each for user in (False, True) for service in SERVICES if (each := _find(service.name, user)) is not None]
    wants = [Path(unit.path).parent / f"{TARGET}.wants" / Path(unit.path).name for unit, _ in found]
    enabled = {unit.name for (unit, _), link in zip(found, wants, strict=True) if link.exists()}
    return Units(tuple(found), frozenset(enabled))


def unit_of(service: str) -> UnitFile | None:
    """The machine's unit of a service (its command), else this user's; None: systemd knows none."""
    found = _find(service, False) or _find(service, True)
    return None if found is None else found[0]


def _find(service: str, user: bool) -> tuple[UnitFile, str] | None:
    """A unit, and the text of its file alone."""
    home = os.path.expanduser("~")
    own = Path(os.environ.get("XDG_CONFIG_HOME") or f"{home}/{USER_STATE}") / "systemd" / "user"
    path = (own if user else SYSTEM_UNITS) / f"{service}.service"
    text = read(path)
    if text is None:
        return None
    whole = "\n".join((text, *_additions(path)))
    return read_unit(service, str(path), whole, user=user, state=f"{home}/{USER_STATE}" if user else STATE), text


def environment_of(unit: UnitFile) -> dict[str, str]:
    """What systemd sets for it. Raises ConfigurationError: a file of it is there and cannot be read."""
    environment = dict(unit.environment)
    for path in unit.settings:
        try:
            with open(path, "rb") as file:
                environment.update(read_environment_file(file.read(MAX_UNIT).decode(errors="replace")))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ConfigurationError(
                f"{path}, which {unit.name} goes by, cannot be read: {error.strerror} (run it as root?)"
            ) from None
    return environment


def facts(units: Units) -> list[UnitFacts]:
    """Of each of them. May wait for systemd, for STEP_S at most."""
    programs = str(Path(sys.executable).parent.absolute())
    states = {user: _states([unit for unit, _ in units.found if unit.user is user], user) for user in (False, True)}
    return [
        UnitFacts(
            unit=unit,
            programs=programs,
            exists=os.access(unit.program, os.X_OK),
            text=text,
            expected=_expected(unit),
            state=states[unit.user].get(unit.name, {}),
            settings_modes={path: mode for path in unit.settings if (mode := _mode(path)) is not None},
        )
        for unit, text in units.found
    ]


def read(path: str | Path) -> str | None:
    """A small file of settings; None where it is not there, or we may not read it."""
    try:
        with open(path, "rb") as file:
            return file.read(MAX_UNIT).decode(errors="replace")
    except OSError:
        return None


def _mode(path: str) -> int | None:
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        return None


def _additions(unit: Path) -> list[str]:
    """What ``systemctl edit`` adds to it (systemd.unit(5))."""
    return [text for path in sorted(Path(f"{unit}.d").glob("*.conf"))[:MAX_ADDITIONS] if (text := read(path))]


def _expected(unit: UnitFile) -> str | None:
    try:
        settings = os.path.dirname(unit.settings[0]) if unit.settings else "/"
        installation = this_installation(Path(settings), user=unit.user)
    except ConfigurationError:
        return None
    return all_units(installation).get(f"{unit.name}.service")


def _states(units: list[UnitFile], user: bool) -> dict[str, dict[str, str]]:
    if not units or not BOOTED.is_dir():
        return {}
    names = [f"{unit.name}.service" for unit in units]
    command = ["systemctl", *(["--user"] if user else []), "show", "-p", ",".join(("Id", *_SHOWN)), *names]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=STEP_S).stdout
    except (OSError, subprocess.TimeoutExpired):
        return {}
    found: dict[str, dict[str, str]] = {}
    for block in said.split("\n\n"):
        properties = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        name = properties.pop("Id", "").removesuffix(".service")
        found[name] = {key: value for key, value in properties.items() if key in _SHOWN}
    return found
