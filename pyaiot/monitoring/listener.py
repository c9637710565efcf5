# SPDX-License-Identifier: BSD-3-Clause
"""The port of ``--metrics-port``: ``/metrics`` for Prometheus and ``/health``, of any service.

Whoever reaches it may read: names of gateways and numbers, nothing of a device. So it is on loopback unless
``--metrics-host`` says otherwise. A page in a browser is refused unless it was asked for by a name of this host.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from typing import Final

from tornado.web import Application, RequestHandler

from pyaiot.addresses import is_loopback
from pyaiot.http_origin import allowed_hosts, is_of_browser, may_be_asked_for, name_in
from pyaiot.lifecycle import Ready, Service
from pyaiot.listening import bind, http_server, port_of
from pyaiot.monitoring import process
from pyaiot.monitoring.exposition import CONTENT_TYPE
from pyaiot.monitoring.families import Family
from pyaiot.monitoring.fresh import FreshText
from pyaiot.monitoring.health import Health
from pyaiot.monitoring.health_answer import answer
from pyaiot.monitoring.watched import watched_in
from pyaiot.settings import CommonSettings

log = logging.getLogger("pyaiot.monitoring")

#: Connections to the port at once: a scraper or two, and a health check.
MAX_CONNECTIONS: Final = 32
STARTING: Final = "it has not started yet"


class WithListener:
    """``service``, with the port beside it: there before the service is ready, and until it has ended."""

    def __init__(self, service: Service, settings: CommonSettings) -> None:
        self._service = service
        self._settings = settings
        self._is_ready = False
        self._began = time.monotonic()
        #: The text for ``/metrics``.
        self.metrics = FreshText(self._families)
        #: The port bound, once it runs.
        self.port = 0

    async def run(self, ready: Ready) -> None:
        """See lifecycle.Service. Raises CannotListen before ``ready``."""
        settings = self._settings
        sockets = bind(settings.metrics_host, int(settings.metrics_port), "metrics")
        self.port = port_of(sockets)
        names = allowed_hosts("", settings.metrics_host, socket.gethostname())
        server = http_server(make_application(self, names))
        server.max_connections = min(server.max_connections, MAX_CONNECTIONS)
        server.add_sockets(sockets)
        log.info("Metrics and health at %s port %d", settings.metrics_host, self.port)
        if not all(is_loopback(sock.getsockname()[0]) for sock in sockets):
            log.info("Everybody who reaches that port can read them")

        def now_ready() -> None:
            self._is_ready = True
            ready()

        try:
            await self._service.run(now_ready)
        finally:
            server.stop()
            await server.close_all_connections()

    def _families(self) -> Iterator[Family]:
        yield from process.families(self._settings.program)
        watched = watched_in(self._service)
        if self._is_ready and watched is not None:
            yield from watched.families()

    def health(self) -> Health:
        """The service's."""
        if not self._is_ready:
            return Health(STARTING, time.monotonic() - self._began)
        watched = watched_in(self._service)
        return Health() if watched is None else watched.health()

    @property
    def program(self) -> str:
        """The service's command."""
        return self._settings.program


def make_application(listener: WithListener, names: frozenset[str]) -> Application:
    """What answers on the port, to those who ask for a host of ``names``, or are no browser."""
    arguments = {"listener": listener, "names": names}
    return Application(
        [(r"/metrics", _Metrics, arguments), (r"/health", _Health, arguments)],
        default_handler_class=_NotFound,
        default_handler_args=arguments,
        log_function=_log_request,
    )


class _Handler(RequestHandler):
    def initialize(self, listener: WithListener, names: frozenset[str]) -> None:
        self._listener = listener
        self._names = names

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("Cache-Control", "no-store")

    def prepare(self) -> None:
        headers = self.request.headers
        name = name_in(headers.get("Host", ""))
        known = name is not None and may_be_asked_for(name, self._names)
        if not known and is_of_browser(headers.get("Sec-Fetch-Site"), headers.get("User-Agent", "")):
            self.send_error(403)

    def write_error(self, status_code: int, **kwargs: object) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{status_code} {self._reason}\n")

    def head(self) -> None:
        self.get()


class _Metrics(_Handler):
    def get(self) -> None:
        self.set_header("Content-Type", CONTENT_TYPE)
        self.finish(self._listener.metrics.get())


class _Health(_Handler):
    def get(self) -> None:
        status, body = answer(self._listener.health(), self._listener.program)
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(body)


class _NotFound(_Handler):
    def prepare(self) -> None:
        self.set_status(404)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("Not found. Here are /metrics and /health.\n")


def _log_request(handler: RequestHandler) -> None:
    log.debug("%s %s %s", handler.request.method, handler.request.path, handler.get_status())
