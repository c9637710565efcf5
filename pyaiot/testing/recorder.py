# SPDX-License-Identifier: BSD-3-Clause
"""What an adapter tells, judged by the gateway's real core and recorded; the core's orders are carried out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from pyaiot.gateway.adapter import Adapter, GoneReason, Refused
from pyaiot.gateway.core import GatewayCore
from pyaiot.gateway.orders import Discover, Forget
from pyaiot.gateway.outbox import Outbox
from pyaiot.testing.world import WAIT_S
from pyaiot.wire.messages import JSON, About

#: Short enough to find what a time-out is not for, in tests that never wait for one.
MAX_TIME_S = 120.0

Entry = tuple[Any, ...]


class Recorder:
    """Implements adapter.DeviceEvents; a broker that acknowledges everything at once is part of it.

    ``log`` has ("new", uid), ("update", uid, resource, data), ("about", uid, resource, about), ("reset", uid) and
    ("gone", uid, why) in their order.
    """

    #: Whom the core's orders are for; given by whoever makes one, before it is started.
    adapter: Adapter

    def __init__(self, protocol: str, title: str, timeout_s: float = MAX_TIME_S) -> None:
        self.log: list[Entry] = []
        #: What the adapter did against its contract (pyaiot.gateway.adapter).
        self.violations: list[str] = []
        #: Nobody new is let in.
        self.full = False
        #: Raised from the method so called for the device or resource so called: a fault of the gateway's own.
        self.faults: dict[tuple[str, str], Exception] = {}
        #: How often they were.
        self.failed = 0
        self.waiting_for_room = 0
        self._outbox = Outbox("0" * 16)
        self.core = GatewayCore(self._outbox, protocol=protocol, title=title, timeout_s=timeout_s)
        self._crowded = False
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._discoveries: dict[str, asyncio.Task[Any]] = {}

    # What a test does

    def crowd(self, crowded: bool) -> None:
        """The gateway is crowded, or no more."""
        self._crowded = crowded
        self._changed.set()

    def told(self, uid: str, resource: str) -> list[JSON]:
        """The values of a resource, in order."""
        return [entry[3] for entry in self.log if entry[:3] == ("update", uid, resource)]

    async def until(self, so: Callable[[], Any], what: str = "what is waited for") -> None:
        """Wait until ``so()`` is true."""
        try:
            async with asyncio.timeout(WAIT_S):
                while not so():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"not within {WAIT_S:g} s: {what}; last told: {self.log[-10:]}") from None

    async def end(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # adapter.DeviceEvents

    def seen(
        self,
        uid: str,
        *,
        attributes: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        proven: bool = True,
    ) -> bool:
        """See adapter.DeviceEvents."""
        self._called("seen", uid)
        if self.full and uid not in self.core.registry:
            raise Refused("the gateway is full")
        new = self.core.seen(
            uid, time.monotonic(), unix_ms(), attributes=attributes, timeout_s=timeout_s, proven=proven
        )
        if new:
            self._note("new", uid)
        return new

    def updated(self, uid: str, resource: str, data: JSON, *, unit: str | None = None, age_ms: int = 0) -> None:
        """See adapter.DeviceEvents."""
        self._called("updated", uid, resource)
        self.core.updated(uid, resource, data, time.monotonic(), unix_ms() - age_ms, unit)
        self._note("update", uid, resource.removeprefix("/"), data)

    def described(self, uid: str, resource: str, about: About) -> None:
        """See adapter.DeviceEvents."""
        self._called("described", uid, resource)
        node = self.core.registry.nodes.get(uid)
        before = None if node is None else node.abouts
        self.core.described(uid, resource, about)
        if node is not None and node.abouts is not before:  # what is no news is not told either
            self._note("about", uid, resource.removeprefix("/"), about)

    def reset(self, uid: str) -> None:
        """See adapter.DeviceEvents."""
        self._called("reset", uid)
        self.core.reset(uid, time.monotonic(), unix_ms())
        self._note("reset", uid)

    def gone(self, uid: str, why: GoneReason) -> None:
        """See adapter.DeviceEvents."""
        self._called("gone", uid)
        if uid in self.core.registry:
            self.core.gone(uid, why, unix_ms())
            self._note("gone", uid, why)

    def known(self, uid: str) -> bool:
        """See adapter.DeviceEvents."""
        return uid in self.core.registry

    @property
    def crowded(self) -> bool:
        """See adapter.DeviceEvents."""
        return self._crowded

    async def room(self) -> None:
        """See adapter.DeviceEvents."""
        self.waiting_for_room += 1
        self._changed.set()
        try:
            while self.crowded:
                self._changed.clear()
                await self._changed.wait()
        finally:
            self.waiting_for_room -= 1

    # Inside

    def _called(self, method: str, uid: str, resource: str = "") -> None:
        fault = self.faults.get((method, uid)) or self.faults.get((method, resource))
        if fault is not None:
            self.failed += 1
            self._changed.set()
            raise fault

    def _note(self, *entry: Any) -> None:
        self.log.append(entry)
        self._changed.set()
        orders = self.core.orders
        while orders:
            match orders.popleft():
                case Discover(uid):
                    self._end_discovery(uid)
                    self._discoveries[uid] = self._task(self._discover(uid), f"discover {uid}")
                case Forget(uid):
                    self._end_discovery(uid)
                    try:
                        self.adapter.forget(uid)
                    except Exception as error:
                        self.violations.append(f"forget raised {error!r}")
        self._acknowledge()

    def _acknowledge(self) -> None:
        while (frame := self._outbox.next_frame(10_000)) is not None:
            self._outbox.acknowledge(frame[0] + len(frame[1]) - 1)

    def _task(self, work: Any, name: str) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._changed.set()

    def _end_discovery(self, uid: str) -> None:
        task = self._discoveries.pop(uid, None)
        if task is not None:
            task.cancel()

    async def _discover(self, uid: str) -> None:
        try:
            await self.adapter.discover(uid)
        except Exception as error:
            self.violations.append(f"discover {uid} raised {error!r}")


def unix_ms() -> int:
    """Now, as the core wants it."""
    return time.time_ns() // 1_000_000
