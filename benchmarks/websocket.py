# SPDX-License-Identifier: BSD-3-Clause
"""A raw WebSocket client on a blocking socket, cheap enough not to be what is measured."""

from __future__ import annotations

import socket
import struct

TEXT, CLOSE, PING = 1, 8, 9
#: A pong nobody asked for: it keeps a connection that nobody reads frames from alive (RFC 6455 section 5.5.3).
PONG = b"\x8a\x80\0\0\0\0"
JOIN = b'{"type":"new","data":"client"}'


def masked(payload: bytes, opcode: int = TEXT) -> bytes:
    """A frame as clients send it; masked with zeros, which changes nothing and costs nothing here."""
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
    elif length < 65_536:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
    return head + b"\0\0\0\0" + payload


def connect(port: int, path: str, subprotocol: str = "", source: str = "") -> tuple[socket.socket, bytes]:
    """A socket on which the upgrade is done, and what came behind it; ``source`` is the address to come from."""
    raw = socket.create_connection(("127.0.0.1", port), 20, (source, 0) if source else None)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    extra = f"Sec-WebSocket-Protocol: {subprotocol}\r\n" if subprotocol else ""
    raw.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{extra}\r\n".encode()
    )
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = raw.recv(65_536)
        if not chunk:
            raise ConnectionError("closed during the upgrade")
        received += chunk
    head, _, rest = received.partition(b"\r\n\r\n")
    if b" 101 " not in head.split(b"\r\n")[0]:
        raise ConnectionError(head.split(b"\r\n")[0].decode())
    return raw, rest


class RawWebSocket:
    """A client that reads whole messages; pings are answered, a close raises ConnectionError."""

    def __init__(self, port: int, path: str, subprotocol: str = "", source: str = "") -> None:
        self.socket, rest = connect(port, path, subprotocol, source)
        self._buffer = bytearray(rest)
        #: Answers to pings that must be sent before the other side loses patience; :meth:`receive` does it.
        self.pongs: list[bytes] = []

    def fileno(self) -> int:
        """For selectors."""
        return self.socket.fileno()

    def send(self, payload: bytes) -> None:
        """Send a text message."""
        self.socket.sendall(masked(payload))

    def receive(self) -> list[bytes]:
        """Wait for something to come; the whole messages that are there, which may be none."""
        messages = self.read()
        while self.pongs:
            self.socket.sendall(self.pongs.pop())
        return messages

    def read(self) -> list[bytes]:
        """As :meth:`receive`, but ``pongs`` are left to the caller, who may be in the middle of a message."""
        messages = self._take()
        if not messages:
            chunk = self.socket.recv(262_144)
            if not chunk:
                raise ConnectionError("closed")
            self._buffer += chunk
            messages = self._take()
        return messages

    def next(self) -> bytes:
        """The one message that comes next; only where nothing can come with it."""
        while not (messages := self.receive()):
            pass
        (message,) = messages
        return message

    def close(self) -> None:
        """Just go."""
        self.socket.close()

    def _take(self) -> list[bytes]:
        buffer, start, messages = self._buffer, 0, []
        while len(buffer) - start >= 2:
            length, begin = buffer[start + 1], start + 2
            if length == 126 and len(buffer) >= begin + 2:
                length, begin = int.from_bytes(buffer[begin : begin + 2], "big"), begin + 2
            elif length == 127 and len(buffer) >= begin + 8:
                length, begin = int.from_bytes(buffer[begin : begin + 8], "big"), begin + 8
            elif length >= 126:
                break
            if len(buffer) < begin + length:
                break
            opcode, payload = buffer[start] & 15, bytes(buffer[begin : begin + length])
            start = begin + length
            if opcode == PING:
                self.pongs.append(masked(payload, 10))
            elif opcode == CLOSE:
                raise ConnectionError(f"closed: {payload[:2].hex()} {payload[2:].decode()}")
            elif opcode == TEXT:
                messages.append(payload)
        del buffer[:start]
        return messages
