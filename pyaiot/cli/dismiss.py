# SPDX-License-Identifier: BSD-3-Clause
"""``aiot dismiss``: forget nodes that went, for everybody."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pyaiot.cli import talking
from pyaiot.cli.wording import clean
from pyaiot.client import Client, RpcError
from pyaiot.options import ConfigurationError

EXAMPLES = """\
one that was taken down:
  aiot dismiss coap/1234
all that went:
  aiot dismiss --all"""


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    words = "Forget nodes that went (see aiot ls --gone). One that comes back is there again."
    parser = talking.make_parser("dismiss", words, EXAMPLES)
    parser.add_argument("uids", nargs="*", metavar="NODE", help="as aiot ls --gone shows it")
    parser.add_argument("--all", action="store_true", help="all nodes that went until now")
    return parser


def run(arguments: Sequence[str]) -> int:
    """Do what ``arguments`` say; raises ConfigurationError."""
    return talking.talk(make_parser(), list(arguments), _dismiss)


async def _dismiss(client: Client, options: argparse.Namespace) -> int:
    if options.all == bool(options.uids):
        raise ConfigurationError("say which nodes, or --all (see aiot dismiss --help)")
    uids = [node.uid for node in await client.departed()] if options.all else options.uids
    for uid in uids:
        try:
            await client.dismiss(uid)
        except RpcError as error:
            # Of all, one that came back meanwhile.
            if options.all and error.name == "unknown":
                continue
            raise
        if options.json:
            talking.print_json({"dismissed": uid})
        else:
            print(f"dismissed {clean(uid)}")
    if not uids and not options.json:
        print("No node went.")
    return 0
