# SPDX-License-Identifier: BSD-3-Clause
"""``aiot up``: everything in one process, over real sockets; with ``--demo`` simulated devices, too."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from pyaiot import lifecycle, options
from pyaiot.broker.server import Broker
from pyaiot.cli.generate_keys import make_all
from pyaiot.dashboard.cli import Dashboard, make_config
from pyaiot.gateway.cli import make_gateway
from pyaiot.gateway.coap.cli import make_adapter
from pyaiot.lifecycle import Ready, first_fault, started
from pyaiot.listening import bind, port_of
from pyaiot.settings import ALL_SETTINGS, UpSettings
from pyaiot.simulation.demo import Demo

log = logging.getLogger("pyaiot.up")

DESCRIPTION = "Broker, CoAP gateway and dashboard in one process. Keys are made when there are none."


def run(args: Sequence[str] = ()) -> int:
    """Run everything with ``args`` as the command line; the exit code."""
    settings = options.load(UpSettings, program="aiot up", description=DESCRIPTION, arguments=args, known=ALL_SETTINGS)
    return lifecycle.run(Everything(settings), settings)


class Everything:
    """All services, each started when those that it needs are ready, and ended in the opposite order."""

    def __init__(self, settings: UpSettings) -> None:
        self._settings = settings

    async def run(self, ready: Ready) -> None:
        """Serve until cancelled. Raises ConfigurationError before ``ready``."""
        settings = self._settings
        make_keys(settings.key_file)
        async with AsyncExitStack() as stack:
            page_sockets = bind(settings.web_host, settings.web_port, "web")
            settings = replace(settings, web_port=port_of(page_sockets))
            broker = Broker(settings)
            tasks = [await stack.enter_async_context(started(broker, "broker"))]
            settings = replace(settings, broker_port=str(broker.port))
            dashboard = Dashboard(make_config(settings), page_sockets)
            tasks.append(await stack.enter_async_context(started(dashboard, "dashboard")))
            coap = make_adapter(settings)
            tasks.append(await stack.enter_async_context(started(make_gateway(coap, settings), "CoAP gateway")))
            if settings.demo:
                tasks.append(await stack.enter_async_context(started(Demo(coap.port), "simulated devices")))
            self._tell(settings, coap.port)
            ready()
            await first_fault(tasks)

    def _tell(self, settings: UpSettings, coap_port: int) -> None:
        host = socket.gethostname() if settings.web_host in ("", "0.0.0.0", "::") else settings.web_host
        host = f"[{host}]" if ":" in host else host
        print(f"\n  Dashboard     http://{host}:{settings.web_port}/")
        print(f"  CoAP devices  UDP port {coap_port}" + ("; three simulated ones are there" if settings.demo else ""))
        print("  Ctrl-C ends it.\n", flush=True)


def make_keys(key_file: str) -> None:
    """Make the keys of this host where there are none; raises KeyFileError."""
    path = Path(os.path.expanduser(key_file))
    if not path.exists():
        make_all(path, force=False)
        log.info("Made the keys of this host: %s", path)
