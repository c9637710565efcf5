# SPDX-License-Identifier: BSD-3-Clause
"""``aiot up``: everything in one process, over real sockets; with ``--demo`` simulated devices, too."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from pyaiot import lifecycle, options
from pyaiot.addresses import broker_url, in_url, is_every_address
from pyaiot.announce.announcer import Announced
from pyaiot.announce.offers import Offer
from pyaiot.broker.cli import make_offer as offer_broker
from pyaiot.broker.server import Broker
from pyaiot.cli.generate_keys import add_missing, make_all
from pyaiot.dashboard.cli import Dashboard, make_config
from pyaiot.dashboard.cli import make_offer as offer_dashboard
from pyaiot.gateway.cli import make_gateway
from pyaiot.gateway.coap.cli import make_adapter as make_coap_adapter
from pyaiot.gateway.coap.cli import make_offer as offer_coap
from pyaiot.gateway.dial import BrokerAddress
from pyaiot.gateway.http.cli import make_adapter as make_http_adapter
from pyaiot.gateway.http.cli import make_offers as offer_http
from pyaiot.gateway.mqtt.cli import make_adapter as make_mqtt_adapter
from pyaiot.gateway.mqtt.embedded import GatewayWithBroker
from pyaiot.gateway.ws.cli import make_adapter as make_ws_adapter
from pyaiot.gateway.ws.cli import make_offers as offer_ws
from pyaiot.lifecycle import Ready, Service, first_fault, started
from pyaiot.listening import bind, port_of, sharing
from pyaiot.monitoring.families import Family
from pyaiot.monitoring.health import Health, of_all
from pyaiot.monitoring.watched import Watched
from pyaiot.mqtt_broker.cli import make_offers as offer_mqtt
from pyaiot.options import OptionError
from pyaiot.settings import ALL_SETTINGS, UpSettings
from pyaiot.simulation.demo import Demo
from pyaiot.tls.certificate import ServerCertificate, server_certificate
from pyaiot.tls.ports import DevicePorts
from pyaiot.tls.renewal import Renewal
from pyaiot.tls.trust import trusting_own_process

log = logging.getLogger("pyaiot.up")

#: Servers that take TCP connections: broker, dashboard, two gateways. An embedded MQTT broker is one more.
SERVERS = 4
DESCRIPTION = "Broker, gateways and dashboard in one process. Keys are made when there are none."


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    return options.make_parser(UpSettings, "aiot up", DESCRIPTION)


def run(args: Sequence[str] = ()) -> int:
    """Run everything with ``args`` as the command line; the exit code."""
    settings = options.load(UpSettings, program="aiot up", description=DESCRIPTION, arguments=args, known=ALL_SETTINGS)
    # Before there is a loop, which it would hold up.
    can_embed = settings.embedded_broker and _import_mqtt_broker()
    everything = Everything(settings, can_embed=can_embed)
    return lifecycle.run(Announced(everything, settings.announce, lambda: everything.offers), settings)


class Everything:
    """All services, each started when those that it needs are ready, and ended in the opposite order.

    ``can_embed``: the embedded MQTT broker is wanted, and installed.
    """

    def __init__(self, settings: UpSettings, *, can_embed: bool) -> None:
        self._settings = settings
        self._can_embed = can_embed
        #: What the network may be told, once all is ready.
        self.offers: list[Offer] = []
        self._watched: dict[str, Watched] = {}

    async def run(self, ready: Ready) -> None:
        """Serve until cancelled. Raises ConfigurationError before ``ready``."""
        settings = self._settings
        if settings.gateway_name:
            raise OptionError("--gateway-name: aiot up runs several gateways, each with its protocol's name")
        if settings.broker:
            log.info("--broker (AIOT_BROKER) is for gateways alone and for verbs: aiot up has a broker of its own")
        certificate = server_certificate(settings)
        if settings.tls_only and settings.demo:
            raise OptionError("--tls-only: the simulated devices of --demo speak no TLS")
        make_keys(settings.key_file)
        async with AsyncExitStack() as stack:
            stack.enter_context(sharing(SERVERS + self._can_embed))
            tasks: list[asyncio.Task[None]] = []

            async def start(service: Service, name: str) -> None:
                tasks.append(await stack.enter_async_context(started(service, name)))
                if isinstance(service, Watched):
                    self._watched[name] = service
                    if name != "broker":
                        broker.beside.append(service)

            page_sockets = bind(settings.web_host, settings.web_port, "web")
            settings = replace(settings, web_port=port_of(page_sockets))
            if certificate is not None:
                await start(Renewal(certificate), "renewal of the certificate")
            broker = Broker(settings, certificate)
            await start(broker, "broker")
            settings = replace(settings, broker_port=str(broker.port))
            await start(Dashboard(make_config(settings), page_sockets, certificate), "dashboard")
            own = own_broker(settings, certificate)
            coap = make_coap_adapter(settings)
            ws, http = make_ws_adapter(settings, certificate), make_http_adapter(settings, certificate)
            await start(make_gateway(coap, settings, own), "CoAP gateway")
            await start(make_gateway(ws, settings, own), "WebSocket gateway")
            await start(make_gateway(http, settings, own), "HTTP gateway")
            mqtt: DevicePorts | None = None
            if not settings.embedded_broker:
                await start(make_gateway(make_mqtt_adapter(settings), settings, own), "MQTT gateway")
            elif self._can_embed:
                both = GatewayWithBroker(settings, own, certificate)
                await start(both, "MQTT")
                mqtt = both.ports
            if settings.demo:
                mqtt_port = None if mqtt is None else mqtt.port
                await start(Demo(coap.port, ws.port, mqtt_port), "simulated devices")
            self.offers = [
                offer_dashboard(settings, settings.web_port),
                offer_broker(broker, settings),
                offer_coap(settings, coap.port),
                *offer_ws(settings, ws),
                *offer_http(settings, http),
                *([] if mqtt is None else offer_mqtt(settings, mqtt)),
            ]
            self._tell(settings, certificate, coap.port, mqtt, ws.ports, http.ports)
            ready()
            await first_fault(tasks)

    def families(self) -> Iterator[Family]:
        """See monitoring.Watched."""
        for service in self._watched.values():
            yield from service.families()

    def health(self) -> Health:
        """See monitoring.Watched: well if all are."""
        return of_all({name: service.health() for name, service in self._watched.items()})

    def _tell(
        self,
        settings: UpSettings,
        certificate: ServerCertificate | None,
        coap: int,
        mqtt: DevicePorts | None,
        ws: DevicePorts,
        http: DevicePorts,
    ) -> None:
        scheme = "http" if certificate is None else "https"
        host = page_host(settings.web_host, certificate)
        if mqtt is not None:
            mqtt_line = f"TCP {mqtt}"
        elif settings.embedded_broker:
            mqtt_line = "none: pip install 'pyaiot[mqtt-broker]', or --embedded-broker=no"
        else:
            mqtt_line = f"those of the MQTT broker at {settings.mqtt_host} port {settings.mqtt_port}"
        demo = "  (simulated devices)" * settings.demo
        print(f"\n  Dashboard     {scheme}://{in_url(host)}:{settings.web_port}/{demo}")
        print(f"  CoAP devices  UDP port {coap}")
        print(f"  MQTT devices  {mqtt_line}")
        print(f"  WebSockets    TCP {ws}, at /node")
        print(f"  HTTP devices  TCP {http}, at /v1/nodes/<id>")
        print("  Ctrl-C ends it.\n", flush=True)


def own_broker(settings: UpSettings, certificate: ServerCertificate | None) -> BrokerAddress:
    """Where the gateways of this process find its broker. Raises ConfigurationError."""
    try:
        url = broker_url(settings.broker_host, settings.broker_port, certificate is not None, "/gw")
    except ValueError as error:
        raise OptionError(str(error)) from None
    return BrokerAddress(url, None if certificate is None else trusting_own_process())


def page_host(web_host: str, certificate: ServerCertificate | None) -> str:
    """What to call this host in the page's address, where it is bound to ``web_host``: as its certificate does."""
    names = [name for name in certificate.names if "*" not in name] if certificate is not None else []
    if is_every_address(web_host):
        return names[0] if names else socket.gethostname()
    return web_host


def _import_mqtt_broker() -> bool:
    """Whether the embedded MQTT broker is installed."""
    try:
        import amqtt.broker  # type: ignore[import-untyped]  # noqa: F401
    except ModuleNotFoundError:
        return False
    return True


def make_keys(key_file: str) -> None:
    """Make the keys of this host where there are none, or none for a gateway that is newer; raises KeyFileError."""
    path = Path(os.path.expanduser(key_file))
    if not path.exists():
        make_all(path, force=False)
        log.info("Made the keys of this host: %s", path)
    elif missing := add_missing(path):
        log.info("Made keys for the gateways %s: %s", ", ".join(missing), path)
