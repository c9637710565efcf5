# SPDX-License-Identifier: BSD-3-Clause
"""The client's side of RFC 6455: handshake and frames. Pure: chance is given in."""

import struct
from binascii import b2a_base64
from hashlib import sha1

from micropython import const

from aiot.session import StreamParser

TEXT = const(1)
CLOSE = const(8)
PING = const(9)
PONG = const(10)

#: The longest message that is read, in bytes; longer ones are skipped.
MAX_MESSAGE = const(1024)
#: The longest answer to the handshake.
MAX_HEAD = const(1024)


def request(host, path, nonce, account=None):
    """The opening request (section 4.1); ``nonce`` is 16 random bytes, ``account`` "<user>:<password>" (RFC 7617)."""
    account = "" if account is None else "Authorization: Basic %s\r\n" % _base64(account.encode())
    return (
        "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n%s"
        "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n" % (path, host, account, _base64(nonce))
    ).encode()


def check_answer(head, nonce):
    """Whether the server's answer (its bytes up to the empty line) accepts us. Raises ValueError: it does not."""
    lines = str(head, "utf-8").split("\r\n")
    status = lines[0].split(" ")
    if len(status) < 2 or not status[0].startswith("HTTP/1."):
        raise ValueError("no HTTP")
    if status[1] != "101":
        raise ValueError("HTTP status %s instead of 101" % status[1][:8])
    for line in lines[1:]:
        name, _, value = line.partition(":")
        if name.lower() == "sec-websocket-accept":
            digest = sha1((_base64(nonce) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
            if value.strip() == _base64(digest):
                return
    raise ValueError("the wrong Sec-WebSocket-Accept")


def frame(opcode, payload, mask):
    """One whole message, masked (section 5.3) with the four random bytes ``mask``."""
    length = len(payload)
    if length < 126:
        head = struct.pack(">BB", 0x80 | opcode, 0x80 | length)
    else:
        head = struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, length)
    masked = bytearray(payload)
    for place in range(length):
        masked[place] ^= mask[place & 3]
    return head + mask + bytes(masked)


class Parser(StreamParser):
    """Cuts what comes into messages: (opcode, payload, whole), with no more memory than MAX_MESSAGE and what came last.

    One that is too long has no payload, and ``whole`` is false.
    """

    def __init__(self):
        super().__init__()
        #: The parts of a message so far, and its opcode; None as long as there is none.
        self._parts = b""
        self._opcode = None
        self._whole = True

    def _take(self, buffer, found):
        head = _head(buffer)
        if head is None:
            return None
        first, length, at = head
        opcode = first & 0x0F
        end = at + length
        if opcode >= 8:
            if length > 125 or not first & 0x80:
                raise ValueError("a control frame that is too long or in parts")
            if len(buffer) < end:
                return None
            found.append((opcode, buffer[at:end], True))
            return buffer[end:]
        if (opcode == 0) == (self._opcode is None):
            raise ValueError("parts of messages out of order")
        if self._whole and len(self._parts) + length <= MAX_MESSAGE:
            if len(buffer) < end:
                return None
            self._parts += buffer[at:end]
        else:
            self._whole = False
            self._parts = b""
            self._skip = length
            end = at
        if opcode:
            self._opcode = opcode
        if first & 0x80:
            found.append((self._opcode, self._parts, self._whole))
            self._parts, self._opcode, self._whole = b"", None, True
        return buffer[end:]


def _head(buffer):
    """(first byte, length of the payload, where it begins), or None while it is incomplete."""
    if len(buffer) < 2:
        return None
    if buffer[0] & 0x70 or buffer[1] & 0x80:
        raise ValueError("reserved bits, or a masked frame")
    length = buffer[1]
    if length < 126:
        return buffer[0], length, 2
    code, at = (">H", 4) if length == 126 else (">Q", 10)
    if len(buffer) < at:
        return None
    return buffer[0], struct.unpack_from(code, buffer, 2)[0], at


def _base64(data):
    return str(b2a_base64(data), "utf-8").strip()
