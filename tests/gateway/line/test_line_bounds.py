# SPDX-License-Identifier: BSD-3-Clause
"""What one connection of the line gateway may not grow, and what its devices may not report."""

from __future__ import annotations

import asyncio

from docs.examples.line_gateway import MAX_DEVICES
from docs.examples.line_world import LineWorld
from pyaiot.testing.running import Running
from pyaiot.testing.world import WAIT_S


class TestLineBounds(Running):
    def make_world(self) -> LineWorld:
        return LineWorld()

    async def test_a_connection_speaks_for_so_many_devices_and_others_for_as_many(self) -> None:
        async with self.running() as gateway:
            for each in ("a", "b"):
                reader, writer = await asyncio.open_connection("127.0.0.1", gateway.adapter.port)  # type: ignore[attr-defined]
                writer.writelines(b"%s%d led 1\n" % (each.encode(), number) for number in range(MAX_DEVICES + 1))
                async with asyncio.timeout(WAIT_S):
                    while not (line := await reader.readline()).startswith(b"!"):
                        pass
                assert line == b"! a connection speaks for %d devices at most\n" % MAX_DEVICES
                assert gateway.known(f"{each}{MAX_DEVICES - 1}")
                assert not gateway.known(f"{each}{MAX_DEVICES}")
                writer.write(f"{each}0 bye\n{each}{MAX_DEVICES} ip 192.0.2.1\n".encode())
                await gateway.until(lambda each=each: gateway.known(f"{each}{MAX_DEVICES}"), "one left, so one more")
                async with asyncio.timeout(WAIT_S):
                    while not (line := await reader.readline()).startswith(b"!"):
                        pass
                assert line == b"! the gateway itself states that of this device\n"
                writer.close()
                await gateway.until(lambda each=each: not gateway.known(f"{each}1"), "all of it are gone")
                assert not gateway.known(f"{each}{MAX_DEVICES}")
            assert gateway.adapter._uids == {}  # type: ignore[attr-defined]
