# SPDX-License-Identifier: BSD-3-Clause
"""Values that devices are asked for; only of adapters that can read (pyaiot.gateway.adapter.ReadingAdapter)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from unittest import SkipTest

from pyaiot.gateway.adapter import can_read
from pyaiot.testing.gateway import Gateway
from pyaiot.testing.running import Running, settled
from pyaiot.testing.world import Device

DEVICES, READS_EACH = 10, 4
#: So often a device may have been asked before: when it showed itself, and by a discovery or read.
EARLIER_QUESTIONS = 3


class Reads(Running):
    """Tests of ReadingAdapter.read."""

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Gateway]:
        """A gateway whose adapter can read."""
        async with self.running() as gateway:
            if not can_read(gateway.adapter):
                raise SkipTest("its devices cannot be asked")
            yield gateway

    async def test_a_read_brings_what_the_device_says_now(self) -> None:
        async with self.reading() as gateway:
            device = await ready(gateway, "n1")
            for value in ("21.5", "22", "22"):
                device.values["temperature"] = value
                await settled_on(gateway, "n1", "temperature", value)

    async def test_a_read_that_is_not_answered_can_be_cut_short(self) -> None:
        """The gateway bounds the time by cancelling. What was told before, or of another resource, is no answer."""
        async with self.reading() as gateway:
            device, other = await ready(gateway, "n1"), await ready(gateway, "n2")
            await device.report("temperature", "1")
            await gateway.until(lambda: gateway.told("n1", "temperature")[-1:] == ["1"], "its value")
            device.manner = "ignore"
            asked = device.questions
            read = gateway.begin_read("n1", "temperature")
            await device.until_asked(asked + 1)
            await device.report("other", "1")
            await gateway.until(lambda: gateway.told("n1", "other") == ["1"], "the value of another resource")
            await other.report("temperature", "1")
            await gateway.until(lambda: gateway.told("n2", "temperature")[-1:] == ["1"], "the value of another")
            assert not read.done(), "it was over without an answer"
            read.cancel()
            await settled(read.done, lambda: "a read does not end when it is cancelled")
            assert read.cancelled() or read.result() != "ok"
            device.manner = "confirm"
            await settled_on(gateway, "n1", "temperature", device.values["temperature"])

    async def test_what_is_not_there_cannot_be_read(self) -> None:
        async with self.reading() as gateway:
            assert await gateway.read("never-seen", "temperature") == "offline"
            device = await ready(gateway, "n1")
            await device.leave()
            await gateway.until(lambda: not gateway.known("n1"), "it is gone")
            assert await gateway.read("n1", "temperature") == "offline"
            await ready(gateway, "n2")
            await gateway.stop()
            assert await gateway.read("n2", "temperature") == "offline"

    async def test_a_read_of_a_device_that_goes_does_not_hang(self) -> None:
        async with self.reading() as gateway:
            device = await ready(gateway, "n1")
            device.manner = "ignore"
            asked = device.questions
            read = gateway.begin_read("n1", "temperature")
            await device.until_asked(asked + 1)
            await device.leave()
            await gateway.until(lambda: not gateway.known("n1"), "it is gone")
            read.cancel()
            await settled(read.done, lambda: "a read of a node that is out does not end when it is cancelled")
            assert read.cancelled() or read.result() in ("offline", "timeout")

    async def test_many_reads_at_once_have_each_their_own_outcome(self) -> None:
        async with self.reading() as gateway:
            devices = [await ready(gateway, f"n{number}") for number in range(DEVICES)]
            silent = await ready(gateway, "silent")
            silent.manner = "ignore"
            unanswered = gateway.begin_read("silent", "temperature")
            for device in devices:
                device.values = {f"r{number}": f"{device.uid}.{number}" for number in range(READS_EACH)}
            reads = [(device.uid, f"r{number}") for number in range(READS_EACH) for device in devices]
            outcomes = await asyncio.gather(*(gateway.read(*each) for each in reads + reads))
            assert outcomes == ["ok"] * 2 * len(reads)
            for uid, resource in reads:
                assert set(gateway.told(uid, resource)) == {f"{uid}.{resource[1:]}"}
            assert not unanswered.done()
            unanswered.cancel()
            await settled(unanswered.done, lambda: "the unanswered read does not end")


async def ready(gateway: Gateway, uid: str) -> Device:
    """A device that has a temperature, and is a node whose discovery is over."""
    device = gateway.device(uid)
    device.values = {"temperature": "20"}
    await gateway.greet(device)
    await gateway.adapter.discover(uid)
    return device


async def settled_on(gateway: Gateway, uid: str, resource: str, value: str) -> None:
    """Read what the device says now: at once, or, where answers to earlier questions are still coming, after those."""
    for _ in range(EARLIER_QUESTIONS + 1):
        assert await gateway.read(uid, resource) == "ok"
        if gateway.told(uid, resource)[-1:] == [value]:
            return
    raise AssertionError(f"{uid}/{resource} is {value}, and was read as {gateway.told(uid, resource)[-1:]}")
