# SPDX-License-Identifier: BSD-3-Clause
"""``aiot install-units``: writes units for systemd that start this installation."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pyaiot
from pyaiot.backup import layout
from pyaiot.key_files import hand_out, own_path
from pyaiot.key_parts import GATEWAYS
from pyaiot.options import ConfigurationError, OneLineParser
from pyaiot.systemd.environment import environment_file
from pyaiot.systemd.units import SERVICES, TARGET, Installation, all_units

SYSTEM_UNITS = Path(layout.SYSTEM_UNITS)
SYSTEM_SETTINGS = Path(layout.SYSTEM_SETTINGS)
#: What is taken where there is no systemd to ask: that of Debian 12.
USUAL_VERSION = 252

NEXT = """\
Next:
  {generate}    makes keys, where there are none yet
  {systemctl} daemon-reload
  {systemctl} enable --now aiot.target aiot-broker aiot-dashboard aiot-coap-gateway    and what else you need
Options are in {environment}.
"""
#: Where units have been written before: who updates.
NEXT_AGAIN = """\
Next:
  {systemctl} daemon-reload
  {systemctl} restart aiot.target    services go on with the old code and units until then
"""


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = OneLineParser(
        prog="aiot install-units", description="Write units for systemd that start this installation."
    )
    parser.add_argument("--user", action="store_true", help="for your own systemd, instead of the machine's")
    parser.add_argument("--directory", metavar="FOLDER", type=Path, help="write the units there")
    parser.add_argument("--settings", metavar="FOLDER", type=Path, help="where the environment file and the keys are")
    return parser


def run(arguments: Sequence[str]) -> int:
    """Write them, and say what is to be done next. Raises ConfigurationError."""
    options = make_parser().parse_args(arguments)
    units = options.directory or (_user_units() if options.user else SYSTEM_UNITS)
    settings = (options.settings or (_user_settings() if options.user else SYSTEM_SETTINGS)).expanduser().absolute()
    installation = this_installation(settings, user=options.user)
    try:
        # First, so that no unit names a file that cannot be made.
        made = _make_settings(settings, options.user)
        units.mkdir(parents=True, exist_ok=True)
        again = (units / TARGET).exists()
        for name, text in all_units(installation).items():
            (units / name).write_text(text, encoding="utf-8")
    except OSError as error:
        advice = "" if options.user else ": run it as root, or with --user for your own systemd"
        raise ConfigurationError(f"{error.filename} cannot be written: {error.strerror}{advice}") from None
    print(f"{len(SERVICES)} services and aiot.target written to {units}")
    for path in made:
        print(f"{path} written")
    systemctl = "systemctl --user" if options.user else "systemctl"
    generate = f"{installation.programs}/aiot-generate-keys --key-file {settings / 'keys'}"
    following = NEXT_AGAIN if again and (settings / "keys").exists() else NEXT
    print(following.format(generate=generate, systemctl=systemctl, environment=settings / "environment"), end="")
    return 0


def this_installation(settings: Path, *, user: bool) -> Installation:
    """What runs now. Raises ConfigurationError: its commands are not to be found."""
    programs = _programs()
    code = {Path(sys.prefix), Path(pyaiot.__file__).parent.parent, Path(os.path.realpath(sys.executable)).parent.parent}
    return Installation(
        str(programs),
        str(settings),
        code=tuple(sorted(map(str, code))),
        user=user,
        version=_systemd_version(),
    )


def _programs() -> Path:
    for folder in (Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))):
        if all((folder / service.name).is_file() for service in SERVICES):
            return folder.absolute()
    raise ConfigurationError(f"the commands of pyaiot are not beside {sys.executable}: install it with pip, then again")


def _make_settings(settings: Path, user: bool) -> list[Path]:
    """Write what is not there yet: nobody's choice is overwritten. What was written."""
    settings.mkdir(mode=0o700 if user else 0o755, parents=True, exist_ok=True)
    (settings / "device-keys").mkdir(mode=0o755, exist_ok=True)
    files = [(settings / "environment", environment_file(user=user), 0o644), (settings / "devices", "", 0o600)]
    made = []
    if not user:
        key_file = settings / "keys"
        own = [own_path(key_file, service) for service in GATEWAYS.values()]
        for path in own:
            path.parent.mkdir(mode=0o700, exist_ok=True)
        # Those of an installation whose services shared a key file. It stays as it is, for an older pyaiot.
        made += hand_out(key_file)
        # systemd starts nothing whose credential is not there, and a gateway says itself that it has no key.
        files += [(path, "", 0o600) for path in own]
    for path, text, mode in files:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except FileExistsError:
            continue
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        made.append(path)
    return made


def _systemd_version() -> int:
    try:
        said = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return USUAL_VERSION
    found = re.match(r"systemd (\d+)", said)
    return int(found[1]) if found else USUAL_VERSION


def _user_units() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "systemd" / "user"


def _user_settings() -> Path:
    return Path("~/.pyaiot").expanduser()
