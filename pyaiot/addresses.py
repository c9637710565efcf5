# SPDX-License-Identifier: BSD-3-Clause
"""What an address says about the host that has it. Pure."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@lru_cache(maxsize=1_024)
def group_of(address: str) -> str:
    """What is counted as one host: addresses that one can have at will, which are those of an IPv6 /64, are one.

    A zone is dropped, and an IPv4 address that is mapped into IPv6 is that. What is no address is a group of its own.
    """
    parsed = _parse(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
    return address if parsed is None else str(parsed)


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name or an address, as bound or as connected from) is this host only."""
    host = host.strip("[]").lower()
    if host == "localhost":
        return True
    parsed = _parse(host)
    return parsed is not None and parsed.is_loopback


def _parse(text: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
