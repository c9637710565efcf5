# SPDX-License-Identifier: BSD-3-Clause
"""``aiot call``: call a method of an entity, or a resource of a device as if it were one."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

from pyaiot.cli import talking
from pyaiot.cli.wording import shown
from pyaiot.client import Client
from pyaiot.options import ConfigurationError
from pyaiot.wire.messages import JSON

EXAMPLES = """\
by position, and by name:
  aiot call calculator add 1 2
  aiot call calculator add a=1 b=2"""

_NAMED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = talking.make_parser("call", "Call a method of an entity; its answer is printed.", EXAMPLES)
    parser.add_argument("id", metavar="ENTITY", help="as aiot entities shows it")
    parser.add_argument("method", metavar="METHOD")
    parser.add_argument("parameters", nargs="*", metavar="VALUE", help="JSON, or else a text; or all as NAME=VALUE")
    return parser


def run(arguments: Sequence[str]) -> int:
    """Do what ``arguments`` say; raises ConfigurationError."""
    return talking.talk(make_parser(), list(arguments), _call)


async def _call(client: Client, options: argparse.Namespace) -> int:
    given, named = _parameters(options.parameters)
    answer = await client.call(options.id, options.method, *given, timeout=options.timeout, **named)
    if options.json:
        talking.print_json(answer)
    elif answer is not None:
        print(shown(answer))
    return 0


def _parameters(texts: list[str]) -> tuple[list[JSON], dict[str, JSON]]:
    named = [match for text in texts if (match := _NAMED.fullmatch(text)) is not None]
    if not named:
        return [talking.value_of(text) for text in texts], {}
    if len(named) < len(texts):
        raise ConfigurationError("give all parameters by position, or all as NAME=VALUE")
    return [], {match[1]: talking.value_of(match[2]) for match in named}
