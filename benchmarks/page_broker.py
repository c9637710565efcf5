# SPDX-License-Identifier: BSD-3-Clause
"""A broker's ``/rpc`` (PROTOCOL.md, section 3.5) as pages see it, cheap enough not to be what is measured.

``python -m benchmarks.page_broker`` prints its port; each line that it is told is answered by one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from benchmarks.load import RESOURCES, reading, uid

#: Of the broker: how often it tells changes to who watches.
TURN_S = 0.004
#: Resources that say numbers, of those that load knows; the others are told once.
NUMBERS = 4
#: Changes in a message of the whole state.
CHUNK = 512
#: In the telling of hours: one value per device and step.
STEP_MS = 10_000
#: Between steps, so that the page is not measured while it catches up.
STEP_PAUSE_S = 0.004

encode = msgspec.json.Encoder().encode


def change(node: int, resource: int, turn: int, at: int) -> dict[str, Any]:
    """A value, as it is told to who watches."""
    data, value, unit = reading(resource, turn)
    name = RESOURCES[resource % len(RESOURCES)]
    told = {"type": "value", "uid": f"coap/{uid(node)}", "resource": name, "data": data, "value": value, "at": at}
    return told if unit is None else {**told, "unit": unit}


class PageBroker:
    """Tells ``nodes`` devices to each page that watches; then what it is asked to."""

    def __init__(self) -> None:
        self.nodes = 0
        self.resources = len(RESOURCES)
        self._version = 0
        self._turn = 0
        self._pages: set[ServerConnection] = set()
        self._flow: asyncio.Task[None] | None = None

    async def serve(self, page: ServerConnection) -> None:
        """One page, from its first word to its last."""
        with contextlib.suppress(ConnectionClosed):
            async for text in page:
                call = json.loads(text)
                result: Any = {}
                if call["method"] == "nodes.watch":
                    result = {"watch": 1, "resumed": False, "now": now_ms()}
                elif call["method"] == "nodes.departed":
                    result = {"nodes": [], "next": None}
                elif call["method"] == "gateways.list":
                    result = {"gateways": []}
                await page.send(encode({"jsonrpc": "2.0", "id": call["id"], "result": result}).decode())
                if call["method"] == "nodes.watch":
                    await self._tell_state(page)
                    self._pages.add(page)
        self._pages.discard(page)

    async def _tell_state(self, page: ServerConnection) -> None:
        at = now_ms()
        told: list[dict[str, Any]] = [{"type": "gateway", "gateway": "coap", "state": "connected"}]
        for node in range(self.nodes):
            name = f"coap/{uid(node)}"
            told.append({"type": "node", "uid": name, "gateway": "coap", "protocol": "CoAP", "firstSeen": at})
            told += [change(node, resource, node * 7 + resource, at) for resource in range(self.resources)]
            told.append({"type": "liveness", "uid": name, "lastSeen": at, "interval": 30_000, "timeout": 90_000})
        for start in range(0, len(told), CHUNK):
            await page.send(self._changed(told[start : start + CHUNK], start + CHUNK >= len(told)))

    def _changed(self, changes: list[dict[str, Any]], synced: bool = False) -> str:
        self._version += 1
        params: dict[str, Any] = {"watch": 1, "version": self._version, "changes": changes}
        if synced:
            params["synced"] = True
        return encode({"jsonrpc": "2.0", "method": "nodes.changed", "params": params}).decode()

    async def _tell(self, changes: list[dict[str, Any]]) -> None:
        text = self._changed(changes)
        for page in list(self._pages):
            with contextlib.suppress(ConnectionClosed):
                await page.send(text)

    async def _flowing(self, per_s: float) -> None:
        """``per_s`` updates of all devices together, in turn, until cancelled; what is late is told at once."""
        begin, told = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - begin) * per_s) - told
            if due > 0:
                at = now_ms()
                await self._tell([self._next(at) for _ in range(due)])
                told += due
            await asyncio.sleep(TURN_S)

    def _next(self, at: int) -> dict[str, Any]:
        turn = self._turn
        self._turn += 1
        return change(turn % self.nodes, turn // self.nodes % NUMBERS, turn // self.nodes + turn % self.nodes, at)

    async def ask(self, question: str) -> str:
        """Do what a line says: ``devices N``, ``flow PER_S`` (0: no more), ``hours BEFORE FOR``."""
        verb, *numbers = question.split()
        if self._flow is not None:
            self._flow.cancel()
            self._flow = None
        if verb == "devices":
            self.nodes = int(numbers[0])
        elif verb == "flow" and float(numbers[0]) > 0:
            self._flow = asyncio.create_task(self._flowing(float(numbers[0])))
        elif verb == "hours":
            await self._hours(*map(float, numbers))
        return "done"

    async def _hours(self, before: float, hours: float) -> None:
        """Of each device a value per STEP_MS, for so many hours that begin ``before`` hours ago; as fast as it goes."""
        begin = now_ms() - int(before * 3_600_000)
        for step in range(int(hours * 3_600_000 / STEP_MS)):
            at = begin + step * STEP_MS
            await self._tell([change(node, 0, step + node, at) for node in range(self.nodes)])
            await asyncio.sleep(STEP_PAUSE_S)


def now_ms() -> int:
    """Unix time."""
    return round(time.time() * 1000)


async def main() -> None:
    """Listen on loopback; answer each line of the input."""
    broker = PageBroker()
    async with serve(broker.serve, "127.0.0.1", 0, compression=None, max_queue=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        while question := await asyncio.to_thread(sys.stdin.readline):
            print(await broker.ask(question), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
