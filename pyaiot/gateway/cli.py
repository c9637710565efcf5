# SPDX-License-Identifier: BSD-3-Clause
"""What the commands of all gateways have in common: from settings and keys to a gateway that runs."""

from __future__ import annotations

import re

from pyaiot import keys
from pyaiot.gateway.adapter import Adapter
from pyaiot.gateway.service import GatewayService
from pyaiot.options import ConfigurationError
from pyaiot.settings import GatewaySettings

#: A name or an IPv4 address; an IPv6 address, with a zone where it needs one.
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?", re.ASCII)


def make_gateway(adapter: Adapter, settings: GatewaySettings) -> GatewayService:
    """The gateway that ``settings`` describe around ``adapter``; raises KeyFileError."""
    stored = keys.load(settings.key_file)
    name, key, broker_key = stored.gateway(settings.gateway_name, adapter.protocol)
    return GatewayService(
        adapter,
        name=name,
        key=key,
        broker_key=broker_key,
        broker_url=broker_url(settings.broker_host, settings.broker_port, settings.broker_ssl),
        timeout_s=settings.max_time,
    )


def broker_url(host: str, port: str, ssl: bool) -> str:
    """Where gateways find the broker; an empty port is the usual one of the scheme, as behind a proxy.

    Raises ConfigurationError for what can never be a host.
    """
    bare = host.strip("[]")
    if _HOST.fullmatch(bare) is None:
        raise ConfigurationError(f"--broker-host: {host!r} is not the name or address of a host")
    address = f"[{bare}]" if ":" in bare else bare
    return f"{'wss' if ssl else 'ws'}://{address}{f':{port}' if port else ''}/gw"
