# SPDX-License-Identifier: BSD-3-Clause
"""The other side of ``/rpc``: a program that says texts and reads what comes, without the library under test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection, connect

from tests.broker.peers import PATIENCE_S


@dataclass
class Program:
    """One connection; ``told`` are the notifications that came while something else was waited for."""

    socket: ClientConnection
    told: list[dict[str, Any]] = field(default_factory=list)
    last_id: int = 0

    async def send(self, message: Any) -> None:
        """Send a text, or anything as JSON."""
        await self.socket.send(message if isinstance(message, str) else json.dumps(message))

    async def read(self) -> Any:
        """What comes next."""
        async with asyncio.timeout(PATIENCE_S):
            return json.loads(await self.socket.recv())

    async def ask(self, method: str, params: Any = None) -> dict[str, Any]:
        """Call a method; the whole answer."""
        self.last_id += 1
        request = {"jsonrpc": "2.0", "id": self.last_id, "method": method}
        await self.send(request if params is None else {**request, "params": params})
        while True:
            message = await self.read()
            if isinstance(message, dict) and message.get("id") == self.last_id and "method" not in message:
                return message  # type: ignore[no-any-return]
            self.told.append(message)

    async def result(self, method: str, params: Any = None) -> Any:
        """Call a method that succeeds."""
        answer = await self.ask(method, params)
        assert "error" not in answer, answer
        return answer["result"]

    async def error(self, method: str, params: Any = None) -> Any:
        """Call a method that fails; the name of the error, or its number."""
        error = (await self.ask(method, params))["error"]
        return error.get("data", {}).get("code", error["code"])

    async def closed(self) -> tuple[int, str]:
        """Wait for the end; its code and reason."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    self.told.append(json.loads(await self.socket.recv()))
                except websockets.ConnectionClosed:
                    return self.socket.close_code or 0, self.socket.close_reason or ""


@asynccontextmanager
async def program(port: int, **arguments: Any) -> AsyncIterator[Program]:
    """A program at ``/rpc``."""
    host = arguments.pop("host", "127.0.0.1")
    url = f"ws://{host}:{port}/rpc"
    async with connect(url, compression=None, proxy=None, close_timeout=0.5, **arguments) as socket:
        yield Program(socket)
