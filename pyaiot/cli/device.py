# SPDX-License-Identifier: BSD-3-Clause
"""``aiot device``: passwords for devices, each shown once, when it is made, and kept only hashed; whose ids are."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pyaiot import devices
from pyaiot.cli.credentials import tell_after_change
from pyaiot.devices import Credential, DeviceFileError
from pyaiot.gateway.device_tokens import owner_file
from pyaiot.gateway.device_tokens.owner_file import OwnerFileError
from pyaiot.gateway.device_tokens.owners import Accounts
from pyaiot.options import ConfigurationError, OneLineParser
from pyaiot.settings import MqttBrokerSettings, WsGatewaySettings
from pyaiot.wire.names import is_name

DESCRIPTION = """\
Passwords of devices: for the embedded MQTT broker, WebSocket and HTTP. And
the ids that devices with tokens have proved. What runs takes over every change
within a second, and disconnects whoever is removed."""

EPILOG = """\
a board:
  aiot device add wipy-1     shows its password, once
a gateway in another process, at this host's aiot-mqtt-broker:
  aiot device add greenhouse --gateway
  aiot-mqtt-gateway --mqtt-user greenhouse --mqtt-password-file FILE
a device with a token has moved to another account:
  aiot device release joe    whose account proves it next has the id"""


def run(arguments: Sequence[str]) -> int:
    """Do what ``arguments`` say; raises ConfigurationError."""
    options = make_parser().parse_args(list(arguments))
    if options.what == "release":
        _release(Path(os.path.expanduser(options.device_owners)), options.id)
        return 0
    path = Path(os.path.expanduser(options.device_file))
    if options.what == "add":
        _add(path, _name(options.id), "gateway" if options.gateway else "device", options.again)
        tell_after_change(path, "aiot.target")
    elif options.what == "remove":
        _remove(path, options.id)
        tell_after_change(path, "aiot.target")
    else:
        owners = owner_file.load_or_none(os.path.expanduser(options.device_owners))
        print(describe(devices.load_or_none(path), owners), end="")
    return 0


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = OneLineParser(
        prog="aiot device",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    what = parser.add_subparsers(dest="what", required=True, metavar="{add,remove,release,list}")
    add = what.add_parser("add", help="let a device in, and show its password", allow_abbrev=False)
    add.add_argument("id", metavar="ID", help="the device's id, which is also its user name")
    add.add_argument("--gateway", action="store_true", help="a gateway: reads what all devices say, and commands them")
    add.add_argument("--again", "--force", action="store_true", help="a new password for one that has one already")
    remove = what.add_parser("remove", help="let a device in no more, and disconnect it", allow_abbrev=False)
    remove.add_argument("id", metavar="ID", help="as aiot device list shows it")
    release = what.add_parser(
        "release", help="let another account have an id that a token has proved", allow_abbrev=False
    )
    release.add_argument("id", metavar="ID", help="as aiot device list shows it")
    listing = what.add_parser(
        "list", help="show who has a password, and which ids tokens have proved", allow_abbrev=False
    )
    default = os.environ.get("AIOT_DEVICE_FILE") or str(MqttBrokerSettings.device_file)
    for each in (add, remove, listing):
        each.add_argument("--device-file", default=default, metavar="FILE", help=f"default: {default}")
    default = os.environ.get("AIOT_DEVICE_OWNERS") or str(WsGatewaySettings.device_owners)
    for each in (release, listing):
        each.add_argument("--device-owners", default=default, metavar="FILE", help=f"default: {default}")
    return parser


def describe(known: devices.Devices, owners: Accounts) -> str:
    """Names, one a line: who has a password, and then ids that tokens have proved, with their accounts."""
    if not known.accounts and not owners:
        return "No device has a password yet: aiot device add ID\n"
    order = sorted(known.accounts.items(), key=lambda item: (devices.KINDS.index(item[1].kind), item[0]))
    proved = sorted(owners.items())
    return "".join(
        [f"{credential.kind:<8}  {name}\n" for name, credential in order]
        + [f"token     {name}" + ("" if account is None else f"  of {account}") + "\n" for name, account in proved]
    )


def _add(path: Path, name: str, kind: devices.Kind, again: bool) -> None:
    if sys.stdout is None:
        raise ConfigurationError("standard output is closed: nobody would see the password")
    with devices.FILE.changing(path):
        known = devices.load_or_none(path)
        before = known.accounts.get(name)
        if name in known.accounts and not again:
            raise DeviceFileError(f"{name} has a password already; say --again for a new one, which ends the old one")
        if len(known.accounts) >= devices.MAX_ACCOUNTS and name not in known.accounts:
            raise DeviceFileError(f"there are {devices.MAX_ACCOUNTS} accounts, which is all that one file holds")
        password = devices.new_password()
        known.accounts[name] = Credential.of(kind, password.encode())
        devices.store(path, known)
        try:
            print(f"user      {name}\npassword  {password}", flush=True)
        except OSError as error:
            if before is None:
                del known.accounts[name]
            else:
                known.accounts[name] = before
            devices.store(path, known)
            # Python would try once more when it ends.
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
            reason = error.strerror or str(error)
            raise DeviceFileError(f"the password of {name} cannot be shown, so nothing was changed: {reason}") from None
    print(f"This is the only time that the password of {kind} {name} is shown.", file=sys.stderr)


def _remove(path: Path, name: str) -> None:
    with devices.FILE.changing(path):
        known = devices.load_or_none(path)
        credential = known.accounts.pop(name, None)
        if credential is None:
            raise DeviceFileError(f"no device {name[:64]!r} has a password; aiot device list shows who has")
        devices.store(path, known)
    print(f"The password of {credential.kind} {name} is no longer good.")


def _release(path: Path, name: str) -> None:
    if not path.exists():
        raise OwnerFileError(f"no token has proved an id yet: there is no {path}")
    with owner_file.FILE.changing(path):
        owners = owner_file.load_or_none(path)
        if name not in owners:
            raise OwnerFileError(f"no token has proved the id {name[:64]!r}; aiot device list shows which are")
        account = owners.pop(name)
        owner_file.store(path, owners)
    whose = "a token without an account" if account is None else f"the account {account}"
    print(f"The id {name} was that of {whose}; now it is had by the account that proves it next.")


def _name(text: str) -> str:
    if not is_name(text):
        raise ConfigurationError("an id has 1 to 64 of the characters A-Z a-z 0-9 . _ : -")
    return text
