# SPDX-License-Identifier: BSD-3-Clause
"""``aiot-coap-gateway``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pyaiot import lifecycle, options
from pyaiot.announce.offers import Offer
from pyaiot.gateway.cli import run_announced
from pyaiot.gateway.coap.adapter import CoapAdapter
from pyaiot.settings import ALL_SETTINGS, CoapGatewaySettings

DESCRIPTION = "The CoAP gateway: devices register with it over UDP, and it connects them to the broker."


def main() -> int:
    """Entry point of the command."""
    return lifecycle.main(lambda: run(sys.argv[1:]))


def run(args: Sequence[str] = ()) -> int:
    """Run the gateway with ``args`` as its command line; the exit code."""
    settings = options.load(
        CoapGatewaySettings, program="aiot-coap-gateway", description=DESCRIPTION, arguments=args, known=ALL_SETTINGS
    )
    adapter = make_adapter(settings)
    return run_announced(adapter, settings, lambda: [make_offer(settings, adapter.port)])


def make_adapter(settings: CoapGatewaySettings) -> CoapAdapter:
    """The CoAP side that the settings describe."""
    return CoapAdapter(
        host=settings.coap_host,
        port=settings.coap_port,
        interface=settings.interface or None,
        multicast=settings.announce != "no",
    )


def make_offer(settings: CoapGatewaySettings, port: int) -> Offer:
    """What the network may be told of the gateway that listens on ``port``."""
    name = settings.gateway_name or CoapAdapter.protocol
    path = "/.well-known/core"
    return Offer("coap", "CoAP gateway", settings.coap_host, port, path=path, gateway=name, dual=True)
