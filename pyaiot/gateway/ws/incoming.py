# SPDX-License-Identifier: BSD-3-Clause
"""What has come of a device and is not taken yet: bytes in, messages out, a little at a time. No I/O.

However the bytes come, one :meth:`Incoming.take` parses some small frames, or one large: work of a known size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from pyaiot.gateway.ws.framing import slice_end, whole_text
from pyaiot.gateway.ws.payloads import MAX_MESSAGE_BYTES
from pyaiot.gateway.ws.sessions.contract import Code, Rejected

#: Frames of one message: who sends more wants to be work, not to say something.
MAX_FRAGMENTS: Final = 64
#: The longest number of a mark, in digits.
_MARK_DIGITS: Final = 9

_TEXT, _CONT, _BINARY, _PONG = Opcode.TEXT, Opcode.CONT, Opcode.BINARY, Opcode.PONG
_OPEN = State.OPEN

#: A text message; the mark that came back (see contract.Peer.mark), 0 for none; why the connection is to be closed;
#: a frame that says nothing by itself.
Item = bytes | int | Rejected | None


class Incoming:
    """The bytes of one connection behind its HTTP request, on their way through its ``protocol``."""

    __slots__ = ("_data", "_fragments", "_owed", "_parts", "_protocol")

    def __init__(self, protocol: ServerProtocol) -> None:
        self._protocol = protocol
        self._data = b""
        #: What is still to come of the frame that the protocol has the beginning of.
        self._owed = 0
        self._parts: bytearray | None = None
        self._fragments = 0

    def __len__(self) -> int:
        """Bytes that have not been taken; the beginning of a frame's head may be among them for long."""
        return len(self._data)

    def add(self, data: bytes) -> None:
        """``data`` has come. It is the caller who stops reading when there is enough."""
        self._data = self._data + data if self._data else data

    def clear(self) -> None:
        """Nothing of it is to be taken any more."""
        self._data = b""

    @property
    def ready(self) -> bool:
        """Whether there is something to take."""
        return self._data != b"" and slice_end(self._data, self._owed)[0] > 0

    def take(self) -> Sequence[Item]:
        """The next few frames, one item each."""
        data = self._data
        if not self._owed and self._parts is None and self._protocol.state is _OPEN:
            message = whole_text(data, MAX_MESSAGE_BYTES)
            if message is not None:
                self._data = b""
                return (message,)
        end, self._owed = slice_end(data, self._owed)
        if not end:
            return ()
        self._data = data[end:]
        self._protocol.receive_data(data[:end])
        return [self._item(event) for event in self._protocol.events_received() if isinstance(event, Frame)]

    def _item(self, frame: Frame) -> Item:
        opcode = frame.opcode
        if opcode is _TEXT:
            if frame.fin:
                return bytes(frame.data)
            self._parts = bytearray(frame.data)
            self._fragments = 1
        elif opcode is _CONT:
            if self._parts is not None:
                self._parts += frame.data
                self._fragments += 1
                if self._fragments > MAX_FRAGMENTS:
                    self._parts = None
                    return Rejected(Code.NOT_ADMITTED, f"a message of more than {MAX_FRAGMENTS} frames")
                if frame.fin:
                    message, self._parts = bytes(self._parts), None
                    return message
        elif opcode is _PONG:
            mark = bytes(frame.data)
            return int(mark) if mark.isdigit() and len(mark) <= _MARK_DIGITS else 0
        elif opcode is _BINARY:
            return Rejected(Code.BAD_MESSAGE, "send text messages, not binary ones")
        return None
