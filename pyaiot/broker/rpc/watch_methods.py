# SPDX-License-Identifier: BSD-3-Clause
"""``nodes.watch`` and ``nodes.unwatch`` (PROTOCOL.md section 3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from pyaiot.broker.rpc.caller import Caller
from pyaiot.broker.rpc.filters import Condition, Filter
from pyaiot.rpc.methods import Method
from pyaiot.wire.messages import Count

if TYPE_CHECKING:
    from pyaiot.broker.hub import Hub

Since = Annotated[Count | None, msgspec.Meta(description="the last version that was told, of the same filter")]


class Watching(msgspec.Struct):
    """The number of the watch, and whether only what changed since is told."""

    watch: int
    resumed: bool


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
    ) -> Watching:
        """Be told the state of what the filter means, and then every change, as notifications ``nodes.changed``."""
        session = caller.need_session()
        found, resumed = hub.watches.add(session, Filter.of(gateway, uid, resource, type, glob), since)
        return Watching(found.number, resumed)

    def unwatch(caller: Caller, watch: int) -> bool:
        """End a watch of this connection."""
        hub.watches.remove(caller.need_session(), watch)
        return True

    return [Method.of("nodes.watch", watch, needs="read"), Method.of("nodes.unwatch", unwatch, needs="read")]
