# SPDX-License-Identifier: BSD-3-Clause
"""A session with the WebSocket gateway: PROTOCOL.md section 1.3, from the board's side. Pure.

The protocol has no acknowledgements, so each few values are followed by a ping: a pong comes only when the gateway has
read everything before it, and until then the values are kept.
"""

import struct

from micropython import const

from aiot import log, messages
from aiot import websocket_frames as frames
from aiot.session import ANSWER_MS, WINDOW, Lost, Session

#: A ping goes out after so much silence of ours.
_PING_MS = const(20000)


class WebSocketSession(Session):
    """``random_bytes`` gives so many random bytes."""

    def __init__(self, node, now, random_bytes, host, path, user=None, password=None):
        super().__init__(node, now)
        self._random_bytes = random_bytes
        self._host = host
        self._path = path
        self._account = None if user is None else "%s:%s" % (user, password or "")
        self._nonce = random_bytes(16)
        self._head = b""
        #: Whether the gateway has been told who we are.
        self._introduced = False
        self._parser = frames.Parser()
        #: The number of the last ping, when it was sent, and whether its pong is missing.
        self._ping = 0
        self._ping_at = now
        self._waiting = False

    def opening(self):
        """The request to upgrade."""
        return frames.request(self._host, self._path, self._nonce, self._account)

    def received(self, data, now):
        """Raises Lost: refused, closed, or no WebSocket."""
        try:
            if not self.up:
                self._head += data
                end = self._head.find(b"\r\n\r\n")
                if end < 0 and len(self._head) <= frames.MAX_HEAD:
                    return
                frames.check_answer(self._head[: max(end, 0)], self._nonce)
                self.up = True
                self._ping_at = now
                data, self._head = self._head[end + 4 :], b""
            for opcode, payload, whole in self._parser.feed(data):
                self._message(opcode, payload, whole)
        except ValueError as error:
            raise Lost("the gateway sent %s" % error)

    def next(self, now):
        """Answers first, then values, then the ping that makes sure of them."""
        reply = self._reply(now)
        if reply is not None or not self.up:
            return reply
        if self._waiting and now - self._ping_at > ANSWER_MS:
            raise Lost("no answer for %d s" % (ANSWER_MS // 1000))
        if len(self._flight) < WINDOW:
            told = self.node.next()
            if told is not None:
                number, entry, text, at = told
                self._flight.append((self._ping + 1, number, entry, now))
                uid = None if self._introduced else self.node.id
                self._introduced = True
                age = 0 if at is None else now - at
                return self._frame(frames.TEXT, messages.update_message(uid, entry.name, text, entry.unit, age))
        if not self._waiting and (self._flight or now - self._ping_at >= _PING_MS):
            self._ping += 1
            self._ping_at = now
            self._waiting = True
            return self._frame(frames.PING, struct.pack(">I", self._ping))
        return None

    def _frame(self, opcode, payload):
        return frames.frame(opcode, payload, self._random_bytes(4))

    def _message(self, opcode, payload, whole):
        if opcode == frames.TEXT:
            self._text(payload, whole)
        elif opcode == frames.PING:
            self.replies.append(self._frame(frames.PONG, payload))
        elif opcode == frames.PONG:
            if payload == struct.pack(">I", self._ping):
                self._waiting = False
                while self._flight and self._flight[0][0] <= self._ping:
                    self._landed(self._flight[0][0], False)
        elif opcode == frames.CLOSE:
            code = struct.unpack_from(">H", payload, 0)[0] if len(payload) >= 2 else 1005
            raise Lost("the gateway closed the connection, code %d" % code)
        else:
            self.node.bad += 1

    def _text(self, payload, whole):
        try:
            if not whole:
                raise ValueError("too long")
            asked = messages.read_request(payload)
        except ValueError as error:
            self.node.bad += 1
            log.complain("bad", "Ignored a message of the gateway: %s" % error)
            return
        if asked == messages.DISCOVER:
            self.node.tell_all()
        else:
            self.node.write(asked[0], asked[1])
