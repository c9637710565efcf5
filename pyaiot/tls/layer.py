# SPDX-License-Identifier: BSD-3-Clause
"""TLS between the event loop and a protocol of ours, which need not know of it.

Not the event loop's own: that reads ahead up to 512 KB of a connection which is held back, has a buffer of 256 KB for
each, tells nobody who spoke no TLS, and keeps handshakes that stall from who counts connections. Here the protocol is
told of its connection before the handshake, so that its bounds on number and time hold for that, too; what is not to
be read yet stays in the system's buffer, but for one record.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any, Final, cast

from pyaiot.addresses import group_of, peer_address
from pyaiot.tls.certificate import ServerCertificate
from pyaiot.tls.unfinished import Unfinished

#: What is read at once of a connection, in bytes: one record is no longer.
READ_BYTES: Final = 16_384

#: Makes the protocol of a new connection.
Factory = Callable[[], asyncio.BaseProtocol]


class TlsDoor:
    """What the connections of one port share; ``accept`` is the protocol factory for the event loop's server."""

    def __init__(self, certificate: ServerCertificate, protocol: Factory) -> None:
        self.certificate = certificate
        self.faults = certificate.faults
        self.unfinished: Unfinished[TlsLayer] = Unfinished()
        #: Room to read into; all connections share it, as nothing stays there.
        self.buffer = memoryview(bytearray(READ_BYTES))
        self._protocol = protocol

    def accept(self) -> TlsLayer:
        """The protocol of a new connection."""
        return TlsLayer(self, self._protocol())


class TlsLayer(asyncio.Transport, asyncio.BufferedProtocol):
    """One connection: for the event loop a protocol, for the protocol above it the transport.

    Faults of the peer end this connection, with a line in the log and a count.
    """

    def __init__(self, door: TlsDoor, above: asyncio.BaseProtocol) -> None:
        self._door = door
        self._above = above
        self._below: asyncio.Transport
        self._address = ""
        #: From the first bytes on; None again when the connection is over, for it is large.
        self._tls: ssl.SSLObject | None = None
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        #: The handshake is over, and we have not taken leave.
        self._open = False
        #: Nothing that comes is of interest any more.
        self._deaf = False
        self._paused = False

    # The event loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.BaseProtocol."""
        self._below = cast("asyncio.Transport", transport)
        self._address = peer_address(transport.get_extra_info("peername"))
        self._above.connection_made(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """See asyncio.BufferedProtocol."""
        return self._door.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """See asyncio.BufferedProtocol."""
        if self._deaf:
            return
        self._in.write(self._door.buffer[:nbytes])
        if self._open or self._shake_hands():
            self._hand_up()

    def eof_received(self) -> bool:
        """See asyncio.BufferedProtocol; false: the transport below closes itself. Few devices take leave by TLS."""
        self._end_of_input()
        return False

    def pause_writing(self) -> None:
        """See asyncio.BaseProtocol."""
        self._above.pause_writing()

    def resume_writing(self) -> None:
        """See asyncio.BaseProtocol."""
        self._above.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.BaseProtocol."""
        self._deaf = True
        self._door.unfinished.end(self, group_of(self._address))
        self._tls = None
        self._above.connection_lost(exc)

    # In

    def _shake_hands(self) -> bool:
        """One step; whether the connection is open now."""
        door = self._door
        if self._tls is None:
            self._tls = door.certificate.context.wrap_bio(self._in, self._out, server_side=True)
            gives_way = door.unfinished.begin(self, group_of(self._address))
            if gives_way is not None:
                door.faults.crowded_out(gives_way._address)
                gives_way.abort()
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except ssl.SSLError as error:
            self._refuse(error)
            return False
        door.unfinished.end(self, group_of(self._address))
        self._open = True
        self._flush()
        return True

    def _refuse(self, error: ssl.SSLError) -> None:
        """The handshake failed: who speaks HTTP is told, others by TLS; then it is over."""
        self._below.write(self._door.faults.no_connection(self._address, error) or self._out.read())
        self._deaf = True
        self._below.close()

    def _hand_up(self) -> None:
        """Hand on what there is, as long as it is wanted."""
        above, read = self._above, self._read_buffered
        if not isinstance(above, asyncio.BufferedProtocol):
            read = self._read
        try:
            while self._tls is not None and not (self._deaf or self._paused):
                if not read(self._tls):
                    break
            else:
                return
        except ssl.SSLWantReadError:
            self._flush()
            return
        except ssl.SSLZeroReturnError:
            pass
        except ssl.SSLError as error:
            self._door.faults.bad_record(self._address, error)
            self._flush()
            self.abort()
            return
        self._end_of_input()
        self.close()

    def _read_buffered(self, tls: ssl.SSLObject) -> int:
        above = cast("asyncio.BufferedProtocol", self._above)
        room = cast("memoryview", above.get_buffer(-1))
        size = cast("int", tls.read(len(room), cast("bytearray", room)))  # typeshed does not know what that gives
        if size:
            above.buffer_updated(size)
        return size

    def _read(self, tls: ssl.SSLObject) -> int:
        data = tls.read(READ_BYTES)
        if data:
            cast("asyncio.Protocol", self._above).data_received(data)
        return len(data)

    def _end_of_input(self) -> None:
        if not self._deaf:
            self._deaf = True
            if self._open:
                cast("asyncio.Protocol", self._above).eof_received()

    def _go_on(self) -> None:
        """Reading was resumed: first what is here already."""
        if self._paused or self._below.is_closing():
            return
        if self._open and not self._deaf:
            self._hand_up()
        if not self._paused and not self._below.is_closing():
            self._below.resume_reading()

    # Out

    def _flush(self) -> None:
        if self._out.pending:
            self._below.write(self._out.read())

    def _take_leave(self) -> None:
        """Say by TLS that no more will come; the peer's own leave is not waited for."""
        self._deaf = True
        if self._tls is None or not self._open:
            return
        self._open = False
        with contextlib.suppress(ssl.SSLError):  # it wants to read that, and is not let
            self._tls.unwrap()
        self._flush()

    # The side of the protocol above: see asyncio.Transport

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._below.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._below.is_closing()

    def is_reading(self) -> bool:
        return not self._paused

    def pause_reading(self) -> None:
        self._paused = True
        self._below.pause_reading()

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            asyncio.get_running_loop().call_soon(self._go_on)

    def get_write_buffer_size(self) -> int:
        return self._below.get_write_buffer_size()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._below.get_write_buffer_limits()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._below.set_write_buffer_limits(high, low)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """As a transport's; what is written before the handshake is over nobody gets: nobody has asked then."""
        if self._tls is None or not self._open or self._below.is_closing():
            return
        rest = memoryview(data)
        while rest:  # a record at a time
            rest = rest[self._tls.write(rest) :]
        self._flush()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """As a transport's; nor is anything that comes handed on any more."""
        self._take_leave()
        self._below.write_eof()

    def close(self) -> None:
        if not self._below.is_closing():
            self._take_leave()
            self._below.close()

    def abort(self) -> None:
        self._deaf = True
        self._tls = None
        self._below.abort()
