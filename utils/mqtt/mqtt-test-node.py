#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An MQTT device without hardware, to try a gateway with: see ``--help``."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from pyaiot.simulation.mqtt import SimulatedMqttDevice
from pyaiot.simulation.running import until_signal
from pyaiot.wire.names import is_name

ATTRIBUTES = {"name": "MQTT Test Node", "os": "riot", "board": "HP"}
#: Real boards with firmware that never subscribes say these.
UNSOLICITED_ATTRIBUTES = {"board": "HP", "mcu": "native", "os": "riot", "name": "MQTT-SN Test Node"}
INTERVALS_S = {"temperature": 5.0, "pressure": 10.0}
FORMS = {"temperature": "{:.0f}°C", "pressure": "{:.0f}hPa"}


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = argparse.ArgumentParser(
        prog="mqtt-test-node.py", description="A simulated MQTT device: an LED, a thermometer and a barometer."
    )
    parser.add_argument("--mqtt-host", default="localhost", help="where the MQTT broker is (default: localhost)")
    parser.add_argument("--mqtt-port", type=int, default=1886, help="its port (default: 1886)")
    parser.add_argument("--id", default="mqtt_test_node", help="the name of this device (default: mqtt_test_node)")
    parser.add_argument("--user", default="", help="user name at the MQTT broker (default: none)")
    parser.add_argument("--password-file", default="", metavar="FILE", help="file whose first line is the password")
    parser.add_argument(
        "--unsolicited",
        action="store_true",
        help="be like firmware behind an MQTT-SN gateway: never subscribe, publish everything unasked",
    )
    return parser


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line; ends the program with one line where it is wrong."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if not is_name(options.id):
        parser.error("--id is 1 to 64 characters of A-Z a-z 0-9 . _ : -")
    if not 1 <= options.mqtt_port <= 65535:
        parser.error("--mqtt-port is a number from 1 to 65535")
    if options.password_file and not options.user:
        parser.error("--password-file needs --user")
    options.password = ""
    if options.password_file:
        try:
            options.password = (Path(options.password_file).read_text(encoding="utf-8").splitlines() or [""])[0]
        except (OSError, UnicodeDecodeError) as error:
            parser.error(f"--password-file: {error}")
    return options


def make_device(options: argparse.Namespace) -> SimulatedMqttDevice:
    """The device that the command line describes."""
    return SimulatedMqttDevice(
        options.id,
        options.mqtt_host,
        options.mqtt_port,
        user=options.user,
        password=options.password,
        attributes=UNSOLICITED_ATTRIBUTES if options.unsolicited else ATTRIBUTES,
        resources=("temperature", "pressure", "humidity")
        if options.unsolicited
        else ("led", "temperature", "pressure"),
        intervals_s=INTERVALS_S,
        forms=FORMS,
        unsolicited=options.unsolicited,
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the device until Ctrl-C; the exit code of the program."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("gmqtt").setLevel(logging.CRITICAL)  # what matters is said by the device
    asyncio.run(until_signal(make_device(options)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
