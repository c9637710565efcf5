# SPDX-License-Identifier: BSD-3-Clause
"""What is known of nodes, by the rules of PROTOCOL.md section 3.5. Pure.

After a connection was lost and could not be resumed everything is told again. What is known stays until that is
complete; then what was not told again is gone, and who listens hears of nothing that is as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from pyaiot.client.changes import (
    Change,
    Described,
    GatewayState,
    GatewayStateName,
    Liveness,
    NodeDismissed,
    NodeGone,
    NodeHere,
    NodeReset,
    Synced,
    Told,
    Value,
)
from pyaiot.wire.messages import About

_encode = msgspec.json.Encoder().encode
#: What takes back what was said of a resource.
_NOTHING = About()


@dataclass(slots=True)
class Node:
    """A node as last heard. ``told`` is false where only values of it are known, which come first at times."""

    uid: str
    gateway: str
    protocol: str = ""
    first_seen: int | None = None
    told: bool = False
    values: dict[str, Value] = field(default_factory=dict)
    #: What its resources are besides their values, where details are watched.
    abouts: dict[str, About] = field(default_factory=dict)
    #: Its last sign of life, as far as was heard; how often it usually shows itself, and the silence that ends it.
    last_seen: int | None = None
    interval: int | None = None
    timeout: int | None = None
    #: In which telling it, and each of its values and abouts, came last; how often the gateway had come when it did.
    _round: int = 0
    _rounds: dict[str, int] = field(default_factory=dict)
    _about_rounds: dict[str, int] = field(default_factory=dict)
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
            elif isinstance(change, Liveness):
                self._liveness(change, news)
            elif isinstance(change, Described):
                self._about(change, news)
            elif isinstance(change, NodeDismissed):
                news.append(change)
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
                if node.last_seen is not None and (node.interval, node.timeout) != (None, None):
                    told.append(Liveness(node.uid, node.last_seen, node.interval, node.timeout))
            told += [Described(node.uid, name, about) for name, about in node.abouts.items()]
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
        node.last_seen = change.at if node.last_seen is None else max(node.last_seen, change.at)
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
        if node is not None and (node.values or node.abouts):
            for each in (node.values, node._rounds, node.abouts, node._about_rounds):
                each.clear()
            news.append(change)

    def _about(self, change: Described, news: list[Change]) -> None:
        """Of a node that is not known it says nothing: it comes again when that is told. An empty one takes back."""
        node = self.nodes.get(change.uid)
        if node is not None and change.about == _NOTHING:
            node._about_rounds.pop(change.resource, None)
            if node.abouts.pop(change.resource, None) is not None:
                news.append(change)
        elif node is not None:
            node._about_rounds[change.resource] = self._round
            if _encode(node.abouts.get(change.resource)) != _encode(change.about):  # 1 is not true
                node.abouts[change.resource] = change.about
                news.append(change)

    def _liveness(self, change: Liveness, news: list[Change]) -> None:
        node = self.nodes.get(change.uid)
        told = change.last_seen, change.interval, change.timeout
        if node is not None and (node.last_seen, node.interval, node.timeout) != told:
            node.last_seen, node.interval, node.timeout = told
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
            elif any(told != self._round for told in (*node._rounds.values(), *node._about_rounds.values())):
                kept = [value for value in node.values.values() if node._rounds[value.resource] == self._round]
                node.values = {value.resource: value for value in kept}
                node._rounds = dict.fromkeys(node.values, self._round)
                node.abouts = {
                    name: about for name, about in node.abouts.items() if node._about_rounds[name] == self._round
                }
                node._about_rounds = dict.fromkeys(node.abouts, self._round)
                described = [Described(uid, name, about) for name, about in node.abouts.items()]
                news += [NodeReset(uid), *described, *kept]
        for gateway, told in list(self._gateway_rounds.items()):
            if told != self._round:
                del self.gateways[gateway], self._gateway_rounds[gateway]
