# SPDX-License-Identifier: BSD-3-Clause
"""``aiot-http-gateway``."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence

from pyaiot import lifecycle, options
from pyaiot.addresses import is_loopback
from pyaiot.announce.offers import Offer
from pyaiot.gateway.cli import run_announced
from pyaiot.gateway.device_tokens.token_keys import TokenKeys
from pyaiot.gateway.http.access import Access
from pyaiot.gateway.http.adapter import HttpAdapter
from pyaiot.http_origin import allowed_hosts
from pyaiot.settings import ALL_SETTINGS, DEVICE_KEYS, HttpGatewaySettings
from pyaiot.tls.certificate import ServerCertificate, server_certificate
from pyaiot.tls.ports import tls_port

DESCRIPTION = "The HTTP gateway: devices post values to it and fetch commands, and it connects them to the broker."


def main() -> int:
    """Entry point of the command."""
    return lifecycle.main(lambda: run(sys.argv[1:]))


def run(args: Sequence[str] = ()) -> int:
    """Run the gateway with ``args`` as its command line; the exit code."""
    settings = options.load(
        HttpGatewaySettings, program="aiot-http-gateway", description=DESCRIPTION, arguments=args, known=ALL_SETTINGS
    )
    certificate = server_certificate(settings)
    adapter = make_adapter(settings, certificate)
    return run_announced(adapter, settings, lambda: make_offers(settings, adapter), certificate)


def make_adapter(settings: HttpGatewaySettings, certificate: ServerCertificate | None = None) -> HttpAdapter:
    """The HTTP side that the settings describe; raises ConfigurationError."""
    access = Access(
        trust_this_host=is_loopback(settings.http_host) and not settings.http_require_password,
        names=allowed_hosts(settings.allowed_hosts, settings.http_host, socket.gethostname()),
    )
    return HttpAdapter(
        access,
        host=settings.http_host,
        port=settings.http_port,
        device_file=settings.device_file,
        device_owners=settings.device_owners,
        token_keys=TokenKeys(settings.device_keys, required=settings.device_keys != DEVICE_KEYS),
        audience=settings.device_token_audience,
        timeout_s=settings.max_time,
        tls=tls_port(settings, certificate, settings.http_tls_port),
    )


def make_offers(settings: HttpGatewaySettings, adapter: HttpAdapter) -> list[Offer]:
    """What the network may be told of the gateway, once it runs."""
    name, host = settings.gateway_name or HttpAdapter.protocol, settings.http_host
    return [
        Offer("http", "HTTP gateway", host, each.port, "/v1/nodes/", tls=each.scheme == "https", gateway=name)
        for each in adapter.doors
    ]
