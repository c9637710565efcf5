# SPDX-License-Identifier: BSD-3-Clause
"""``gateways.list``: which gateways there are, and where devices come in (PROTOCOL.md section 3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pyaiot.broker.entries import GatewayState
from pyaiot.broker.owner import Owner
from pyaiot.rpc.methods import Method
from pyaiot.wire.messages import Door

if TYPE_CHECKING:
    from pyaiot.broker.hub import Hub


class GatewayView(msgspec.Struct):
    """A gateway: how many nodes it has, and the doors by which they come in, at ``address`` or the broker's host."""

    gateway: str
    state: GatewayState
    nodes: int
    doors: tuple[Door, ...]
    address: str | msgspec.UnsetType = msgspec.UNSET


class Gateways(msgspec.Struct):
    """All of them, by name."""

    gateways: list[GatewayView]


def methods(hub: Hub) -> list[Method]:
    """The methods over one hub."""

    def list() -> Gateways:
        """All gateways that were there since the broker was started, by name."""
        return Gateways([_view_of(owner) for _, owner in sorted(hub.directory.owners.items())])

    return [Method.of("gateways.list", list, needs="read")]


def _view_of(owner: Owner) -> GatewayView:
    address = msgspec.UNSET if owner.address is None else owner.address
    return GatewayView(owner.gateway.name, owner.gateway.state, len(owner.nodes), owner.doors, address)
