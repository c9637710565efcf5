# SPDX-License-Identifier: BSD-3-Clause
"""``aiot watch``: a line for each change, until Ctrl-C."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import msgspec

from pyaiot.cli import talking
from pyaiot.cli.wording import clean, reason, shown
from pyaiot.client import Client, GatewayState, NodeGone, NodeHere, NodeReset, Synced, Value
from pyaiot.client.changes import Change

EXAMPLES = """\
everything of one node:
  aiot watch 'coap/1234/*'
each temperature, as JSON, one a line:
  aiot watch --type temperature --json"""


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = talking.make_parser("watch", "What is there now, and each change from then on.", EXAMPLES)
    talking.add_filter(parser)
    parser.add_argument("--changes", action="store_true", help="not what is there now, only what changes")
    return parser


def run(arguments: Sequence[str]) -> int:
    """Do what ``arguments`` say; raises ConfigurationError."""
    return talking.talk(make_parser(), list(arguments), _watch)


async def _watch(client: Client, options: argparse.Namespace) -> int:
    synced = False
    async for change in client.watch(**talking.chosen(options)).changes():
        if isinstance(change, Synced):
            synced = True
        elif synced or not (options.changes or _is_usual(change)):
            if options.json:
                talking.print_json(change)
            else:
                print(_told(change), flush=True)
    return 0


def _is_usual(change: Change) -> bool:
    return isinstance(change, GatewayState) and change.state == "connected"


def _told(change: Change) -> str:
    at = change.at / 1000 if isinstance(change, Value) else time.time()
    clock = time.strftime("%H:%M:%S", time.localtime(at))
    match change:
        case Value():
            return f"{clock}  {clean(f'{change.uid}/{change.resource}')}  {shown(change.value, change.unit)}"
        case NodeHere():
            return f"{clock}  {clean(change.uid)}  is there ({clean(change.protocol)})"
        case NodeGone():
            why = "" if change.why is None else f" ({clean(reason(change.why))})"
            return f"{clock}  {clean(change.uid)}  is gone{why}"
        case NodeReset():
            return f"{clock}  {clean(change.uid)}  was reset"
        case GatewayState():
            return f"{clock}  gateway {clean(change.gateway)}  is {change.state}"
        case _:
            return f"{clock}  {clean(msgspec.json.encode(change).decode())}"
