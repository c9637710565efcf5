# SPDX-License-Identifier: BSD-3-Clause
"""What the commands of all gateways have in common: from settings and keys to a gateway that runs."""

from __future__ import annotations

from pyaiot import keys
from pyaiot.addresses import broker_url
from pyaiot.gateway.adapter import Adapter
from pyaiot.gateway.service import GatewayService
from pyaiot.options import ConfigurationError
from pyaiot.settings import GatewaySettings


def make_gateway(adapter: Adapter, settings: GatewaySettings) -> GatewayService:
    """The gateway that ``settings`` describe around ``adapter``; raises ConfigurationError (KeyFileError is one)."""
    stored = keys.load(settings.key_file)
    name, key, broker_key = stored.gateway(settings.gateway_name, adapter.protocol)
    try:
        url = broker_url(settings.broker_host, settings.broker_port, settings.broker_ssl, "/gw")
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    return GatewayService(
        adapter,
        name=name,
        key=key,
        broker_key=broker_key,
        broker_url=url,
        timeout_s=settings.max_time,
    )
