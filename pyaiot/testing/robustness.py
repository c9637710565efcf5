# SPDX-License-Identifier: BSD-3-Clause
"""Many devices, too much to say, and what no device should say."""

from __future__ import annotations

import asyncio
import gc
import linecache
import random
import tracemalloc

from pyaiot.testing.gateway import Gateway
from pyaiot.testing.running import Running
from pyaiot.testing.world import WAIT_S

COMING_AND_GOING = 500
AT_ONCE = 20
#: What may be left of a device that is gone, on average: less than its name needs.
MAX_LEFT_BYTES = 40
#: So often is looked whether memory has stopped to grow.
ROUNDS = 8
NOISE = 1_000
VALUES, TELLERS = 60, 5


class Robustness(Running):
    """Tests of what many devices or bad ones can do."""

    async def test_a_crowded_gateway_loses_nothing(self) -> None:
        """Who can make devices wait does; who cannot, tells all the same."""
        async with self.running() as gateway:
            devices = [await gateway.known_device(f"n{number}") for number in range(TELLERS)]
            expected = [str(number) for number in range(VALUES)]

            async def tell(number: int) -> None:
                for value in expected:
                    await devices[number].report("count", value)

            def all_told() -> bool:
                return all(len(gateway.told(f"n{number}", "count")) >= VALUES for number in range(TELLERS))

            gateway.crowd(True)
            telling = [asyncio.create_task(tell(number), name=f"n{number} tells") for number in range(TELLERS)]
            await gateway.until(lambda: gateway.waiting_for_room or all_told(), "the adapter waits, or has told all")
            gateway.crowd(False)
            await asyncio.gather(*telling)
            await gateway.until(all_told, "everything is told")
            for number in range(TELLERS):
                assert gateway.told(f"n{number}", "count") == expected

    async def test_1_000_hostile_inputs_stop_nothing(self) -> None:
        async with self.running() as gateway:
            good = await gateway.known_device("good")
            chance = random.Random(1)
            for turn in range(10):
                async with asyncio.timeout(WAIT_S):
                    await gateway.world.noise(gateway.adapter, chance, NOISE // 10)
                await good.report("count", str(turn))
                await gateway.until(
                    lambda t=turn: gateway.told("good", "count")[-1:] == [str(t)],  # type: ignore[misc]
                    "the good device goes on",
                )
            assert gateway.told("good", "count") == [str(turn) for turn in range(10)]
            assert await gateway.write("good", "led", "1") == "ok"
            after = await gateway.known_device("after")
            assert await gateway.write("after", "led", "1") == "ok"
            assert after.written == [("led", "1")]

    async def test_memory_does_not_grow_by_devices_that_come_and_go(self) -> None:
        """500 at a time. What has a bound (caches, timers that were cancelled) ends to grow after some rounds."""
        async with self.running() as gateway:
            # Not traced, which makes everything three times as dear: so that most bounds are reached already.
            await come_and_go(gateway, "first", 3 * COMING_AND_GOING)
            tracemalloc.start()
            try:
                await come_and_go(gateway, "warm", 2 * AT_ONCE)
                gc.collect()
                before = tracemalloc.take_snapshot()
                for turn in range(ROUNDS):
                    await come_and_go(gateway, f"round{turn}", COMING_AND_GOING)
                    gc.collect()
                    after = tracemalloc.take_snapshot()
                    grown, where = growth(before, after)
                    if grown < COMING_AND_GOING * MAX_LEFT_BYTES:
                        return
                    before = after
            finally:
                tracemalloc.stop()
            raise AssertionError(f"{grown:,} bytes are left of each {COMING_AND_GOING:,} devices:\n{where}")


async def come_and_go(gateway: Gateway, name: str, count: int) -> None:
    """So many devices come, report a value, and leave; AT_ONCE at a time."""

    async def live(number: int) -> None:
        device = await gateway.known_device(f"{name}-{number}")
        await device.report("led", "0")
        await gateway.until(lambda: gateway.told(device.uid, "led"), f"the value of {device.uid}")
        await device.leave()
        await gateway.until(lambda: not gateway.known(device.uid), f"{device.uid} is gone")
        await device.vanish()
        gateway.ended(device)

    for first in range(0, count, AT_ONCE):
        await asyncio.gather(*(live(number) for number in range(first, min(first + AT_ONCE, count))))
        gateway.forget_what_was()


def growth(before: tracemalloc.Snapshot, after: tracemalloc.Snapshot) -> tuple[int, str]:
    """How many bytes there are more, and the lines of code that most of them come from."""
    ignored = (tracemalloc.Filter(False, tracemalloc.__file__), tracemalloc.Filter(False, linecache.__file__))
    changes = after.filter_traces(ignored).compare_to(before.filter_traces(ignored), "lineno")
    return sum(change.size_diff for change in changes), "\n".join(map(str, changes[:15]))
