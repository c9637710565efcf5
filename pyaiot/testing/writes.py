# SPDX-License-Identifier: BSD-3-Clause
"""Writes to devices, and what becomes of them."""

from __future__ import annotations

import asyncio
from unittest import SkipTest

from pyaiot.testing.running import Running, settled

#: 100 at once, as an impatient page asks for them.
DEVICES, WRITES_EACH = 20, 5


class Writes(Running):
    """Tests of Adapter.write and forget."""

    async def test_a_confirmed_write_is_true(self) -> None:
        """The gateway knows the new value: the write returned it, or the device has reported it."""
        async with self.running() as gateway:
            device = await gateway.known_device("n1")
            for value in ("1", "0", "2.5", "on the table"):
                assert await gateway.write("n1", "led", value) == "ok"
                assert device.written[-1:] == [("led", value)]
                assert gateway.told("n1", "led")[-1:] == [value]
            assert len(device.written) == 4, "a command arrived more than once"

    async def test_a_refused_write_is_refused(self) -> None:
        async with self.running() as gateway:
            device = await gateway.known_device("n1")
            device.manner = "refuse"
            assert await gateway.write("n1", "led", "1") == "refused"
            assert "1" not in gateway.told("n1", "led")
            device.manner = "confirm"
            assert await gateway.write("n1", "led", "1") == "ok"

    async def test_a_write_that_is_not_answered_can_be_cut_short(self) -> None:
        """The gateway bounds the time by cancelling. Nothing of the write is left, and it confirms no other one."""
        async with self.running() as gateway:
            device = await gateway.known_device("n1")
            device.manner = "ignore"
            write = gateway.begin("n1", "led", "1")
            await device.until_written(1)
            write.cancel()
            await settled(write.done, lambda: "a write does not end when it is cancelled")
            assert write.cancelled() or write.result() != "ok"
            device.manner = "confirm"
            assert await gateway.write("n1", "led", "2") == "ok"
            assert device.written == [("led", "1"), ("led", "2")]
            assert gateway.told("n1", "led") == ["2"]

    async def test_a_write_that_is_not_answered_is_never_taken_for_done(self) -> None:
        async with self.running() as gateway:
            device = await gateway.known_device("n1")
            device.manner = "ignore"
            assert await gateway.write("n1", "led", "1") == "timeout", "the device may have done it"
            assert gateway.told("n1", "led") == []

    async def test_what_is_not_there_is_offline(self) -> None:
        async with self.running() as gateway:
            assert await gateway.write("never-seen", "led", "1") == "offline"
            device = await gateway.known_device("n1")
            assert await gateway.write("n1", "led", "1") == "ok"
            await device.leave()
            await gateway.until(lambda: not gateway.known("n1"), "it is gone")
            assert await gateway.write("n1", "led", "0") == "offline"
            assert ("led", "0") not in device.written
            await gateway.known_device("n2")
            await gateway.stop()
            assert await gateway.write("n2", "led", "1") == "offline"

    async def test_a_forgotten_device_is_offline_until_it_shows_itself(self) -> None:
        async with self.running() as gateway:
            device = await gateway.known_device("n1")
            assert await gateway.write("n1", "led", "1") == "ok"
            gateway.time_out("n1")
            assert await gateway.write("n1", "led", "0") == "offline"
            gateway.adapter.forget("n1")
            gateway.adapter.forget("never-seen")
            await settled(lambda: not gateway.known("n1"), lambda: "it was taken for alive")
            await device.vanish()
            again = await gateway.known_device("n1")
            assert await gateway.write("n1", "led", "2") == "ok"
            assert again.written == [("led", "2")]

    async def test_a_write_to_a_device_that_goes_does_not_hang(self) -> None:
        """Left alone or cancelled, as the gateway does it; it is never done."""
        async with self.running() as gateway:
            device = await gateway.known_device("n1")
            device.manner = "ignore"
            write = gateway.begin("n1", "led", "1")
            await device.until_written()
            await device.leave()
            await gateway.until(lambda: not gateway.known("n1"), "it is gone")
            write.cancel()
            await settled(write.done, lambda: "a write to a node that is out does not end when it is cancelled")
            assert write.cancelled() or write.result() == "timeout", "the device has it, and may do it"

    async def test_what_the_protocol_cannot_say_is_unsupported(self) -> None:
        async with self.running() as gateway:
            if not gateway.world.unsupported:
                raise SkipTest("it can say everything")
            device = await gateway.known_device("n1")
            for data in gateway.world.unsupported:
                assert await gateway.write("n1", "led", data) == "unsupported", data
            assert device.written == []
            assert await gateway.write("n1", "led", "1") == "ok"

    async def test_many_writes_at_once_have_each_their_own_outcome(self) -> None:
        async with self.running() as gateway:
            devices = [await gateway.known_device(f"n{number}") for number in range(DEVICES)]
            silent = await gateway.known_device("silent")
            silent.manner = "ignore"
            unanswered = gateway.begin("silent", "led", "1")
            outcomes = await asyncio.gather(
                *(
                    gateway.write(device.uid, f"r{number}", f"{device.uid}.{number}")
                    for number in range(WRITES_EACH)
                    for device in devices
                )
            )
            assert outcomes == ["ok"] * DEVICES * WRITES_EACH
            for device in devices:
                assert sorted(device.written) == [(f"r{n}", f"{device.uid}.{n}") for n in range(WRITES_EACH)]
            unanswered.cancel()
            await settled(unanswered.done, lambda: "the unanswered write does not end")
