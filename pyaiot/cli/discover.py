# SPDX-License-Identifier: BSD-3-Clause
"""``aiot discover``: dashboards, brokers, gateways and CoAP devices of the networks that this host is in."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from typing import Final

from pyaiot.addresses import InterfaceAddress
from pyaiot.cli.talking import print_json, terminal_width
from pyaiot.cli.wording import table
from pyaiot.discover.findings import Found, merge
from pyaiot.interfaces import network_addresses
from pyaiot.options import ConfigurationError, OneLineParser

TIMEOUT_S: Final = 3.0
MAX_TIMEOUT_S: Final = 60.0
EXIT_NONE: Final = 1

EPILOG = """\
Whoever is in the network can say anything: compare a broker's key with
aiot-generate-keys --list before you trust it. None is trusted by itself.

exit codes: 0 something was found, 1 nothing, 78 wrong command line"""

NOBODY = """\
Nothing answered within {timeout:g} s. Is the other side in this network, and not on localhost (the default)?
  - It announces itself where it is bound to a private address: aiot up --broker-host <its address> …
    or, bound to every address, with --announce=yes.
  - Firewalls must let UDP port 5353 (mDNS) and 5683 (CoAP) in, on both sides.
  - Some devices take 5 s to answer: aiot discover --timeout 6
"""


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = OneLineParser(
        prog="aiot discover",
        description="Dashboards, brokers, gateways and CoAP devices of this host's networks.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    words = f"how long to wait for answers; default: {TIMEOUT_S:g}"
    parser.add_argument("--timeout", type=_seconds, default=TIMEOUT_S, metavar="S", help=words)
    parser.add_argument("--json", action="store_true", help="JSON, for programs: an object a line")
    return parser


def run(arguments: Sequence[str]) -> int:
    """Do what ``arguments`` say; raises ConfigurationError."""
    options = make_parser().parse_args(list(arguments))
    own = network_addresses()
    if not own:
        print("aiot: this host is in no network where others could be found", file=sys.stderr)
        return EXIT_NONE
    found = asyncio.run(_find(own, options.timeout))
    if options.json:
        for each in found:
            print_json(each.as_json())
    elif found:
        print(table(("WHAT", "WHERE", "HOST", "VERSION", "DETAILS"), map(_row, found), terminal_width()), end="")
    else:
        print(NOBODY.format(timeout=options.timeout), end="", file=sys.stderr)
    return 0 if found else EXIT_NONE


async def _find(own: Sequence[InterfaceAddress], timeout_s: float) -> list[Found]:
    try:
        from pyaiot.discover import coap, mdns
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"{error.name} is missing, which this needs: pip install {error.name}") from None
    logging.getLogger("zeroconf").setLevel(logging.CRITICAL)  # what is no sense in others' packets is no news here
    ways = await asyncio.gather(
        mdns.find(own, timeout_s), coap.find(network_addresses, timeout_s), return_exceptions=True
    )
    found: list[Found] = []
    for name, way in zip(("mDNS", "CoAP"), ways, strict=True):
        if isinstance(way, OSError):
            print(f"aiot: {name}: {way.strerror or way}", file=sys.stderr)
        elif isinstance(way, BaseException):
            raise way
        else:
            found += way
    return merge(found)


def _row(found: Found) -> tuple[str, ...]:
    return found.title, found.url, found.host_name, found.version, _tells(found)


def _tells(found: Found) -> str:
    names = {"name": "", "gateway": "", "key": "key "}
    told = [f"{names[name]}{value}" for name, value in found.tells.items() if name in names]
    if not found.ours and found.tells.get("resources"):
        told.append(found.tells["resources"])
    return ", ".join(told)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MAX_TIMEOUT_S:
        raise argparse.ArgumentTypeError(f"more than 0 and at most {MAX_TIMEOUT_S:g} seconds, not {text!r}")
    return seconds
