# SPDX-License-Identifier: BSD-3-Clause
"""The ports that HTTP devices connect to, within the limits of pyaiot.listening."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from tornado.web import Application, RequestHandler

from pyaiot.gateway.http.contract import Host
from pyaiot.gateway.http.handlers import NodeHandler, NotFoundHandler
from pyaiot.gateway.http.request_handler import MAX_DROPPED_BYTES, Shared
from pyaiot.listening import BoundedServer, http_server, sharing
from pyaiot.tls.ports import DevicePorts

logger = logging.getLogger("pyaiot.gateway.http")

#: What is read of a connection at once, so that bodies are counted before they are kept; most are smaller.
READ_BYTES: Final = 8_192


class Server:
    """One port, or two, by TLS and without, for ``host``'s devices."""

    def __init__(self, host: Host, ports: DevicePorts) -> None:
        self._host = host
        self._ports = ports
        self.shared = Shared()
        self._servers: list[BoundedServer] = []

    def start(self) -> None:
        """Listen. Raises CannotListen."""
        ports = self._ports
        ports.open()
        arguments = {"host": self._host, "shared": self.shared}
        application = Application(
            [(r"/v1/nodes/([^/]+)", NodeHandler, arguments)],
            default_handler_class=NotFoundHandler,
            default_handler_args=arguments,
            log_function=_log_request,
        )
        certificate = ports.certificate
        served = [(ports.plain, None), (ports.secured, None if certificate is None else certificate.context)]
        served = [(sockets, tls) for sockets, tls in served if sockets]
        with sharing(len(served)):
            for sockets, tls in served:
                server = http_server(application, tls=tls, max_body_bytes=MAX_DROPPED_BYTES, read_bytes=READ_BYTES)
                server.add_sockets(sockets)
                self._servers.append(server)

    async def stop(self) -> None:
        """Close the sockets and every connection. Does nothing when not started."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.stop()
        if servers:
            await asyncio.sleep(0)  # whoever was just released is answered
        for server in servers:
            await server.close_all_connections()


def _log_request(handler: RequestHandler) -> None:
    request = handler.request
    logger.debug("%s %s %s -> %d", request.remote_ip, request.method, request.path, handler.get_status())
