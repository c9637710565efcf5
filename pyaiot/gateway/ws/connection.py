# SPDX-License-Identifier: BSD-3-Clause
"""One WebSocket connection on the event loop, around websockets' Sans-I/O protocol.

Not the library's own server: that costs each connection a task, a queue and a second buffer, reads ahead of who should
be held back, and bounds neither the pongs for a device that sends pings and reads nothing, nor the time of those who
say nothing. Here a connection is a callback: what a device sends is a value of its node when ``buffer_updated``
returns, or when it is its turn, where others wait; and what it is not to send yet stays in the system's buffer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final, cast

from websockets.http11 import Request

from pyaiot.addresses import peer_address
from pyaiot.gateway.ws.fair_queue import NEVER
from pyaiot.gateway.ws.host import Host
from pyaiot.gateway.ws.incoming import Incoming
from pyaiot.gateway.ws.outgoing import Outgoing
from pyaiot.gateway.ws.pace import REJECTED_COST
from pyaiot.gateway.ws.sessions.contract import Code, Rejected, Session
from pyaiot.gateway.ws.stream import Stream
from pyaiot.gateway.ws.upgrade import MAX_REQUEST_BYTES, DeviceProtocol, answer, request_end

logger = logging.getLogger("pyaiot.gateway.ws")

#: With so much waiting for its turn, in bytes, a connection is not read: less than this and one read is what waits.
ENOUGH_BYTES: Final = 1_024
#: The shortest update, in bytes: what somebody said before he left is counted at once, before it is read.
_UPDATE_BYTES: Final = 6


class Connection(Stream):
    """A connection from its beginning to its end: its request, then its session; fulfils turns.Worker."""

    __slots__ = ("_head", "_incoming", "_protocol", "_session", "_settled")

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        #: The HTTP request, as far as it has come; None when it was handed on, which is when there is a protocol.
        self._head: bytearray | None = bytearray()
        self._protocol: DeviceProtocol | None = None
        self._incoming: Incoming | None = None
        self._session: Session | None = None
        self._settled = False

    # The event loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.BaseProtocol."""
        self._transport = cast("asyncio.Transport", transport)
        self.address = peer_address(transport.get_extra_info("peername"))
        group = self._host.made(self)
        if group is None:
            self._closing = True
            self._transport.abort()
        else:
            self.group = group

    def get_buffer(self, sizehint: int) -> memoryview:
        """See asyncio.BufferedProtocol."""
        return self._host.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """See asyncio.BufferedProtocol."""
        self.awaited = False
        if self._closing:
            return
        # A message may be kept, so it gets bytes of its own.
        data = bytes(self._host.buffer[:nbytes])
        incoming = self._incoming
        if incoming is None:
            self._add_to_request(data)
            return
        incoming.add(data)
        if not self.waiting:
            self._host.turns.have(self)
        if self.waiting and len(incoming) >= ENOUGH_BYTES:
            self._stop_reading()

    def _add_to_request(self, data: bytes) -> None:
        """When the request is whole, or none, wait for a turn to have it answered."""
        if self._head is not None:
            self._head += data
            if request_end(self._head) is not None:
                self._host.asked(self)
                self._stop_reading()
                self._host.turns.add(self)
            elif len(self._head) > MAX_REQUEST_BYTES:
                self._host.counters.rejected += 1
                self.abort()

    def eof_received(self) -> bool:
        """See asyncio.BufferedProtocol; false: the transport closes itself."""
        self._leave()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.BaseProtocol."""
        self._leave()
        if self._timer is not None:
            self._timer.cancel()
        self._host.lost(self)

    def _leave(self) -> None:
        """What has come and waits for its turn is still taken, and then the session ends; now is counted for it."""
        if self._left:
            return
        self._left = True
        if self._pace is not None and self._incoming is not None:
            self._pace.take(len(self._incoming) // _UPDATE_BYTES, time.monotonic())
        self._leave_pace()
        if self._session is not None:
            if not self.waiting:
                # It has no haste any more: were there credit, thousands at once would be before others.
                self.served_until = NEVER
            self._host.turns.add(self)

    # The turns' side

    def work(self) -> bool:
        """See Stream."""
        if self._head is not None:
            self._answer_request()
        elif not (self._closing or self._resting):
            if self._host.crowded:
                self._rest(0.0)
            else:
                self._take()
        incoming = self._incoming
        more = incoming is not None and incoming.ready and not (self._closing or self._resting)
        if not more:
            if self._left:
                self._end_session()
            elif self.held and not self._resting:
                self._read_on()
        return more

    def _take(self) -> None:
        """Take a little of what has come."""
        incoming, session, protocol = self._incoming, self._session, self._protocol
        if incoming is None or session is None or protocol is None:
            return
        if not self._may_speak():
            return
        pace, self._pace = self._pace, None  # whatever closes the connection meanwhile: first what it said is counted
        updates = 0
        try:
            for item in incoming.take():
                if item.__class__ is bytes:
                    updates += self._take_message(session, item)
                elif isinstance(item, Rejected):
                    updates += REJECTED_COST
                    self._host.counters.bad_messages += 1
                    session.rejecting(item)
                    self.close(item.code, str(item))
                else:
                    updates += 1
                    if isinstance(item, int):
                        session.alive(item)
                if self._closing:
                    return
            if protocol.writes:  # as there are whenever it closes
                self._flush()
                if protocol.close_expected():
                    self._begin_closing()
        finally:
            self._pace = pace
            self._account(updates)

    def _take_message(self, session: Session, message: bytes) -> int:
        """What it counts for."""
        try:
            updates = session.received(message)
        except Rejected as rejected:
            self._reject(rejected)
            return REJECTED_COST
        except Exception as error:
            self._fault(error)
            return REJECTED_COST
        if not self._settled and session.settled:
            self._settled = True
            self._host.settled(self)
        return updates

    # The server's side

    @property
    def hurried(self) -> bool:
        """Whether the device has to say at once who it is."""
        return self._session is not None and self._session.hurried

    def late(self) -> None:
        """The device has not said in time who it is."""
        if self._session is not None:
            self._reject(self._session.late())

    # Inside

    def _there(self) -> None:
        if self._session is not None:
            self._session.alive()

    def _answer_request(self) -> None:
        """Hand the request on; what follows it waits: the protocol would answer that first."""
        head, self._head = self._head, None
        if head is None or self._closing or self._left or self._transport.is_closing():
            return
        end = request_end(head) or len(head)
        protocol = self._protocol = DeviceProtocol()
        self._incoming = Incoming(protocol)
        self._outgoing = Outgoing(protocol, self._transport, self._host.counters)
        session = answer(protocol, bytes(head[:end]), self.address, self._admit)
        if session is not None:
            self._open(session)
        if self._closing:
            return
        self._flush()
        if protocol.close_expected():
            self._begin_closing()
            return
        self._incoming.add(bytes(head[end:]))
        self._account(0)  # one that came before may have left debts

    def _admit(self, request: Request) -> Session:
        return self._host.admit(request, self)

    def _open(self, session: Session) -> None:
        host = self._host
        host.counters.opened += 1
        self._session = session
        host.opened(self)
        try:
            session.opened()
        except Rejected as rejected:
            self._reject(rejected)
        except Exception as error:
            self._fault(error)
        else:
            if session.settled:
                self._settled = True
                host.settled(self)
        if not self._closing:  # only now: an older connection of this device, if any, has left its pace
            self._pace = host.paces.begin(self.address, time.monotonic())

    def _reject(self, rejected: Rejected) -> None:
        if rejected.code in (Code.BAD_MESSAGE, Code.NOT_UTF8):
            self._host.counters.bad_messages += 1
            logger.warning("a device at %s is disconnected: %s", self.address, rejected)
        self.close(rejected.code, str(rejected))

    def _fault(self, error: Exception) -> None:
        self._host.counters.internal_errors += 1
        logger.error("handling a message from %s failed; please report this", self.address, exc_info=error)
        self.close(Code.FAULT, "a fault of the gateway")

    def _begin_closing(self) -> None:
        """The peer has CLOSE_S to hang up."""
        if not self._closing:
            self._closing = True
            self._leave_pace()
            if self._protocol is not None and self._protocol.parser_exc is not None:
                self._host.counters.bad_frames += 1
            if self._incoming is not None:
                self._incoming.clear()
            self._resting = False
            self._read_on()
            self._host.closing(self)
        self._end_session()

    def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            try:
                session.ended()
            except Exception:
                self._host.counters.internal_errors += 1
                logger.exception("the end of a connection from %s failed; please report this", self.address)
