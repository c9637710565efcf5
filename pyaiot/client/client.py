# SPDX-License-Identifier: BSD-3-Clause
"""The client library: devices and other programs, from a program (PROTOCOL.md section 3.5).

::

    async with Client("localhost:8000") as client:
        await client.write("coap/1234", "led", 1)
        async for value in client.watch(type="temperature"):
            print(value.uid, value.resource, value.value, value.unit)

It connects again by itself when the connection is lost, and asks again for watches, subscriptions and the registration.
A watch catches up with what changed meanwhile; what was published meanwhile is not heard. What was under way fails
(``Left``), for nobody knows whether it happened. The registration ends when another registers the id with its token.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, Self, TypeVar

import msgspec

from pyaiot.client.address import rpc_url
from pyaiot.client.errors import failure
from pyaiot.client.link import CA_OPTION, Link
from pyaiot.client.records import EntityInfo, GatewayInfo, NodeInfo, Reading, Registration, described
from pyaiot.client.standing import Standing
from pyaiot.client.subscribing import EntityLeft, Published, Registered, Stream
from pyaiot.client.watching import Watch
from pyaiot.options import ConfigurationError
from pyaiot.tls.trust import trusting
from pyaiot.wire.messages import JSON

log = logging.getLogger("pyaiot.client")

#: How long to wait for an answer, in seconds; the broker's own patience with devices is 10.
TIMEOUT_S: Final = 10.0

#: A condition of a filter: a text, or several of which one must be equal.
Condition = str | Sequence[str] | None
_F = TypeVar("_F", bound=Callable[..., Any])


class Client:
    """See the module. ``address`` as in :func:`rpc_url`; ``token`` from aiot-generate-keys, or AIOT_TOKEN.

    ``ca`` is a file (PEM) with the CA that a ``wss://`` or ``https://`` broker is trusted by, or its own certificate;
    default: AIOT_BROKER_CA, or the system's. Raises ConfigurationError: it is none, or TLS is not asked for.

    ``patience_s`` is how long the first connection is tried for; then ``async with`` raises ``Offline``.
    """

    def __init__(
        self,
        address: str = "localhost",
        *,
        token: str | None = None,
        ca: str | None = None,
        patience_s: float = TIMEOUT_S,
    ) -> None:
        self._patience_s = patience_s
        self._methods: dict[str, Callable[..., Any]] = {}
        self._standing = Standing()
        token = token or os.environ.get("AIOT_TOKEN") or None
        url = rpc_url(address)
        tls = None
        if url.startswith("wss:"):
            tls = trusting(ca or os.environ.get("AIOT_BROKER_CA") or "", CA_OPTION)
        elif ca:
            raise ConfigurationError(f"--ca is of no use at {address}, called without TLS: put https:// before it")
        self._link = Link(url, token, self._callable, self._standing, tls)
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Connect. Raises RpcError: ``Offline``, ``Forbidden``."""
        self._link.begin()
        self._standing.begin()
        self._running = asyncio.create_task(self._run(), name="aiot client")
        try:
            if self._patience_s > 0:
                await self._link.peer(self._patience_s)
            else:
                await self._link.first_attempt()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Leave: everything that waits here ends, and what is asked from now on ends at once."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self._link.give_up(failure("left", "the client is closed"))
        await self._standing.close()

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._link.connected

    # Nodes

    async def nodes(
        self,
        *,
        gateway: Condition = None,
        uid: Condition = None,
        resource: Condition = None,
        type: Condition = None,
        glob: Condition = None,
    ) -> list[NodeInfo]:
        """All nodes that the filter lets through (PROTOCOL.md section 3.5), by uid."""
        filter = _filter(gateway=gateway, uid=uid, resource=resource, type=type, glob=glob)
        return [msgspec.convert(each, NodeInfo) async for each in self._pages("nodes.list", "nodes", filter)]

    async def node(self, uid: str) -> NodeInfo:
        """One node, or what was known of one that went. Raises Unknown."""
        return msgspec.convert(await self._ask("nodes.get", {"uid": uid}), NodeInfo)

    async def departed(self) -> list[NodeInfo]:
        """Nodes that went, as they were last known, by uid, until they are back or dismissed."""
        return [msgspec.convert(each, NodeInfo) async for each in self._pages("nodes.departed", "nodes", {})]

    async def dismiss(self, uid: str) -> None:
        """Forget that a node was there which went. Raises Unknown: none is called so."""
        await self._ask("nodes.dismiss", {"uid": uid})

    async def gateways(self) -> list[GatewayInfo]:
        """The gateways, by name, and where devices come in."""
        return msgspec.convert((await self._ask("gateways.list"))["gateways"], list[GatewayInfo])

    def watch(
        self,
        *,
        gateway: Condition = None,
        uid: Condition = None,
        resource: Condition = None,
        type: Condition = None,
        glob: Condition = None,
        details: bool = False,
    ) -> Watch:
        """Watch what the filter lets through: ``async for`` over it, or ``async with`` for its :attr:`Watch.nodes`.

        With ``details`` also what resources are besides their values, and the liveness of nodes.
        """
        filter = _filter(gateway=gateway, uid=uid, resource=resource, type=type, glob=glob)
        return Watch(
            {**filter, "details": True} if details else filter,
            self._standing.begin_watch,
            self._standing.end_watch,
        )

    async def write(self, uid: str, resource: str, data: JSON, *, timeout: float = TIMEOUT_S) -> Reading | None:
        """Have a device take a value; what it confirmed (None: it reports none). Raises Refused, Offline, TimedOut …"""
        params = {"uid": uid, "resource": resource, "data": data, "timeout": timeout}
        return _reading(await self._ask("nodes.write", params, timeout))

    async def read(self, uid: str, resource: str, *, timeout: float = TIMEOUT_S) -> Reading | None:
        """Ask a device for a value now. Raises Unsupported, Offline, TimedOut …"""
        return _reading(await self._ask("nodes.read", {"uid": uid, "resource": resource, "timeout": timeout}, timeout))

    # Entities

    def method(self, function: _F | str) -> Any:
        """Offer ``function`` to others: ``@client.method``, or ``@client.method("name")``; before :meth:`register`.

        Its annotations are what is checked, its docstring what is told. It may be async.
        """
        if isinstance(function, str):
            return lambda offered: self._offer(function, offered)
        return self._offer(function.__name__, function)

    def _offer(self, name: str, function: _F) -> _F:
        self._link.offer(name, function)
        self._methods[name] = function
        return function

    async def register(
        self, id: str | None = None, *, type: str = "default", description: str | None = None, token: str | None = None
    ) -> Registration:
        """Become an entity, with the methods offered so far. Raises Taken: the id is another's.

        ``token`` is what a former registration was given, or a secret of yours: with it the id is yours again.
        """
        given = {"id": id, "type": type, "description": description, "token": token}
        params: dict[str, JSON] = {name: value for name, value in given.items() if value is not None}
        params["methods"] = [described(name, function) for name, function in self._methods.items()]
        registration = msgspec.convert(await self._ask("entities.register", params), Registration)
        self._standing.registration = {**params, "id": registration.id, "token": registration.token}
        return registration

    async def unregister(self) -> None:
        """Be no entity any more."""
        self._standing.registration = None
        await self._ask("entities.unregister")

    async def publish(self, content: JSON, topic: str | None = None) -> int:
        """Publish, as the entity that we registered; how many subscribers were told."""
        params = {"content": content} if topic is None else {"content": content, "topic": topic}
        answer = await self._ask("entities.publish", params)
        return int(answer["subscribers"])

    async def entities(self, *, type: str | None = None, kind: str | None = None) -> list[EntityInfo]:
        """Those that are there."""
        filter: dict[str, JSON] = {name: each for name, each in (("type", type), ("kind", kind)) if each is not None}
        return [msgspec.convert(each, EntityInfo) async for each in self._pages("entities.list", "entities", filter)]

    async def entity(self, id: str) -> EntityInfo:
        """One of them, with its methods and topics. Raises Unknown."""
        return msgspec.convert(await self._ask("entities.get", {"id": id}), EntityInfo)

    async def call(self, id: str, method: str, *args: JSON, timeout: float = TIMEOUT_S, **kwargs: JSON) -> JSON:
        """Call a method of an entity, by position or by name; what it answers. Raises RpcError: also its own."""
        if args and kwargs:
            raise TypeError("JSON-RPC takes parameters by position or by name, not both")
        params: dict[str, JSON] = {"id": id, "method": method, "timeout": timeout}
        if args or kwargs:
            params["params"] = list(args) if args else kwargs
        return await self._ask("entities.call", params, timeout)

    def subscribe(self, id: str, topic: str | None = None) -> Stream[Published]:
        """What an entity publishes: ``async for`` over it; all topics where none is given."""
        return self._standing.subscription(id, topic)

    def registrations(self) -> Stream[Registered | EntityLeft]:
        """Which entities come and go, from now on: ``async for`` over it."""
        return self._standing.registrations()

    async def request(self, method: str, params: JSON = None, *, timeout: float = TIMEOUT_S) -> JSON:
        """Any method of the broker (``rpc.discover`` lists them)."""
        return await self._ask(method, params, timeout)

    async def _ask(self, method: str, params: JSON = None, timeout_s: float = TIMEOUT_S) -> JSON:
        return await self._link.call(method, params, timeout_s)

    async def _pages(self, method: str, what: str, filter: dict[str, JSON]) -> AsyncIterator[JSON]:
        after: str | None = None
        while True:
            page = await self._ask(method, {**filter, "limit": 1000} | ({} if after is None else {"after": after}))
            for each in page[what]:
                yield each
            after = page["next"]
            if after is None:
                return

    # The connection

    async def _run(self) -> None:
        try:
            await self._link.run()
        except Exception:
            log.exception("A fault of the client's own ended its connection; please report this")
            await self._link.give_up(failure("failed", "a fault of the client's own"))
        self._standing.end(self._link.fatal)

    def _callable(self) -> dict[str, Callable[..., Any]]:
        return {**self._methods, **self._standing.methods()}


def _filter(**conditions: Condition) -> dict[str, JSON]:
    return {
        name: wanted if isinstance(wanted, str) else list(wanted)
        for name, wanted in conditions.items()
        if wanted is not None
    }


def _reading(answer: JSON) -> Reading | None:
    return None if answer is None else msgspec.convert(answer, Reading)
