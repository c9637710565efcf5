# SPDX-License-Identifier: BSD-3-Clause
"""What a gateway sends to a device over its WebSocket, from the answer to its HTTP request on."""

from __future__ import annotations

import asyncio
from typing import Final

from websockets.protocol import State

from pyaiot.gateway.ws.counters import Counters
from pyaiot.gateway.ws.payloads import close_reason
from pyaiot.gateway.ws.sessions.contract import Code
from pyaiot.gateway.ws.upgrade import DeviceProtocol

#: What a device may leave unread of what is sent to it, in bytes, before it is disconnected.
MAX_UNREAD_BYTES: Final = 65_536

_OPEN = State.OPEN
_BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Outgoing:
    """One connection's way out. The caller flushes, and disconnects who leaves more than MAX_UNREAD_BYTES unread."""

    __slots__ = ("_counters", "_marks", "_protocol", "_transport")

    def __init__(self, protocol: DeviceProtocol, transport: asyncio.Transport, counters: Counters) -> None:
        self._protocol = protocol
        self._transport = transport
        self._counters = counters
        self._marks = 0

    def text(self, message: bytes) -> bool:
        """Send a message; false: it is closing."""
        if self._protocol.state is not _OPEN:
            return False
        self._protocol.send_text(message)
        return True

    def mark(self) -> int:
        """Send a ping of a number of its own (see contract.Peer.mark)."""
        self._marks += 1
        self.ping()
        return self._marks

    def ping(self) -> None:
        """Ask for a sign of life."""
        if self._protocol.state is _OPEN:
            # A device may answer only the last of some pings (RFC 6455 section 5.5.3), so each says all marks.
            self._protocol.send_ping(b"%d" % self._marks if self._marks else b"")

    def close(self, code: Code, reason: str) -> None:
        """Say goodbye."""
        if self._protocol.state is _OPEN:
            self._protocol.fail(code, close_reason(reason))

    @property
    def unread_bytes(self) -> int:
        """What was written and waits for the device to read."""
        return self._transport.get_write_buffer_size()

    def flush(self) -> bool:
        """Write what there is; false: nobody is there any more."""
        protocol, transport = self._protocol, self._transport
        writes = protocol.data_to_send()
        if transport.is_closing():
            return False
        at_end = writes[-1:] == [b""]
        if at_end and protocol.state is State.CONNECTING:
            self._counters.rejected += 1
            if len(writes) == 1:
                writes.insert(0, _BAD_REQUEST)
        transport.write(writes[0] if len(writes) == 1 else b"".join(writes))
        if at_end:
            try:
                transport.write_eof()
            except OSError:  # the device has gone already
                transport.abort()
        return True
