# SPDX-License-Identifier: BSD-3-Clause
"""What had come when a connection broke, and that its transport would throw away.

A transport whose write fails is closed at once, with all that the kernel has received and nobody has read. An MQTT
broker that was killed may have acknowledged that to devices, and saved nothing of it.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator

BLOCK = 64 * 1024


class Leftover:
    """Keeps the socket of a transport readable beyond its transport, until :meth:`close`."""

    def __init__(self, spare: socket.socket) -> None:
        self._spare = spare

    @classmethod
    def of(cls, transport: asyncio.BaseTransport) -> Leftover | None:
        """That of a connection; None where the bytes are TLS's, or where there is no further file descriptor."""
        raw = transport.get_extra_info("socket")
        if raw is None or transport.get_extra_info("ssl_object") is not None:
            return None
        try:
            spare = socket.socket(fileno=os.dup(raw.fileno()))
        except OSError:
            return None
        spare.setblocking(False)
        return cls(spare)

    def read(self) -> Iterator[bytes]:
        """What is left, in the order in which it came. Waits for nothing; as much as the kernel buffers, at most."""
        try:
            while data := self._spare.recv(BLOCK):
                yield data
        except OSError:
            return  # there is no more, and this is why the connection broke

    def close(self) -> None:
        """The connection is over for the kernel, too."""
        self._spare.close()
