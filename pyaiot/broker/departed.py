# SPDX-License-Identifier: BSD-3-Clause
"""Nodes that went, as they were last known, until they are back or dismissed; of too many the oldest are forgotten.

Pure. They are kept as the JSON that is told of them: its size is what they take. Thousands may go at once, of which
only the newest are kept: so each becomes JSON only when it is its turn (:meth:`Departed.settle`), or is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pyaiot.broker.entries import Node

MAX_DEPARTED: Final = 1_000
#: All of them together, as JSON.
MAX_DEPARTED_BYTES: Final = 64 * 1024 * 1024
#: What is made of them in one turn of the event loop, and one node more: some milliseconds.
SETTLED_BYTES: Final = 256 * 1024


class Departed:
    """Nodes that went, by uid; ``encode`` makes of one what is told of it.

    ``wake`` is called when there is something to settle; its duty is to call :meth:`settle` soon.
    """

    def __init__(self, encode: Callable[[Node], bytes], wake: Callable[[], None] = lambda: None) -> None:
        self._encode = encode
        self._wake = wake
        self._is_woken = False
        #: In the order that they went. Nothing of a node that is not JSON yet changes any more.
        self._nodes: dict[str, Node | bytes] = {}
        self._unsettled: dict[str, None] = {}
        self.size = 0

    def __len__(self) -> int:
        return len(self._nodes)

    def keep(self, node: Node) -> None:
        """``node`` went."""
        self.forget(node.uid)
        self._nodes[node.uid] = node
        self._unsettled[node.uid] = None
        if len(self._nodes) > MAX_DEPARTED:
            self.forget(next(iter(self._nodes)))
        if not self._is_woken:
            self._is_woken = True
            self._wake()

    def settle(self) -> bool:
        """Make JSON of some of those that went; whether there are more."""
        made = 0
        while self._unsettled and made < SETTLED_BYTES:
            made += len(self._settled(next(reversed(self._unsettled))))  # what room there is, is for the newest
            self._make_room()
        self._make_room()
        self._is_woken = bool(self._unsettled)
        return self._is_woken

    def _make_room(self) -> None:
        while self.size > MAX_DEPARTED_BYTES:
            self.forget(next(iter(self._nodes)))

    def forget(self, uid: str) -> bool:
        """The node is back, or nobody wants to hear of it any more; whether it had gone."""
        node = self._nodes.pop(uid, None)
        if node is None:
            return False
        self._unsettled.pop(uid, None)
        if isinstance(node, bytes):
            self.size -= len(node)
        return True

    def get(self, uid: str) -> bytes | None:
        """What was known of the node; None: none went that is called so, as far as is known."""
        return self._settled(uid) if uid in self._nodes else None

    def after(self, uid: str) -> Iterator[tuple[str, bytes]]:
        """Those behind ``uid``, by uid. None may come or go before the last was taken."""
        for each in sorted(self._nodes):
            if each > uid:
                yield each, self._settled(each)

    def _settled(self, uid: str) -> bytes:
        node = self._nodes[uid]
        if isinstance(node, bytes):
            return node
        self._unsettled.pop(uid, None)
        encoded = self._nodes[uid] = self._encode(node)
        self.size += len(encoded)
        return encoded
