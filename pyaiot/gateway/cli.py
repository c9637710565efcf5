# SPDX-License-Identifier: BSD-3-Clause
"""What the commands of all gateways have in common: from settings and keys to a gateway that runs."""

from __future__ import annotations

from collections.abc import Callable

from pyaiot import keys, lifecycle
from pyaiot.addresses import broker_url, broker_url_at
from pyaiot.announce.announcer import Announced
from pyaiot.announce.offers import Offer
from pyaiot.gateway.adapter import Adapter
from pyaiot.gateway.dial import BrokerAddress, Identity
from pyaiot.gateway.service import GatewayService
from pyaiot.options import OptionError
from pyaiot.settings import GatewaySettings
from pyaiot.tls.certificate import ServerCertificate
from pyaiot.tls.renewal import renewing
from pyaiot.tls.trust import trusting


def broker_address(settings: GatewaySettings) -> BrokerAddress:
    """Where ``settings`` say that the broker is: as a whole, or by host and port. Raises ConfigurationError."""
    try:
        if settings.broker:
            url = broker_url_at(settings.broker, "/gw")
        else:
            url = broker_url(settings.broker_host, settings.broker_port, settings.broker_ssl, "/gw")
    except ValueError as error:
        raise OptionError(f"--broker: {error}" if settings.broker else str(error)) from None
    if url.startswith("wss:"):
        return BrokerAddress(url, trusting(settings.broker_ca, "--broker-ca"))
    if settings.broker_ca:
        wanted = "a wss:// address" if settings.broker else "--broker-ssl, or --broker wss://…"
        raise OptionError(f"--broker-ca is of no use without {wanted}: the broker would be called without TLS")
    return BrokerAddress(url)


def make_gateway(adapter: Adapter, settings: GatewaySettings, broker: BrokerAddress | None = None) -> GatewayService:
    """The gateway that ``settings`` describe around ``adapter``; raises ConfigurationError (KeyFileError is one).

    ``broker``: where the broker is, for who knows better than the settings.
    """
    stored = keys.load(settings.key_file)
    name, key, broker_key = stored.gateway(settings.gateway_name, adapter.protocol)
    identity = Identity(name, key, broker_key)
    return GatewayService(adapter, identity, broker or broker_address(settings), timeout_s=settings.max_time)


def run_announced(
    adapter: Adapter,
    settings: GatewaySettings,
    offers: Callable[[], list[Offer]],
    certificate: ServerCertificate | None = None,
) -> int:
    """Run the gateway that ``settings`` describe around ``adapter``; the exit code. Raises ConfigurationError.

    ``offers`` says what its networks may be told of it; asked for once it listens. ``certificate``: for devices that
    come by TLS.
    """
    announced = Announced(make_gateway(adapter, settings), settings.announce, offers)
    return lifecycle.run(renewing(announced, certificate), settings)
