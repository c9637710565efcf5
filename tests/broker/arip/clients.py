# SPDX-License-Identifier: BSD-3-Clause
"""A client of ``/arip`` on a real socket, which says things as arip's own do: its ``req_id`` is a text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect

from tests.broker.peers import PATIENCE_S, closed


@dataclass
class Arip:
    """One connection; ``told`` is what came while an answer was waited for."""

    socket: ClientConnection
    told: list[Any] = field(default_factory=list)
    last_id: int = -1

    async def say(self, request: str, params: Any = None, **more: Any) -> None:
        """A request that wants no answer, or whose ``req_id`` is in ``more``."""
        message = {"request": request, **more}
        await self.socket.send(json.dumps(message if params is None else {**message, "params": params}))

    async def read(self) -> Any:
        """What comes next."""
        async with asyncio.timeout(PATIENCE_S):
            return json.loads(await self.socket.recv())

    async def ask(self, request: str, params: Any = None, **more: Any) -> dict[str, Any]:
        """A request, and its answer."""
        self.last_id += 1
        await self.say(request, params, req_id=str(self.last_id), **more)
        while True:
            answer: dict[str, Any] = await self.read()
            if answer.get("req_id") == str(self.last_id) and "request" not in answer:
                return answer
            self.told.append(answer)

    async def result(self, request: str, params: Any = None, **more: Any) -> Any:
        """A request that is done."""
        answer = await self.ask(request, params, **more)
        assert set(answer) == {"result", "req_id"}, answer
        return answer["result"]

    async def error(self, request: str, params: Any = None, **more: Any) -> Any:
        """A request that is not."""
        answer = await self.ask(request, params, **more)
        assert set(answer) == {"error", "req_id"}, answer
        return answer["error"]

    async def closed(self) -> tuple[int | None, str | None]:
        """Wait for the end; close code and reason."""
        return await closed(self.socket)


@asynccontextmanager
async def arip(port: int, id: str = "", type: str = "", **arguments: Any) -> AsyncIterator[Arip]:
    """A client that is there: it has had its first answer."""
    async with raw(port, id=id, type=type, **arguments) as client:
        await client.result("get_all_types")
        yield client


@asynccontextmanager
async def raw(port: int, headers: dict[str, str] | None = None, **query: str) -> AsyncIterator[Arip]:
    """A connection."""
    url = f"ws://127.0.0.1:{port}/arip?{urlencode(query)}"
    async with connect(url, compression=None, proxy=None, close_timeout=0.5, additional_headers=headers) as socket:
        yield Arip(socket)
