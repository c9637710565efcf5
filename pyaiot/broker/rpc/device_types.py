# SPDX-License-Identifier: BSD-3-Clause
"""Which devices are of which type, for ``entities.types`` and ``entities.byType``. Pure: ``now`` in seconds.

The type of a device, as an entity, is its protocol. Of many nodes this is found out at most once a second, however
often somebody asks: it takes the broker as long as hundreds of other questions.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Final

from pyaiot.broker.entries import Node
from pyaiot.wire.names import PEER_GATEWAY

#: With no more nodes than this, it is found out each time …
MAX_FRESH: Final = 5_000
#: … and with more it is as it was not longer ago than this.
KEPT_S: Final = 1.0


class DeviceTypes:
    """``nodes`` is the directory's, by uid."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._nodes = nodes
        self._uids: dict[str, list[str]] = {}
        self._sorted: set[str] = set()
        self._found_at = float("-inf")

    def all(self, now: float) -> set[str]:
        """All types of devices."""
        self._find(now)
        return set(self._uids)

    def of(self, type: str, after: str, now: float) -> Iterator[str]:
        """The uids of a type behind ``after``, in order, of devices that are there."""
        self._find(now)
        uids = self._uids.get(type, [])
        if type not in self._sorted:
            self._sorted.add(type)
            uids.sort()
        for place in range(bisect_right(uids, after), len(uids)):
            if uids[place] in self._nodes:
                yield uids[place]

    def _find(self, now: float) -> None:
        if len(self._nodes) > MAX_FRESH and now < self._found_at + KEPT_S:
            return
        self._found_at = now
        self._uids = {}
        self._sorted.clear()
        for node in self._nodes.values():
            if node.gateway != PEER_GATEWAY:
                self._uids.setdefault(node.protocol, []).append(node.uid)
