# SPDX-License-Identifier: BSD-3-Clause
"""Asks by mDNS for services that announce themselves (RFC 6763 section 4)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from typing import Any, Final

from zeroconf import Error, ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from pyaiot.addresses import InterfaceAddress
from pyaiot.announce.announcer import mdns_interfaces
from pyaiot.discover.findings import LOOKED_FOR, Found, from_service

#: Instances of one type that are looked at; the rest of them is left alone.
MAX_INSTANCES: Final = 64


async def find(own: Iterable[InterfaceAddress], timeout_s: float) -> list[Found]:
    """What has announced itself by ``timeout_s``. Raises OSError: mDNS is not possible here."""
    zeroconf = AsyncZeroconf(interfaces=mdns_interfaces(own))
    names: dict[str, set[str]] = {type_: set() for type_ in LOOKED_FOR}
    asking: dict[asyncio.Task[bool], AsyncServiceInfo] = {}
    deadline = asyncio.get_running_loop().time() + timeout_s

    def changed(*, service_type: str, name: str, state_change: ServiceStateChange, **_: Any) -> None:
        known = names.get(service_type)
        if known is None or name in known or len(known) >= MAX_INSTANCES:
            return
        if state_change is ServiceStateChange.Removed:
            return
        try:
            info = AsyncServiceInfo(service_type, name)
        except Error:  # a name that none may have (RFC 6763 section 4.1.1)
            return
        known.add(name)
        left_ms = max(100.0, 1_000 * (deadline - asyncio.get_running_loop().time()))
        task = asyncio.create_task(info.async_request(zeroconf.zeroconf, left_ms), name="resolve a service")
        asking[task] = info

    browser = AsyncServiceBrowser(zeroconf.zeroconf, list(LOOKED_FOR), handlers=[changed])
    try:
        await asyncio.sleep(timeout_s)
    finally:
        await browser.async_cancel()
        for task in asking:
            task.cancel()
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
        await zeroconf.async_close()
    found = (_found(info) for info, known in zip(asking.values(), outcomes, strict=True) if known is True)
    return [each for each in found if each is not None]


def _found(info: AsyncServiceInfo) -> Found | None:
    addresses = [_with_zone(each) for each in info.parsed_scoped_addresses()]
    name = info.name.removesuffix(f".{info.type}")
    return from_service(info.type, addresses, info.port, info.server, info.properties, name)


def _with_zone(address: str) -> str:
    """A zone is an interface's number here, which has a name."""
    host, _, zone = address.partition("%")
    try:
        return f"{host}%{socket.if_indextoname(int(zone))}" if zone else host
    except (OSError, ValueError, OverflowError):
        return address
