# SPDX-License-Identifier: BSD-3-Clause
"""The MQTT gateway together with the MQTT broker that it needs, in one process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Final

from pyaiot import keys
from pyaiot.addresses import reached_at
from pyaiot.gateway.cli import make_gateway
from pyaiot.gateway.dial import BrokerAddress
from pyaiot.gateway.mqtt.adapter import MqttAdapter
from pyaiot.gateway.mqtt.cli import Own, make_adapter
from pyaiot.gateway.service import GatewayService
from pyaiot.lifecycle import Ready, first_fault, started
from pyaiot.monitoring.families import Family
from pyaiot.monitoring.health import Health
from pyaiot.mqtt_broker.cli import make_broker
from pyaiot.options import OptionError
from pyaiot.settings import MqttGatewaySettings
from pyaiot.tls.certificate import ServerCertificate

#: Options that say how to reach another MQTT broker.
_ELSEWHERE: Final = ("mqtt_user", "mqtt_password_file", "mqtt_ssl", "mqtt_ca", "mqtt_cert", "mqtt_cert_key")


class GatewayWithBroker:
    """A service: the embedded MQTT broker, then the gateway as its client. Ends in the opposite order.

    ``ports`` are the MQTT broker's; ``certificate`` is what it shows by TLS. ``address``: see make_gateway.
    """

    def __init__(
        self,
        settings: MqttGatewaySettings,
        address: BrokerAddress | None = None,
        certificate: ServerCertificate | None = None,
    ) -> None:
        self._settings = settings
        self._address = address
        self._broker = make_broker(settings, certificate)
        self.ports = self._broker.ports
        self._gateway: GatewayService | None = None

    async def run(self, ready: Ready) -> None:
        """Serve until cancelled. Raises ConfigurationError before ``ready``."""
        settings, broker, ports = self._settings, self._broker, self.ports
        _check(settings)
        async with AsyncExitStack() as stack:
            tasks = [await stack.enter_async_context(started(broker, "MQTT broker"))]
            user, password = broker.account
            adapter = make_adapter(settings, own=Own(ports, reached_at(settings.mqtt_host), user, password.encode()))
            gateway = self._gateway = make_gateway(adapter, settings, self._address)
            tasks.append(await stack.enter_async_context(started(gateway, "MQTT gateway")))
            ready()
            await first_fault(tasks)

    def families(self) -> Iterator[Family]:
        """See monitoring.Watched."""
        if self._gateway is not None:
            yield from self._broker.families()
            yield from self._gateway.families()

    def health(self) -> Health:
        """See monitoring.Watched: the gateway's."""
        return Health() if self._gateway is None else self._gateway.health()


def check_options(settings: MqttGatewaySettings) -> None:
    """Raises ConfigurationError: an option is of no use to an embedded MQTT broker."""
    for name in _ELSEWHERE:
        if getattr(settings, name):
            flag = f"--{name.replace('_', '-')}"
            raise OptionError(f"{flag} is for an MQTT broker of your own: say --embedded-broker=no, too")


def _check(settings: MqttGatewaySettings) -> None:
    """Find what is wrong before anything listens. Raises ConfigurationError."""
    check_options(settings)
    keys.load(settings.key_file).gateway(settings.gateway_name, MqttAdapter.protocol)
