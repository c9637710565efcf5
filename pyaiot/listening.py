# SPDX-License-Identifier: BSD-3-Clause
"""Opening the sockets that a service listens on, with words for what can be wrong; and the limits of what listens."""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, cast

from tornado.http1connection import HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPConnection, HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine
from tornado.iostream import IOStream
from tornado.netutil import bind_sockets
from tornado.web import Application

from pyaiot.addresses import group_of, is_loopback
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
#: How often another free port is asked for, where one is taken at another address of the host.
FREE_PORT_TRIES = 10
#: Connections that one server keeps open, of every kind; fewer where the system allows fewer files.
MAX_CONNECTIONS = 4_096
#: Those by TLS of which a request is waited for, the handshake first: one that stalls there holds some 60 KB.
MAX_AWAITED_BY_TLS = 512
#: What is read of a connection at once: more than that is never kept of a peer that sends ahead of our answers.
READ_BYTES = 65_536
#: Of these, those of one address (IPv6: one /64) that is not this host's own, where a proxy would be.
MAX_CONNECTIONS_PER_ADDRESS = 1_024
#: Closed connections are looked for when there are so many, or twice as many as were left the last time.
MIN_SWEPT = 64
#: As many open files as we ask of the system, and how many are left to everything else (of few, half of them).
WANTED_FILES = 65_536
SPARE_FILES = 128
#: With fewer connections for a server than these it is said at the start.
FEW_CONNECTIONS = 1_024
#: How many servers of this process share its files (see sharing).
_sharing = 1


class CannotListen(ConfigurationError):
    """An address cannot be listened on; one line that says what to do."""


