# SPDX-License-Identifier: BSD-3-Clause
"""Which file each service of a host has its keys in: one for all, or for each gateway one of its own.

A gateway has its own where there is a folder for it beside the host's key file, as ``aiot install-units`` makes them::

    /etc/pyaiot/keys                       the broker's
    /etc/pyaiot/aiot-coap-gateway/keys     the CoAP gateway's

So no gateway can read the broker's key, or another's. The broker's file may itself be in such a folder.
"""

from __future__ import annotations

from pathlib import Path

from pyaiot import keys as keyfile
from pyaiot.key_parts import BROKER, GATEWAYS, part_of, whole
from pyaiot.keys import Keys

#: A gateway's own key file, in its folder.
NAME = "keys"


def own_path(key_file: Path, service: str) -> Path:
    """Where the gateway ``service`` (its command) would have a key file of its own."""
    folder = key_file.parent.parent if key_file.parent.name == BROKER else key_file.parent
    return folder / service / NAME


def file_of(service: str, key_file: Path) -> Path:
    """The file that ``service`` has its keys in."""
    own = own_path(key_file, service)
    return own if service in GATEWAYS.values() and own.parent.is_dir() else key_file


def own_files(key_file: Path) -> dict[str, Path]:
    """Those of the gateways that have one, by protocol; it may not be there yet."""
    found = {protocol: file_of(service, key_file) for protocol, service in GATEWAYS.items()}
    return {protocol: path for protocol, path in found.items() if path != key_file}


def load_or_new(path: Path) -> Keys:
    """What is in it; nothing where there is none. Raises KeyFileError."""
    return keyfile.load(path) if keyfile.fingerprint(path) is not None else Keys()


def load_whole(key_file: Path) -> Keys:
    """All keys of the host; what a gateway's own file says of it counts. Raises KeyFileError: there are none."""
    own = [load_or_new(path) for path in own_files(key_file).values()]
    keys = load_or_new(key_file) if any(each.gateways for each in own) else keyfile.load(key_file)
    for each in own:
        keys.gateways.update(each.gateways)
        keys.trusted_broker = keys.trusted_broker or each.trusted_broker
    return keys


def hand_out(key_file: Path) -> list[Path]:
    """Give each gateway its part of ``key_file`` where its own is empty; the files written. Raises KeyFileError."""
    keys = load_or_new(key_file)
    written = []
    for protocol, path in own_files(key_file).items():
        with keyfile.FILE.changing(path):
            part = part_of(keys, (GATEWAYS[protocol],))
            if part.gateways and not load_or_new(path).gateways:
                keyfile.store(path, part)
                written.append(path)
    return written


def split(key_file: Path) -> list[str]:
    """Hand out, then take the gateways' keys that stand in their own files out of ``key_file``; the names of these.

    Raises KeyFileError: a gateway's own file has another key of that name.
    """
    hand_out(key_file)
    keys = keyfile.load(key_file)
    own = [load_or_new(path) for path in own_files(key_file).values()]
    whole([Keys(gateways=each.gateways) for each in (keys, *own)])
    names = [name for name in keys.gateways if any(name in each.gateways for each in own)]
    for name in names:
        del keys.gateways[name]
    if names:
        keyfile.store(key_file, keys)
    return names
