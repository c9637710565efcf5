# SPDX-License-Identifier: BSD-3-Clause
"""The ``aiot`` command; one file a verb."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pyaiot import __version__, lifecycle
from pyaiot.cli import output, verbs
from pyaiot.options import ConfigurationError

HELP = """\
usage: aiot [-h] [--version] VERB ...

Connects small devices to the web.

verbs:
{verbs}

Each verb has its own --help. To run the services apart: aiot-generate-keys,
aiot-broker, aiot-coap-gateway, aiot-mqtt-gateway, aiot-mqtt-broker,
aiot-ws-gateway, aiot-http-gateway, aiot-dashboard.
"""


def main() -> int:
    """Entry point of the command."""
    is_service = sys.argv[1:2] == ["up"]
    return lifecycle.main(lambda: output.written(lambda: run(sys.argv[1:])), service=is_service)


def run(args: Sequence[str] = ()) -> int:
    """Do what ``args`` say; the exit code. Raises ConfigurationError."""
    if not args or args[0] in ("-h", "--help"):
        print(HELP.format(verbs="\n".join(f"  {verb:<13} {words}" for verb, words in verbs.ALL.items())), end="")
        return 0
    if args[0] == "--version":
        print(f"pyaiot {__version__}")
        return 0
    if args[0] not in verbs.ALL:
        raise ConfigurationError(f"there is no verb {args[0]!r} (see aiot --help)")
    return verbs.run(args[0], args[1:])
