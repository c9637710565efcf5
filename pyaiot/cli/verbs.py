# SPDX-License-Identifier: BSD-3-Clause
"""The verbs of ``aiot``, each in a file of its name, which is only read when it is wanted."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from types import ModuleType
from typing import Final

from pyaiot.addresses import in_url, is_every_address
from pyaiot.ports import BROKER_PORT

#: Each verb, and what it is for.
ALL: Final = {
    "up": "all services in one process; with --demo simulated devices, too",
    "ls": "the nodes that are there, with their values",
    "get": "what a node told last; with --read, what it tells now",
    "set": "write a value to a device, and wait until it has confirmed it",
    "dismiss": "forget nodes that went",
    "watch": "a line for each change",
    "discover": "dashboards, brokers, gateways and CoAP devices that are near",
    "entities": "programs, tabs and devices that are there, and what they offer",
    "call": "call a method of an entity",
    "publish": "be an entity that publishes a value, or lines",
    "device": "passwords of devices, for MQTT (embedded), WebSocket and HTTP",
    "device-token": "tokens of devices, for WebSocket and HTTP",
    "health": "whether a service can do its work; exit code 0 or 1",
    "doctor": "what is wrong on this host, and what mends it",
    "install-units": "units for systemd, which keep the services running for years",
    "backup": "keys, settings and state of this host in one file",
    "restore": "what a backup holds, put where this host has it",
    "completion": "what makes bash, zsh or fish complete all this",
}
#: Verbs whose first words are a node and a resource, or an entity and a method.
OF_NODES: Final = frozenset(("get", "set", "ls", "watch"))
OF_ENTITIES: Final = frozenset(("call", "entities"))


def run(verb: str, arguments: Sequence[str]) -> int:
    """Raises KeyError: there is no such verb."""
    return int(_module(verb).run(arguments))


def parser_of(verb: str) -> argparse.ArgumentParser:
    """Raises KeyError: there is no such verb, or it has no parser of its own."""
    make = getattr(_module(verb), "make_parser", None)
    if make is None:
        raise KeyError(verb)
    parser: argparse.ArgumentParser = make()
    return parser


def broker() -> str:
    """Where the broker is, if the command line does not say: ``AIOT_BROKER``, or what the services are told.

    Those read ``AIOT_BROKER_HOST`` and ``AIOT_BROKER_PORT``; the host may be one to listen on, such as ``0.0.0.0``.
    """
    given = os.environ.get("AIOT_BROKER")
    if given:
        return given
    host = os.environ.get("AIOT_BROKER_HOST") or ""
    name = "localhost" if is_every_address(host) else in_url(host)
    return f"{name}:{os.environ.get('AIOT_BROKER_PORT') or BROKER_PORT}"


def _module(verb: str) -> ModuleType:
    """Read only what is wanted: a service takes ten times as long to read as ``ls``."""
    match verb:
        case "up":
            from pyaiot.cli import up

            return up
        case "ls":
            from pyaiot.cli import ls

            return ls
        case "get":
            from pyaiot.cli import get

            return get
        case "set":
            from pyaiot.cli import set

            return set
        case "dismiss":
            from pyaiot.cli import dismiss

            return dismiss
        case "watch":
            from pyaiot.cli import watch

            return watch
        case "discover":
            from pyaiot.cli import discover

            return discover
        case "entities":
            from pyaiot.cli import entities

            return entities
        case "call":
            from pyaiot.cli import call

            return call
        case "publish":
            from pyaiot.cli import publish

            return publish
        case "device":
            from pyaiot.cli import device

            return device
        case "health":
            from pyaiot.cli import health

            return health
        case "doctor":
            from pyaiot.cli import doctor

            return doctor
        case "install-units":
            from pyaiot.cli import install_units

            return install_units
        case "device-token":
            from pyaiot.cli import device_token

            return device_token
        case "backup":
            from pyaiot.cli import backup

            return backup
        case "restore":
            from pyaiot.cli import restore

            return restore
        case "completion":
            from pyaiot.cli import completion

            return completion
        case _:
            raise KeyError(verb)
