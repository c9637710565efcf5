# SPDX-License-Identifier: BSD-3-Clause
"""Which nodes have been silent for too long. Times are seconds on the monotonic clock, given in.

A sign of life only stamps the node. A heap holds one entry a node, due at the node's deadline as it was when the
entry was made; popped early, it is pushed again at the deadline as it is now. So a node costs one heap operation a
time-out, however often it shows itself, and nothing at all while nothing is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heapify, heappop, heappush

from pyaiot.nodes.node import Node

#: Entries of nodes that left or got a shorter time-out stay in the heap until there are this many more than nodes.
MAX_STALE_ENTRIES = 1_000


class Liveness:
    """Watches ``nodes``, a mapping by uid that its owner fills and empties."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._nodes = nodes
        # An entry counts only while it is the one its node names in ``wake_at``.
        self._heap: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def watch(self, node: Node) -> None:
        """Watch a node that has just been added to the mapping, or whose ``timeout_s`` has changed."""
        deadline = node.deadline
        if node.wake_at == 0.0 or deadline < node.wake_at:
            self._push(node, deadline)

    def touch(self, node: Node, now: float) -> None:
        """The node gave a sign of life. (The hot path writes ``node.last_seen = now`` itself.)"""
        node.last_seen = now

    def expire(self, now: float, limit: int | None = None) -> list[str]:
        """The uids of nodes whose deadline has passed, oldest first, at most ``limit``; they are watched no more.

        The caller removes them from the mapping. With a ``limit`` reached, call again.
        """
        heap, nodes = self._heap, self._nodes
        expired: list[str] = []
        while heap and heap[0][0] <= now and (limit is None or len(expired) < limit):
            due, uid = heappop(heap)
            node = nodes.get(uid)
            if node is None or node.wake_at != due:
                continue
            deadline = node.deadline
            if deadline > now:
                self._push(node, deadline)
            else:
                node.wake_at = 0.0
                expired.append(uid)
        return expired

    def next_deadline(self) -> float | None:
        """When :meth:`expire` may have something to do; None while nothing is watched."""
        return self._heap[0][0] if self._heap else None

    def _push(self, node: Node, deadline: float) -> None:
        node.wake_at = deadline
        heappush(self._heap, (deadline, node.uid))
        if len(self._heap) > 2 * len(self._nodes) + MAX_STALE_ENTRIES:
            # In place: expire may be at work on it.
            self._heap[:] = [(other.wake_at, other.uid) for other in self._nodes.values() if other.wake_at]
            heapify(self._heap)
