# SPDX-License-Identifier: BSD-3-Clause
"""Our record of a device, at its gateway."""

from __future__ import annotations

from typing import Final

#: The attribute that says which account of its platform a device belongs to; ``new`` tells it, too (PROTOCOL.md 2.3).
ACCOUNT: Final = "account"


class Node:
    """What a gateway believes of one device. Small: there may be 100,000 of them.

    ``uid`` is its name within the gateway. ``attributes`` are what its adapter knows of it (``{"ip": "fd00::1"}``).
    ``values`` holds the newest update of each resource by the resource's name, encoded as the link wants it: those
    bytes are shared with the outbox, sent again after a reconnect, and never read here.

    ``born_at`` is Unix ms. ``last_seen`` (last sign of life), ``told_seen`` (when the broker was last told of one)
    and ``wake_at`` (belongs to Liveness) are seconds on the monotonic clock.
    """

    __slots__ = ("attributes", "born_at", "last_seen", "timeout_s", "told_seen", "uid", "values", "wake_at")

    def __init__(self, uid: str, *, timeout_s: float, now: float, at: int) -> None:
        self.uid = uid
        self.timeout_s = timeout_s
        self.born_at = at
        self.last_seen = now
        self.told_seen = now
        self.wake_at = 0.0
        self.attributes: dict[str, str] = {}
        self.values: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return f"Node({self.uid!r}, {len(self.values)} values)"

    @property
    def deadline(self) -> float:
        """When the node is out, unless it shows itself before."""
        return self.last_seen + self.timeout_s
