# SPDX-License-Identifier: BSD-3-Clause
"""The port that HTTP devices connect to, within the limits of pyaiot.listening."""

from __future__ import annotations

import asyncio
import logging

from tornado.web import Application, RequestHandler

from pyaiot.gateway.http.contract import Host
from pyaiot.gateway.http.handlers import MAX_DROPPED_BYTES, NodeHandler, NotFoundHandler, Shared
from pyaiot.listening import BoundedServer, bind, http_server, port_of

logger = logging.getLogger("pyaiot.gateway.http")


class Server:
    """One port, for ``host``'s devices."""

    def __init__(self, host: Host, address: str, port: int) -> None:
        self._host = host
        self._address = address
        self.port = port
        self._server: BoundedServer | None = None

    def start(self) -> None:
        """Listen. Raises CannotListen."""
        sockets = bind(self._address, self.port, "http")
        self.port = port_of(sockets)
        arguments = {"host": self._host, "shared": Shared()}
        application = Application(
            [(r"/v1/nodes/([^/]+)", NodeHandler, arguments)],
            default_handler_class=NotFoundHandler,
            default_handler_args=arguments,
            log_function=_log_request,
        )
        self._server = http_server(application, max_body_bytes=MAX_DROPPED_BYTES)
        self._server.add_sockets(sockets)

    async def stop(self) -> None:
        """Close the sockets and every connection. Does nothing when not started."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.stop()
        await asyncio.sleep(0)  # whoever was just released is answered
        await server.close_all_connections()


def _log_request(handler: RequestHandler) -> None:
    request = handler.request
    logger.debug("%s %s %s -> %d", request.remote_ip, request.method, request.path, handler.get_status())
