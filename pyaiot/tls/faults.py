# SPDX-License-Identifier: BSD-3-Clause
"""Faults of peers by TLS: each is counted, told with the peer's address, and ends that connection alone."""

from __future__ import annotations

import logging
import ssl
from typing import Final

from pyaiot.tls.counters import Counters
from pyaiot.tls.verification import why_no_client, words

log = logging.getLogger("pyaiot.tls")

#: What a browser or program is told that speaks HTTP to a port of TLS.
_BODY: Final = b"This port speaks TLS: use https:// or wss://\n"
NOT_PLAIN: Final = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)


class Faults:
    """Of all connections that are shown one certificate."""

    def __init__(self) -> None:
        self.counters = Counters()

    def no_connection(self, address: str, error: ssl.SSLError) -> bytes:
        """The handshake failed; what the peer is to be told past TLS, which has not begun, or nothing."""
        self.counters.handshakes_failed += 1
        log.info("%s: no TLS connection: %s", address, why_no_client(error.reason))
        return NOT_PLAIN if error.reason == "HTTP_REQUEST" else b""

    def crowded_out(self, address: str) -> None:
        """The handshake gives way to another one."""
        self.counters.handshakes_crowded_out += 1
        log.warning("%s: a handshake is dropped, as there are too many", address)

    def bad_record(self, address: str, error: ssl.SSLError) -> None:
        """What came is not what the connection's TLS has to be."""
        self.counters.bad_records += 1
        log.warning("%s: disconnected: it sent a bad TLS record (%s)", address, words(error.reason))
