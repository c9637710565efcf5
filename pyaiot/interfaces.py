# SPDX-License-Identifier: BSD-3-Clause
"""This host's network interfaces and their addresses, as Linux tells them.

Read from ``/proc`` and by ioctl (netdevice(7)), neither of which needs a netlink socket or loads ctypes.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterator
from typing import Final

from pyaiot.addresses import InterfaceAddress

#: Addresses that are read, at most; a host of containers can have hundreds.
MAX_ADDRESSES: Final = 256

_SIOCGIFCONF: Final = 0x8912
_SIOCGIFFLAGS: Final = 0x8913
_IFF_UP, _IFF_LOOPBACK, _IFF_MULTICAST = 0x1, 0x8, 0x1000
#: sizeof(struct ifreq): a name of 16 bytes and a union, whose largest member has two longs.
_IFREQ: Final = 40 if struct.calcsize("P") == 8 else 32
#: linux/if_addr.h: temporary, failed to be the only one, deprecated, not yet tried. Nobody should be told these.
_TENTATIVE: Final = 0x40
_UNFIT: Final = 0x01 | 0x08 | 0x20 | _TENTATIVE


def network_addresses(*, tentative: bool = False) -> list[InterfaceAddress]:
    """Addresses of interfaces that are up, other hosts can be behind, and multicast is possible on; sorted.

    Empty where there is no network, and where the system does not tell. ``tentative``: also those that are still being
    tried (RFC 4862 section 5.4), as all are when an interface has come up just now.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        usable: dict[str, bool] = {}
        found = []
        for name, address in (*_ipv4(sock), *_ipv6(_UNFIT & ~_TENTATIVE if tentative else _UNFIT)):
            if name not in usable:
                usable[name] = _is_usable(sock, name)
            if usable[name]:
                with contextlib.suppress(OSError):  # it went just now
                    found.append(InterfaceAddress(name, socket.if_nametoindex(name), address))
    return sorted(set(found))[:MAX_ADDRESSES]


def addresses() -> list[tuple[str, str]]:
    """Every address of this host, loopback's too, behind the name of its interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return list(dict.fromkeys((*_ipv4(sock), *_ipv6())))[:MAX_ADDRESSES]


def _ipv4(sock: socket.socket) -> Iterator[tuple[str, str]]:
    buffer = array.array("B", bytes(_IFREQ * MAX_ADDRESSES))
    place, length = buffer.buffer_info()
    try:
        answer = fcntl.ioctl(sock.fileno(), _SIOCGIFCONF, struct.pack("iP", length, place))
    except OSError:
        return
    (used,) = struct.unpack_from("i", answer)
    for at in range(0, used, _IFREQ):
        name = bytes(buffer[at : at + 16]).partition(b"\0")[0]
        # An alias such as eth0:1 is an address of eth0.
        yield name.decode(errors="replace").partition(":")[0], socket.inet_ntoa(bytes(buffer[at + 20 : at + 24]))


def _ipv6(unfit: int = _UNFIT) -> Iterator[tuple[str, str]]:
    try:
        with open("/proc/self/net/if_inet6", encoding="ascii", errors="replace") as file:
            lines = file.read(64 * 1024).splitlines()
    except OSError:  # without IPv6
        return
    for line in lines:
        fields = line.split()
        if len(fields) == 6 and not int(fields[4], 16) & unfit:
            yield fields[5], str(ipaddress.IPv6Address(bytes.fromhex(fields[0])))


def _is_usable(sock: socket.socket, name: str) -> bool:
    try:
        answer = fcntl.ioctl(sock.fileno(), _SIOCGIFFLAGS, struct.pack("16s24x", name.encode()))
    except OSError:
        return False
    (flags,) = struct.unpack_from("H", answer, 16)
    return bool(flags & _IFF_UP and flags & _IFF_MULTICAST and not flags & _IFF_LOOPBACK)
