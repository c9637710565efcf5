#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A CoAP device without hardware, to try a gateway with: see ``--help``."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys

from pyaiot.simulation.coap import SimulatedCoapDevice
from pyaiot.simulation.running import until_signal
from pyaiot.wire.names import is_name

FLAGS = {
    "imu": "an inertial unit, five times a second",
    "led": "an LED to switch",
    "temperature": "a thermometer",
    "pressure": "a barometer",
    "robot": "a robot to steer: l, r, u, d, s",
    "js": "a script to write",
    "version": "a firmware version",
}


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = argparse.ArgumentParser(
        prog="coap-test-node.py", description="A simulated CoAP device that registers at a pyaiot CoAP gateway."
    )
    parser.add_argument("--gateway-host", default="localhost", help="where the gateway is (default: localhost)")
    parser.add_argument("--gateway-port", type=int, default=5683, help="its UDP port (default: 5683)")
    parser.add_argument("--uid", default="1234", help="the name of this device (default: 1234)")
    parser.add_argument("--port", type=int, default=0, help="UDP port of this device (default: any free one)")
    parser.add_argument("--interval", type=float, default=5.0, help="seconds between two values (default: 5)")
    for flag, text in FLAGS.items():
        parser.add_argument(f"--{flag}", action="store_true", help=f"it has {text}")
    return parser


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line; ends the program with one line where it is wrong."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if not is_name(options.uid):
        parser.error("--uid is 1 to 64 characters of A-Z a-z 0-9 . _ : -")
    for name in ("port", "gateway_port"):
        if not 0 <= getattr(options, name) <= 65535:
            parser.error(f"--{name.replace('_', '-')} is a number up to 65535")
    if not 0.05 <= options.interval <= 86400:
        parser.error("--interval is 0.05 to 86400 seconds")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the device until Ctrl-C; the exit code of the program."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    device = SimulatedCoapDevice(
        options.uid,
        options.gateway_host,
        options.gateway_port,
        port=options.port,
        resources=[flag for flag in FLAGS if getattr(options, flag)],
        interval_s=options.interval,
    )
    try:
        asyncio.run(until_signal(device))
    except OSError as error:
        where = f"{options.gateway_host}:{options.gateway_port}"
        print(f"coap-test-node.py: cannot start (gateway {where}, own port {options.port}): {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
