# SPDX-License-Identifier: BSD-3-Clause
"""Ports for servers that cannot be given port 0, or that have to find their port free when they are started again."""

from __future__ import annotations

import contextlib
import random
import socket

#: Below what the system gives to those who ask for any port, and to connections (net.ipv4.ip_local_port_range).
PORTS = range(20_000, 30_000)


def lasting_port(host: str = "127.0.0.1", kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of ``host`` that is free, and that nobody else gets while it is: at most another test by chance."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = random.choice(PORTS)
        with contextlib.suppress(OSError), socket.socket(family, kind) as sock:
            sock.bind((host, port))
            return port
