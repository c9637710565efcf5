# SPDX-License-Identifier: BSD-3-Clause
"""Nodes that went, as they were last known, until they are back or dismissed; of too many the oldest are forgotten.

Pure. They are kept as the JSON that is told of them: its size is what they take.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

MAX_DEPARTED: Final = 1_000
#: All of them together, as JSON.
MAX_DEPARTED_BYTES: Final = 64 * 1024 * 1024


class Departed:
    """Nodes that went, by uid."""

    def __init__(self) -> None:
        #: In the order that they went.
        self._nodes: dict[str, bytes] = {}
        self.size = 0

    def __len__(self) -> int:
        return len(self._nodes)

    def keep(self, uid: str, node: bytes) -> None:
        """A node went; ``node`` is all that was known of it."""
        self.forget(uid)
        self._nodes[uid] = node
        self.size += len(node)
        while len(self._nodes) > MAX_DEPARTED or self.size > MAX_DEPARTED_BYTES:
            self.forget(next(iter(self._nodes)))

    def forget(self, uid: str) -> bool:
        """The node is back, or nobody wants to hear of it any more; whether it had gone."""
        node = self._nodes.pop(uid, None)
        if node is None:
            return False
        self.size -= len(node)
        return True

    def get(self, uid: str) -> bytes | None:
        """What was known of the node; None: none went that is called so, as far as is known."""
        return self._nodes.get(uid)

    def after(self, uid: str) -> Iterator[tuple[str, bytes]]:
        """Those behind ``uid``, by uid. None may come or go before the last was taken."""
        for each in sorted(self._nodes):
            if each > uid:
                yield each, self._nodes[each]
