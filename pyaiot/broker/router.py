# SPDX-License-Identifier: BSD-3-Clause
"""The way of a write or a read from whoever asks to the gateway, or the entity, that has the node. Pure.

What cannot even be tried has its outcome at once; all else is pending until the gateway says what became of it, or for
too long (see writes.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pyaiot.broker.directory import Directory
from pyaiot.broker.entries import Node
from pyaiot.broker.peers import GatewayPeer
from pyaiot.broker.writes import TTL_S, Outcome, PendingWrites, Tell
from pyaiot.wire import codec
from pyaiot.wire.messages import JSON, READ, BrokerMessage, Read, Write
from pyaiot.wire.names import PEER_GATEWAY, is_resource

#: What a write may carry, as JSON; the link's frame has room for it.
MAX_WRITE_BYTES = 16_384


class Recipient(Protocol):
    """Whoever carries writes out: a gateway's session, or all entities."""

    def send(self, message: BrokerMessage) -> None:
        """Send it one message."""


class Desk(Protocol):
    """What the router needs of the hub."""

    directory: Directory
    writes: PendingWrites

    @property
    def now(self) -> float:
        """Monotonic seconds."""

    @property
    def gateways(self) -> Mapping[str, GatewayPeer]:
        """Those that have a session, by name."""

    @property
    def entities(self) -> Recipient:
        """Who carries out writes to nodes of entities."""

    def arm(self) -> None:
        """Something is due earlier than it was."""


class Router:
    """All writes and reads of one broker."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def write(self, uid: str, resource: str, data: JSON, tell: Tell, ttl_s: float = TTL_S) -> None:
        """Have the owning gateway write, not later than in ``ttl_s``; ``tell`` is called exactly once, now or later."""
        outcome = self._begin_write(uid, resource, data, tell, ttl_s)
        if outcome is not None:
            self._desk.writes.count(outcome)
            tell(outcome)

    def read(self, uid: str, resource: str, tell: Tell, ttl_s: float = TTL_S) -> None:
        """Have the device say what ``resource`` is now, as :meth:`write`; it is in the directory then.

        Not for nodes of entities: those are called.
        """
        outcome = self._begin_read(uid, resource, tell, ttl_s)
        if outcome is not None:
            self._desk.writes.count(outcome, is_read=True)
            tell(outcome)

    def _begin_write(self, uid: str, resource: str, data: JSON, tell: Tell, ttl_s: float) -> Outcome | None:
        desk = self._desk
        node = desk.directory.nodes.get(uid)
        if node is None:
            return Outcome("unknown", "there is no such node")
        if not is_resource(resource) or len(codec.encode(data)) > MAX_WRITE_BYTES:
            return Outcome("unsupported", "no resource can have that name, or the data is too large")
        is_entity = node.gateway == PEER_GATEWAY
        recipient: Recipient | None = desk.entities if is_entity else desk.gateways.get(node.gateway)
        if recipient is None or node.state != "online":
            return _away(node, is_back=recipient is not None)
        doer = uid if is_entity else node.gateway
        id = desk.writes.begin(doer, desk.now, tell, ttl_s)
        if id is None:
            return Outcome("busy", f"too many writes for {doer} are under way")
        inner = uid.partition("/")[2]
        recipient.send(Write(id=id, uid=inner, resource=resource, data=data, ttl_ms=int(ttl_s * 1000)))
        desk.arm()
        return None

    def _begin_read(self, uid: str, resource: str, tell: Tell, ttl_s: float) -> Outcome | None:
        desk = self._desk
        node = desk.directory.nodes.get(uid)
        if node is None:
            return Outcome("unknown", "there is no such node")
        if not is_resource(resource):
            return Outcome("unsupported", "no resource can have that name")
        gateway = desk.gateways.get(node.gateway)
        if gateway is None or node.state != "online":
            return _away(node, is_back=gateway is not None)
        if not gateway.can(READ):
            return Outcome("unsupported", f"gateway {node.gateway} cannot ask its devices: nodes.get has the newest")
        id = desk.writes.begin(node.gateway, desk.now, tell, ttl_s, is_read=True)
        if id is None:
            return Outcome("busy", f"too much is under way for gateway {node.gateway}")
        gateway.send(Read(id=id, uid=uid.partition("/")[2], resource=resource, ttl_ms=int(ttl_s * 1000)))
        desk.arm()
        return None


def _away(node: Node, *, is_back: bool) -> Outcome:
    why = "is back, but has not told of this node yet" if is_back else "is not connected"
    return Outcome("offline", f"gateway {node.gateway} {why}")
