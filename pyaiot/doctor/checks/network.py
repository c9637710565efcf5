# SPDX-License-Identifier: BSD-3-Clause
"""Addresses and interfaces of this host, against what the CoAP gateway is told of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pyaiot.addresses import is_loopback
from pyaiot.doctor.findings import Finding
from pyaiot.doctor.subjects import Subject
from pyaiot.settings import CoapGatewaySettings

#: How interfaces are called whose devices have link-local addresses only: border routers, 6LoWPAN, serial lines.
_RADIO: Final = ("tap", "tun", "lowpan", "wpan", "bt", "sl", "nb")
#: Addresses told in one line.
MAX_TOLD: Final = 6


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface; ``addresses`` without zones."""

    name: str
    up: bool
    addresses: tuple[str, ...] = ()

    @property
    def is_local_only(self) -> bool:
        """Whether it has a link-local IPv6 address, and no other one."""
        return bool(self.addresses) and all(each.startswith("fe80:") for each in self.addresses)


@dataclass(frozen=True, slots=True)
class Network:
    """What this host has; ``ipv6``: whether sockets of IPv6 can be had at all."""

    interfaces: Sequence[Interface]
    ipv6: bool

    @property
    def own(self) -> frozenset[str]:
        """All addresses."""
        return frozenset(address for each in self.interfaces for address in each.addresses)


def check_network(network: Network, subjects: Sequence[Subject]) -> Iterator[Finding]:
    """The host's addresses, and what the CoAP gateways among ``subjects`` make of them."""
    outside = [
        f"{address} ({each.name})"
        for each in network.interfaces
        for address in each.addresses
        if each.up and not is_loopback(address) and not address.startswith("fe80:")
    ]
    more = f" and {len(outside) - MAX_TOLD} more" if len(outside) > MAX_TOLD else ""
    told = ", ".join(outside[:MAX_TOLD]) + more if outside else "none but loopback"
    yield Finding(
        check="network.addresses",
        level="ok" if outside else "note",
        summary=f"addresses of this host: {told}; IPv6: {_ipv6(network)}",
        facts={
            "ipv6": network.ipv6,
            "interfaces": [
                {"name": each.name, "up": each.up, "addresses": list(each.addresses)} for each in network.interfaces
            ],
        },
    )
    for subject in subjects:
        if "coap" in subject.roles and isinstance(subject.settings, CoapGatewaySettings):
            yield from _check_coap(network, subject, subject.settings)


def _ipv6(network: Network) -> str:
    if not network.ipv6:
        return "none"
    addresses = {address for each in network.interfaces for address in each.addresses if ":" in address}
    if any(not address.startswith("fe80:") and not is_loopback(address) for address in addresses):
        return "yes"
    return "link-local only" if any(address.startswith("fe80:") for address in addresses) else "loopback only"


def _check_coap(network: Network, subject: Subject, settings: CoapGatewaySettings) -> Iterator[Finding]:
    if ":" in settings.coap_host and not network.ipv6:
        yield Finding(
            check="network.ipv6",
            level="problem",
            service=subject.name,
            summary=f"cannot listen on {settings.coap_host}: this host has no IPv6",
            fix="AIOT_COAP_HOST=0.0.0.0 (--coap-host)",
        )
    if not settings.interface:
        radio = [each for each in network.interfaces if each.name.startswith(_RADIO) and each.up and each.is_local_only]
        if radio:
            yield Finding(
                check="network.interface",
                level="note",
                service=subject.name,
                summary=f"{radio[0].name} has a link-local address only: where devices are behind it, say "
                f"AIOT_INTERFACE={radio[0].name} (--interface)",
            )
        return
    found = next((each for each in network.interfaces if each.name == settings.interface), None)
    if found is None:
        names = ", ".join(each.name for each in network.interfaces)
        yield Finding(
            check="network.interface",
            level="problem",
            service=subject.name,
            summary=f"there is no network interface {settings.interface!r} (--interface)",
            fix=f"AIOT_INTERFACE= one of these: {names}",
        )
    elif not found.up:
        yield Finding(
            check="network.interface",
            level="problem",
            service=subject.name,
            summary=f"the network interface {found.name} is down",
            fix=f"ip link set {found.name} up",
        )
    elif not any(address.startswith("fe80:") for address in found.addresses):
        yield Finding(
            check="network.interface",
            level="warning",
            service=subject.name,
            summary=f"{found.name} has no link-local IPv6 address, so no device is reached by one there",
            fix=f"sysctl net.ipv6.conf.{found.name}.disable_ipv6=0 net.ipv6.conf.{found.name}.addr_gen_mode=0",
        )
    else:
        yield Finding(
            check="network.interface", level="ok", service=subject.name, summary=f"interface {found.name} is up"
        )
