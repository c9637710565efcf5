# SPDX-License-Identifier: BSD-3-Clause
"""``aiot publish``: be an entity for a moment, or for as long as there are lines to read."""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
from collections.abc import AsyncIterator, Sequence

from pyaiot.cli import talking
from pyaiot.client import Client
from pyaiot.options import ConfigurationError

EXAMPLES = """\
a value, shown on the dashboard until Ctrl-C:
  aiot publish --id door open true --stay
each line of a program:
  vmstat -n 5 | aiot publish --id pi load -"""


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = talking.make_parser(
        "publish", "Publish a value as an entity; whoever subscribed, and dashboards, see it.", EXAMPLES
    )
    parser.add_argument("topic", metavar="TOPIC")
    parser.add_argument("value", metavar="VALUE", help="JSON, or else a text; - for each line of the standard input")
    parser.add_argument("--id", metavar="ID", help="of the entity; default: a fresh one")
    parser.add_argument("--type", default="program", metavar="TYPE", help="default: program")
    parser.add_argument("--stay", action="store_true", help="remain there until Ctrl-C")
    return parser


def run(arguments: Sequence[str]) -> int:
    """Do what ``arguments`` say; raises ConfigurationError."""
    return talking.talk(make_parser(), list(arguments), _publish)


async def _publish(client: Client, options: argparse.Namespace) -> int:
    registration = await client.register(options.id, type=options.type)
    if options.value == "-":
        async for line in _lines():
            await client.publish(talking.value_of(line), options.topic)
    else:
        subscribers = await client.publish(talking.value_of(options.value), options.topic)
        if options.json:
            talking.print_json({"id": registration.id, "subscribers": subscribers})
        else:
            print(f"{registration.uid}/{options.topic}: {subscribers} subscribers were told", flush=True)
    if options.stay:
        await asyncio.get_running_loop().create_future()
    return 0


async def _lines() -> AsyncIterator[str]:
    """The lines of the standard input, also where it is a file; what is no text in them is replaced."""
    if sys.stdin is None:
        raise ConfigurationError("-: standard input is closed")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        if text := line.rstrip("\r\n"):
            yield text
