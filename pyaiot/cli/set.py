# SPDX-License-Identifier: BSD-3-Clause
"""``aiot set``: have a device take a value; what it confirmed is printed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pyaiot.cli import talking
from pyaiot.cli.wording import shown
from pyaiot.client import Client

EXAMPLES = """\
switch a lamp on:
  aiot set coap/1234 led 1
a text that looks like a number:
  aiot set ws/sign text '"42"'"""


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = talking.make_parser("set", "Write a value to a device, and wait for its word that it has it.", EXAMPLES)
    parser.add_argument("uid", metavar="NODE", help="as aiot ls shows it")
    parser.add_argument("resource", metavar="RESOURCE")
    parser.add_argument("value", metavar="VALUE", help="JSON, or else a text")
    return parser


def run(arguments: Sequence[str]) -> int:
    """Do what ``arguments`` say; raises ConfigurationError."""
    return talking.talk(make_parser(), list(arguments), _set)


async def _set(client: Client, options: argparse.Namespace) -> int:
    data = talking.value_of(options.value)
    timeout = min(options.timeout, talking.MAX_DEVICE_TIMEOUT_S)
    reading = await client.write(options.uid, options.resource, data, timeout=timeout)
    if options.json:
        talking.print_json(reading)
    else:
        print("done" if reading is None else shown(reading.value, reading.unit))
    return 0
