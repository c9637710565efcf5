# SPDX-License-Identifier: BSD-3-Clause
"""Our record of a device, at its gateway."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pyaiot.nodes.rhythm import Rhythm

#: The attribute that says which account of its platform a device belongs to; ``new`` tells it, too (PROTOCOL.md 2.3).
ACCOUNT: Final = "account"
#: What the gateway itself states of every node, besides the attributes that its adapter gave for that one.
PROTOCOL: Final = "protocol"

#: What most nodes have said of their resources, which costs none of them anything.
NOTHING_SAID: Final[Mapping[str, bytes]] = MappingProxyType({})


class Node:
    """What a gateway believes of one device. Small: there may be 100,000 of them.

    ``uid`` is its name within the gateway. ``attributes`` are what its adapter knows of it (``{"ip": "fd00::1"}``).
    ``values`` holds the newest update of each resource by the resource's name, encoded as the link wants it: those
    bytes are shared with the outbox, sent again after a reconnect, and never read here. ``abouts`` likewise holds what
    is known of resources besides their values; equal ones are one object, of all nodes (see Registry.describe).

    ``rhythm`` is how often it shows itself; ``told_interval_s`` and ``told_timeout_s`` (0: nothing) are what the broker
    was last told of that, at ``told_pace_at``. ``born_at`` is Unix ms. ``last_seen`` (last sign of life), ``told_seen``
    (when the broker was last told of one) and ``wake_at`` (belongs to Liveness) are seconds on the monotonic clock.
    """

    __slots__ = (
        "abouts",
        "attributes",
        "born_at",
        "last_seen",
        "rhythm",
        "timeout_s",
        "told_interval_s",
        "told_pace_at",
        "told_seen",
        "told_timeout_s",
        "uid",
        "values",
        "wake_at",
    )

    def __init__(self, uid: str, *, timeout_s: float, now: float, at: int) -> None:
        self.uid = uid
        self.timeout_s = timeout_s
        self.born_at = at
        self.last_seen = now
        self.told_seen = now
        self.wake_at = 0.0
        self.attributes: dict[str, str] = {}
        self.values: dict[str, bytes] = {}
        self.abouts: Mapping[str, bytes] = NOTHING_SAID
        self.rhythm = Rhythm(now)
        self.told_interval_s = 0.0
        self.told_timeout_s = 0.0
        self.told_pace_at = 0.0

    def __repr__(self) -> str:
        return f"Node({self.uid!r}, {len(self.values)} values)"

    @property
    def deadline(self) -> float:
        """When the node is out, unless it shows itself before."""
        return self.last_seen + self.timeout_s
