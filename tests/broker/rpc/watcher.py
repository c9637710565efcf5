# SPDX-License-Identifier: BSD-3-Clause
"""A program that watches, for tests: it believes what it is told, by the rules of PROTOCOL.md section 3.5 alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from pyaiot.broker.directory import Directory
from pyaiot.broker.rpc.caller import Source
from pyaiot.broker.rpc.filters import Filter, Matcher
from pyaiot.broker.rpc.resource_type import resource_type
from pyaiot.rpc.errors import RpcError
from pyaiot.wire.messages import JSON


@dataclass
class View:
    """What a program believes after what it was told; ``details``: it asked for them."""

    details: bool = False
    gateways: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    version: int = 0
    synced: int = 0
    gone: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    dismissed: list[str] = field(default_factory=list)

    def hear(self, told: dict[str, Any]) -> None:
        """Take the ``params`` of one ``nodes.changed``."""
        for change in told["changes"]:
            uid = change.get("uid", "")
            match change["type"]:
                case "gateway":
                    self.gateways[change["gateway"]] = change["state"]
                    for known, node in self.nodes.items():
                        if known.startswith(change["gateway"] + "/"):
                            node["there"] = change["state"] == "connected"
                case "node":
                    self.gone.pop(uid, None)
                    node = self.nodes.setdefault(uid, {"values": {}, "abouts": {}, "pace": (None, None), "seen": 0})
                    node.update(there=True, **{name: change[name] for name in ("protocol", "firstSeen")})
                case "value":
                    node = self.nodes[uid]
                    node["values"][change["resource"]] = (change["data"], change.get("unit"), change["at"])
                    node["seen"] = max(node["seen"], change["at"])
                case "about":
                    assert self.details
                    if uid in self.nodes:
                        self.nodes[uid]["abouts"][change["resource"]] = change["about"]
                case "liveness":
                    assert self.details
                    if uid in self.nodes:
                        pace = change.get("interval"), change.get("timeout")
                        self.nodes[uid].update(seen=change["lastSeen"], pace=pace)
                case "reset":
                    if uid in self.nodes:
                        self.nodes[uid].update(values={}, abouts={})
                case "gone":
                    self.nodes.pop(uid, None)
                    if "why" in change:
                        self.gone[uid] = change["why"], change.get("at")
                case "dismissed":
                    assert self.details
                    self.dismissed.append(uid)
                    self.gone.pop(uid, None)
                case other:
                    raise AssertionError(f"nobody said what {other} is")
        self.version = told["version"]
        self.synced += told.get("synced", False)

    def states(self) -> dict[str, dict[str, Any]]:
        """The nodes, with what the state of their gateways makes of them."""
        found = {}
        for uid, node in self.nodes.items():
            state = self.gateways.get(uid.partition("/")[0])
            online = state == "connected" or (state == "resyncing" and node["there"])
            found[uid] = {**node, "there": online}
            if not self.details:
                for name in ("abouts", "pace", "seen"):
                    del found[uid][name]
        return found


def truth(
    directory: Directory, filter: Filter, *, details: bool = False
) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """What ``filter`` means of the directory: gateways, and nodes as View.states has them.

    When a node was seen is only told of all its values to who watches all of them: with a filter about resources it
    is left out here.
    """
    matcher = Matcher(filter)
    nodes = {}
    for uid, node in directory.nodes.items():
        values = {
            name: (each.data, each.unit, each.at)
            for name, each in node.resources.items()
            if matcher.means(node.gateway, uid, name, resource_type(name, each.unit))
        }
        if values or (not filter.is_about_resources and matcher.means(node.gateway, uid, "", "")):
            nodes[uid] = {
                "values": values,
                "there": node.state == "online",
                "protocol": node.protocol,
                "firstSeen": node.first_seen,
            }
            if details:
                nodes[uid].update(
                    seen=node.last_seen,
                    pace=(node.interval_ms, node.timeout_ms),
                    abouts={
                        name: msgspec.json.decode(each.about)
                        for name, each in (node.abouts or {}).items()
                        if name in values or not filter.is_about_resources
                    },
                )
    only = filter.only_gateways
    gateways = {name: owner.gateway.state for name, owner in directory.owners.items() if only is None or name in only}
    return gateways, nodes


def payloads(frames: bytes) -> list[bytes]:
    """The messages in whole, unmasked text frames (RFC 6455 section 5.2)."""
    found = []
    while frames:
        assert frames[0] == 0x81
        length, begin = frames[1], 2
        if length == 126:
            length, begin = int.from_bytes(frames[2:4], "big"), 4
        elif length == 127:
            length, begin = int.from_bytes(frames[2:10], "big"), 10
        found.append(frames[begin : begin + length])
        frames = frames[begin + length :]
    return found


class HandSession:
    """A caller.Session whose reader is the test: while ``is_slow`` a write stays until :meth:`read`."""

    name = "test"

    def __init__(self, *, limit: int = 64 * 1024, version: Literal[1, 2] = 2) -> None:
        self.limit = limit
        self.version: Literal[1, 2] = version
        self.is_slow = False
        self.is_behind = False
        self.is_over = False
        self.on_end: list[Callable[[], None]] = []
        self.views: dict[int, View] = {}
        self.largest = 0
        #: Called with the number of a watch, once it has been told that its state is complete.
        self.on_synced: Callable[[int], None] = lambda number: None
        self._sources: list[Source] = []

    def deliver(self, frames: bytes) -> bool:
        if self.is_behind or self.is_over:
            return False
        self._hear(frames)
        self.is_behind = self.is_slow
        return not self.is_behind

    def read(self) -> None:
        """Take what was written, and what sources have then; if slow, the first of that only."""
        self.is_behind = False
        while not self.is_over and not self.is_behind:
            if not sum(map(self._take, tuple(self._sources))):
                return

    def _take(self, source: Source) -> bool:
        if self.is_behind or self.is_over:
            return False
        frames = source.take(self.limit)
        self._hear(frames)
        self.is_behind = self.is_slow and bool(frames)
        return bool(frames)

    def _hear(self, frames: bytes) -> None:
        self.largest = max(self.largest, len(frames))
        for payload in payloads(frames):
            message = msgspec.json.decode(payload)
            assert message["method"] == "nodes.changed"
            assert ("jsonrpc" in message) is (self.version == 2)
            (told,) = [message["params"]] if self.version == 2 else message["params"]
            view = self.views[told["watch"]]
            view.hear(told)
            if told.get("synced"):
                self.on_synced(told["watch"])

    def add_source(self, source: Source) -> None:
        self._sources.append(source)

    def remove_source(self, source: Source) -> None:
        if source in self._sources:
            self._sources.remove(source)

    def wake(self) -> None:
        """It is asked at the next read."""

    def notify(self, method: str, params: bytes) -> None:
        raise AssertionError("watches tell by frames")

    def request(
        self, method: str, params: JSON, deadline_s: float, done: Callable[[msgspec.Raw | RpcError], None]
    ) -> None:
        raise AssertionError("watches call nobody")

    def close(self, code: int, reason: str) -> None:
        self.end()

    def end(self) -> None:
        """The connection is gone."""
        if not self.is_over:
            self.is_over = True
            for each in self.on_end:
                each()
