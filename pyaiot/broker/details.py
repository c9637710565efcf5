# SPDX-License-Identifier: BSD-3-Clause
"""What is known of nodes besides their values: what their resources are, and how their liveness is judged. Pure.

Only watches with ``details`` are told of it; it stands in the list of changes for those who come later.
"""

from __future__ import annotations

import sys
from typing import Final

from pyaiot.broker.change_feed import ChangeFeed
from pyaiot.broker.entries import Description, Liveness, Node
from pyaiot.wire import codec
from pyaiot.wire.messages import MAX_ABOUT_BYTES, About, Described, Pace
from pyaiot.wire.names import is_resource

MAX_ABOUTS_PER_NODE: Final = 64
#: What takes back what was said.
NOTHING: Final = b"{}"
#: Different ones that are looked for to be shared: what thousands of equal devices say is kept once.
MAX_SHARED: Final = 4_096


class Details:
    """Keeps them with the nodes; ``feed`` is told of them."""

    def __init__(self, feed: ChangeFeed) -> None:
        self._feed = feed
        self._shared: dict[bytes, bytes] = {}

    def describe(self, node: Node, message: Described) -> str | None:
        """Keep what a resource of ``node`` is; why that is refused, or None."""
        about = self._share(message.about)
        if len(about) > MAX_ABOUT_BYTES:
            return f"more than {MAX_ABOUT_BYTES} bytes about a resource"
        abouts = node.abouts if node.abouts is not None else {}
        known = abouts.get(message.resource)
        if known is not None:
            if known.about == about:
                return None
            known.about = about
        elif about == NOTHING:
            return None
        elif len(abouts) >= MAX_ABOUTS_PER_NODE:
            return f"more than {MAX_ABOUTS_PER_NODE} resources are told about"
        elif not is_resource(message.resource):
            return "no resource can have that name"
        else:
            name = sys.intern(message.resource)
            known = abouts[name] = Description(node, name, about)
            node.abouts = abouts
        self._feed.detailed(known)
        return None

    def _share(self, about: About) -> bytes:
        encoded = codec.encode(about)
        if len(self._shared) >= MAX_SHARED:
            self._shared.clear()
        return self._shared.setdefault(encoded, encoded) if len(encoded) <= MAX_ABOUT_BYTES else encoded

    def pace(self, node: Node, message: Pace) -> None:
        """How the liveness of ``node`` is judged from here on."""
        if (node.timeout_ms, node.interval_ms) != (message.timeout_ms, message.interval_ms):
            node.timeout_ms, node.interval_ms = message.timeout_ms, message.interval_ms
            self.seen(node)

    def seen(self, node: Node) -> None:
        """Something of the liveness of ``node`` is to be told."""
        if node.liveness is None:
            node.liveness = Liveness(node)
        self._feed.detailed(node.liveness)

    def void(self, node: Node) -> None:
        """What was told about the resources of ``node`` holds no more."""
        for each in (node.abouts or {}).values():
            each.unlink()
        node.abouts = None
