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
        self.token: str | None = None
        #: The parameters of each ``nodes.watch``, with the ``token`` that was shown before.
        self.hellos: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.writes: asyncio.Queue[Write] = asyncio.Queue()
        self.port = 0
        self._version = 0
        self._clients: set[ServerConnection] = set()
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
        self.nodes[uid] = {}
        await self._tell(self._here(uid))
        for name, data in resources.items():
            await self.update(uid, name, data)

    async def update(self, uid: str, resource: str, data: Any, **extra: Any) -> None:
        """A node tells a value; ``extra`` is what may be otherwise: value, unit, at."""
        value = {"type": "value", "uid": uid, "resource": resource, "data": data, "value": data}
        self.nodes[uid][resource] = value = {**value, "at": round(time.time() * 1000), **extra}
        await self._tell(value)

    async def reset(self, uid: str) -> None:
        self.nodes[uid] = {}
        await self._tell({"type": "reset", "uid": uid})

    async def out(self, uid: str) -> None:
        del self.nodes[uid]
        await self._tell({"type": "gone", "uid": uid})

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
        error = {"code": -32000, "message": reason, "data": {"code": kind}}
        await self._say(write.client, {"id": write.id, "error": error})

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
                    error = {"code": -32001, "message": "token needed", "data": {"code": "forbidden"}}
                    await self._say(client, {"id": id, "error": error})
                elif method == "session.authenticate":
                    await self._say(client, {"id": id, "result": {"role": "operator"}})
                elif method == "nodes.watch":
                    await self.hellos.put({**params, "token": token} if token else params)
                    await self._say(client, {"id": id, "result": {"watch": WATCH, "resumed": False}})
                    told = [self._here(uid) for uid in self.nodes]
                    told += [value for values in self.nodes.values() for value in values.values()]
                    await self._changed(client, told, synced=True)
                    self._clients.add(client)
                elif method == "nodes.write":
                    await self.writes.put(Write(client, id, params))
        except ConnectionClosed:
            pass
        finally:
            self._clients.discard(client)
