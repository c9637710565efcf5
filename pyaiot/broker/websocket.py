# SPDX-License-Identifier: BSD-3-Clause
"""What all WebSocket peers of the broker have in common: pings, closing, and writes that cannot pile up.

Tornado makes the handshake and reads frames. Writing goes straight to the connection's stream, many messages in
one call: ``write_message`` would make a task, a copy and a system call for each.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any, cast

from tornado.iostream import IOStream, StreamClosedError
from tornado.web import HTTPError
from tornado.websocket import WebSocketHandler, WebSocketProtocol13

log = logging.getLogger("pyaiot.broker")


class Peer(WebSocketHandler):
    """A WebSocket connection whose outgoing bytes are counted by whoever writes."""

    @property
    def stream(self) -> IOStream:
        """The connection's stream; only while the WebSocket is open."""
        return cast("WebSocketProtocol13", self.ws_connection).stream

    @property
    def name(self) -> str:
        """The peer's address, for the log."""
        return str(self.request.remote_ip)

    def open(self, *args: str, **kwargs: str) -> None:
        """The handshake is over."""
        self.set_nodelay(True)

    def limit_kernel_buffer(self, size: int) -> None:
        """Let the kernel hold about ``size`` bytes for this peer, not the megabytes it would grow to."""
        raw = self.stream.socket
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)

    def write_raw(self, frames: bytes, when_written: Callable[[], None]) -> bool:
        """Write whole frames; true when all went out at once, else ``when_written`` is called once they have.

        Writing to a connection that is closing does nothing and is true: its ``on_close`` comes, or came.
        """
        if self.ws_connection is None or self.ws_connection.is_closing():
            return True
        try:
            written = self.stream.write(frames)
        except StreamClosedError:
            return True
        if written.done():
            return True
        written.add_done_callback(lambda done: None if done.cancelled() or done.exception() else when_written())
        return False

    def abort(self) -> None:
        """Drop the connection without a word: the peer does not read anyhow."""
        if self.ws_connection is not None:
            self.stream.close()

    def get_compression_options(self) -> dict[str, Any] | None:
        """No compression: it costs 2 to 20 times the CPU, and up to 300 KB a connection."""
        return None

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """A fault of ours in a callback; Tornado ends this connection, and only this one. The peer's faults are not."""
        if isinstance(value, StreamClosedError | HTTPError):
            return
        log.error("%s: fault while serving this peer; please report it", self.name, exc_info=(typ, value, tb))
