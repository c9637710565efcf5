# SPDX-License-Identifier: BSD-3-Clause
"""A gateway without a broker, for tests: the real core judges what the adapter says, and everything is recorded.

What is against the contract (pyaiot.gateway.adapter) is kept in ``violations``.
"""

from __future__ import annotations

import asyncio
import time

from pyaiot.gateway.adapter import Adapter, GoneReason, WriteFailed, can_read
from pyaiot.gateway.core import MAX_TIMEOUT_S
from pyaiot.testing.recorder import Entry, Recorder, unix_ms
from pyaiot.testing.world import WAIT_S, Device, World
from pyaiot.wire.messages import JSON

#: A device says hello again after so long, in seconds.
AGAIN_S = 1.0
CODES = frozenset(("offline", "timeout", "refused", "unsupported"))


class Gateway(Recorder):
    """Around one ``adapter`` of ``world``, started and stopped as the contract says."""

    def __init__(self, world: World, adapter: Adapter) -> None:
        super().__init__(adapter.protocol, adapter.title)
        self.world = world
        self.adapter = adapter
        self.stopped = False
        self._loop: asyncio.AbstractEventLoop | None = None
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
        await super().end()

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
            return self._failure("write", failed)
        except Exception as error:
            self.violations.append(f"write raised {error!r}, which is no WriteFailed")
            return "raised"
        if value is not None:
            self.core.updated(uid, resource, value, time.monotonic(), unix_ms())
            self._note("update", uid, resource, value)
        return "ok"

    async def read(self, uid: str, resource: str) -> str:
        """Have the adapter read, as the gateway does; the outcome: ``ok``, or a code of WriteFailed."""
        assert can_read(self.adapter)
        before = len(self.told(uid, resource))
        try:
            await self.adapter.read(uid, resource)
        except WriteFailed as failed:
            return self._failure("read", failed)
        except Exception as error:
            self.violations.append(f"read raised {error!r}, which is no WriteFailed")
            return "raised"
        if len(self.told(uid, resource)) == before:
            self.violations.append(f"read {uid}/{resource} succeeded, and nothing was told")
        return "ok"

    def begin_read(self, uid: str, resource: str) -> asyncio.Task[str]:
        """:meth:`read` as a task."""
        return self._task(self.read(uid, resource), f"read {uid}/{resource}")

    def _failure(self, doing: str, failed: WriteFailed) -> str:
        if failed.code not in CODES or not failed.reason:
            self.violations.append(f"{doing} failed with {failed.code!r}, {failed.reason!r}")
        return failed.code

    def begin(self, uid: str, resource: str, data: JSON) -> asyncio.Task[str]:
        """:meth:`write` as a task."""
        return self._task(self.write(uid, resource, data), f"write {uid}/{resource}")

    def time_out(self, uid: str) -> None:
        """The node was silent for too long: it is out."""
        self.core.gone(uid, "closed", unix_ms())
        self._note("gone", uid, "timeout")

    def forget_what_was(self) -> None:
        """Drop what the recording, and the core for its time-outs, keep of nodes that are gone. No node may be left."""
        self.log.clear()
        self.core.expire(time.monotonic() + MAX_TIMEOUT_S, unix_ms())

    def of(self, uid: str) -> list[Entry]:
        """What was told of a device, without its name; resources and values of ``update`` only."""
        return [(entry[0], *entry[2:]) for entry in self.log if entry[1] == uid]

    # adapter.DeviceEvents, of which more is demanded

    def gone(self, uid: str, why: GoneReason) -> None:
        """See adapter.DeviceEvents."""
        if why not in ("closed", "deregistered"):
            self.violations.append(f"{uid} is gone for no known reason, {why!r}")
        super().gone(uid, why)

    def _called(self, method: str, uid: str, resource: str = "") -> None:
        if self.stopped:
            self.violations.append(f"{method} {uid} {resource} after stop")
        if asyncio.get_running_loop() is not self._loop:
            self.violations.append(f"{method} {uid} {resource} from another loop")
        super()._called(method, uid, resource)
