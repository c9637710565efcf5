# SPDX-License-Identifier: BSD-3-Clause
"""A broker's client side (PROTOCOL.md, section 3.1) for browser tests: keeps a truth, replays it, tells changes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.lasting_ports import lasting_port


class FakeBroker:
    """What a test says of nodes is remembered and told to every page that asked for the state."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.nodes: dict[str, dict[str, dict[str, Any]]] = {}
        self.token: str | None = None
        self.hellos: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.writes: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.port = 0
        self._clients: set[ServerConnection] = set()
        self._server: Server | None = None

    @property
    def url(self) -> str:
        return f"ws://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/ws"

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
        await self._tell({"type": "new", "uid": uid, "dst": "all"})
        for name, data in resources.items():
            await self.update(uid, name, data)

    async def update(self, uid: str, endpoint: str, data: Any, **extra: Any) -> None:
        """A node tells a value; ``extra`` is what may follow: value, unit, at."""
        message = {"type": "update", "uid": uid, "endpoint": endpoint, "data": data, **extra}
        self.nodes[uid][endpoint] = message
        await self._tell({**message, "dst": "all"})

    async def reset(self, uid: str) -> None:
        self.nodes[uid] = {}
        await self._tell({"type": "reset", "uid": uid})

    async def out(self, uid: str) -> None:
        del self.nodes[uid]
        await self._tell({"type": "out", "uid": uid})

    async def answer(self, write: dict[str, Any], **outcome: Any) -> None:
        """Tell the outcome of a write that ``writes`` gave."""
        await self._tell({"type": "result", "id": write["id"], **outcome})

    async def raw(self, text: str) -> None:
        """Send any text at all."""
        for client in list(self._clients):
            await client.send(text)

    async def _tell(self, message: dict[str, Any]) -> None:
        await self.raw(json.dumps(message))

    async def _serve(self, client: ServerConnection) -> None:
        try:
            async for text in client:
                message = json.loads(text)
                if message["type"] == "new":
                    await self._welcome(client, message)
                else:
                    await self.writes.put(message)
        except ConnectionClosed:
            pass
        finally:
            self._clients.discard(client)

    async def _welcome(self, client: ServerConnection, hello: dict[str, Any]) -> None:
        await self.hellos.put(hello)
        if self.token is not None and hello.get("token") != self.token:
            await client.close(4401, "token needed")
            return
        for uid, resources in list(self.nodes.items()):
            await client.send(json.dumps({"type": "new", "uid": uid, "dst": "me"}))
            for update in resources.values():
                await client.send(json.dumps({**update, "dst": "me"}))
        await client.send(json.dumps({"type": "synced"}))
        self._clients.add(client)
