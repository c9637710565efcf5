# SPDX-License-Identifier: BSD-3-Clause
"""``aiot ls``: the nodes that are there."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

from pyaiot.cli import talking
from pyaiot.cli.wording import ago, reason, shown, table
from pyaiot.client import Client, NodeInfo
from pyaiot.options import ConfigurationError

Row = Callable[[NodeInfo, int], tuple[str, ...]]

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
    chosen = talking.chosen(options)
    if options.gone and chosen:
        raise ConfigurationError("--gone lists all nodes that went: it takes no filter")
    if options.gone:
        _print(await client.departed(), ("NODE", "PROTOCOL", "GONE", "WHY", "VALUES"), _gone_row, options)
    else:
        _print(await client.nodes(**chosen), ("NODE", "PROTOCOL", "STATE", "SEEN", "EVERY", "VALUES"), _row, options)
    return 0


def _print(nodes: Sequence[NodeInfo], head: Sequence[str], row: Row, options: argparse.Namespace) -> None:
    if options.json:
        for node in nodes:
            talking.print_json(node)
    elif nodes:
        now_ms = time.time_ns() // 1_000_000
        print(table(head, [row(node, now_ms) for node in nodes], talking.terminal_width()), end="")
    elif options.gone:
        print("No node went.")
    else:
        print("No node is there." if not talking.chosen(options) else "No node is there that this is true of.")


def _row(node: NodeInfo, now_ms: int) -> tuple[str, ...]:
    every = "" if node.interval is None else ago(0, node.interval)
    return node.uid, node.protocol, node.state, ago(node.last_seen, now_ms), every, _values(node)


def _values(node: NodeInfo) -> str:
    own = {"id", "protocol"}
    return ", ".join(
        f"{name} {shown(reading.value, reading.unit)}" for name, reading in node.values.items() if name not in own
    )


def _gone_row(node: NodeInfo, now_ms: int) -> tuple[str, ...]:
    went = ago(node.gone_at or node.last_seen, now_ms)
    return node.uid, node.protocol, went, reason(node.why or ""), _values(node)
