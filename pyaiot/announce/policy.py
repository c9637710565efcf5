# SPDX-License-Identifier: BSD-3-Clause
"""Which addresses of a service are announced, by the setting ``announce`` and by what it is bound to. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from pyaiot.addresses import InterfaceAddress, is_every_address, is_loopback, is_private

#: A service is announced at so many addresses, at most: they have to fit into one datagram.
MAX_ADDRESSES: Final = 16


def may_be_announced(mode: str, host: str) -> bool:
    """Whether a service bound to ``host`` (a name or an address) may ever be announced; no address is looked at.

    ``mode`` is the setting: ``auto`` is for what is bound to certain addresses, which are private ones; ``yes`` for
    all that other hosts reach; ``no`` for nothing. Nobody is told of loopback.
    """
    if mode == "no" or is_loopback(host):
        return False
    return mode == "yes" or not is_every_address(host)


def announced(
    mode: str, host: str, resolved: Collection[str], own: Iterable[InterfaceAddress], *, dual: bool = False
) -> tuple[InterfaceAddress, ...]:
    """Those of this host's ``own`` addresses at which a service bound to ``host`` is announced.

    ``resolved`` are the addresses (without zones) that a ``host`` stands for which is not every address. ``dual``: to
    listen on ``::`` means IPv4, too.
    """
    if not may_be_announced(mode, host):
        return ()
    if is_every_address(host):
        ipv4, ipv6 = _families(host.strip("[]"), dual)
        bound = [each for each in own if (ipv6 if each.is_ipv6 else ipv4)]
    else:
        bound = [each for each in own if each.address in resolved]
    return tuple(each for each in bound if mode == "yes" or is_private(each.address))[:MAX_ADDRESSES]


def _families(host: str, dual: bool) -> tuple[bool, bool]:
    """Whether ``host``, which is every address, is those of IPv4, and of IPv6."""
    return (not host or dual or ":" not in host), (not host or ":" in host)
