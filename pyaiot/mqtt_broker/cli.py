# SPDX-License-Identifier: BSD-3-Clause
"""``aiot-mqtt-broker``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pyaiot import lifecycle, options
from pyaiot.announce.announcer import Announced
from pyaiot.announce.offers import Offer
from pyaiot.mqtt_broker.broker import MqttBroker
from pyaiot.settings import ALL_SETTINGS, MqttBrokerSettings

DESCRIPTION = "A small MQTT broker (3.1.1) for devices and gateways, where there is no Mosquitto."


def main() -> int:
    """Entry point of the command."""
    return lifecycle.main(lambda: run(sys.argv[1:]))


def run(args: Sequence[str] = ()) -> int:
    """Run the MQTT broker with ``args`` as its command line; the exit code."""
    settings = options.load(
        MqttBrokerSettings, program="aiot-mqtt-broker", description=DESCRIPTION, arguments=args, known=ALL_SETTINGS
    )
    broker = make_broker(settings, alone=True)
    announced = Announced(broker, settings.announce, lambda: [make_offer(settings, broker.port)])
    return lifecycle.run(announced, settings)


def make_broker(settings: MqttBrokerSettings, *, alone: bool = False) -> MqttBroker:
    """The MQTT broker that the settings describe; ``alone``: without a gateway in the same process."""
    return MqttBroker(
        host=settings.mqtt_host,
        port=settings.mqtt_port,
        device_file=settings.device_file,
        require_password=settings.mqtt_require_password,
        alone=alone,
    )


def make_offer(settings: MqttBrokerSettings, port: int) -> Offer:
    """What the network may be told of the MQTT broker that listens on ``port``."""
    return Offer("mqtt", "pyaiot MQTT broker", settings.mqtt_host, port)
