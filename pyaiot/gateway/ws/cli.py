# SPDX-License-Identifier: BSD-3-Clause
"""``aiot-ws-gateway``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pyaiot import lifecycle, options
from pyaiot.actuation_file import read_actuation_map
from pyaiot.announce.offers import Offer
from pyaiot.gateway.cli import run_announced
from pyaiot.gateway.device_tokens.token_keys import TokenKeys
from pyaiot.gateway.ws.adapter import WsAdapter
from pyaiot.gateway.ws.admission import parse_origins
from pyaiot.settings import ALL_SETTINGS, DEVICE_KEYS, WsGatewaySettings
from pyaiot.tls.certificate import ServerCertificate, server_certificate
from pyaiot.tls.ports import tls_port

DESCRIPTION = (
    "The WebSocket gateway: devices connect to it at /node, or with tokens, and it connects them to the broker."
)


def main() -> int:
    """Entry point of the command."""
    return lifecycle.main(lambda: run(sys.argv[1:]))


def run(args: Sequence[str] = ()) -> int:
    """Run the gateway with ``args`` as its command line; the exit code."""
    settings = options.load(
        WsGatewaySettings, program="aiot-ws-gateway", description=DESCRIPTION, arguments=args, known=ALL_SETTINGS
    )
    certificate = server_certificate(settings)
    adapter = make_adapter(settings, certificate)
    return run_announced(adapter, settings, lambda: make_offers(settings, adapter), certificate)


def make_adapter(settings: WsGatewaySettings, certificate: ServerCertificate | None = None) -> WsAdapter:
    """The WebSocket side that the settings describe; raises ConfigurationError."""
    return WsAdapter(
        host=settings.gateway_host,
        port=settings.gateway_port,
        origins=parse_origins(settings.device_origins),
        device_file=settings.device_file,
        device_owners=settings.device_owners,
        token_keys=TokenKeys(settings.device_keys, required=settings.device_keys != DEVICE_KEYS),
        audience=settings.device_token_audience,
        actuations=read_actuation_map(settings.actuation_map),
        require_key=settings.ws_require_key,
        tls=tls_port(settings, certificate, settings.gateway_tls_port),
    )


def make_offers(settings: WsGatewaySettings, adapter: WsAdapter) -> list[Offer]:
    """What the network may be told of the gateway, once it runs."""
    name, host = settings.gateway_name or WsAdapter.protocol, settings.gateway_host
    return [
        Offer("ws", "WebSocket gateway", host, each.port, "/node", tls=each.scheme == "wss", gateway=name, dual=True)
        for each in adapter.doors
    ]
