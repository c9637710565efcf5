# SPDX-License-Identifier: BSD-3-Clause
"""What of a host's keys each of its services needs, where it is to see no others. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final, TypeVar

from pyaiot.keys import KeyFileError, Keys
from pyaiot.wire.signing import PrivateKey

T = TypeVar("T")

BROKER: Final = "aiot-broker"
#: The gateways by their protocol, which is also the name of each one's key where nobody chose another.
GATEWAYS: Final = {
    "coap": "aiot-coap-gateway",
    "http": "aiot-http-gateway",
    "mqtt": "aiot-mqtt-gateway",
    "ws": "aiot-ws-gateway",
}


def protocol_of(name: str) -> str:
    """The protocol that a gateway's name tells: ``coap``, ``greenhouse-coap``; empty where it tells none."""
    last = name.rpartition("-")[2]
    return last if last in GATEWAYS else ""


def part_of(keys: Keys, services: Collection[str]) -> Keys:
    """What ``services`` (commands) need of ``keys``: the broker's own key and whom it admits, gateways their own keys.

    A gateway's key whose name tells no protocol may be any gateway's, so each has it: of all parts none is lost.
    """
    protocols = [protocol for protocol, service in GATEWAYS.items() if service in services]
    gateways = {
        name: key
        for name, key in keys.gateways.items()
        if protocol_of(name) in protocols or (protocols and not protocol_of(name))
    }
    if BROKER in services:
        return replace(keys, gateways=gateways)
    return Keys(gateways=gateways, trusted_broker=keys.trusted_broker)


def whole(parts: Iterable[Keys]) -> Keys:
    """All of them as one. Raises KeyFileError: two have different keys for the same."""
    found = Keys()
    for part in parts:
        found = Keys(
            broker=_one(found.broker, part.broker, "the broker's key"),
            trusted_broker=_one(found.trusted_broker, part.trusted_broker, "the broker that is trusted"),
            gateways=_together(found.gateways, part.gateways),
            authorized=_together(found.authorized, part.authorized),
            clients=_together(found.clients, part.clients),
        )
    return found


def _one(known: T | None, other: T | None, what: str) -> T | None:
    if known is None or other is None:
        return other if known is None else known
    if _told(known) != _told(other):
        raise KeyFileError(f"two key files differ in {what}")
    return known


def _told(key: object) -> object:
    """What tells a key from others."""
    return key.public if isinstance(key, PrivateKey) else key


def _together(known: dict[str, T], others: dict[str, T]) -> dict[str, T]:
    for name in sorted(known.keys() & others.keys()):
        _one(known[name], others[name], f"what they have of {name}")
    return {**known, **others}
