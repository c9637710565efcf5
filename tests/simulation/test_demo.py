# SPDX-License-Identifier: BSD-3-Clause
"""Devices that sleep."""

from __future__ import annotations

import asyncio

from pyaiot.simulation.demo import SleepyDevice
from tests.patience import PATIENCE_S


class Switched:
    """Told what became of it."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.woken_twice = asyncio.Event()

    async def run(self) -> None:
        raise AssertionError("it is switched on and off")

    async def start(self) -> None:
        self.log.append("on")
        if self.log.count("on") == 2:
            self.woken_twice.set()

    async def stop(self) -> None:
        self.log.append("off")


async def test_a_sleepy_device_goes_off_and_on_and_off_at_the_end() -> None:
    device = Switched()
    running = asyncio.create_task(SleepyDevice(device, awake_s=0.01, asleep_s=0.01).run())
    async with asyncio.timeout(PATIENCE_S):
        await device.woken_twice.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert device.log[:3] == ["on", "off", "on"]
    assert device.log[-1] == "off"
