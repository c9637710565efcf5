# SPDX-License-Identifier: BSD-3-Clause
"""The port that HTTP devices connect to, within the limits of pyaiot.listening."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from tornado.web import Application, RequestHandler

from pyaiot.gateway.http.contract import Host
from pyaiot.gateway.http.handlers import NodeHandler, NotFoundHandler
from pyaiot.gateway.http.request_handler import MAX_DROPPED_BYTES, Shared
from pyaiot.listening import BoundedServer, bind, http_server, port_of

logger = logging.getLogger("pyaiot.gateway.http")

#: What is read of a connection at once, so that bodies are counted before they are kept; most are smaller.
READ_BYTES: Final = 8_192


class Server:
    """One port, for ``host``'s devices."""

    def __init__(self, host: Host, address: str, port: int) -> None:
        self._host = host
        self.address = address
        self.port = port
        self.shared = Shared()
        self._server: BoundedServer | None = None

    def start(self) -> None:
        """Listen. Raises CannotListen."""
        sockets = bind(self.address, self.port, "http")
        self.port = port_of(sockets)
        arguments = {"host": self._host, "shared": self.shared}
        application = Application(
            [(r"/v1/nodes/([^/]+)", NodeHandler, arguments)],
            default_handler_class=NotFoundHandler,
            default_handler_args=arguments,
            log_function=_log_request,
        )
        self._server = http_server(application, max_body_bytes=MAX_DROPPED_BYTES, read_bytes=READ_BYTES)
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
