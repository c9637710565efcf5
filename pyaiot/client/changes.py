# SPDX-License-Identifier: BSD-3-Clause
"""What a watch tells, as types, and as the broker says it (``nodes.changed``, PROTOCOL.md section 3.5). Pure.

``at`` and ``first_seen`` are Unix milliseconds, as the gateway gave them.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from pyaiot.wire.messages import JSON, About

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


class NodeGone(msgspec.Struct, frozen=True, tag="gone", omit_defaults=True):
    """A node is out; without ``why`` it only left what is watched. ``why`` may also be ``gateway``, ``forgotten``."""

    uid: str
    why: str | None = None
    at: int | None = None


class NodeReset(msgspec.Struct, frozen=True, tag="reset"):
    """A node rebooted: none of its values holds any more."""

    uid: str


class GatewayState(msgspec.Struct, frozen=True, tag="gateway"):
    """While its gateway is ``away`` a node cannot be reached; while ``resyncing``, until it is told to be here."""

    gateway: str
    state: GatewayStateName


class Described(msgspec.Struct, frozen=True, tag="about"):
    """What a resource is besides its values; with ``details`` only, as all that follow."""

    uid: str
    resource: str
    about: About


class Liveness(msgspec.Struct, frozen=True, tag="liveness", rename="camel", omit_defaults=True):
    """When a node was last seen; how often it usually shows itself, and the silence after which it is out, in ms."""

    uid: str
    last_seen: int
    interval: int | None = None
    timeout: int | None = None


class NodeDismissed(msgspec.Struct, frozen=True, tag="dismissed"):
    """Somebody dismissed a node that went."""

    uid: str


class Synced(msgspec.Struct, frozen=True):
    """What was told until here is the whole state. Once after each connection."""


Told: TypeAlias = Value | NodeHere | NodeGone | NodeReset | GatewayState | Described | Liveness | NodeDismissed
Change: TypeAlias = Told | Synced
