# SPDX-License-Identifier: BSD-3-Clause
"""Opening the sockets that a service listens on, with words for what can be wrong; and the limits of what listens."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
from typing import Any, cast

from tornado.http1connection import HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPConnection, HTTPMessageDelegate
from tornado.iostream import IOStream
from tornado.netutil import bind_sockets
from tornado.web import Application

from pyaiot.options import ConfigurationError

log = logging.getLogger("pyaiot.listening")

#: How long a request's headers may take, and a connection may wait for the next request.
IDLE_S = 30.0
#: How long a request's body may take, and how much it may be: nothing here is asked with one.
BODY_S = 10.0
MAX_BODY_BYTES = 1_024
MAX_HEADER_BYTES = 16_384
#: What is read ahead of a connection, also once it is a WebSocket.
MAX_BUFFER_BYTES = 262_144
#: How long an HTTP connection lives, also one that does not take its answers. A WebSocket has rules of its own.
MAX_AGE_S = 120.0
#: Connections that one server keeps open, of every kind; fewer where the system allows fewer files.
MAX_CONNECTIONS = 4_096
#: As many open files as we ask of the system, and how many are left to everything else.
WANTED_FILES = 16_384
SPARE_FILES = 128


class CannotListen(ConfigurationError):
    """An address cannot be listened on; one line that says what to do."""


def bind(host: str, port: int, option: str) -> list[socket.socket]:
    """TCP sockets listening on every address of ``host``, all with one port; 0 asks for a free one.

    ``option`` (``broker``, ``web``) names the options in the advice. Raises CannotListen.
    """
    try:
        return bind_sockets(port, host or None)
    except socket.gaierror:
        raise CannotListen(f"--{option}-host: {host!r} is not a name or address of this host") from None
    except (OSError, UnicodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "bad name"
        raise CannotListen(
            f"cannot listen on {host} port {port} ({reason}): "
            f"stop what uses it, or choose another with --{option}-port or --{option}-host"
        ) from None


def port_of(sockets: list[socket.socket]) -> int:
    """The port that sockets from :func:`bind` listen on."""
    return int(sockets[0].getsockname()[1])


def raise_file_limit() -> int:
    """Ask the system for as many open files as are of use (setrlimit(2)); how many it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(WANTED_FILES, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return WANTED_FILES if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def http_server(application: Application, *, max_body_bytes: int = MAX_BODY_BYTES) -> BoundedServer:
    """A server for ``application`` that no peer can fill; it has no sockets yet."""
    return BoundedServer(
        application,
        idle_connection_timeout=IDLE_S,
        body_timeout=BODY_S,
        max_header_size=MAX_HEADER_BYTES,
        max_body_size=max_body_bytes,
        max_buffer_size=MAX_BUFFER_BYTES,
    )


class BoundedServer(HTTPServer):
    """Tornado's, with a bound on how many connections there are, and on how old they get.

    Without the first the system's bound on open files would be met, and then nobody be let in any more.
    """

    def initialize(self, *args: Any, **settings: Any) -> None:
        """As Tornado's."""
        super().initialize(*args, **settings)
        self.max_connections = min(MAX_CONNECTIONS, max(raise_file_limit() - SPARE_FILES, 16))
        self._streams: set[IOStream] = set()
        self._ends: dict[object, asyncio.TimerHandle] = {}

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """A connection was made; one too many is dropped at once."""
        if len(self._streams) >= self.max_connections:
            self._streams = {each for each in self._streams if not each.closed()}
        if len(self._streams) >= self.max_connections:
            log.warning("%s: more than %d connections; dropped", address[0], self.max_connections)
            stream.close()
            return
        self._streams.add(stream)
        super().handle_stream(stream, address)

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """A request came: the connection's time begins with its first."""
        if server_conn not in self._ends:
            close = cast("HTTP1ServerConnection", server_conn).stream.close
            self._ends[server_conn] = asyncio.get_running_loop().call_later(MAX_AGE_S, close)
        return super().start_request(server_conn, request_conn)

    def on_close(self, server_conn: object) -> None:
        """It ended, or became a WebSocket."""
        end = self._ends.pop(server_conn, None)
        if end is not None:
            end.cancel()
        super().on_close(server_conn)
