# SPDX-License-Identifier: BSD-3-Clause
"""What devices say, as their gateways put it on the link."""

from __future__ import annotations

from collections.abc import Iterator

from pyaiot.wire import codec
from pyaiot.wire.messages import JSON, New, Update

#: Messages in a full frame of a gateway.
FULL_FRAME = 256
#: A moment; gateways tell Unix time in ms.
AT = 1_790_000_000_000
RESOURCES = ("temperature", "pressure", "eco2", "illuminance", "name", "led")


def uid(node: int) -> str:
    """The uid of node number ``node``, as long as such uids are."""
    return f"sensor-{node:06d}"


def reading(resource: int, turn: int) -> tuple[str, JSON, str | None]:
    """Data, value and unit of a resource (by its place in RESOURCES); each turn another."""
    kind = resource % len(RESOURCES)
    if kind == 0:
        value = 15 + turn % 173 / 10
        return f"{value:.1f}°C", value, "Cel"
    if kind == 1:
        value = 980 + turn % 5_003 / 100
        return f"{value:.2f}hPa", value, "hPa"
    if kind == 2:
        return f"{400 + turn % 997}ppm", 400 + turn % 997, "ppm"
    if kind == 3:
        return f"{turn % 1009}lx", turn % 1009, "lx"
    if kind == 4:
        text = f"Weather station {turn % 1013} of the upper greenhouse"
        return text, text, None
    return str(turn % 2), turn % 2, None


def update(node: int, resource: int, turn: int) -> bytes:
    """An update, encoded."""
    data, value, unit = reading(resource, turn)
    name = RESOURCES[resource % len(RESOURCES)]
    if unit is None:
        return codec.encode(Update(uid=uid(node), resource=name, data=data, value=value, at=AT + turn))
    return codec.encode(Update(uid=uid(node), resource=name, data=data, value=value, unit=unit, at=AT + turn))


def numbered(node: int, number: int) -> bytes:
    """An update that can be found again: its data is ``<number>ppm``."""
    return codec.encode(
        Update(uid=uid(node), resource="eco2", data=f"{number}ppm", value=number, unit="ppm", at=AT + number)
    )


def new(node: int) -> bytes:
    """That a node is there, encoded."""
    return codec.encode(New(uid=uid(node), protocol="coap", at=AT))


def updates(nodes: int, count: int, begin: int = 0) -> Iterator[bytes]:
    """``count`` updates that go round all nodes and resources; ``begin`` is how many were made before."""
    for turn in range(begin, begin + count):
        yield update(turn % nodes, turn // nodes, turn)


def population(nodes: int, resources: int) -> Iterator[bytes]:
    """That many nodes, with all their values."""
    for node in range(nodes):
        yield new(node)
        for resource in range(resources):
            yield update(node, resource, node * 7 + resource)


def in_frames(messages: Iterator[bytes], size: int = FULL_FRAME) -> Iterator[list[bytes]]:
    """The messages, ``size`` at a time."""
    batch: list[bytes] = []
    for message in messages:
        batch.append(message)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
