# SPDX-License-Identifier: BSD-3-Clause
"""One WebSocket connection on the event loop, around websockets' Sans-I/O protocol.

Not the library's own server: that costs each connection a task, a queue and a second buffer, reads ahead of who should
be held back, and bounds neither the pongs for a device that sends pings and reads nothing, nor the time of those who
say nothing. Here a connection is a callback: what a device sends is a value of its node when ``buffer_updated``
returns, and what it is not to send yet stays in the system's buffer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from typing import Final, cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import Event, State

from pyaiot.gateway.ws.admission import NotAdmitted
from pyaiot.gateway.ws.framing import ends_whole, whole_text
from pyaiot.gateway.ws.host import Host
from pyaiot.gateway.ws.pace import Pace
from pyaiot.gateway.ws.payloads import MAX_MESSAGE_BYTES, close_reason
from pyaiot.gateway.ws.sessions.contract import Code, Rejected, Session
from pyaiot.gateway.ws.upgrade import DeviceProtocol

logger = logging.getLogger("pyaiot.gateway.ws")

#: The longest HTTP request for an upgrade, in bytes.
MAX_REQUEST_BYTES: Final = 16_384
#: What a device may leave unread of what is sent to it, in bytes, before it is disconnected.
MAX_UNREAD_BYTES: Final = 65_536
#: Frames of one message: who sends more wants to be work, not to say something.
MAX_FRAGMENTS: Final = 64

#: The longest number of a mark, in digits.
_MARK_DIGITS: Final = 9

_TEXT, _CONT, _BINARY, _PONG = Opcode.TEXT, Opcode.CONT, Opcode.BINARY, Opcode.PONG
_OPEN = State.OPEN
_GET: Final = b"GET "
_END_OF_REQUEST: Final = b"\r\n\r\n"
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Connection(asyncio.BufferedProtocol):
    """A connection from its beginning to its end; fulfils contract.Peer."""

    __slots__ = (
        "_aligned", "_closing", "_fragments", "_head", "_host", "_marks", "_pace", "_parts", "_protocol", "_rest",
        "_session", "_settled", "_timer", "_transport", "_unfed", "address", "awaited", "held",
    )  # fmt: skip

    def __init__(self, host: Host) -> None:
        self._host = host
        self._protocol = DeviceProtocol(max_size=MAX_MESSAGE_BYTES)
        self._transport: asyncio.Transport
        self._session: Session | None = None
        #: From when it is a WebSocket until it closes.
        self._pace: Pace | None = None
        self._parts: bytearray | None = None
        self._fragments = 0
        #: What was read and is not taken yet: as events, and behind them as bytes.
        self._rest: Sequence[Event] = ()
        self._unfed = b""
        #: The HTTP request, as far as it has come; None when it was handed on.
        self._head: bytearray | None = bytearray()
        self._settled = False
        self._closing = False
        #: What the protocol was given so far ended with the end of a frame (or of the request).
        self._aligned = False
        self._marks = 0
        self._timer: asyncio.TimerHandle | None = None
        self.address = ""
        #: A ping was sent, and nothing has come since.
        self.awaited = False
        #: Nothing is read for a while.
        self.held = False

    # The event loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.BaseProtocol."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername") or ("",)
        self.address = str(peer[0]).partition("%")[0].removeprefix("::ffff:")
        if not self._host.made(self):
            self._closing = True
            self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        """See asyncio.BufferedProtocol."""
        return self._host.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """See asyncio.BufferedProtocol."""
        self.awaited = False
        # A message may be kept, so it gets bytes of its own.
        data = bytes(self._host.buffer[:nbytes])
        if self._head is None:
            if self._aligned and self._parts is None and (message := whole_text(data, MAX_MESSAGE_BYTES)) is not None:
                self._take_short(message)
            else:
                self._aligned = self._aligned and ends_whole(data)
                self._feed(data)
        else:
            self._feed_request(self._head, data)

    def _feed_request(self, head: bytearray, data: bytes) -> None:
        """When the request is whole, or none, wait for a turn to have it answered."""
        head += data
        end = head.find(_END_OF_REQUEST) + len(_END_OF_REQUEST)
        if end < len(_END_OF_REQUEST) and _GET.startswith(head[: len(_GET)]):
            if len(head) > MAX_REQUEST_BYTES:
                self._host.counters.rejected += 1
                self.abort()
            return
        self._transport.pause_reading()
        self._host.line.add(self._proceed)

    def _proceed(self) -> None:
        """Hand the request on, and what follows it only when it was answered.

        The protocol would take frames that came with the request before it, and answer them before it.
        """
        head, self._head = self._head, None
        if head is None or self._closing or self._transport.is_closing():
            return
        end = head.find(_END_OF_REQUEST) + len(_END_OF_REQUEST)
        self._aligned = end == len(head)
        if end < len(_END_OF_REQUEST):
            end = len(head)
        self._feed(bytes(head[:end]))
        if end < len(head):
            if self.held:
                self._unfed = bytes(head[end:])
            else:
                self._feed(bytes(head[end:]))
        if not self.held and not self._transport.is_closing():
            self._transport.resume_reading()

    def _feed(self, data: bytes) -> None:
        protocol = self._protocol
        protocol.receive_data(data)
        events = protocol.events_received()
        if events:
            self._take(events)
        if protocol.writes:  # as there are whenever it closes
            self._flush()
            if protocol.close_expected() and not self._rest:
                self._begin_closing()

    def eof_received(self) -> bool:
        """See asyncio.BufferedProtocol; false: the transport closes itself."""
        self._protocol.receive_eof()
        self._end_session_in_turn()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.BaseProtocol."""
        self._closing = True
        self._rest = ()
        self._leave_pace()
        if self._timer is not None:
            self._timer.cancel()
        self._end_session_in_turn()
        self._host.lost(self)

    # The session's side

    def send(self, message: bytes) -> bool:
        """See contract.Peer."""
        if self._protocol.state is not _OPEN:
            return False
        self._protocol.send_text(message)
        return self._flush()

    def mark(self) -> int:
        """See contract.Peer."""
        self._marks += 1
        if self._protocol.state is _OPEN:
            self._protocol.send_ping(b"%d" % self._marks)
            self._flush()
        return self._marks

    def close(self, code: Code, reason: str) -> None:
        """See contract.Peer. Nothing that the device sends is read any more."""
        if self._protocol.state is _OPEN:
            self._protocol.fail(code, close_reason(reason))
            self._flush()
        self._begin_closing()

    # The server's side

    @property
    def established(self) -> bool:
        """Whether it is a WebSocket, and not closing."""
        return self._session is not None

    @property
    def hurried(self) -> bool:
        """Whether the device has to say at once who it is."""
        return self._session is not None and self._session.hurried

    def late(self) -> None:
        """The device has not said in time who it is."""
        if self._session is not None:
            self._reject(self._session.late())

    def ping(self) -> None:
        """Ask for a sign of life."""
        if self._protocol.state is _OPEN:
            self.awaited = True
            # A device may answer only the last of some pings (RFC 6455 section 5.5.3), so each says all marks.
            self._protocol.send_ping(b"%d" % self._marks if self._marks else b"")
            self._flush()

    def alive(self) -> None:
        """The device is held back by us: that it says nothing proves nothing."""
        if self._session is not None:
            self._session.alive()

    def abort(self) -> None:
        """End it at once."""
        self._transport.abort()
        self._begin_closing()

    def go_on(self) -> None:
        """Read again; first what had been read already."""
        self._timer = None
        if self._closing:
            return
        self.held = False
        rest, self._rest = self._rest, ()
        if rest:
            self._take(rest)
            if self.held:
                return
            if self._protocol.writes:
                self._flush()
        unfed, self._unfed = self._unfed, b""
        if unfed and not self._closing:
            self._feed(unfed)
            if self.held:
                return
        if self._protocol.close_expected():
            self._begin_closing()
        if not self._closing:
            self._transport.resume_reading()

    # Inside

    def _take_short(self, message: bytes) -> None:
        """A message that the protocol need not see; as :meth:`_take` otherwise."""
        session = self._session
        if session is not None and self._protocol.state is _OPEN:
            updates = self._take_message(session, message)
            pace = self._pace
            pause_s = 0.0 if pace is None else pace.take(updates, asyncio.get_running_loop().time())
            if pause_s or self._host.crowded:
                self._hold(pause_s, ())

    def _take(self, events: Sequence[Event]) -> None:
        now = asyncio.get_running_loop().time()
        for number, event in enumerate(events, 1):
            if isinstance(event, Frame):
                updates = self._take_frame(event)
            elif isinstance(event, Request):
                self._answer(event)
                updates = 0  # but one that came before may have left debts
            else:
                continue
            if self._closing:
                return
            if self._pace is not None and (pause_s := self._pace.take(updates, now)):
                self._hold(pause_s, events[number:])
                return
        if self._host.crowded:
            self._hold(0.0, ())

    def _hold(self, pause_s: float, rest: Sequence[Event]) -> None:
        if self._closing or self._transport.is_closing():
            return
        self.held = True
        self._rest = rest
        self._transport.pause_reading()
        if pause_s:
            self._host.counters.paced += 1
            self._timer = asyncio.get_running_loop().call_later(pause_s, self.go_on)
        else:
            self._host.counters.held += 1
            self._host.hold(self)

    def _take_frame(self, frame: Frame) -> int:
        """What a frame counts for."""
        session = self._session
        if session is None:
            return 1
        opcode = frame.opcode
        if opcode is _TEXT:
            if frame.fin:
                return self._take_message(session, bytes(frame.data))
            self._parts = bytearray(frame.data)
            self._fragments = 1
        elif opcode is _CONT:
            if self._parts is not None:
                self._parts += frame.data
                self._fragments += 1
                if self._fragments > MAX_FRAGMENTS:
                    self._host.counters.bad_messages += 1
                    self.close(Code.NOT_ADMITTED, f"a message of more than {MAX_FRAGMENTS} frames")
                elif frame.fin:
                    message, self._parts = bytes(self._parts), None
                    return self._take_message(session, message)
        elif opcode is _PONG:
            mark = bytes(frame.data)
            session.alive(int(mark) if mark.isdigit() and len(mark) <= _MARK_DIGITS else 0)
        elif opcode is _BINARY:
            self._host.counters.bad_messages += 1
            self.close(Code.BAD_MESSAGE, "send text messages, not binary ones")
        return 1

    def _take_message(self, session: Session, message: bytes) -> int:
        try:
            updates = session.received(message)
        except Rejected as rejected:
            self._reject(rejected)
            return 1
        except Exception as error:
            self._fault(error)
            return 1
        if not self._settled and session.settled:
            self._settled = True
            self._host.settled(self)
        return updates

    def _reject(self, rejected: Rejected) -> None:
        if rejected.code in (Code.BAD_MESSAGE, Code.NOT_UTF8):
            self._host.counters.bad_messages += 1
            logger.warning("a device at %s is disconnected: %s", self.address, rejected)
        self.close(rejected.code, str(rejected))

    def _fault(self, error: Exception) -> None:
        self._host.counters.internal_errors += 1
        logger.error("handling a message from %s failed; please report this", self.address, exc_info=error)
        self.close(Code.FAULT, "a fault of the gateway")

    def _answer(self, request: Request) -> None:
        """Answer the HTTP request: upgrade, or not."""
        protocol, host = self._protocol, self._host
        session: Session | None = None
        try:
            if not (request.path.isascii() and all(value.isascii() for _, value in request.headers.raw_items())):
                raise NotAdmitted(400, "The request is not ASCII.\n")  # the library would fail of it
            session = host.admit(request, self)
            response = protocol.accept(request)
        except NotAdmitted as refusal:
            response = protocol.reject(HTTPStatus(refusal.status), str(refusal))
            if refusal.status == HTTPStatus.UNAUTHORIZED:
                response.headers["WWW-Authenticate"] = 'Basic realm="pyaiot"'
            logger.info("a request from %s is refused: %d %s", self.address, refusal.status, str(refusal).rstrip())
        self._respond(response, session)

    def _respond(self, response: Response, session: Session | None) -> None:
        protocol, host = self._protocol, self._host
        protocol.send_response(response)
        if protocol.state is not _OPEN or session is None:
            return
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
            self._pace = host.paces.begin(self.address, asyncio.get_running_loop().time())

    def _leave_pace(self) -> None:
        pace, self._pace = self._pace, None
        if pace is not None:
            self._host.paces.end(self.address, pace, asyncio.get_running_loop().time())

    def _flush(self) -> bool:
        """Send what the protocol has to send; false: the device reads too slowly, and is disconnected."""
        writes = self._protocol.data_to_send()
        transport = self._transport
        if transport.is_closing():
            return False
        at_end = writes[-1:] == [b""]
        if at_end and self._protocol.state is State.CONNECTING:
            self._host.counters.rejected += 1
            if len(writes) == 1:
                writes.insert(0, _BAD_REQUEST)
        transport.write(writes[0] if len(writes) == 1 else b"".join(writes))
        if transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            self._host.counters.slow += 1
            logger.info("a device at %s is disconnected: it does not read what is sent to it", self.address)
            self.abort()
            return False
        if at_end:
            try:
                transport.write_eof()
            except OSError:  # the device has gone already
                transport.abort()
        return True

    def _begin_closing(self) -> None:
        """The peer has CLOSE_S to hang up."""
        if not self._closing:
            self._closing = True
            self._leave_pace()
            if self._protocol.parser_exc is not None:
                self._host.counters.bad_frames += 1
            if self.held:
                self.held = False
                self._rest = ()
                self._unfed = b""
                if not self._transport.is_closing():
                    self._transport.resume_reading()
            self._host.closing(self)
        self._end_session()

    def _end_session_in_turn(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._host.line.add(partial(self._end, session))

    def _end_session(self) -> None:
        session, self._session = self._session, None
        self._end(session)

    def _end(self, session: Session | None) -> None:
        if session is not None:
            try:
                session.ended()
            except Exception:
                self._host.counters.internal_errors += 1
                logger.exception("the end of a connection from %s failed; please report this", self.address)
