# SPDX-License-Identifier: BSD-3-Clause
"""Ports for servers that cannot be given port 0, or that have to find their port free when they are started again."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import socket
import zlib

#: Below what the system gives to those who ask for any port, and to connections (net.ipv4.ip_local_port_range).
PORTS = range(20_000, 30_000)
#: Each process of a run has so many of them to itself: what one test has left for a moment no other takes. Which these
#: are is another matter in each run, as there may be two at a time.
SHARE = 250


def lasting_port(host: str = "127.0.0.1", kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that is free at every address of ``host``, and that nobody else gets: at most another test by chance.

    Raises OSError where ``host`` has no address here.
    """
    found = known(host, kind)
    while True:
        port = random.choice(own_ports())
        try:
            with contextlib.ExitStack() as stack:
                for family, address in found:
                    sock = stack.enter_context(socket.socket(family, kind))
                    if family == socket.AF_INET6:
                        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    sock.bind((address, port))
                return port
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise


def own_ports() -> range:
    """The share of this process."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = (zlib.crc32(run.encode()) + process) * SHARE % len(PORTS)
    return PORTS[first : first + SHARE]


def known(host: str, kind: socket.SocketKind) -> list[tuple[socket.AddressFamily, str]]:
    """The addresses of ``host`` that can be had here: a name may also stand for one of IPv6 where there is no IPv6."""
    found, wrong = [], OSError()
    for family, _, _, _, address in socket.getaddrinfo(host, 0, type=kind):
        try:
            with socket.socket(family, kind) as sock:
                sock.bind((address[0], 0))
        except OSError as error:
            wrong = error
        else:
            found.append((family, str(address[0])))
    if not found:
        raise wrong
    return found
