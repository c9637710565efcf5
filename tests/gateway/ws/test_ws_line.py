# SPDX-License-Identifier: BSD-3-Clause
"""What is asked for by a crowd at one moment: all of it is done, in order, and others have their turns in between."""

from __future__ import annotations

import asyncio
import time

from pyaiot.gateway.ws import line
from pyaiot.gateway.ws.line import Line

from .ws_devices import Gateway, raw, upgrade


async def test_others_have_their_turns_in_between() -> None:
    works, turns, done = Line(), 0, []
    for number in range(50):

        def work(number: int = number) -> None:
            time.sleep(line.TURN_S / 2)
            done.append(number)

        works.add(work)
    while works:
        turns += 1
        await asyncio.sleep(0)
    assert done == list(range(50))
    assert turns >= 50 / 3


async def test_a_fault_of_one_is_not_that_of_those_behind_it() -> None:
    faults: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: faults.append(str(context.get("exception"))))
    works, done = Line(), []

    def broken() -> None:
        raise RuntimeError("broken")

    for work in (broken, lambda: done.append(1), broken, lambda: done.append(2)):
        works.add(work)
    async with asyncio.timeout(5):
        while works:
            await asyncio.sleep(0)
    assert done == [1, 2]
    assert faults == ["broken", "broken"]


async def test_what_is_left_is_done_at_the_end() -> None:
    works, done = Line(), []
    works.add(lambda: done.append(1))
    works.add(lambda: done.append(2))
    works.finish()
    assert done == [1, 2]
    await asyncio.sleep(0)
    assert (done, len(works)) == ([1, 2], 0)


async def test_a_request_whose_device_goes_before_its_turn_is_none(gateway: Gateway) -> None:
    """Its connection is aborted by us here, which is when the event loop says nothing of it before the turn."""
    server = gateway.adapter._server
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.adapter.port)
    await gateway.until(lambda: len(server) == 1)
    (connection,) = server._connections
    writer.write(upgrade("/node?id=lamp"))
    await gateway.until(lambda: connection._head is None or len(server.line) or gateway.known("lamp"))
    connection.abort()
    await gateway.until(lambda: len(server) == 0 and not server.line)
    writer.transport.abort()
    assert not gateway.known("lamp")
    async with raw(gateway, "/node?id=lamp"):
        await gateway.until(lambda: gateway.known("lamp"))
