# SPDX-License-Identifier: BSD-3-Clause
"""``aiot doctor``: looks at this host and what is installed, and says what is wrong and what mends it."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence

from pyaiot.cli import talking
from pyaiot.doctor.findings import as_json, exit_code
from pyaiot.doctor.report import render
from pyaiot.doctor.subjects import ROLES
from pyaiot.options import ConfigurationError, OneLineParser

DESCRIPTION = """\
What is wrong on this host, and what mends it. It changes nothing, and no
service notices; as root it sees more."""
EPILOG = """\
before a gateway is started:
  aiot doctor --service coap-gateway
what a program makes of it:
  aiot doctor --json

exit codes: 0 nothing is wrong, 1 there are warnings, 2 there are problems,
            78 wrong command line"""


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = OneLineParser(
        prog="aiot doctor",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="JSON, for programs")
    parser.add_argument("--config", metavar="FILE", default="", help="the configuration file of what does not run yet")
    words = "services to examine, such as aiot-broker; default: those that run here, or would"
    parser.add_argument("--service", nargs="+", action="extend", default=[], metavar="NAME", help=words)
    return parser


def run(arguments: Sequence[str]) -> int:
    """Do what ``arguments`` say; the exit code. Raises ConfigurationError: the command line is wrong."""
    options = make_parser().parse_args(list(arguments))
    asked = [service_of(name) for name in options.service]
    from pyaiot.doctor.examination import examine
    from pyaiot.doctor.probes.bounded import HastyLoop

    # What is of matter is in the report.
    logging.getLogger().addHandler(logging.NullHandler())
    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        report = runner.run(examine(asked, options.config))
    if options.json:
        talking.print_json(as_json(report.findings, report.about))
    else:
        colours = sys.stdout is not None and sys.stdout.isatty() and "NO_COLOR" not in os.environ
        names = {each["name"] for each in report.about["services"]}
        only = names.pop() if len(names) == 1 else ""
        text = render(report.head, report.findings, talking.terminal_width(), only=only, colours=colours)
        print(text, end="")
    return exit_code(report.findings)


def service_of(name: str) -> str:
    """The service that is called so, with ``aiot`` or without. Raises ConfigurationError."""
    for known in ROLES:
        if name in (known, known.removeprefix("aiot").lstrip("- ")):
            return known
    raise ConfigurationError(f"--service: there is no service {name!r}; there are {', '.join(ROLES)}")
