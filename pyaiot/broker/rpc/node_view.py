# SPDX-License-Identifier: BSD-3-Clause
"""A node as ``/rpc`` tells it whole, and one reading of it (PROTOCOL.md section 3.5). Pure."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from pyaiot.broker.details import NOTHING
from pyaiot.broker.entries import Node, Resource, Why
from pyaiot.wire.messages import JSON, About


class Reading(msgspec.Struct, omit_defaults=True):
    """A value as the device gave it (``data``), and as it was read; ``at`` is Unix time in ms."""

    data: JSON
    value: JSON
    at: int
    unit: str | None = None


class NodeView(msgspec.Struct, rename="camel"):
    """A node, with the newest reading of each resource. ``interval`` and ``timeout`` are in ms.

    ``about`` is what its resources are besides their values; ``why`` and ``goneAt`` are told of one that is gone.
    """

    uid: str
    gateway: str
    protocol: str
    state: Literal["online", "unreachable", "gone"]
    first_seen: int
    last_seen: int
    values: dict[str, Reading]
    interval: int | msgspec.UnsetType = msgspec.UNSET
    timeout: int | msgspec.UnsetType = msgspec.UNSET
    about: dict[str, About] | msgspec.UnsetType = msgspec.UNSET
    why: Why | msgspec.UnsetType = msgspec.UNSET
    gone_at: int | msgspec.UnsetType = msgspec.UNSET


_encode = msgspec.json.Encoder().encode


def reading_of(resource: Resource) -> Reading:
    """The newest value of a resource."""
    return Reading(resource.data, resource.value, resource.at, resource.unit)


def encode_view(node: Node) -> bytes:
    """All that is known of a node, as JSON."""
    abouts: Any = {name: msgspec.Raw(each.about) for name, each in (node.abouts or {}).items() if each.about != NOTHING}
    gone = node.gone
    return _encode(
        NodeView(
            node.uid,
            node.gateway,
            node.protocol,
            node.state if gone is None else "gone",
            node.first_seen,
            node.last_seen,
            {name: reading_of(resource) for name, resource in node.resources.items()},
            known(node.interval_ms),
            known(node.timeout_ms),
            abouts or msgspec.UNSET,
            msgspec.UNSET if gone is None else gone.why,
            known(None if gone is None else gone.at),
        )
    )


def known(number: int | None) -> int | msgspec.UnsetType:
    """The number, left out where it is not known."""
    return msgspec.UNSET if number is None else number
