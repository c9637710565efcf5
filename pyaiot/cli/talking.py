# SPDX-License-Identifier: BSD-3-Clause
"""What all verbs have in common that talk to a running broker: options, the connection, exit codes."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from pyaiot.cli import verbs
from pyaiot.cli.wording import json_line
from pyaiot.client import BadAddress, Client, RpcError
from pyaiot.options import ConfigurationError, OneLineParser
from pyaiot.wire.messages import JSON

EXIT_FAILED: Final = 1
EXIT_AWAY: Final = 3
EXIT_FORBIDDEN: Final = 4
TIMEOUT_S: Final = 10.0
#: No device is waited for longer (PROTOCOL.md section 3.5).
MAX_DEVICE_TIMEOUT_S: Final = 10.0

EXIT_CODES = """\
exit codes: 0 done, 1 it failed, 3 away or no answer in time,
            4 not allowed, 78 wrong command line"""

_EXITS = {
    "offline": EXIT_AWAY,
    "timeout": EXIT_AWAY,
    "expired": EXIT_AWAY,
    "left": EXIT_AWAY,
    "forbidden": EXIT_FORBIDDEN,
}

Body = Callable[[Client, argparse.Namespace], Awaitable[int]]


def make_parser(verb: str, description: str, examples: str = "") -> argparse.ArgumentParser:
    """A parser with the options that all these verbs take."""
    parser = OneLineParser(
        prog=f"aiot {verb}",
        description=description,
        epilog=f"{examples}\n{EXIT_CODES}" if examples else EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    broker = verbs.broker()
    parser.add_argument("--broker", default=broker, metavar="ADDRESS", help=f"host:port or URL; default: {broker}")
    parser.add_argument("--token", metavar="TOKEN", help="where one is needed; default: the environment's AIOT_TOKEN")
    words = "certificates to trust an https:// broker by; default: the environment's AIOT_BROKER_CA, or the system's"
    parser.add_argument("--ca", metavar="FILE", help=words)
    parser.add_argument("--json", action="store_true", help="JSON, for programs")
    words = "for an answer, of a device at most 10; default: 10"
    parser.add_argument("--timeout", type=_seconds, default=TIMEOUT_S, metavar="S", help=words)
    return parser


def add_filter(parser: argparse.ArgumentParser) -> None:
    """Options that say which nodes and resources are meant."""
    for name, words in (
        ("gateway", "only of this gateway"),
        ("uid", "only this node"),
        ("resource", "only this resource"),
        ("type", "only this quantity, such as temperature"),
    ):
        parser.add_argument(f"--{name}", action="append", metavar=name.upper(), help=f"{words}; may be repeated")
    parser.add_argument("glob", nargs="?", metavar="PATTERN", help="such as 'coap/*' or '*/temperature'")


def chosen(options: argparse.Namespace) -> dict[str, Any]:
    """What :func:`add_filter` was given, for Client."""
    wanted = {name: getattr(options, name) for name in ("gateway", "uid", "resource", "type")}
    if options.glob is not None:
        # What has no resource in it means the node.
        wanted["glob"] = options.glob if options.glob.count("/") > 1 or "*" in options.glob else f"{options.glob}/*"
    return {name: each for name, each in wanted.items() if each}


def talk(parser: argparse.ArgumentParser, arguments: list[str], body: Body) -> int:
    """Parse, connect, and do it; the exit code. Raises ConfigurationError."""
    for each in arguments:
        if not each.isascii() and any("\ud800" <= c <= "\udfff" for c in each):
            raise ConfigurationError(f"the command line has a word that is not UTF-8: {each!a}")
    options = parser.parse_args(arguments)
    try:
        client = Client(options.broker, token=options.token, ca=options.ca, patience_s=0)
    except BadAddress as error:
        raise ConfigurationError(f"--broker: {error}") from None
    return asyncio.run(_talk(client, options, body))


async def _talk(client: Client, options: argparse.Namespace, body: Body) -> int:
    try:
        async with client:
            return await body(client, options)
    except RpcError as error:
        if options.json:
            told: dict[str, JSON] = {"error": {"code": error.name or error.code, "message": str(error)}}
            print(json_line(told, "ascii"), file=sys.stderr)
        else:
            print(f"aiot: {_told(error, options).translate(_ONE_LINE)}", file=sys.stderr)
        return _EXITS.get(error.name or "", EXIT_FAILED)


def _told(error: RpcError, options: argparse.Namespace) -> str:
    """What to do in a shell, where the error says it in words of the API, or not at all."""
    if error.name == "forbidden" and not options.token and not os.environ.get("AIOT_TOKEN"):
        return "this broker wants a token: --token or AIOT_TOKEN (made there by: aiot-generate-keys --client NAME)"
    if error.name == "offline" and "nothing listens there" in str(error):
        return f"{error}: start it (aiot-broker, aiot up), or say where it is (--broker, AIOT_BROKER)"
    return str(error)


def print_json(value: Any) -> None:
    """One line of JSON."""
    print(json_line(value, getattr(sys.stdout, "encoding", "utf-8")), flush=True)


def terminal_width() -> int | None:
    """How wide the terminal is; None where the output goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout is not None and sys.stdout.isatty() else None


def value_of(text: str) -> JSON:
    """What somebody typed as a value: JSON where it is, else the text itself."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 60:
        raise argparse.ArgumentTypeError(f"more than 0 and at most 60 seconds, not {text!r}")
    return seconds


_ONE_LINE = dict.fromkeys((*range(32), *range(127, 160)), 65533)
