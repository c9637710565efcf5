# SPDX-License-Identifier: BSD-3-Clause
"""Interfaces and addresses of this host."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pyaiot import interfaces
from pyaiot.doctor.checks.network import Interface, Network

SYSFS: Final = Path("/sys/class/net")
#: Interfaces that are looked at.
MAX_INTERFACES: Final = 256
_IFF_UP: Final = 1


def look() -> Network:
    """What this host has now."""
    by_name: dict[str, list[str]] = {}
    for name, address in interfaces.addresses():
        by_name.setdefault(name, []).append(address)
    found = [
        Interface(name, _is_up(name), tuple(by_name.get(name, ())))
        for _, name in socket.if_nameindex()[:MAX_INTERFACES]
    ]
    return Network(found, _has_ipv6())


def foreign(addresses: Iterable[str]) -> frozenset[str]:
    """Those that no socket of this host can be bound to: they are another host's. Any UDP port will do to try."""
    return frozenset(each for each in addresses if _is_foreign(each))


def _is_foreign(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind(socket.getaddrinfo(address, 0, family, socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)[0][4])
    except OSError as error:
        return error.errno == errno.EADDRNOTAVAIL
    return False


def _has_ipv6() -> bool:
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
    except OSError:
        return False
    return True


def _is_up(name: str) -> bool:
    try:
        flags = int((SYSFS / name / "flags").read_text(), 16)
        return bool(flags & _IFF_UP) and (SYSFS / name / "operstate").read_text().strip() != "down"
    except (OSError, ValueError):
        return True
