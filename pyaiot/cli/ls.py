# SPDX-License-Identifier: BSD-3-Clause
"""``aiot ls``: the nodes that are there."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from pyaiot.cli import talking
from pyaiot.cli.wording import ago, shown, table
from pyaiot.client import Client, NodeInfo

EXAMPLES = """\
all that measures temperature, wherever it is:
  aiot ls --type temperature"""


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = talking.make_parser("ls", "The nodes that are there, and the values that they told last.", EXAMPLES)
    talking.add_filter(parser)
    return parser


def run(arguments: Sequence[str]) -> int:
    """Do what ``arguments`` say; raises ConfigurationError."""
    return talking.talk(make_parser(), list(arguments), _list)


async def _list(client: Client, options: argparse.Namespace) -> int:
    nodes = await client.nodes(**talking.chosen(options))
    if options.json:
        for node in nodes:
            talking.print_json(node)
    elif nodes:
        now_ms = time.time_ns() // 1_000_000
        rows = [_row(node, now_ms) for node in nodes]
        print(table(("NODE", "PROTOCOL", "STATE", "SEEN", "VALUES"), rows, talking.terminal_width()), end="")
    else:
        print("No node is there." if not talking.chosen(options) else "No node is there that this is true of.")
    return 0


def _row(node: NodeInfo, now_ms: int) -> tuple[str, ...]:
    own = {"id", "protocol"}
    values = ", ".join(
        f"{name} {shown(reading.value, reading.unit)}" for name, reading in node.values.items() if name not in own
    )
    return node.uid, node.protocol, node.state, ago(node.last_seen, now_ms), values
