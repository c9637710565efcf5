# SPDX-License-Identifier: BSD-3-Clause
"""Start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from unittest import SkipTest

from pyaiot.gateway.service import ADAPTER_STOP_S
from pyaiot.options import ConfigurationError
from pyaiot.testing.gateway import Gateway
from pyaiot.testing.running import Running, keeps_within, open_sockets, settled
from pyaiot.wire.names import is_name


class Lifetime(Running):
    """Tests of Adapter.start and stop."""

    async def test_a_constructor_opens_nothing(self) -> None:
        async with self.opened() as world:
            tasks, sockets = asyncio.all_tasks(), open_sockets()
            adapter = world.adapter()
            assert asyncio.all_tasks() == tasks
            assert open_sockets() == sockets
            assert re.fullmatch(r"[a-z0-9_-]{1,64}", adapter.protocol)
            assert is_name(adapter.protocol)
            assert adapter.title.strip()

    async def test_stop_without_start_and_stop_twice_do_no_harm(self) -> None:
        async with self.opened() as world:
            adapter = world.adapter()
            await adapter.stop()
            await adapter.stop()
        async with self.running() as gateway:
            await gateway.stop()
            await gateway.adapter.stop()

    async def test_a_taken_port_is_one_line_of_advice(self) -> None:
        async with self.opened() as world:
            if not world.listens:
                raise SkipTest("it listens on no port of its own")
            first = Gateway(world, world.adapter())
            await first.start()
            second = Gateway(world, world.adapter(world.port(first.adapter)))
            try:
                await second.start()
            except ConfigurationError as error:
                assert str(error).strip(), "advice is missing"
                assert "\n" not in str(error)
            else:
                raise AssertionError("it started on a port that was taken")
            finally:
                await second.stop()
                await second.end()
            device = await first.known_device("n1")
            await device.report("led", "1")
            await first.until(lambda: first.told("n1", "led") == ["1"], "the first one goes on")
            await first.stop()
            await first.end()
            assert first.violations == second.violations == []

    async def test_its_port_is_free_again_behind_it(self) -> None:
        async with self.opened() as world:
            if not world.listens:
                raise SkipTest("it listens on no port of its own")
            port = 0
            for turn in range(3):
                gateway = Gateway(world, world.adapter(port))
                await gateway.start()
                port = world.port(gateway.adapter)
                await gateway.known_device(f"n{turn}")
                await gateway.stop()
                await gateway.end()
                assert gateway.violations == []

    async def test_stop_takes_no_longer_than_it_may_whatever_is_under_way(self) -> None:
        async def stops() -> float:
            async with self.running() as gateway:
                for number in range(5):
                    await gateway.known_device(f"n{number}")
                device = await gateway.known_device("lamp")
                device.manner = "ignore"
                write = gateway.begin("lamp", "led", "1")
                await device.until_written()
                gateway.crowd(True)
                began = time.monotonic()
                await gateway.stop()
                took = time.monotonic() - began
                write.cancel()
                await settled(write.done, lambda: "a write does not end when it is cancelled")
                gateway.crowd(False)
                return took

        await keeps_within(ADAPTER_STOP_S, stops)

    async def test_nothing_is_reported_after_stop(self) -> None:
        async with self.running() as gateway:
            devices = [await gateway.known_device(f"n{number}") for number in range(5)]
            reports = [
                asyncio.create_task(each.report("count", str(number))) for each in devices for number in range(20)
            ]
            await gateway.until(lambda: gateway.told("n0", "count"), "the first values")
            await gateway.stop()
            for device in devices:
                for say in (device.hello, device.leave):
                    with contextlib.suppress(OSError, asyncio.TimeoutError):
                        async with asyncio.timeout(0.5):
                            await say()
            for report in reports:
                report.cancel()
            await asyncio.gather(*reports, return_exceptions=True)
            # The test's end finds what was reported.

    async def test_stop_ends_connections_that_have_said_nothing(self) -> None:
        async def stops() -> float:
            async with self.opened() as world:
                if not world.listens:
                    raise SkipTest("it listens on no port of its own")
                gateway = Gateway(world, world.adapter())
                await gateway.start()
                strangers = []
                for _ in range(5):
                    stranger = socket.socket()
                    stranger.setblocking(False)
                    strangers.append(stranger)
                    with contextlib.suppress(OSError):  # not every protocol is over TCP
                        await asyncio.get_running_loop().sock_connect(
                            stranger, ("127.0.0.1", world.port(gateway.adapter))
                        )
                await gateway.known_device("n1")
                began = time.monotonic()
                await gateway.stop()
                took = time.monotonic() - began
                for stranger in strangers:
                    stranger.close()
                await gateway.end()
                assert gateway.violations == []
                return took

        await keeps_within(ADAPTER_STOP_S, stops)
