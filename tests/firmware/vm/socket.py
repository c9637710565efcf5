# SPDX-License-Identifier: BSD-3-Clause
"""MicroPython's socket module over Node's: what a client needs that never blocks."""

import io
from binascii import hexlify, unhexlify

import bridge

AF_INET = 2
SOCK_STREAM = 1

_EAGAIN = 11
_ECONNRESET = 104
_EINPROGRESS = 115

_IOCTL_POLL = 3
_POLLIN = 1
_POLLOUT = 4
_POLLERR = 8


def getaddrinfo(host, port, family=0, kind=0):
    return [(AF_INET, SOCK_STREAM, 0, "", (host, port))]


class socket(io.IOBase):
    def __init__(self, family=AF_INET, kind=SOCK_STREAM, proto=0):
        self._number = None

    def setblocking(self, blocking):
        assert not blocking, "this socket cannot block"

    def connect(self, address):
        self._number = bridge.connect(address[0], address[1])
        raise OSError(_EINPROGRESS)

    def ioctl(self, request, argument):
        if request != _IOCTL_POLL:
            return 0
        found = 0
        if argument & _POLLIN and bridge.readable(self._number):
            found |= _POLLIN
        if argument & _POLLOUT and bridge.writable(self._number):
            found |= _POLLOUT
        if bridge.failed(self._number):
            found |= _POLLERR
        return found

    def recv(self, most):
        if bridge.failed(self._number):
            raise OSError(_ECONNRESET)
        found = bridge.receive(self._number, most)
        if found is None:
            raise OSError(_EAGAIN)
        return unhexlify(found)

    def send(self, data):
        if bridge.failed(self._number):
            raise OSError(_ECONNRESET)
        sent = bridge.send(self._number, hexlify(data).decode())
        if not sent:
            raise OSError(_EAGAIN)
        return sent

    def close(self):
        if self._number is not None:
            bridge.close(self._number)
            self._number = None
