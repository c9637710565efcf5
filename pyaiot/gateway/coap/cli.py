# SPDX-License-Identifier: BSD-3-Clause
"""``aiot-coap-gateway``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pyaiot import lifecycle, options
from pyaiot.gateway.cli import make_gateway
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
    return lifecycle.run(make_gateway(make_adapter(settings), settings), settings)


def make_adapter(settings: CoapGatewaySettings) -> CoapAdapter:
    """The CoAP side that the settings describe."""
    return CoapAdapter(host=settings.coap_host, port=settings.coap_port, interface=settings.interface or None)
