# SPDX-License-Identifier: BSD-3-Clause
"""Announces services while they run. Whatever goes wrong with that, they run all the same.

zeroconf (python-zeroconf) does mDNS; it is imported when there is something to announce, by nobody else. It keeps at
most 10,000 records of what it hears, and shares port 5353 with avahi and others on this host.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyaiot.addresses import InterfaceAddress, is_every_address
from pyaiot.announce.offers import Offer, target
from pyaiot.announce.policy import announced, may_be_announced
from pyaiot.interfaces import network_addresses
from pyaiot.lifecycle import Ready, Service

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

log = logging.getLogger("pyaiot.announce")

#: How often to look whether this host has other addresses now, or whether it works by now.
CHECK_S: Final = 30.0
#: How long to take leave, at the end.
GOODBYE_S: Final = 1.0


@dataclass(frozen=True)
class Announcement:
    """An offer, and the addresses that it is announced at: at least one."""

    offer: Offer
    addresses: tuple[InterfaceAddress, ...]


class Announced:
    """A service that is announced while it is ready: ``offers()`` is asked for what it offers once it is.

    ``mode`` is the setting ``announce``.
    """

    def __init__(self, service: Service, mode: str, offers: Callable[[], Sequence[Offer]]) -> None:
        self.inner = service
        self._mode = mode
        self._offers = offers

    async def run(self, ready: Ready) -> None:
        """As the service's own; leave is taken while it ends."""
        announcing: list[asyncio.Task[None]] = []

        def on_ready() -> None:
            ready()
            if self._mode != "no":
                announcing.append(asyncio.create_task(self._announce(), name="announce"))

        serving = asyncio.create_task(self.inner.run(on_ready), name="announced service")
        try:
            await asyncio.wait((serving,))
        finally:
            serving.cancel()
            for task in announcing:
                task.cancel()
            await asyncio.wait((serving, *announcing))
        await serving

    async def _announce(self) -> None:
        try:
            offers = [each for each in self._offers() if may_be_announced(self._mode, each.host)]
            if offers:
                await _Announcer(self._mode, offers).run()
        except Exception:
            log.exception("A fault of announcing; please report this. The service goes on")


class _Announcer:
    """Keeps ``offers`` announced at the addresses that this host has."""

    def __init__(self, mode: str, offers: Sequence[Offer]) -> None:
        self._mode = mode
        self._offers = offers
        self._host_name = socket.gethostname()
        self._now: tuple[Announcement, ...] = ()
        self._zeroconf: AsyncZeroconf | None = None
        self._told = ""

    async def run(self) -> None:
        """Until it is cancelled; never raises anything else."""
        try:
            while True:
                try:
                    await self._look()
                except Exception as error:  # no network, no multicast, a bug of zeroconf's: never the service's end
                    self._now = ()
                    self._tell(logging.WARNING, f"not announced to the network: {_reason(error)} (see --announce)")
                    await self._close()
                await asyncio.sleep(CHECK_S)
        finally:
            await self._close()

    async def _look(self) -> None:
        own = network_addresses()
        found = [
            Announcement(offer, announced(self._mode, offer.host, await _resolve(offer.host), own, dual=offer.dual))
            for offer in self._offers
        ]
        wanted = tuple(each for each in found if each.addresses)
        if wanted == self._now:
            return
        await self._close()
        self._now = wanted
        if wanted:
            await self._open(wanted)

    async def _open(self, wanted: Sequence[Announcement]) -> None:
        # It takes some 150 ms to read, which the service is not to wait for.
        make = await asyncio.to_thread(_import_zeroconf)
        self._zeroconf = make(interfaces=mdns_interfaces(address for each in wanted for address in each.addresses))
        infos = [info for each in wanted for info in _infos(each, self._host_name)]
        sent = await asyncio.gather(
            *(self._zeroconf.async_register_service(info, allow_name_change=True) for info in infos)
        )
        await asyncio.gather(*sent)
        # One that does not hold the name that it had: somebody else has it.
        names = sorted({info.name.removesuffix(f".{info.type}") for info in infos})
        addresses = sorted({address.address for each in wanted for address in each.addresses})
        self._tell(logging.INFO, f"announced to the network at {', '.join(addresses)}: {', '.join(names)}")

    async def _close(self) -> None:
        closing, self._zeroconf = self._zeroconf, None
        if closing is None:
            return
        with contextlib.suppress(Exception):
            async with asyncio.timeout(GOODBYE_S):
                await closing.async_close()

    def _tell(self, level: int, text: str) -> None:
        """Once, as long as it is the same."""
        if text != self._told:
            self._told = text
            log.log(level, "%s", text)


def mdns_interfaces(addresses: Iterable[InterfaceAddress]) -> list[str]:
    """What to speak mDNS from: one address of each interface and family, a link-local one where there is one."""
    chosen: dict[tuple[int, bool], str] = {}
    for each in addresses:
        if (each.index, each.is_ipv6) not in chosen or each.is_link_local:
            chosen[each.index, each.is_ipv6] = each.address
    return list(chosen.values())


def _infos(announcement: Announcement, host_name: str) -> list[AsyncServiceInfo]:
    from zeroconf.asyncio import AsyncServiceInfo

    offer, addresses = announcement.offer, announcement.addresses
    return [
        AsyncServiceInfo(
            type_,
            f"{offer.instance(host_name.partition('.')[0])}.{type_}",
            port=offer.port,
            properties=offer.txt(type_),
            server=target(host_name, addresses),
            parsed_addresses=[each.address for each in addresses],
        )
        for type_ in offer.types
    ]


def _import_zeroconf() -> type[AsyncZeroconf]:
    from zeroconf.asyncio import AsyncZeroconf

    return AsyncZeroconf


async def _resolve(host: str) -> frozenset[str]:
    """The addresses, without zones, of a host that is not every address."""
    if is_every_address(host):
        return frozenset()
    found = await asyncio.get_running_loop().getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    return frozenset(str(each[4][0]).partition("%")[0] for each in found)


def _reason(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return "zeroconf is not installed: pip install zeroconf"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {error}"[:200]
