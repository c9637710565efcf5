# SPDX-License-Identifier: BSD-3-Clause
"""The socket of a connection by TLS, as Tornado uses it: what fails ends with our words, and plain HTTP is answered."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
from typing import Any, Final, cast

from pyaiot.tls.faults import Faults

#: What was sent besides is taken in before the end, for otherwise TCP would take our answer back (RFC 9112, 9.6).
_MOST_DROPPED_BYTES: Final = 65_536


class ServerContext(ssl.SSLContext):
    """The server's side of TLS; ``faults`` are told those of its peers."""

    faults: Faults


class TlsSocket(ssl.SSLSocket):
    """A server's; for ``SSLContext.sslsocket_class`` of a ServerContext.

    A peer's fault looks to the caller as if the peer had left: Tornado would tell it without the peer's address.
    """

    def do_handshake(self, block: bool = False) -> None:
        """As ssl.SSLSocket's."""
        try:
            super().do_handshake(block)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            raise
        except ssl.SSLError as error:
            self._end(self._faults.no_connection(self._peer(), error))
            raise ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "the handshake failed") from None

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """As ssl.SSLSocket's."""
        try:
            return super().recv_into(buffer, nbytes, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            raise
        except ssl.SSLError as error:
            self._faults.bad_record(self._peer(), error)
            raise ConnectionResetError(errno.ECONNRESET, "a bad TLS record") from None

    @property
    def _faults(self) -> Faults:
        return cast("ServerContext", self.context).faults

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
            return str(self.getpeername()[0]).removeprefix("::ffff:")
        except OSError:
            return "someone who left"
