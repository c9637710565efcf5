# SPDX-License-Identifier: BSD-3-Clause
"""A broker's ``/rpc`` (PROTOCOL.md, section 3.5) for browser tests: keeps a truth, tells it, tells changes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.lasting_ports import lasting_port

#: Of watches; each connection has one.
WATCH = 1
GATEWAYS = ("connected", "resyncing", "away")


@dataclass
class Write:
    """A ``nodes.write`` that a page asked for."""

    client: ServerConnection
    id: int
    params: dict[str, Any]


class FakeBroker:
    """What a test says of nodes is remembered and told to every page that watches."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.nodes: dict[str, dict[str, dict[str, Any]]] = {}
        #: What is known of resources, by node, and of each node's liveness: told to who watches with ``details``.
        self.abouts: dict[str, dict[str, dict[str, Any]]] = {}
        self.paces: dict[str, dict[str, Any]] = {}
        #: Nodes that went, as ``nodes.departed`` tells them.
        self.departed: dict[str, dict[str, Any]] = {}
        #: What ``gateways.list`` tells: as in PROTOCOL.md, to be set by the test.
        self.gateways: list[dict[str, Any]] = []
        self.role = "operator"
        self.token: str | None = None
        #: The parameters of each ``nodes.watch``, with the ``token`` that was shown before.
        self.hellos: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.writes: asyncio.Queue[Write] = asyncio.Queue()
        self.port = 0
        self._version = 0
        #: Who watches, and whether with ``details``.
        self._clients: dict[ServerConnection, bool] = {}
        self._server: Server | None = None

    @property
    def url(self) -> str:
        return f"ws://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/rpc"

    async def start(self) -> None:
        """Listen; again on the same port after a stop."""
        self._server = await serve(self._serve, self.host, self.port or lasting_port(self.host))
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        """Be gone: the port is closed and so are all connections."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def close_clients(self, code: int, reason: str) -> None:
        await asyncio.gather(*(client.close(code, reason) for client in list(self._clients)))

    async def new(self, uid: str, **resources: Any) -> None:
        """A node appears, with resources as text."""
        self.departed.pop(uid, None)
        self.nodes[uid], self.abouts[uid] = {}, {}
        self.paces[uid] = {"lastSeen": now_ms()}
        await self._tell(self._here(uid))
        await self._tell_details(self._liveness(uid))
        for name, data in resources.items():
            await self.update(uid, name, data)

    async def update(self, uid: str, resource: str, data: Any, **extra: Any) -> None:
        """A node tells a value; ``extra`` is what may be otherwise: value, unit, at."""
        value = {"type": "value", "uid": uid, "resource": resource, "data": data, "value": data}
        self.nodes[uid][resource] = value = {**value, "at": now_ms(), **extra}
        await self._tell(value)

    async def about(self, uid: str, resource: str, **about: Any) -> None:
        """What a resource is; ``if`` is a word of Python's: ``**{"if": "core.a"}``."""
        self.abouts[uid][resource] = about
        await self._tell_details({"type": "about", "uid": uid, "resource": resource, "about": about})

    async def liveness(self, uid: str, **pace: int) -> None:
        """When a node was last seen, and how that is judged: ``lastSeen``, ``interval``, ``timeout``, all in ms."""
        self.paces[uid].update(pace)
        await self._tell_details(self._liveness(uid))

    async def reset(self, uid: str) -> None:
        self.nodes[uid], self.abouts[uid] = {}, {}
        await self._tell({"type": "reset", "uid": uid})

    async def out(self, uid: str, why: str = "timeout", at: int | None = None) -> None:
        """A node goes; it is kept among the departed."""
        at = now_ms() if at is None else at
        self.departed[uid] = {**self._view(uid), "state": "gone", "why": why, "goneAt": at}
        for known in (self.nodes, self.abouts, self.paces):
            known.pop(uid, None)
        await self._tell({"type": "gone", "uid": uid, "why": why, "at": at})

    async def dismissed(self, uid: str) -> None:
        """Somebody dismissed a node that went."""
        del self.departed[uid]
        await self._tell_details({"type": "dismissed", "uid": uid})

    async def gateway(self, gateway: str, state: str) -> None:
        """A gateway is away, or back; when it has told of all its nodes it is ``connected``."""
        assert state in GATEWAYS
        await self._tell({"type": "gateway", "gateway": gateway, "state": state})

    async def here(self, uid: str) -> None:
        """Tell again that a node is there."""
        await self._tell(self._here(uid))

    async def confirm(self, write: Write, reading: Any = None) -> None:
        """The device did it."""
        await self._say(write.client, {"id": write.id, "result": reading})

    async def refuse(self, write: Write, kind: str, reason: str) -> None:
        """It did not."""
        await self._fail(write.client, write.id, kind, reason)

    async def raw(self, text: str) -> None:
        """Send any text at all."""
        for client in list(self._clients):
            await client.send(text)

    async def changes(self, changes: Any) -> None:
        """Tell changes, or what is none."""
        for client in list(self._clients):
            await self._changed(client, changes)

    async def _tell(self, change: dict[str, Any]) -> None:
        await self.changes([change])

    async def _tell_details(self, change: dict[str, Any]) -> None:
        for client, wants_details in list(self._clients.items()):
            if wants_details:
                await self._changed(client, [change])

    async def _changed(self, client: ServerConnection, changes: Any, **more: Any) -> None:
        self._version += 1
        params = {"watch": WATCH, "version": self._version, "changes": changes, **more}
        await self._say(client, {"method": "nodes.changed", "params": params})

    @staticmethod
    async def _say(client: ServerConnection, message: dict[str, Any]) -> None:
        with contextlib.suppress(ConnectionClosed):
            await client.send(json.dumps({"jsonrpc": "2.0", **message}))

    @staticmethod
    def _here(uid: str) -> dict[str, Any]:
        return {"type": "node", "uid": uid, "gateway": uid.partition("/")[0], "protocol": "Fake", "firstSeen": 1}

    def _liveness(self, uid: str) -> dict[str, Any]:
        return {"type": "liveness", "uid": uid, **self.paces.get(uid, {})}

    def _view(self, uid: str) -> dict[str, Any]:
        """A node as ``nodes.get`` tells it."""
        names = ("data", "value", "unit", "at")
        here = self._here(uid)
        return {
            **{name: here[name] for name in ("uid", "gateway", "protocol", "firstSeen")},
            "state": "online",
            **self.paces.get(uid, {}),
            "values": {
                resource: {name: value[name] for name in names if name in value}
                for resource, value in self.nodes[uid].items()
            },
            "about": self.abouts.get(uid, {}),
        }

    def _state(self, details: bool) -> list[dict[str, Any]]:
        told = [self._here(uid) for uid in self.nodes]
        told += [value for values in self.nodes.values() for value in values.values()]
        if details:
            told += [self._liveness(uid) for uid in self.nodes]
            told += [
                {"type": "about", "uid": uid, "resource": resource, "about": about}
                for uid, abouts in self.abouts.items()
                for resource, about in abouts.items()
            ]
        return told

    async def _serve(self, client: ServerConnection) -> None:
        token: str | None = None
        try:
            async for text in client:
                message = json.loads(text)
                method, id, params = message.get("method"), message.get("id"), message.get("params", {})
                if method == "session.authenticate":
                    token = params["token"]
                if method in ("session.authenticate", "nodes.watch") and self.token not in (None, token):
                    await self.hellos.put({**params, "token": token} if token else params)
                    await self._fail(client, id, "forbidden", "token needed")
                elif method == "session.authenticate":
                    await self._say(client, {"id": id, "result": {"role": self.role}})
                elif method == "nodes.watch":
                    await self.hellos.put({**params, "token": token} if token else params)
                    await self._say(client, {"id": id, "result": {"watch": WATCH, "resumed": False, "now": now_ms()}})
                    details = params.get("details") is True
                    await self._changed(client, self._state(details), synced=True)
                    self._clients[client] = details
                elif method == "nodes.write":
                    await self.writes.put(Write(client, id, params))
                elif method == "nodes.departed":
                    await self._say(client, {"id": id, "result": self._page(**params)})
                elif method == "gateways.list":
                    await self._say(client, {"id": id, "result": {"gateways": self.gateways}})
                elif method == "nodes.dismiss":
                    await self._dismiss(client, id, params["uid"])
        except ConnectionClosed:
            pass
        finally:
            self._clients.pop(client, None)

    def _page(self, after: str = "", limit: int = 100) -> dict[str, Any]:
        uids = [uid for uid in sorted(self.departed) if uid > after]
        return {
            "nodes": [self.departed[uid] for uid in uids[:limit]],
            "next": uids[limit - 1] if len(uids) > limit else None,
        }

    async def _dismiss(self, client: ServerConnection, id: int, uid: str) -> None:
        if self.role == "viewer":
            await self._fail(client, id, "forbidden", "this token may only read")
        elif uid not in self.departed:
            await self._fail(client, id, "unknown", "no node went that is called so")
        else:
            await self.dismissed(uid)
            await self._say(client, {"id": id, "result": True})

    async def _fail(self, client: ServerConnection, id: int, kind: str, reason: str) -> None:
        error = {"code": -32000, "message": reason, "data": {"code": kind}}
        await self._say(client, {"id": id, "error": error})


def now_ms() -> int:
    """Unix time."""
    return round(time.time() * 1000)
