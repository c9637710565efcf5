# SPDX-License-Identifier: BSD-3-Clause
"""Gateways with made-up devices: the real gateway and link, and an adapter that does what the test says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from pyaiot.gateway.adapter import Adapter, DeviceEvents
from pyaiot.gateway.dial import BrokerAddress, Identity, LinkTimes
from pyaiot.gateway.service import GatewayService
from pyaiot.keys import Keys
from pyaiot.lifecycle import started
from pyaiot.wire.messages import JSON
from tests.patience import PATIENCE_S
from tests.process.viewers import View

#: How long a feeder pauses between updates that are due together.
TICK_S = 0.01


class Feeder:
    """The adapter of one gateway, and the truth about its devices.

    Each device has resources whose values count up by one, so that each value comes once and order can be judged.
    """

    title = "Test"

    def __init__(self, protocol: str, *, devices: int, resources: int = 4) -> None:
        self.protocol = protocol
        self.truth: View = {}
        self.updates = 0
        self._devices = [f"n{number}" for number in range(devices)]
        self._resources = [f"count{number}" for number in range(resources)]
        self._events: DeviceEvents | None = None
        self._feeding = True
        self.service: GatewayService

    # Adapter

    async def start(self, events: DeviceEvents) -> None:
        self._events = events
        for uid in self._devices:
            self.arrive(uid)

    async def stop(self) -> None:
        self._events = None

    async def discover(self, uid: str) -> None:
        pass

    async def write(self, uid: str, resource: str, data: JSON) -> JSON | None:
        return data

    def forget(self, uid: str) -> None:
        pass

    # What the devices do

    def arrive(self, uid: str) -> None:
        """A device is there."""
        assert self._events is not None
        self._events.seen(uid)
        self.truth[self.outside(uid)] = {"protocol": self.title}

    def leave(self, uid: str) -> None:
        """A device goes."""
        assert self._events is not None
        self._events.gone(uid, "closed")
        del self.truth[self.outside(uid)]

    def tell(self, uid: str, resource: str, data: JSON) -> None:
        """A device tells a value."""
        assert self._events is not None
        self._events.updated(uid, resource, data)
        self.truth[self.outside(uid)][resource] = data
        self.updates += 1

    def outside(self, uid: str) -> str:
        """What clients call the device."""
        return f"{self.protocol}/{uid}"

    def count_on(self) -> None:
        """One more update, of the next resource."""
        turn = self.updates
        uid = self._devices[turn % len(self._devices)]
        resource = self._resources[turn // len(self._devices) % len(self._resources)]
        self.tell(uid, resource, self.truth[self.outside(uid)].get(resource, 0) + 1)

    async def feed(self, per_s: float) -> None:
        """Go on telling values, so many a second, until told to stop."""
        began, told = time.monotonic(), 0
        while self._feeding:
            while told < (time.monotonic() - began) * per_s:
                self.count_on()
                told += 1
            await asyncio.sleep(TICK_S)

    def stop_feeding(self) -> None:
        """No more values: from now on the truth stays as it is."""
        self._feeding = False

    # The link

    async def connected(self, sessions: int = 1, within_s: float = PATIENCE_S) -> float:
        """Wait until the gateway has a session, and has had so many; how long it took, in seconds."""
        began = time.monotonic()
        uplink = self.service.uplink
        async with asyncio.timeout(within_s):
            while not (uplink.connected and uplink.sessions >= sessions):
                await asyncio.sleep(TICK_S)
        return time.monotonic() - began

    async def acknowledged(self, more: int, within_s: float = PATIENCE_S) -> None:
        """Wait until the broker has acknowledged so many more messages than now."""
        goal = self.service.outbox.acknowledged + more
        async with asyncio.timeout(within_s):
            while self.service.outbox.acknowledged < goal:
                await asyncio.sleep(TICK_S)


@asynccontextmanager
async def feeding(
    keys: Keys,
    name: str,
    port: int,
    *,
    devices: int,
    resources: int = 4,
    per_s: float = 0.0,
    times: LinkTimes | None = None,
) -> AsyncIterator[Feeder]:
    """A gateway that runs inside the ``async with``, and tells ``per_s`` values a second."""
    assert keys.trusted_broker is not None
    feeder = Feeder(name, devices=devices, resources=resources)
    feeder.service = GatewayService(
        cast("Adapter", feeder),  # whose protocol is the same for all of its class
        Identity(name, keys.gateways[name], keys.trusted_broker),
        BrokerAddress(f"ws://localhost:{port}/gw", times=times or LinkTimes()),
    )
    async with started(feeder.service, f"gateway {name}") as task:
        feed = asyncio.create_task(feeder.feed(per_s), name=f"gateway {name}: feed") if per_s else None
        try:
            yield feeder
        finally:
            feeder.stop_feeding()
            if feed is not None:
                await feed
        assert not task.done()
    assert feeder.service.core.counters.adapter_faults == 0
    assert not any(feeder.service.outbox.dropped)


def all_of(*feeders: Feeder) -> View:
    """The truth about all devices, as it is now."""
    return {uid: dict(values) for feeder in feeders for uid, values in feeder.truth.items()}


def covers(view: View, truth: View) -> bool:
    """Whether ``view`` has the nodes of ``truth``, no other, and values that are at least as new."""
    if view.keys() != truth.keys():
        return False
    return all(
        resource in view[uid] and (view[uid][resource] >= data if resource.startswith("count") else True)
        for uid, values in truth.items()
        for resource, data in values.items()
    )