def bind(host: str, port: int, option: str, port_option: str = "") -> list[socket.socket]:
    """TCP sockets listening on every address of ``host``, all with one port; 0 asks for a free one.

    ``option`` (``broker``, ``web``) names the options in the advice; ``port_option`` that of the port, where it is
    another one's. Raises CannotListen.
    """
    try:
        return _bind(host, port)
    except socket.gaierror:
        raise CannotListen(f"--{option}-host: {host!r} is not a name or address of this host") from None
    except (OSError, UnicodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "bad name"
        raise CannotListen(
            f"cannot listen on {host or 'all addresses,'} port {port} ({reason}): "
            f"stop what uses it, or choose another with --{port_option or option}-port or --{option}-host"
        ) from None


def _bind(host: str, port: int) -> list[socket.socket]:
    """Sockets of one port. Of several addresses only the first is asked for a free one; the others may not have it."""
    for _ in range(FREE_PORT_TRIES if port == 0 else 0):
        try:
            return bind_sockets(port, host or None)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    return bind_sockets(port, host or None)


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


@contextmanager
def sharing(servers: int) -> Iterator[None]:
    """Inside this ``with`` the process's open files are for so many servers, each with an equal part of them.

    A part of its own, so that no one's peers can take the connections of another. Within another ``with`` it is that
    one's part which is shared.
    """
    global _sharing
    before, _sharing = _sharing, _sharing * servers
    try:
        yield
    finally:
        _sharing = before


def connection_limit(most: int) -> int:
    """How many connections a server that wants ``most`` may keep open: no more than there are files for."""
    files = raise_file_limit()
    part = max((files - min(SPARE_FILES, files // 2)) // _sharing, 1)
    if part < min(most, FEW_CONNECTIONS):
        _tell_few(files, part, _sharing)
    return min(most, part)


@cache
def _tell_few(files: int, part: int, servers: int) -> None:
    """Once, whatever the number of servers."""
    log.warning(
        "The system allows %d open files, which is %d connections for each of %d servers: "
        "raise it with ulimit -n, or LimitNOFILE= of systemd",
        files,
        part,
        servers,
    )


def http_server(
    application: Application,
    *,
    tls: ssl.SSLContext | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
    read_bytes: int = READ_BYTES,
) -> BoundedServer:
    """A server for ``application`` that no peer can fill; it has no sockets yet.

    With ``tls`` it speaks nothing else. The handshake counts as the beginning of the first request: all limits hold.
    """
    return BoundedServer(
        application,
        ssl_options=tls,
        idle_connection_timeout=IDLE_S,
        body_timeout=BODY_S,
        max_header_size=MAX_HEADER_BYTES,
        max_body_size=max_body_bytes,
        max_buffer_size=MAX_BUFFER_BYTES,
        chunk_size=read_bytes,
    )


class BoundedServer(HTTPServer):
    """Tornado's, with a bound on how many connections there are, of one address and of all, and on how old they get.

    Without the first the system's bound on open files would be met, and then nobody be let in any more. Where there
    are too many, the one goes whose request has been waited for longest; so one host that connects and is silent
    shuts out nobody.
    """

    def initialize(self, *args: Any, **settings: Any) -> None:
        """As Tornado's."""
        super().initialize(*args, **settings)
        self.max_connections = connection_limit(MAX_CONNECTIONS)
        self._max_awaited = MAX_CONNECTIONS if self.ssl_options is None else MAX_AWAITED_BY_TLS
        #: Every connection and its group (see addresses.group_of); also some that are closed, until the next sweep.
        self._streams: dict[IOStream, str] = {}
        self._sweep_at = MIN_SWEPT
        self._groups: Counter[str] = Counter()
        #: Those of which the head of a request is waited for, and their groups; the longest awaited first.
        self._awaited: dict[IOStream, str] = {}
        self._ends: dict[object, asyncio.TimerHandle] = {}

    def _handle_connection(self, connection: socket.socket, address: tuple[Any, ...]) -> None:
        """As Tornado's; but who has left before TLS could begin is no fault of ours."""
        try:
            super()._handle_connection(connection, address)
        except OSError as error:
            log.debug("%s: left as TLS was to begin: %s", address[0], error)
            connection.close()

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """A connection was made; where it is one too many, another one goes, or it is dropped at once."""
        group = group_of(address[0])
        if not self._make_room(group, is_loopback(address[0])):
            log.warning("%s: too many connections; dropped", address[0])
            stream.close()
            return
        if len(self._streams) >= self._sweep_at:
            self._sweep()
        self._streams[stream] = group
        self._groups[group] += 1
        super().handle_stream(stream, address)

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """A request is waited for: the connection's time begins with its first."""
        stream = cast("HTTP1ServerConnection", server_conn).stream
        if server_conn not in self._ends:
            self._ends[server_conn] = asyncio.get_running_loop().call_later(MAX_AGE_S, stream.close)
        if (group := self._streams.get(stream)) is not None:  # else it was dropped as its request came
            self._awaited[stream] = group
        return _Head(super().start_request(server_conn, request_conn), lambda: self._awaited.pop(stream, None))

    def on_close(self, server_conn: object) -> None:
        """It ended, or became a WebSocket."""
        end = self._ends.pop(server_conn, None)
        if end is not None:
            end.cancel()
        stream = cast("HTTP1ServerConnection", server_conn).stream
        self._awaited.pop(stream, None)
        if stream.closed():
            self._forget(stream)
        super().on_close(server_conn)

    def _make_room(self, group: str, exempt: bool) -> bool:
        """Whether there is room for one more of ``group``, which may take another's; ``exempt``: it has no bound."""
        if self._has_room(group, exempt):
            return True
        self._sweep()
        # Those that were accepted together are all too many only once their requests are waited for.
        while not self._has_room(group, exempt):
            # A group that is full makes room in itself.
            within = not exempt and self._groups[group] >= MAX_CONNECTIONS_PER_ADDRESS
            silent = next((stream for stream, its in self._awaited.items() if not within or its == group), None)
            if silent is None:
                return False
            log.warning("too many connections: one of %s, which asked nothing, is dropped", self._awaited[silent])
            self._forget(silent)
            silent.close()
        return True

    def _sweep(self) -> None:
        """Forget those that are closed: a WebSocket does not say when, and its stream holds on to what it was for."""
        for stream in [each for each in self._streams if each.closed()]:
            self._forget(stream)
        self._sweep_at = max(MIN_SWEPT, 2 * len(self._streams))

    def _has_room(self, group: str, exempt: bool) -> bool:
        return (
            len(self._streams) < self.max_connections
            and len(self._awaited) < self._max_awaited
            and (exempt or self._groups[group] < MAX_CONNECTIONS_PER_ADDRESS)
        )

    def _forget(self, stream: IOStream) -> None:
        self._awaited.pop(stream, None)
        group = self._streams.pop(stream, None)
        if group is not None:
            self._groups[group] -= 1
            if not self._groups[group]:
                del self._groups[group]


class _Head(HTTPMessageDelegate):
    """Says when the head of a request is there; all else is up to ``delegate``."""

    def __init__(self, delegate: HTTPMessageDelegate, arrived: Callable[[], object]) -> None:
        self._delegate = delegate
        self._arrived = arrived

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        self._arrived()
        return self._delegate.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._delegate.data_received(chunk)

    def finish(self) -> None:
        self._delegate.finish()

    def on_connection_close(self) -> None:
        self._delegate.on_connection_close()
