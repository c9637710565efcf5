# SPDX-License-Identifier: BSD-3-Clause
"""What devices say, and what the gateway does not take of it."""

from __future__ import annotations

import asyncio
from unittest import SkipTest

from pyaiot.testing.running import Running, settled

#: What nothing can be called.
BAD_NAMES = ("a b", "ü", "x" * 65, "a/b", "<script>", "-" * 300)


class Events(Running):
    """Tests of what an adapter makes of DeviceEvents, and of Adapter.discover."""

    async def test_a_device_comes_reports_and_goes(self) -> None:
        async with self.running() as gateway:
            device = await gateway.known_device("n1")
            assert gateway.of("n1")[0] == ("new",)
            await device.report("temperature", "21.5")
            await gateway.until(lambda: gateway.told("n1", "temperature") == ["21.5"], "the first value")
            await device.report("led", "0")
            await gateway.until(lambda: gateway.told("n1", "led") == ["0"], "the second value")
            await device.leave()
            await gateway.until(lambda: not gateway.known("n1"), "n1 is gone")
            kinds = [entry[0] for entry in gateway.of("n1")]
            assert kinds == ["new", "update", "update", "gone"], gateway.of("n1")

    async def test_values_come_in_order(self) -> None:
        async with self.running() as gateway:
            devices = [await gateway.known_device(f"n{number}") for number in range(3)]

            async def count(device_number: int) -> None:
                for number in range(50):
                    await devices[device_number].report("count", f"{device_number}.{number}")

            await asyncio.gather(*map(count, range(3)))
            for device_number in range(3):
                expected = [f"{device_number}.{number}" for number in range(50)]
                await gateway.until(
                    lambda n=device_number: len(gateway.told(f"n{n}", "count")) >= 50,  # type: ignore[misc]
                    f"all values of n{device_number}",
                )
                assert gateway.told(f"n{device_number}", "count") == expected

    async def test_a_device_that_was_gone_comes_again(self) -> None:
        async with self.running() as gateway:
            for turn in range(3):
                device = await gateway.known_device("n1")
                await device.report("count", str(turn))
                await gateway.until(lambda t=turn: gateway.told("n1", "count")[-1:] == [str(t)], "its value")  # type: ignore[misc]
                assert await gateway.write("n1", "led", str(turn)) == "ok"
                await device.leave()
                await gateway.until(lambda: not gateway.known("n1"), "n1 is gone")
            assert [entry[0] for entry in gateway.of("n1")].count("new") == 3

    async def test_a_device_that_says_hello_again_is_not_new(self) -> None:
        async with self.running() as gateway:
            device = await gateway.known_device("n1")
            await device.hello()
            await device.hello()
            await device.report("led", "1")
            await gateway.until(lambda: gateway.told("n1", "led"), "its value")
            assert [entry[0] for entry in gateway.of("n1")] == ["new", "update"]

    async def test_a_reboot_forgets_the_values(self) -> None:
        async with self.running() as gateway:
            if not gateway.world.can_reboot:
                raise SkipTest("no device can say so")
            device = await gateway.known_device("n1")
            await device.report("led", "1")
            await gateway.until(lambda: gateway.told("n1", "led"), "its value")
            await device.reboot()
            await gateway.until(lambda: ("reset", "n1") in gateway.log, "the reset")
            await device.report("led", "0")
            await gateway.until(lambda: gateway.told("n1", "led") == ["1", "0"], "the value after it")
            assert [entry[0] for entry in gateway.of("n1")] == ["new", "update", "reset", "update"]

    # What is not taken

    async def test_a_full_gateway_lets_nobody_new_in_and_goes_on(self) -> None:
        async with self.running() as gateway:
            old = await gateway.known_device("old")
            gateway.full = True
            late = gateway.device("late")
            await late.hello()
            await old.report("led", "1")
            await gateway.until(lambda: gateway.told("old", "led") == ["1"], "the node that is there goes on")
            assert not gateway.known("late")
            assert await gateway.write("late", "led", "1") == "offline"
            gateway.full = False
            await late.vanish()
            again = await gateway.known_device("late")
            await again.report("led", "1")
            await gateway.until(lambda: gateway.told("late", "led"), "it is let in when there is room")

    async def test_a_refused_value_is_no_end(self) -> None:
        async with self.running() as gateway:
            device, other = await gateway.known_device("n1"), await gateway.known_device("n2")
            for name in BAD_NAMES:
                await gateway.greet(device)  # it may be cut off each time, and is let in again
                await device.report(name, "1")
            await gateway.greet(device)
            await device.report("long", "x" * 20_000)
            await other.report("led", "1")
            await gateway.until(lambda: gateway.told("n2", "led") == ["1"], "another device goes on")
            await gateway.greet(device)
            await device.report("led", "1")
            await gateway.until(lambda: gateway.told("n1", "led") == ["1"], "the device itself goes on")
            taken = {entry[1] for entry in gateway.of("n1") if entry[0] == "update"}
            assert not taken & {"a b", "ü", "x" * 65, "<script>", "-" * 300}, taken

    async def test_what_no_device_can_be_called_is_no_node(self) -> None:
        async with self.running() as gateway:
            good = await gateway.known_device("good")
            for number, name in enumerate(BAD_NAMES):
                bad = gateway.device(name)
                await bad.hello()
                await good.report("count", str(number))
                await gateway.until(lambda n=number: str(n) in gateway.told("good", "count"), "others go on")  # type: ignore[misc]
                assert not gateway.known(name)
                assert await gateway.write(name, "led", "1") == "offline"
                await bad.vanish()

    async def test_a_fault_of_the_gateway_ends_nothing_else(self) -> None:
        async with self.running(faults=True) as gateway:
            good = await gateway.known_device("good")
            bad = await gateway.known_device("bad")
            gateway.faults = {("updated", "fault"): ZeroDivisionError("made by the test")}
            await bad.report("fault", "1")
            await gateway.until(lambda: gateway.failed == 1, "the first fault")
            gateway.faults = {("seen", "worse"): ZeroDivisionError("made by the test")}
            worse = gateway.device("worse")
            await worse.hello()
            await gateway.until(lambda: gateway.failed > 1, "the second fault")
            gateway.faults = {}
            await worse.vanish()
            await good.report("led", "1")
            await gateway.until(lambda: gateway.told("good", "led") == ["1"], "another device goes on")
            assert await gateway.write("good", "led", "2") == "ok"
            again = await gateway.known_device("worse")
            await again.report("led", "1")
            await gateway.until(lambda: gateway.told("worse", "led") == ["1"], "it is taken once all is well")

    # Discovery

    async def test_discover_returns_and_never_raises(self) -> None:
        async with self.running() as gateway:
            await gateway.known_device("n1")
            gone = await gateway.known_device("gone")
            await gone.leave()
            await gateway.until(lambda: not gateway.known("gone"), "it is gone")
            silent = await gateway.known_device("silent")
            await silent.vanish()
            for uid in ("n1", "gone", "silent", "never-seen"):
                asking = asyncio.create_task(gateway.adapter.discover(uid), name=f"discover {uid}")
                await settled(asking.done, lambda u=uid: f"the discovery of {u} does not end")  # type: ignore[misc]
                assert asking.exception() is None, asking.exception()

    async def test_discover_can_be_cut_short(self) -> None:
        async with self.running() as gateway:
            device = await gateway.known_device("n1")
            for _ in range(20):
                asking = asyncio.create_task(gateway.adapter.discover("n1"), name="discover n1")
                await asyncio.sleep(0)
                asking.cancel()
                await settled(asking.done, lambda: "a discovery does not end when it is cancelled")
            await device.report("led", "1")
            await gateway.until(lambda: gateway.told("n1", "led") == ["1"], "the device goes on")
