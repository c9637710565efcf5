# SPDX-License-Identifier: BSD-3-Clause
"""What is known of nodes, by the rules of PROTOCOL.md section 3.5. Pure.

After a connection was lost and could not be resumed everything is told again. What is known stays until that is
complete; then what was not told again is gone, and who listens hears of nothing that is as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from pyaiot.client.changes import (
    Change,
    GatewayState,
    GatewayStateName,
    NodeGone,
    NodeHere,
    NodeReset,
    Synced,
    Told,
    Value,
)


@dataclass(slots=True)
class Node:
    """A node as last heard. ``told`` is false where only values of it are known, which come first at times."""

    uid: str
    gateway: str
    protocol: str = ""
    first_seen: int | None = None
    told: bool = False
    values: dict[str, Value] = field(default_factory=dict)
    #: In which telling it, and each of its values, came last; and how often the gateway had come when it did.
    _round: int = 0
    _rounds: dict[str, int] = field(default_factory=dict)
    _resync: int = 0


class View:
    """The nodes that a watch knows of, by uid."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.gateways: dict[str, GatewayStateName] = {}
        #: Everything was told since the last :meth:`restart`.
        self.synced = False
        self._round = 0
        self._gateway_rounds: dict[str, int] = {}
        self._resyncs: dict[str, int] = {}

    def state(self, node: Node) -> Literal["online", "unreachable"]:
        """Whether the node can be reached, as far as its gateway is known."""
        state = self.gateways.get(node.gateway, "connected")
        if state == "connected" or (state == "resyncing" and node._resync == self._resyncs.get(node.gateway, 0)):
            return "online"
        return "unreachable"

    def restart(self) -> None:
        """From here on everything is told again."""
        self._round += 1
        self.synced = False

    def apply(self, changes: Iterable[Told], *, synced: bool = False) -> list[Change]:
        """Take a batch; what of it is news, in its order, and what turned out to be gone."""
        news: list[Change] = []
        for change in changes:
            if isinstance(change, Value):
                self._value(change, news)
            elif isinstance(change, NodeHere):
                self._here(change, news)
            elif isinstance(change, NodeGone):
                if self.nodes.pop(change.uid, None) is not None:
                    news.append(change)
            elif isinstance(change, NodeReset):
                self._reset(change, news)
            else:
                self._gateway(change, news)
        if synced and not self.synced:
            self.synced = True
            self._drop_stale(news)
            news.append(Synced())
        return news

    def present(self) -> list[Change]:
        """What is known, as it is told to who hears of it for the first time."""
        told: list[Change] = [GatewayState(gateway, state) for gateway, state in self.gateways.items()]
        for node in self.nodes.values():
            if node.told and node.first_seen is not None:
                told.append(NodeHere(node.uid, node.gateway, node.protocol, node.first_seen))
            told += node.values.values()
        return [*told, Synced()] if self.synced else told

    def _node(self, uid: str) -> Node:
        node = self.nodes.get(uid)
        if node is None:
            gateway = uid.partition("/")[0]
            node = self.nodes[uid] = Node(uid, gateway, _resync=self._resyncs.get(gateway, 0))
        node._round = self._round
        return node

    def _value(self, change: Value, news: list[Change]) -> None:
        node = self._node(change.uid)
        node._rounds[change.resource] = self._round
        if node.values.get(change.resource) != change:
            node.values[change.resource] = change
            news.append(change)

    def _here(self, change: NodeHere, news: list[Change]) -> None:
        was = self.nodes.get(change.uid)
        before = None if was is None else (was.told, self.state(was))
        node = self._node(change.uid)
        node.gateway, node.protocol, node.first_seen, node.told = (
            change.gateway,
            change.protocol,
            change.first_seen,
            True,
        )
        node._resync = self._resyncs.get(change.gateway, 0)
        if before != (True, self.state(node)):
            news.append(change)

    def _reset(self, change: NodeReset, news: list[Change]) -> None:
        node = self.nodes.get(change.uid)
        if node is not None and node.values:
            node.values.clear()
            node._rounds.clear()
            news.append(change)

    def _gateway(self, change: GatewayState, news: list[Change]) -> None:
        self._gateway_rounds[change.gateway] = self._round
        if self.gateways.get(change.gateway) != change.state:
            self.gateways[change.gateway] = change.state
            if change.state == "resyncing":
                self._resyncs[change.gateway] = self._resyncs.get(change.gateway, 0) + 1
            news.append(change)

    def _drop_stale(self, news: list[Change]) -> None:
        for uid, node in list(self.nodes.items()):
            if node._round != self._round:
                del self.nodes[uid]
                news.append(NodeGone(uid))
            elif any(told != self._round for told in node._rounds.values()):
                kept = [value for value in node.values.values() if node._rounds[value.resource] == self._round]
                node.values = {value.resource: value for value in kept}
                node._rounds = dict.fromkeys(node.values, self._round)
                news += [NodeReset(uid), *kept]
        for gateway, told in list(self._gateway_rounds.items()):
            if told != self._round:
                del self.gateways[gateway], self._gateway_rounds[gateway]
