# SPDX-License-Identifier: BSD-3-Clause
"""``aiot ls``: the nodes that are there."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from pyaiot.cli import talking
from pyaiot.cli.wording import ago, reason, shown, table
from pyaiot.client import Client, NodeInfo
from pyaiot.options import ConfigurationError

EXAMPLES = """\
all that measures temperature, wherever it is:
  aiot ls --type temperature"""


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = talking.make_parser("ls", "The nodes that are there, and the values that they told last.", EXAMPLES)
    talking.add_filter(parser)
    parser.add_argument("--gone", action="store_true", help="nodes that went, and why, instead of those that are there")
    return parser


def run(arguments: Sequence[str]) -> int:
    """Do what ``arguments`` say; raises ConfigurationError."""
    return talking.talk(make_parser(), list(arguments), _list)


async def _list(client: Client, options: argparse.Namespace) -> int:
    if options.gone:
        return await _list_gone(client, options)
    nodes = await client.nodes(**talking.chosen(options))
    if options.json:
        for node in nodes:
            talking.print_json(node)
    elif nodes:
        now_ms = time.time_ns() // 1_000_000
        rows = [_row(node, now_ms) for node in nodes]
        print(table(("NODE", "PROTOCOL", "STATE", "SEEN", "EVERY", "VALUES"), rows, talking.terminal_width()), end="")
    else:
        print("No node is there." if not talking.chosen(options) else "No node is there that this is true of.")
    return 0


def _row(node: NodeInfo, now_ms: int) -> tuple[str, ...]:
    every = "" if node.interval is None else ago(0, node.interval)
    return node.uid, node.protocol, node.state, ago(node.last_seen, now_ms), every, _values(node)


def _values(node: NodeInfo) -> str:
    own = {"id", "protocol"}
    return ", ".join(
        f"{name} {shown(reading.value, reading.unit)}" for name, reading in node.values.items() if name not in own
    )


async def _list_gone(client: Client, options: argparse.Namespace) -> int:
    if talking.chosen(options):
        raise ConfigurationError("--gone lists all nodes that went: it takes no filter")
    nodes = await client.departed()
    if options.json:
        for node in nodes:
            talking.print_json(node)
    elif nodes:
        now_ms = time.time_ns() // 1_000_000
        rows = [_gone_row(node, now_ms) for node in nodes]
        print(table(("NODE", "PROTOCOL", "GONE", "WHY", "VALUES"), rows, talking.terminal_width()), end="")
    else:
        print("No node went.")
    return 0


def _gone_row(node: NodeInfo, now_ms: int) -> tuple[str, ...]:
    went = ago(node.gone_at or node.last_seen, now_ms)
    return node.uid, node.protocol, went, reason(node.why or ""), _values(node)
