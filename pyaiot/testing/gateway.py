# SPDX-License-Identifier: BSD-3-Clause
"""A gateway without a broker, for tests: the real core judges what the adapter says, and everything is recorded.

What is against the contract (pyaiot.gateway.adapter) is kept in ``violations``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from pyaiot.gateway.adapter import Adapter, GoneReason, Refused, WriteFailed
from pyaiot.gateway.core import MAX_TIMEOUT_S, GatewayCore
from pyaiot.gateway.orders import Discover, Forget
from pyaiot.gateway.outbox import Outbox
from pyaiot.testing.world import WAIT_S, Device, World
from pyaiot.wire.messages import JSON

#: Short enough to find what a time-out is not for, in tests that never wait for one.
MAX_TIME_S = 120.0
#: A device says hello again after so long, in seconds.
AGAIN_S = 1.0
CODES = frozenset(("offline", "timeout", "refused", "unsupported"))

Entry = tuple[Any, ...]


class Gateway:
    """Implements adapter.DeviceEvents around one ``adapter`` of ``world``.

    ``log`` has ("new", uid), ("updated", uid, resource, data), ("reset", uid) and ("gone", uid, why) in their order.
    """

    def __init__(self, world: World, adapter: Adapter) -> None:
        self.world = world
        self.adapter = adapter
        self.log: list[Entry] = []
        self.violations: list[str] = []
        #: Nobody new is let in.
        self.full = False
        #: Raised from the method so called for the device or resource so called: a fault of the gateway's own.
        self.faults: dict[tuple[str, str], Exception] = {}
        #: How often they were.
        self.failed = 0
        self.stopped = False
        self._outbox = Outbox("0" * 16)
        self.core = GatewayCore(self._outbox, protocol=adapter.protocol, title=adapter.title, timeout_s=MAX_TIME_S)
        self._crowded = False
        self.waiting_for_room = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._discoveries: dict[str, asyncio.Task[Any]] = {}
        self._devices: list[Device] = []

    # What a test does

    async def start(self) -> None:
        """Start the adapter; it can hear devices when this returns. Raises what it raises."""
        self._loop = asyncio.get_running_loop()
        await self.adapter.start(self)
        await self.world.ready(self.adapter)

    async def stop(self) -> None:
        """Stop the adapter. Whatever it reports afterwards is against the contract."""
        try:
            async with asyncio.timeout(WAIT_S):
                await self.adapter.stop()
        except TimeoutError:
            raise AssertionError("stop does not end") from None
        finally:
            self.stopped = True
        self._changed.set()

    async def end(self) -> None:
        """End all devices, and what is under way."""
        for device in self._devices:
            await device.vanish()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def device(self, uid: str) -> Device:
        """A device that nobody knows yet."""
        device = self.world.device(self.adapter, uid)
        self._devices.append(device)
        return device

    async def known_device(self, uid: str) -> Device:
        """A device that is a node."""
        device = self.device(uid)
        await self.greet(device)
        return device

    async def greet(self, device: Device) -> None:
        """Have the device say hello until it is a node: its connection may just have been lost."""
        async with asyncio.timeout(WAIT_S):
            while not self.known(device.uid):
                try:
                    await device.hello()
                    async with asyncio.timeout(AGAIN_S):
                        await self.until(lambda: self.known(device.uid), f"{device.uid} is a node")
                except (OSError, TimeoutError):
                    pass

    def ended(self, device: Device) -> None:
        """The device has ended, and is not needed any more."""
        self._devices.remove(device)

    async def write(self, uid: str, resource: str, data: JSON) -> str:
        """Have the adapter write, as the gateway does; the outcome: ``ok``, or a code of WriteFailed."""
        try:
            value = await self.adapter.write(uid, resource, data)
        except WriteFailed as failed:
            if failed.code not in CODES or not failed.reason:
                self.violations.append(f"write failed with {failed.code!r}, {failed.reason!r}")
            return failed.code
        except Exception as error:
            self.violations.append(f"write raised {error!r}, which is no WriteFailed")
            return "raised"
        if value is not None:
            self.core.updated(uid, resource, value, time.monotonic(), _unix_ms())
            self._note("updated", uid, resource, value)
        return "ok"

    def begin(self, uid: str, resource: str, data: JSON) -> asyncio.Task[str]:
        """:meth:`write` as a task."""
        return self._task(self.write(uid, resource, data), f"write {uid}/{resource}")

    def time_out(self, uid: str) -> None:
        """The node was silent for too long: it is out."""
        self.core.gone(uid, "closed", _unix_ms())
        self._note("gone", uid, "timeout")

    def forget_what_was(self) -> None:
        """Drop what the recording, and the core for its time-outs, keep of nodes that are gone. No node may be left."""
        self.log.clear()
        self.core.expire(time.monotonic() + MAX_TIMEOUT_S, _unix_ms())

    def crowd(self, crowded: bool) -> None:
        """The gateway is crowded, or no more."""
        self._crowded = crowded
        self._changed.set()

    def told(self, uid: str, resource: str) -> list[JSON]:
        """The values of a resource, in order."""
        return [entry[3] for entry in self.log if entry[:3] == ("updated", uid, resource)]

    def of(self, uid: str) -> list[Entry]:
        """What was told of a device, without its name; resources and values of ``updated`` only."""
        return [(entry[0], *entry[2:]) for entry in self.log if entry[1] == uid]

    async def until(self, so: Callable[[], Any], what: str) -> None:
        """Wait until ``so()`` is true."""
        try:
            async with asyncio.timeout(WAIT_S):
                while not so():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"not within {WAIT_S:g} s: {what}; last told: {self.log[-10:]}") from None

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
            uid, time.monotonic(), _unix_ms(), attributes=attributes, timeout_s=timeout_s, proven=proven
        )
        if new:
            self._note("new", uid)
        return new

    def updated(self, uid: str, resource: str, data: JSON, *, unit: str | None = None, age_ms: int = 0) -> None:
        """See adapter.DeviceEvents."""
        self._called("updated", uid, resource)
        self.core.updated(uid, resource, data, time.monotonic(), _unix_ms() - age_ms, unit)
        self._note("updated", uid, resource.removeprefix("/"), data)

    def reset(self, uid: str) -> None:
        """See adapter.DeviceEvents."""
        self._called("reset", uid)
        self.core.reset(uid, time.monotonic(), _unix_ms())
        self._note("reset", uid)

    def gone(self, uid: str, why: GoneReason) -> None:
        """See adapter.DeviceEvents."""
        self._called("gone", uid)
        if why not in ("closed", "deregistered"):
            self.violations.append(f"{uid} is gone for no known reason, {why!r}")
        if uid in self.core.registry:
            self.core.gone(uid, why, _unix_ms())
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
            while self._crowded:
                self._changed.clear()
                await self._changed.wait()
        finally:
            self.waiting_for_room -= 1

    # Inside

    def _called(self, method: str, uid: str, resource: str = "") -> None:
        if self.stopped:
            self.violations.append(f"{method} {uid} {resource} after stop")
        if asyncio.get_running_loop() is not self._loop:
            self.violations.append(f"{method} {uid} {resource} from another loop")
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


def _unix_ms() -> int:
    return time.time_ns() // 1_000_000
