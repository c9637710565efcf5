# SPDX-License-Identifier: BSD-3-Clause
"""``aiot get``: what a node told last, or, with ``--read``, tells now."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from pyaiot.cli import talking
from pyaiot.cli.wording import ago, clean, shown, table
from pyaiot.client import Client, Reading
from pyaiot.client.errors import failure
from pyaiot.options import ConfigurationError

EXAMPLES = """\
one value, as a script wants it:
  aiot get mqtt/greenhouse temperature"""


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = talking.make_parser("get", "All values of a node, or the value of one resource.", EXAMPLES)
    parser.add_argument("uid", metavar="NODE", help="as aiot ls shows it")
    parser.add_argument("resource", nargs="?", metavar="RESOURCE")
    parser.add_argument("--read", action="store_true", help="ask the device now")
    return parser


def run(arguments: Sequence[str]) -> int:
    """Do what ``arguments`` say; raises ConfigurationError."""
    return talking.talk(make_parser(), list(arguments), _get)


async def _get(client: Client, options: argparse.Namespace) -> int:
    if options.resource is None:
        if options.read:
            raise ConfigurationError("--read: of which resource?")
        return await _get_all(client, options)
    reading: Reading | None
    if options.read:
        timeout = min(options.timeout, talking.MAX_DEVICE_TIMEOUT_S)
        reading = await client.read(options.uid, options.resource, timeout=timeout)
    else:
        reading = (await client.node(options.uid)).values.get(options.resource)
    if reading is None:
        raise failure("unknown", f"{options.uid} has told no {options.resource}")
    if options.json:
        talking.print_json(reading)
    else:
        print(shown(reading.value, reading.unit))
    return 0


async def _get_all(client: Client, options: argparse.Namespace) -> int:
    node = await client.node(options.uid)
    if options.json:
        talking.print_json(node)
        return 0
    now_ms = time.time_ns() // 1_000_000
    print(f"{clean(node.uid)}  {clean(node.protocol)}, {node.state}, seen {ago(node.last_seen, now_ms)} ago")
    rows = [(name, shown(each.value, each.unit), ago(each.at, now_ms)) for name, each in node.values.items()]
    print(table(("RESOURCE", "VALUE", "AGE"), rows, talking.terminal_width()), end="")
    return 0
