# SPDX-License-Identifier: BSD-3-Clause
"""The broker as a service: one port for gateways, for clients and programs, and for those who watch over it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from itertools import chain

from tornado.web import Application, RequestHandler

from pyaiot import keys
from pyaiot.actuation_file import read_actuation_map
from pyaiot.addresses import is_loopback
from pyaiot.broker import metrics
from pyaiot.broker.actuation_handlers import ActuationHandler, ActuationsHandler
from pyaiot.broker.arip.session import AripSession
from pyaiot.broker.authorisation import Gatekeeper, Scheme, allowed_origins, hosts_of
from pyaiot.broker.client_session import ClientSession
from pyaiot.broker.gateway_session import GatewaySession
from pyaiot.broker.hub import Hub
from pyaiot.broker.plain_handler import PlainHandler
from pyaiot.broker.rpc.api import Api
from pyaiot.broker.rpc.connection import RpcConnection
from pyaiot.broker.rpc.http import OneShot, OpenRpcHandler, RpcRequestHandler
from pyaiot.http_origin import allowed_hosts
from pyaiot.keys import KeyFileError, Keys
from pyaiot.lifecycle import Ready, closing
from pyaiot.listening import bind, http_server, port_of
from pyaiot.monitoring import process
from pyaiot.monitoring.families import Family
from pyaiot.monitoring.fresh import FreshText
from pyaiot.monitoring.health import Health, worst
from pyaiot.monitoring.health_answer import answer
from pyaiot.monitoring.watched import Watched
from pyaiot.ports import BROKER_PORT
from pyaiot.settings import BrokerSettings
from pyaiot.tls.certificate import ServerCertificate

log = logging.getLogger("pyaiot.broker")

#: With these, silence of a peer is noticed in 8 + 8 s, and it is cut off 5 s later.
PING_INTERVAL_S = 8
PING_TIMEOUT_S = 8
#: How often the key file is looked at.
KEY_FILE_INTERVAL_S = 0.5
#: How long a peer may take to say goodbye when the broker stops.
GOODBYE_S = 1.0


class Broker:
    """``aiot-broker``. ``port`` is the one bound, once it runs. With a ``certificate`` it speaks only TLS."""

    def __init__(self, settings: BrokerSettings, certificate: ServerCertificate | None = None) -> None:
        self._settings = settings
        self._certificate = certificate
        self.port = 0
        self.hub: Hub
        #: Other services of this process, whose metrics are told at the broker's port, too.
        self.beside: list[Watched] = []

    async def run(self, ready: Ready) -> None:
        """Serve until cancelled. Raises ConfigurationError before ``ready``: CannotListen, KeyFileError …"""
        settings = self._settings
        seen = keys.fingerprint(settings.key_file)
        stored = keys.load(settings.key_file)
        if stored.broker is None:
            raise KeyFileError(f"{settings.key_file} has no key for a broker: run aiot-generate-keys")
        actuations = read_actuation_map(settings.actuation_map)
        sockets = bind(settings.broker_host, int(settings.broker_port or BROKER_PORT), "broker")
        self.port = port_of(sockets)
        gatekeeper = make_gatekeeper(settings, stored, self._certificate)
        self.hub = Hub(stored, stored.broker, gatekeeper, settings.gateway_grace, actuations)
        tls = None if self._certificate is None else self._certificate.context
        server = http_server(make_application(self.hub, FreshText(self._told), self.health), tls=tls)
        server.add_sockets(sockets)
        log.info("Broker %s listening on %s port %d", stored.broker.public, settings.broker_host, self.port)
        ready()
        try:
            await self._watch_files(stored, seen)
        finally:
            server.stop()
            await closing(self.hub.close(), GOODBYE_S, "Saying goodbye to everybody")
            await server.close_all_connections()

    def families(self) -> Iterator[Family]:
        """See monitoring.Watched; once it runs."""
        return chain(metrics.families(self.hub), self._certificate.families() if self._certificate else ())

    def health(self) -> Health:
        """See monitoring.Watched."""
        hub = self.hub
        own = Health(
            facts={
                "gateways": len(hub.gateways),
                # A broker can do its work without them; they say themselves that they are not well.
                "gateways_away": list(hub.sessions().values()).count(False),
                "nodes": len(hub.directory.nodes),
                "clients": len(hub.clients),
            }
        )
        return worst(own, self._certificate.health()) if self._certificate else own

    def _told(self) -> Iterator[Family]:
        """What is at the broker's ``/metrics``: all of this process."""
        return chain(
            process.families(self._settings.program), self.families(), *(each.families() for each in self.beside)
        )

    async def _watch_files(self, stored: Keys, seen: tuple[int, int, int] | None) -> None:
        """Take over changes of the key file, and other names in a renewed certificate, for ever."""
        named = self._certificate
        names = named.names if named else ()
        while True:
            await asyncio.sleep(KEY_FILE_INTERVAL_S)
            if named and named.names != names:
                names = named.names
                self.hub.gatekeeper = make_gatekeeper(self._settings, stored, named)
            found = keys.fingerprint(self._settings.key_file)
            if found == seen:
                continue
            seen = found
            try:
                stored = keys.load(self._settings.key_file)
            except KeyFileError as error:
                log.error("%s; the keys that were read before stay in force", error)
                continue
            log.info("The key file changed: %d gateways are authorized", len(stored.authorized))
            self.hub.gatekeeper = make_gatekeeper(self._settings, stored, self._certificate)
            self.hub.change_keys(stored)


