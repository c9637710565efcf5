# SPDX-License-Identifier: BSD-3-Clause
"""All nodes of a gateway, and how much of them there may be."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from pyaiot.nodes.node import NOTHING_SAID, Node

MAX_NODES = 100_000
#: The broker takes 64 (PROTOCOL.md section 3.2): two are left for what the gateway comes to state of a node later.
MAX_RESOURCES_PER_NODE = 62
#: All values of all nodes together, encoded: without it, nodes full of large values would be 100 GB.
MAX_STORED_BYTES = 256 * 1024 * 1024
#: Different things said of resources that are kept once for all nodes: those of one firmware say the same.
MAX_SHARED_ABOUTS = 4096


class Full(Exception):
    """A bound of the registry is reached; ``str()`` says which."""


class Registry:
    """The nodes by uid. ``stored_bytes`` is the size of all their values and what is said of them, encoded."""

    def __init__(
        self,
        *,
        max_nodes: int = MAX_NODES,
        max_resources: int = MAX_RESOURCES_PER_NODE,
        max_stored_bytes: int = MAX_STORED_BYTES,
    ) -> None:
        self._max_nodes = max_nodes
        self._max_resources = max_resources
        self._max_stored_bytes = max_stored_bytes
        #: For reading: the hot path looks a node up without a call.
        self.nodes: dict[str, Node] = {}
        self.stored_bytes = 0
        self._shared_abouts: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        return len(self.nodes)

    def __contains__(self, uid: str) -> bool:
        return uid in self.nodes

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def add(self, node: Node) -> None:
        """Take in a node whose uid is not there yet. Raises Full."""
        if len(self.nodes) >= self._max_nodes:
            raise Full(f"the gateway has {self._max_nodes} nodes, which is all it takes")
        self.nodes[node.uid] = node

    def remove(self, uid: str) -> Node:
        """Forget the node ``uid``, which must be there."""
        node = self.nodes.pop(uid)
        self.clear_values(node)
        return node

    def check_place(self, node: Node) -> None:
        """Whether ``node`` may have one more resource. Raises Full."""
        if len(node.values) >= self._max_resources:
            raise Full(f"a node has at most {self._max_resources} resources")

    def store(self, node: Node, resource: str, encoded: bytes, *, stated: bool = False) -> None:
        """Keep ``encoded`` as the newest update of ``resource``. Raises Full, and then keeps the old one.

        What the gateway itself has ``stated`` is kept in any case: it is short, of few names, and no device, however
        much it says, may keep the gateway from saying whose it is.
        """
        old = node.values.get(resource)
        if old is None:
            if not stated:
                self.check_place(node)
            resource = sys.intern(resource)
            grown = len(encoded)
        else:
            grown = len(encoded) - len(old)
        if grown > 0 and not stated and self.stored_bytes + grown > self._max_stored_bytes:
            raise Full(f"the values of all nodes take {self._max_stored_bytes} bytes, which is all the gateway keeps")
        self.stored_bytes += grown
        node.values[resource] = encoded

    def describe(self, node: Node, resource: str, encoded: bytes) -> None:
        """Keep ``encoded`` as what is known of ``resource`` besides its values; nothing where it is empty. Raises Full.

        What was taken back stays as empty bytes, as long as there is room: the broker may not have heard of it yet.
        What is shared is counted for each node that has it: who says something of his own must not find more room.
        """
        old = node.abouts.get(resource)
        if old is None and not encoded:
            return
        dropped = resource
        grown = len(encoded) - (0 if old is None else len(old))
        if old is None and len(node.abouts) >= self._max_resources:
            taken_back = next((name for name, each in node.abouts.items() if not each), None)
            if taken_back is None:
                raise Full(f"a node has at most {self._max_resources} resources")
            dropped = taken_back
        if grown > 0 and self.stored_bytes + grown > self._max_stored_bytes:
            raise Full(f"the values of all nodes take {self._max_stored_bytes} bytes, which is all the gateway keeps")
        self.stored_bytes += grown
        abouts = {name: each for name, each in node.abouts.items() if name != dropped}
        abouts[sys.intern(resource)] = self._shared(encoded)
        node.abouts = abouts

    def _shared(self, encoded: bytes) -> bytes:
        shared = self._shared_abouts.get(encoded)
        if shared is None:
            if len(self._shared_abouts) >= MAX_SHARED_ABOUTS:
                self._shared_abouts.clear()
            shared = self._shared_abouts[encoded] = encoded
        return shared

    def clear_values(self, node: Node) -> None:
        """Forget the node's values and what was said of them, as after a reset."""
        self.stored_bytes -= sum(map(len, node.values.values())) + sum(map(len, node.abouts.values()))
        node.values = {}
        node.abouts = NOTHING_SAID
