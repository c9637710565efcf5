# SPDX-License-Identifier: BSD-3-Clause
"""The gateway's UDP socket, and what Linux tells by it besides datagrams: where each was sent to, and ICMP errors.

One dual-stack socket is server and client at once. It tells at which of our addresses a datagram came (RFC 3542
IPV6_PKTINFO), although it is bound to any address; it learns of ICMP errors (IPV6_RECVERR), so that a write to
a device that is gone fails at once; and it is exclusive: no SO_REUSEPORT, so a second gateway is an error and
not a silent thief of datagrams.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from typing import Final

from pyaiot.gateway.coap.contacts import SockAddr, readable

#: Asked of the system for bursts; it grants what net.core.rmem_max allows.
RECEIVE_BUFFER: Final = 4 * 1024 * 1024
#: Room for what comes with a datagram: a struct in6_pktinfo.
ANCILLARY: Final = socket.CMSG_SPACE(20)
#: An error of another datagram, which Linux reports on whatever the socket does next.
PENDING_ERRORS: Final = frozenset(
    (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EPROTO, errno.EHOSTDOWN)
)
#: ICMP errors read at once; more of them make the socket readable again.
MAX_ERRORS: Final = 64

# Linux's numbers, which the socket module of Python 3.11 does not name (linux/in.h, linux/in6.h).
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_EXTENDED_ERROR = struct.Struct("=IBBBBII")


class PortTaken(OSError):
    """Another program listens on the port already."""


def bind_udp(address: SockAddr) -> socket.socket:
    """The socket, bound and not yet read. Raises PortTaken, or another OSError, whose text says what to do."""
    try:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    except OSError as error:
        raise OSError(error.errno, f"no IPv6 socket, which even IPv4 needs here: {error.strerror}") from None
    try:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.bind(address)
    except OSError as error:
        sock.close()
        where = f"UDP port {address[1]} of {readable(address[0])}"
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                errno.EADDRINUSE, f"{where} is taken: stop the other gateway, or choose another port (--coap-port)"
            ) from None
        if error.errno == errno.EACCES:
            raise PermissionError(errno.EACCES, f"{where} needs more rights: choose one from 1024 on") from None
        raise OSError(error.errno, f"{where} cannot be used: {error.strerror} (see --coap-host)") from None
    return sock


def read_icmp_errors(sock: socket.socket) -> Iterator[tuple[SockAddr, int | None]]:
    """Empty the error queue (ip(7), IP_RECVERR): to whom a datagram did not come, and why, as an errno.

    None where it was no ICMP error, or EMSGSIZE: that is path MTU discovery, and no sign that nobody is there.
    """
    for _ in range(MAX_ERRORS):
        try:
            _, ancillary, _, address = sock.recvmsg(0, 512, socket.MSG_ERRQUEUE)
        except OSError:
            return
        yield address, _errno(ancillary)


def _errno(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    for level, kind, data in ancillary:
        if (level, kind) in ((socket.IPPROTO_IPV6, _IPV6_RECVERR), (socket.IPPROTO_IP, _IP_RECVERR)):
            number: int = _EXTENDED_ERROR.unpack_from(data)[0]
            return None if number == errno.EMSGSIZE else number
    return None
