# SPDX-License-Identifier: BSD-3-Clause
"""``nodes.list``, ``get``, ``write``, ``read`` and ``call`` (PROTOCOL.md section 3.5). Watching: watch_methods.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated, Any, Final

import msgspec

from pyaiot.broker.entities.outcomes import read_answer
from pyaiot.broker.entries import Node, Resource
from pyaiot.broker.hub import Hub, wall_ms
from pyaiot.broker.rpc.caller import Caller, Later
from pyaiot.broker.rpc.filters import Condition, Filter, Matcher
from pyaiot.broker.rpc.node_view import NodeView, Reading, encode_view, reading_of
from pyaiot.broker.writes import MAX_PENDING_PER_CLIENT, TTL_S, Outcome
from pyaiot.rpc.errors import CODES, RpcError
from pyaiot.rpc.methods import Method
from pyaiot.wire.messages import JSON
from pyaiot.wire.names import PEER_GATEWAY

MAX_PAGE: Final = 1_000
#: A page ends with the node that exceeds this, encoded.
MAX_PAGE_BYTES: Final = 256 * 1024 - 16 * 1024
#: Nodes that are looked at for one page; one that ends here may be short, or empty, and has a ``next`` all the same.
MAX_LOOKED_AT: Final = 2_000
#: The same for what it takes to look at them: see filters.Glob.
MAX_STEPS: Final = 8_000

Uid = Annotated[str, msgspec.Meta(max_length=129, description="<gateway>/<uid at the gateway>")]
ResourceName = Annotated[str, msgspec.Meta(max_length=64)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)]
Timeout = Annotated[float, msgspec.Meta(gt=0, le=TTL_S, description="seconds")]


class Page(msgspec.Struct):
    """Nodes by uid. ``next`` is what to give as ``after`` for those that follow, null if there are none."""

    nodes: list[NodeView]
    next: str | None
    version: Any


_encode = msgspec.json.Encoder().encode


class Nodes:
    """The methods over one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._writing: dict[object, int] = {}

    def page(
        self,
        gateway: Condition = None,
        uid: Condition = None,
        resource: Condition = None,
        type: Condition = None,
        glob: Condition = None,
        after: Uid = "",
        limit: Limit = 100,
    ) -> Page:
        """Nodes that the filter means, by uid, a page at a time.

        A node is whole, whatever of it the filter is about. A page may be short of ``limit``, or empty, and have a
        ``next`` all the same. ``version`` is what to give to nodes.watch as ``since``.
        """
        filter = Filter.of(gateway, uid, resource, type, glob)
        matcher = Matcher(filter)
        found: list[bytes] = []
        size = steps = 0
        last, next = after, None
        for looked_at, node in enumerate(self._candidates(filter, after)):
            if len(found) >= limit or size >= MAX_PAGE_BYTES or looked_at >= MAX_LOOKED_AT or steps >= MAX_STEPS:
                next = last
                break
            last = node.uid
            steps += matcher.steps * len(node.resources) if filter.is_about_resources else 1
            if matcher.means_node(node):
                found.append(encode_view(node))
                size += len(found[-1])
        version = _encode(self._hub.directory.changes.version)
        page = b'{"nodes":[%b],"next":%b,"version":%b}' % (b",".join(found), _encode(next), version)
        return msgspec.Raw(page)  # type: ignore[return-value]

    def _candidates(self, filter: Filter, after: str) -> Iterator[Node]:
        nodes = self._hub.directory.nodes
        if filter.only_uids is not None:
            yield from (nodes[uid] for uid in sorted(filter.only_uids) if uid > after and uid in nodes)
        else:
            yield from (nodes[uid] for uid in self._hub.uids.after(after, filter.only_gateways))

    def get(self, uid: Uid) -> NodeView:
        """One node, or what was known of one that went; ``unknown`` if there is none of that uid."""
        node = self._hub.directory.nodes.get(uid)
        found = self._hub.departed.get(uid) if node is None else encode_view(node)
        if found is None:
            raise RpcError.of("unknown", "there is no such node")
        return msgspec.Raw(found)  # type: ignore[return-value]

    def write(self, caller: Caller, uid: Uid, resource: ResourceName, data: JSON, timeout: Timeout = TTL_S) -> Any:
        """Have a resource written; the reading as the device has confirmed it, null if it reports none.

        What the device did not confirm is an error that says why: offline, refused, timeout …
        """
        end = self._begin(caller)
        later = Later()
        before = self._at(uid, resource)

        def confirmed() -> None:
            now = self._at(uid, resource)
            later.resolve(None if now is None or now == before else reading_of(now[0]))

        tell = partial(self._ended, end, later, confirmed)
        self._hub.router.write(uid, resource.lstrip("/"), data, tell, timeout)
        return later

    def _ended(self, end: Callable[[], None], later: Later, confirmed: Callable[[], None], outcome: Outcome) -> None:
        end()
        if outcome.code is not None:
            later.reject(error_of(outcome))
            return
        self._hub.flush()  # what the device said comes before the word that it did
        confirmed()

    def _begin(self, caller: Caller) -> Callable[[], None]:
        """A write or read of ``caller`` begins; to be called when it has ended. Raises RpcError ``busy``."""
        who: object = caller.session or caller.name  # over HTTP all of one address have the room of one connection
        under_way = self._writing.get(who, 0)
        if under_way >= MAX_PENDING_PER_CLIENT:
            raise RpcError.of("busy", f"more than {MAX_PENDING_PER_CLIENT} writes of this client are under way")
        self._writing[who] = under_way + 1

        def end() -> None:
            self._writing[who] -= 1
            if not self._writing[who]:
                del self._writing[who]

        return end

    def _at(self, uid: str, resource: str) -> tuple[Resource, int] | None:
        node = self._hub.directory.nodes.get(uid)
        found = None if node is None else node.resources.get(resource.lstrip("/"))
        return None if found is None else (found, found.at)

    def read(self, caller: Caller, uid: Uid, resource: ResourceName, timeout: Timeout = TTL_S) -> Any:
        """Ask the device now; the reading that it answers. Of an entity: call the method of that name.

        Where there is none, an error says why: offline, timeout, unsupported (the device cannot be asked) …
        """
        resource = resource.lstrip("/")
        gateway, _, id = uid.partition("/")
        end = self._begin(caller)
        later = Later()

        def confirmed() -> None:
            now = self._at(uid, resource)
            if now is None:
                later.reject(RpcError.of("failed", "the broker did not take what the device said"))
            else:
                later.resolve(reading_of(now[0]))

        def answered(ending: msgspec.Raw | RpcError) -> None:
            end()
            try:
                data, value, unit = read_answer(ending, resource)
                later.resolve(Reading(data, value, wall_ms(), unit))
            except RpcError as error:
                later.reject(error)

        if gateway == PEER_GATEWAY:
            self._hub.entities.read(id, resource, timeout, answered)
        else:
            self._hub.router.read(uid, resource, partial(self._ended, end, later, confirmed), timeout)
        return later

    def call(
        self,
        caller: Caller,
        uid: Uid,
        method: ResourceName,
        params: list[JSON] | dict[str, JSON] | None = None,
        timeout: Timeout = TTL_S,
    ) -> Any:
        """As nodes.write with one parameter, as nodes.read without."""
        given = [*params.values()] if isinstance(params, dict) else params or []
        if len(given) > 1:
            raise RpcError.invalid_params("a device's method takes one parameter, or none")
        return self.write(caller, uid, method, given[0], timeout) if given else self.read(caller, uid, method, timeout)

    def methods(self) -> tuple[Method, ...]:
        """All of these, for the table."""
        return (
            Method.of("nodes.list", self.page, needs="read"),
            Method.of("nodes.get", self.get, needs="read"),
            Method.of("nodes.write", self.write, needs="write", result=Reading | None),
            Method.of("nodes.read", self.read, needs="write", result=Reading),
            Method.of("nodes.call", self.call, needs="write", result=Reading | None),
        )


def error_of(outcome: Outcome) -> RpcError:
    """Why a write failed. A gateway's code that is none of ours is a fault of the gateway's."""
    code = outcome.code or ""
    return RpcError.of(code if code in CODES else "failed", outcome.reason or "no reason was given")
