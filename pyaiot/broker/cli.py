# SPDX-License-Identifier: BSD-3-Clause
"""``aiot-broker``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pyaiot import lifecycle, options
from pyaiot.announce.announcer import Announced
from pyaiot.announce.offers import Offer
from pyaiot.broker.server import Broker
from pyaiot.settings import ALL_SETTINGS, BrokerSettings
from pyaiot.tls.certificate import server_certificate
from pyaiot.tls.renewal import renewing

DESCRIPTION = "The broker: gateways connect to it with signed messages, dashboards and programs to see and control."


def main() -> int:
    """Entry point of the command."""
    return lifecycle.main(lambda: run(sys.argv[1:]))


def run(args: Sequence[str] = ()) -> int:
    """Run the broker with ``args`` as its command line; the exit code."""
    settings = options.load(
        BrokerSettings, program="aiot-broker", description=DESCRIPTION, arguments=args, known=ALL_SETTINGS
    )
    certificate = server_certificate(settings)
    broker = Broker(settings, certificate)
    announced = Announced(broker, settings.announce, lambda: [make_offer(broker, settings)])
    return lifecycle.run(renewing(announced, certificate), settings)


def make_offer(broker: Broker, settings: BrokerSettings) -> Offer:
    """What the network may be told of a broker that runs."""
    key, tls = str(broker.hub.key.public), bool(settings.tls_cert)
    return Offer("broker", "pyaiot broker", settings.broker_host, broker.port, path="/", tls=tls, key=key)
