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
from pyaiot.tls.certificate import ServerCertificate, server_certificate
from pyaiot.tls.ports import DevicePorts, tls_port
from pyaiot.tls.renewal import renewing

DESCRIPTION = "A small MQTT broker (3.1.1) for devices and gateways, where there is no Mosquitto."


def main() -> int:
    """Entry point of the command."""
    return lifecycle.main(lambda: run(sys.argv[1:]))


def run(args: Sequence[str] = ()) -> int:
    """Run the MQTT broker with ``args`` as its command line; the exit code."""
    settings = options.load(
        MqttBrokerSettings, program="aiot-mqtt-broker", description=DESCRIPTION, arguments=args, known=ALL_SETTINGS
    )
    certificate = server_certificate(settings)
    broker = make_broker(settings, certificate, alone=True)
    announced = Announced(broker, settings.announce, lambda: make_offers(settings, broker.ports))
    return lifecycle.run(renewing(announced, certificate), settings)


def make_broker(
    settings: MqttBrokerSettings, certificate: ServerCertificate | None = None, *, alone: bool = False
) -> MqttBroker:
    """The MQTT broker that the settings describe; ``alone``: without a gateway in the same process."""
    return MqttBroker(
        host=settings.mqtt_host,
        port=settings.mqtt_port,
        device_file=settings.device_file,
        require_password=settings.mqtt_require_password,
        alone=alone,
        tls=tls_port(settings, certificate, settings.mqtt_tls_port),
    )


def make_offers(settings: MqttBrokerSettings, ports: DevicePorts) -> list[Offer]:
    """What the network may be told of the MQTT broker that listens on ``ports``."""
    return [
        Offer("mqtt", "pyaiot MQTT broker", settings.mqtt_host, port, tls=scheme == "mqtts")
        for scheme, port in ports.by_scheme("mqtt", "mqtts")
    ]
