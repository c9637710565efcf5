# SPDX-License-Identifier: BSD-3-Clause
"""The socket of a connection by TLS, as Tornado uses it: what fails ends quietly, and plain HTTP is answered."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
from typing import Final

log = logging.getLogger("pyaiot.tls")

#: What a browser or program is told that speaks HTTP to a port of TLS.
_BODY: Final = b"This port speaks TLS: use https:// or wss://\n"
NOT_PLAIN: Final = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)
#: What was sent besides is taken in before the end, for otherwise TCP would take our answer back (RFC 9112, 9.6).
_MOST_DROPPED_BYTES: Final = 65_536


class TlsSocket(ssl.SSLSocket):
    """A server's; for ``SSLContext.sslsocket_class``."""

    def do_handshake(self, block: bool = False) -> None:
        """As ssl.SSLSocket's; but a peer's fault is told at DEBUG, and looks to the caller as if the peer had left."""
        try:
            super().do_handshake(block)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            raise
        except ssl.SSLError as error:
            self._end(NOT_PLAIN if error.reason == "HTTP_REQUEST" else b"")
            log.debug("%s: no TLS connection: %s", self._peer(), error.reason or error)
            raise ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "the handshake failed") from None

    def _end(self, answer: bytes) -> None:
        """Say ``answer`` past TLS, which has not begun, and no more; never waits."""
        with contextlib.suppress(OSError):
            socket.socket.recv(self, _MOST_DROPPED_BYTES)
        with contextlib.suppress(OSError):
            if answer:
                socket.socket.send(self, answer)
            socket.socket.shutdown(self, socket.SHUT_WR)

    def _peer(self) -> str:
        try:
            return str(self.getpeername()[0])
        except OSError:
            return "someone who left"
