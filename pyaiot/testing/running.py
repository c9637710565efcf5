# SPDX-License-Identifier: BSD-3-Clause
"""An adapter that runs for one test, and what must not be left of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from pyaiot.testing.gateway import Gateway
from pyaiot.testing.world import WAIT_S, World

#: What no test takes longer than, in seconds: something hangs.
TEST_S = 300.0
#: How often something may take longer than it should: the system gives the processor to somebody else now and then.
TRIES = 3
#: How often is looked whether the system has closed a socket: it tells nobody.
_LOOK_S = 0.01


class Running:
    """What all groups of tests have in common."""

    def make_world(self) -> World:
        """A new world, for one test."""
        raise NotImplementedError

    @asynccontextmanager
    async def opened(self, *, faults: bool = False) -> AsyncIterator[World]:
        """A world that is open. At its end nothing may be left of what happened in it, sockets and tasks least of all.

        ``faults``: the test makes the gateway fail, and errors may reach the event loop's exception handler.
        """
        loop = asyncio.get_running_loop()
        unhandled: list[dict[str, Any]] = []
        handler = loop.get_exception_handler()
        loop.set_exception_handler(lambda _, context: unhandled.append(context))
        world = self.make_world()
        try:
            await world.open()
            try:
                async with asyncio.timeout(TEST_S):
                    tasks, sockets = asyncio.all_tasks(), open_sockets()
                    yield world
                    await settled(
                        lambda: not asyncio.all_tasks() - tasks, lambda: f"left: {asyncio.all_tasks() - tasks}"
                    )
                    await settled(lambda: open_sockets() <= sockets, lambda: "sockets are left open")
            except TimeoutError:
                raise AssertionError(f"it hangs: not over within {TEST_S:g} s") from None
            finally:
                await world.close()
            assert faults or not unhandled, f"errors that nobody handled: {unhandled}"
        finally:
            loop.set_exception_handler(handler)

    @asynccontextmanager
    async def running(self, *, faults: bool = False) -> AsyncIterator[Gateway]:
        """A gateway whose adapter was started; it is stopped at the end, if the test has not done it."""
        async with self.opened(faults=faults) as world:
            gateway = Gateway(world, world.adapter())
            try:
                await gateway.start()
                yield gateway
            finally:
                try:
                    if not gateway.stopped:
                        await gateway.stop()
                finally:
                    await gateway.end()
            assert gateway.violations == [], gateway.violations
            if not faults:
                assert world.internal_errors(gateway.adapter) == 0, "the adapter has counted faults of its own"


def open_sockets() -> int:
    """How many sockets this process has; 0 where the system does not say (it is no Linux)."""
    try:
        descriptors = os.listdir("/proc/self/fd")
    except OSError:
        return 0
    count = 0
    for each in descriptors:
        try:
            count += os.readlink(f"/proc/self/fd/{each}").startswith("socket:")
        except OSError:
            pass  # it was closed meanwhile
    return count


async def settled(so: Callable[[], bool], what: Callable[[], str]) -> None:
    """Wait until ``so()`` is true, of which nobody tells. Raises AssertionError with what ``what()`` says."""
    try:
        async with asyncio.timeout(WAIT_S):
            while not so():
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        raise AssertionError(what()) from None


async def keeps_within(limit_s: float, attempt: Callable[[], Awaitable[float]]) -> None:
    """Have ``attempt`` measure how long something takes, in seconds, and again where that was too long.

    Raises AssertionError if it is not within ``limit_s`` at any of TRIES times.
    """
    took: list[float] = []
    while not took or took[-1] >= limit_s:
        assert len(took) < TRIES, f"it took {', '.join(f'{each:.2f}' for each in took)} s"
        took.append(await attempt())
