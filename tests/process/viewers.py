# SPDX-License-Identifier: BSD-3-Clause
"""A client of ``/ws`` that stays: it connects again when it is cut off, and complains of what must not be told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.patience import PATIENCE_S

#: How long the viewer waits before it connects again.
RECONNECT_S = 0.05

View = dict[str, dict[str, Any]]


class Viewer:
    """Believes what it is told. ``view`` is what it knows in the present connection.

    Resources called ``count…`` hold numbers that only ever grow: one that does not is told twice, or goes backwards.
    """

    def __init__(self, port: int) -> None:
        self._url = f"ws://localhost:{port}/ws"
        self._socket: ClientConnection | None = None
        self._news = asyncio.Event()
        self.view: View = {}
        self.synced = False
        self.connections = 0
        #: All messages of the present connection, and those of any that must not be.
        self.heard: list[dict[str, Any]] = []
        self.faults: list[str] = []

    async def run(self) -> None:
        """Stay connected until cancelled."""
        while True:
            with contextlib.suppress(OSError, WebSocketException):
                async with connect(self._url, compression=None, proxy=None, max_queue=None) as socket:
                    await self._serve(socket)
            self._socket = None
            await asyncio.sleep(RECONNECT_S)

    async def _serve(self, socket: ClientConnection) -> None:
        self.view, self.heard, self.synced = {}, [], False
        self.connections += 1
        self._socket = socket
        await self.send({"type": "new", "data": "client", "features": ["results", "synced"]})
        async for text in socket:
            self._take(json.loads(text))
            self._news.set()

    def _take(self, message: dict[str, Any]) -> None:
        self.heard.append(message)
        kind, uid = message["type"], message.get("uid", "")
        if kind == "new":
            if uid in self.view:
                self.faults.append(f"{uid} is new for the second time")
            self.view[uid] = {}
        elif kind == "update":
            resource, data = message["endpoint"], message["data"]
            if uid not in self.view:
                self.faults.append(f"{uid} has a value before it is new: {message}")
            values = self.view.setdefault(uid, {})
            if resource.startswith("count") and resource in values and int(data) <= int(values[resource]):
                self.faults.append(f"{uid} {resource}: {data} after {values[resource]}")
            values[resource] = data
        elif kind == "reset":
            self.view[uid] = {}
        elif kind == "out":
            if self.view.pop(uid, None) is None:
                self.faults.append(f"{uid} is out, and was not there")
        elif kind == "synced":
            self.synced = True

    async def send(self, message: dict[str, Any]) -> None:
        """Say something to the broker."""
        assert self._socket is not None
        await self._socket.send(json.dumps(message))

    async def until(self, so: Callable[[], Any], what: str = "", within_s: float = PATIENCE_S) -> float:
        """Wait until ``so()`` is true; how long it took, in seconds."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(within_s):
                while not so():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"not within {within_s} s: {what or so}; the view is {self.view}") from None
        return time.monotonic() - began

    async def sees(self, view: View, within_s: float = PATIENCE_S) -> float:
        """Wait until the view is exactly this one."""
        return await self.until(lambda: self.synced and self.view == view, f"the view {view}", within_s)

    async def write(self, uid: str, resource: str, payload: Any, id: str = "w") -> dict[str, Any]:
        """Have something written; the outcome."""
        before = len(self.heard)
        await self.send({"type": "update", "id": id, "data": {"uid": uid, "endpoint": resource, "payload": payload}})

        def outcome() -> dict[str, Any] | None:
            return next((m for m in self.heard[before:] if m["type"] == "result" and m["id"] == id), None)

        await self.until(outcome, f"the outcome of writing {uid}/{resource}")
        result = outcome()
        assert result is not None
        return result

    def told(self, kind: str) -> list[str]:
        """The uids that messages of this type in the present connection were about."""
        return [message["uid"] for message in self.heard if message["type"] == kind]


@asynccontextmanager
async def viewing(port: int) -> AsyncIterator[Viewer]:
    """A viewer that stays connected inside the ``async with``; what it had to complain of fails the test."""
    viewer = Viewer(port)
    task = asyncio.create_task(viewer.run(), name="viewer")
    try:
        await viewer.until(lambda: viewer.synced, "the state")
        yield viewer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert viewer.faults == []


async def fresh_view(port: int) -> View:
    """What a client that comes now is told."""
    async with viewing(port) as viewer:
        return viewer.view
