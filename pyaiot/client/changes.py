# SPDX-License-Identifier: BSD-3-Clause
"""What a watch tells, as types, and as the broker says it (``nodes.changed``, PROTOCOL.md section 3.5). Pure.

``at`` and ``first_seen`` are Unix milliseconds, as the gateway gave them.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from pyaiot.wire.messages import JSON

GatewayStateName = Literal["connected", "resyncing", "away"]


class Value(msgspec.Struct, frozen=True, tag="value"):
    """A resource has a value: ``data`` as the device gave it, ``value`` and ``unit`` (RFC 8428) as it was read."""

    uid: str
    resource: str
    data: JSON
    value: JSON
    at: int
    unit: str | None = None


class NodeHere(msgspec.Struct, frozen=True, tag="node", rename="camel"):
    """A node is there, and online."""

    uid: str
    gateway: str
    protocol: str
    first_seen: int


class NodeGone(msgspec.Struct, frozen=True, tag="gone"):
    """A node is out."""

    uid: str


class NodeReset(msgspec.Struct, frozen=True, tag="reset"):
    """A node rebooted: none of its values holds any more."""

    uid: str


class GatewayState(msgspec.Struct, frozen=True, tag="gateway"):
    """While its gateway is ``away`` a node cannot be reached; while ``resyncing``, until it is told to be here."""

    gateway: str
    state: GatewayStateName


class Synced(msgspec.Struct, frozen=True):
    """What was told until here is the whole state. Once after each connection."""


Told: TypeAlias = Value | NodeHere | NodeGone | NodeReset | GatewayState
Change: TypeAlias = Told | Synced
