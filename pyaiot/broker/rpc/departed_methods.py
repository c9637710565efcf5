# SPDX-License-Identifier: BSD-3-Clause
"""``nodes.departed`` and ``nodes.dismiss``: nodes that went (PROTOCOL.md section 3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pyaiot.broker.rpc.node_view import NodeView
from pyaiot.broker.rpc.nodes import MAX_PAGE_BYTES, Limit, Uid
from pyaiot.rpc.errors import RpcError
from pyaiot.rpc.methods import Method

if TYPE_CHECKING:
    from pyaiot.broker.hub import Hub


class DepartedPage(msgspec.Struct):
    """Nodes that went, by uid. ``next`` is what to give as ``after`` for those that follow, null if there are none."""

    nodes: list[NodeView]
    next: str | None


def methods(hub: Hub) -> list[Method]:
    """The methods over one hub."""

    def departed(after: Uid = "", limit: Limit = 100) -> DepartedPage:
        """Nodes that went, as they were last known, by uid, a page at a time."""
        found: list[bytes] = []
        size = 0
        last, next = after, None
        for uid, node in hub.departed.after(after):
            if len(found) >= limit or size >= MAX_PAGE_BYTES:
                next = last
                break
            last = uid
            found.append(node)
            size += len(node)
        page = b'{"nodes":[%b],"next":%b}' % (b",".join(found), msgspec.json.encode(next))
        return msgspec.Raw(page)  # type: ignore[return-value]

    def dismiss(uid: Uid) -> bool:
        """Forget that this node was there; ``unknown`` if none went that is called so."""
        if not hub.dismiss(uid):
            raise RpcError.of("unknown", "no node went that is called so")
        return True

    return [
        Method.of("nodes.departed", departed, needs="read"),
        Method.of("nodes.dismiss", dismiss, needs="write"),
    ]
