# SPDX-License-Identifier: BSD-3-Clause
"""``aiot-broker``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pyaiot import lifecycle, options
from pyaiot.broker.server import Broker
from pyaiot.settings import ALL_SETTINGS, BrokerSettings

DESCRIPTION = "The broker: gateways connect to it with signed messages, dashboards and programs to see and control."


def main() -> int:
    """Entry point of the command."""
    return lifecycle.main(lambda: run(sys.argv[1:]))


def run(args: Sequence[str] = ()) -> int:
    """Run the broker with ``args`` as its command line; the exit code."""
    settings = options.load(
        BrokerSettings, program="aiot-broker", description=DESCRIPTION, arguments=args, known=ALL_SETTINGS
    )
    return lifecycle.run(Broker(settings), settings)
