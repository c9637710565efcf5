# SPDX-License-Identifier: BSD-3-Clause
"""A TCP or TLS connection that never blocks, but for looking up a name and for the handshake of TLS."""

import select
import socket
import sys

from micropython import const

#: How long the handshake of TLS may take, in seconds; an ESP8266 needs some of them.
_HANDSHAKE_S = const(10)
_CHUNK = const(256)

#: EINPROGRESS: of Linux and lwIP, and of newlib.
_IN_PROGRESS = (115, 119)
#: "Not now": EAGAIN; and what CPython's ssl says for it.
_NOT_NOW = (11, 2, 3)


class Stream:
    """Connects at once, in the background; any failure is an OSError.

    ``tls``: None, or (the CA's certificate in DER or None, whether to check the server's).
    """

    def __init__(self, host, port, tls):
        self._host = host
        self._tls = tls
        self._socket = None
        self._receive = self._send = None
        found = socket.getaddrinfo(host, port)[0]
        self._socket = socket.socket(found[0], socket.SOCK_STREAM)
        self._socket.setblocking(False)
        try:
            self._socket.connect(found[-1])
        except OSError as error:
            if error.args[0] not in _IN_PROGRESS:
                self.close()
                raise
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLOUT)

    def connected(self):
        """Whether it is there."""
        if self._send is not None:
            return True
        for event in self._poll.poll(0):
            if event[1] & (select.POLLERR | select.POLLHUP):
                raise OSError("nobody listens there")
            if event[1] & select.POLLOUT:
                if self._tls is not None:
                    self._secure()
                # MicroPython's TLS has only read and write, CPython's sockets only the others.
                connection = self._socket
                self._receive = connection.recv if hasattr(connection, "recv") else connection.read
                self._send = connection.send if hasattr(connection, "send") else connection.write
        return self._send is not None

    def send(self, data):
        """Send what fits; how many bytes that was."""
        try:
            return self._send(data) or 0
        except OSError as error:
            if error.args[0] in _NOT_NOW:
                return 0
            raise

    def receive(self):
        """Some of what came; None if nothing did."""
        try:
            data = self._receive(_CHUNK)
        except OSError as error:
            if error.args[0] in _NOT_NOW:
                return None
            raise
        if data == b"":
            raise OSError("the other side closed the connection")
        return data

    def close(self):
        """Let go of the socket."""
        if self._socket is not None:
            try:
                self._socket.close()
            except OSError:
                pass

    def _secure(self):
        import ssl

        ca, verify = self._tls
        if sys.implementation.name == "micropython" and not hasattr(ssl, "SSLContext"):
            raise OSError("TLS needs MicroPython 1.22 or newer")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if verify:
            if ca is not None:
                context.load_verify_locations(cadata=ca)
            context.verify_mode = ssl.CERT_REQUIRED
        else:
            if hasattr(context, "check_hostname"):
                context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self._socket.settimeout(_HANDSHAKE_S)
        try:
            self._socket = context.wrap_socket(self._socket, server_hostname=self._host)
        except ValueError as error:  # mbedTLS, for a certificate that it does not trust
            raise OSError("TLS: %s" % error)
        self._socket.setblocking(False)
