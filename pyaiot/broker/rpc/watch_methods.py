# SPDX-License-Identifier: BSD-3-Clause
"""``nodes.watch`` and ``nodes.unwatch`` (PROTOCOL.md section 3.5)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from pyaiot.broker.hub import Hub, wall_ms
from pyaiot.broker.rpc.caller import Caller
from pyaiot.broker.rpc.filters import Condition, Filter
from pyaiot.rpc.methods import Method
from pyaiot.wire.messages import Count

Since = Annotated[Count | None, msgspec.Meta(description="the last version that was told, of the same filter")]


class Watching(msgspec.Struct):
    """The number of the watch, whether only what changed since is told, and the broker's clock (Unix time in ms)."""

    watch: int
    resumed: bool
    now: int


def methods(hub: Hub) -> list[Method]:
    """The methods over one hub."""

    def watch(
        caller: Caller,
        gateway: Condition = None,
        uid: Condition = None,
        resource: Condition = None,
        type: Condition = None,
        glob: Condition = None,
        since: Since = None,
        details: bool = False,
    ) -> Watching:
        """Be told the state of what the filter means, and then every change, as notifications ``nodes.changed``.

        With ``details`` also what resources are besides their values, and how the liveness of nodes is judged.
        """
        session = caller.need_session()
        filter = Filter.of(gateway, uid, resource, type, glob)
        found, resumed = hub.watches.add(session, filter, since, details=details)
        return Watching(found.number, resumed, wall_ms())

    def unwatch(caller: Caller, watch: int) -> bool:
        """End a watch of this connection."""
        hub.watches.remove(caller.need_session(), watch)
        return True

    return [Method.of("nodes.watch", watch, needs="read"), Method.of("nodes.unwatch", unwatch, needs="read")]