def make_gatekeeper(settings: BrokerSettings, stored: Keys, certificate: ServerCertificate | None = None) -> Gatekeeper:
    """The rules for clients that the settings and the key file make. The names in a certificate are the broker's own.

    With it the broker's own page, too, is taken to speak TLS: browsers let no other page connect here unasked.
    """
    scheme: Scheme = "http" if certificate is None else "https"
    origins = allowed_origins(settings.allowed_origins, settings.web_port, scheme)
    hosts = allowed_hosts(settings.allowed_hosts, settings.broker_host, socket.gethostname())
    return Gatekeeper(
        trust_this_host=is_loopback(settings.broker_host) and not settings.require_token,
        origins=origins,
        # A page that may connect is often at the broker's own address, behind a proxy.
        hosts=hosts | hosts_of(origins) | frozenset(certificate.names if certificate else ()),
        clients=stored.clients,
        anonymous_read=settings.anonymous_read,
        own_page_port=None if settings.allowed_origins else settings.web_port,
        own_page_scheme=scheme,
    )


def make_application(hub: Hub, told: FreshText, own_health: Callable[[], Health]) -> Application:
    """What answers on the broker's port; ``told`` is what is at ``/metrics``, ``own_health`` at ``/health``."""
    arguments = {"hub": hub}
    calls = {"hub": hub, "api": Api(hub)}
    return Application(
        [
            (r"/gw", GatewaySession, arguments),
            (r"/ws", ClientSession, arguments),
            (OneShot(r"/rpc"), RpcRequestHandler, calls),
            (r"/rpc", RpcConnection, calls),
            (r"/arip", AripSession, calls),
            (r"/rpc/openrpc.json", OpenRpcHandler, calls),
            (r"/health", HealthHandler, {"hub": hub, "own_health": own_health}),
            (r"/metrics", MetricsHandler, {"hub": hub, "told": told}),
            (r"/v1/actuations", ActuationsHandler, arguments),
            (r"/v1/actuations/([0-9a-f]{32})", ActuationHandler, arguments),
        ],
        default_handler_class=NotFoundHandler,
        websocket_ping_interval=PING_INTERVAL_S,
        websocket_ping_timeout=PING_TIMEOUT_S,
        log_function=_log_request,
    )


def _log_request(handler: RequestHandler) -> None:
    log.debug("%s %s %s", handler.request.method, handler.request.path, handler.get_status())


class HealthHandler(PlainHandler):
    """``/health``: whether the broker can do its work, and how much it holds. Everybody may ask: no names."""

    def initialize(self, hub: Hub, own_health: Callable[[], Health] = Health) -> None:
        """``own_health``: the broker's."""
        super().initialize(hub)
        self._own_health = own_health

    def get(self) -> None:
        """JSON, for people and load balancers."""
        status, body = answer(self._own_health(), BrokerSettings.program)
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(body)


_NOTHING = FreshText(tuple)


class MetricsHandler(PlainHandler):
    """``/metrics``: for Prometheus, with the rights of a reader."""

    def initialize(self, hub: Hub, told: FreshText = _NOTHING) -> None:
        """``told``: what there is to tell."""
        super().initialize(hub)
        self._told = told

    def get(self) -> None:
        """Prometheus' text format."""
        if self._hub.gatekeeper.role(self.sender) is None:
            self.set_status(401)
            self.set_header("WWW-Authenticate", "Bearer")
            self.finish("a token is needed (aiot-generate-keys --client)\n")
            return
        text = self._told.get()
        from pyaiot.monitoring.exposition import CONTENT_TYPE

        self.set_header("Content-Type", CONTENT_TYPE)
        self.finish(text)


class NotFoundHandler(RequestHandler):
    """Everything else."""

    def prepare(self) -> None:
        """404, in plain words."""
        self.set_status(404)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(
            "Not found. Here are /ws, /rpc and /arip for clients, /gw for gateways, "
            "/v1/actuations, /health and /metrics.\n"
        )
