# SPDX-License-Identifier: BSD-3-Clause
"""MQTT devices that do nothing but tell numbers, and remember which of them the MQTT broker has acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.patience import PATIENCE_S
from tests.process.mqtt_peers import MqttPeer
from tests.process.viewers import Viewer

#: Numbers of one device that are not acknowledged, at most.
WINDOW = 20
RECONNECT_S = 0.02


class Sender:
    """A device whose resource ``count`` goes up by one.

    No number is ever published twice: what is not acknowledged when the connection breaks may have been lost, or not.
    So who hears a number twice heard it twice from somebody else.
    """

    def __init__(self, uid: str, port: int, per_s: float) -> None:
        self.uid = uid
        self.acknowledged: dict[int, float] = {}
        self.connections = 0
        self._port = port
        self._pause_s = 1 / per_s
        self._next = 0
        self._feeding = True

    async def run(self) -> None:
        """Tell numbers until stopped; then, until those under way are acknowledged or lost."""
        while self._feeding:
            peer = MqttPeer(self.uid)
            try:
                await peer.connect(self._port)
            except (OSError, EOFError):
                await asyncio.sleep(RECONNECT_S)
                continue
            self.connections += 1
            try:
                await self._tell(peer)
            finally:
                await peer.close()

    async def _tell(self, peer: MqttPeer) -> None:
        pending: dict[int, int] = {}

        def acknowledged(mid: int) -> None:
            self.acknowledged[pending.pop(mid)] = time.monotonic()

        peer.on_acknowledged = acknowledged
        due = time.monotonic()
        while not peer.lost and (self._feeding or pending):
            if self._feeding and len(pending) < WINDOW:
                self._next += 1
                pending[peer.publish(f"node/{self.uid}/count", str(self._next))] = self._next
            due = max(due + self._pause_s, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    def stop(self) -> None:
        """No more numbers."""
        self._feeding = False


class Senders:
    """All of them. ``lost`` compares what was acknowledged to them with what a viewer has heard."""

    def __init__(self, senders: list[Sender]) -> None:
        self.all = senders

    async def acknowledged(self, more: int, within_s: float = PATIENCE_S) -> None:
        """Wait until each has had so many more acknowledged than now."""
        goals = [len(sender.acknowledged) + more for sender in self.all]
        async with asyncio.timeout(within_s):
            while any(len(sender.acknowledged) < goal for sender, goal in zip(self.all, goals, strict=True)):
                await asyncio.sleep(0.01)

    def stop(self) -> None:
        """No more numbers."""
        for sender in self.all:
            sender.stop()

    @property
    def total(self) -> int:
        """How many numbers were acknowledged."""
        return sum(len(sender.acknowledged) for sender in self.all)

    def lost(self, viewer: Viewer) -> dict[str, list[int]]:
        """The numbers that were acknowledged, and that the viewer has not heard."""
        heard = heard_numbers(viewer)
        missing = {
            sender.uid: sorted(sender.acknowledged.keys() - set(heard.get(sender.uid, ()))) for sender in self.all
        }
        return {uid: numbers for uid, numbers in missing.items() if numbers}


def heard_numbers(viewer: Viewer) -> dict[str, list[int]]:
    """What the viewer was told of each device of the gateway ``mqtt`` in its present connection, in order."""
    found: dict[str, list[int]] = {}
    for message in viewer.heard:
        if message["type"] == "update" and message["endpoint"] == "count":
            found.setdefault(message["uid"].removeprefix("mqtt/"), []).append(int(message["data"]))
    return found


@asynccontextmanager
async def telling(port: int, count: int, per_s: float) -> AsyncIterator[Senders]:
    """So many devices at the MQTT broker on ``port``, which tell ``per_s`` numbers a second together."""
    senders = Senders([Sender(f"m{number}", port, per_s / count) for number in range(count)])
    tasks = [asyncio.create_task(sender.run(), name=f"MQTT device {sender.uid}") for sender in senders.all]
    try:
        yield senders
    finally:
        senders.stop()
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        assert task.cancelled() or task.exception() is None, task.exception()
