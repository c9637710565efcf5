#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A WebSocket device without hardware, to try a gateway with: see ``--help``."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from pyaiot.simulation.running import until_signal
from pyaiot.simulation.ws import SimulatedWsDevice
from pyaiot.simulation.ws_dialects import subject_of
from pyaiot.wire.names import is_name

ATTRIBUTES = {"name": "WebSocket Test Node", "os": "riot"}
DEFAULT_ID = "ws_test_node"


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = argparse.ArgumentParser(
        prog="ws-test-node.py", description="A simulated WebSocket device: an LED and a thermometer."
    )
    parser.add_argument("--gateway-host", default="localhost", help="where the gateway is (default: localhost)")
    parser.add_argument("--gateway-port", type=int, default=8001, help="its port (default: 8001)")
    parser.add_argument("--id", help=f"the name of this device (default: the token's device, or {DEFAULT_ID})")
    parser.add_argument("--interval", type=float, default=5.0, help="seconds between two temperatures (default: 5)")
    parser.add_argument(
        "--token-file", metavar="FILE", help="speak echo-protocol, by the token in this file (see aiot device-token)"
    )
    return parser


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line; ends the program with one line where it is wrong."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if options.token_file is not None:
        try:
            subject = subject_of(Path(options.token_file).read_text(encoding="utf-8").strip())
        except OSError as error:
            parser.error(f"--token-file: {options.token_file}: {error.strerror}")
        except ValueError as error:  # UnicodeError is one
            parser.error(f"--token-file: {options.token_file}: {error}; make one: aiot device-token ID > FILE")
        if options.id not in (None, subject):
            parser.error(f"--id: the token is for {subject}")
        options.id = subject
    elif options.id is None:
        options.id = DEFAULT_ID
    if not is_name(options.id):
        parser.error("--id is 1 to 64 characters of A-Z a-z 0-9 . _ : -")
    if not 1 <= options.gateway_port <= 65535:
        parser.error("--gateway-port is a number from 1 to 65535")
    if not 0.05 <= options.interval <= 86400:
        parser.error("--interval is 0.05 to 86400 seconds")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the device until Ctrl-C; the exit code of the program."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    device = SimulatedWsDevice(
        options.id,
        options.gateway_host,
        options.gateway_port,
        attributes=ATTRIBUTES,
        interval_s=options.interval,
        token_file=options.token_file,
    )
    asyncio.run(until_signal(device))
    return 0


if __name__ == "__main__":
    sys.exit(main())
