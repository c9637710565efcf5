# SPDX-License-Identifier: BSD-3-Clause
"""The gateway that an adapter tells, for the tests of one protocol: its real core, and what came to its nodes."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from pyaiot.nodes.node import PROTOCOL
from pyaiot.testing.recorder import Recorder, unix_ms
from pyaiot.wire.messages import JSON


class RecordingGateway(Recorder):
    """Its log also has ("seen", uid) for each sign of life of a node that was known."""

    def __init__(self, protocol: str, title: str, timeout_s: float = 120.0) -> None:
        super().__init__(protocol, title, timeout_s)
        #: Unit and age (in ms) of each update in the log.
        self.extras: list[tuple[str | None, int]] = []

    @property
    def nodes(self) -> dict[str, dict[str, Any]]:
        """The nodes and their values, as the adapter told them; without the one that is the same for all."""
        return {
            node.uid: {
                name: msgspec.json.decode(update)["data"] for name, update in node.values.items() if name != PROTOCOL
            }
            for node in self.core.registry
        }

    def count(self, *entry: Any) -> int:
        """How often the log has an entry that begins so."""
        return sum(1 for line in self.log if line[: len(entry)] == entry)

    def out(self, uid: str) -> None:
        """The node timed out."""
        self.core.gone(uid, "closed", unix_ms())
        self._note("expired")

    def add(self, uid: str) -> None:
        """A node, where there is none, of which the adapter has told nothing, and of which it is not asked anything."""
        self.core.seen(uid, time.monotonic(), unix_ms())
        self.core.orders.clear()

    def seen(self, uid: str, **more: Any) -> bool:
        """See adapter.DeviceEvents."""
        new = super().seen(uid, **more)
        if not new:
            self._note("seen", uid)
        return new

    def updated(self, uid: str, resource: str, data: JSON, *, unit: str | None = None, age_ms: int = 0) -> None:
        """See adapter.DeviceEvents."""
        super().updated(uid, resource, data, unit=unit, age_ms=age_ms)
        self.extras.append((unit, age_ms))
