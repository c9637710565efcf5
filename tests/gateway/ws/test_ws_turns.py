# SPDX-License-Identifier: BSD-3-Clause
"""Work of devices: at once while there is little, else a little at each turn of the loop, by fair turns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from pyaiot.gateway.device_tokens.token_keys import TokenKeys
from pyaiot.gateway.ws import turns
from pyaiot.gateway.ws.connection import Connection
from pyaiot.gateway.ws.deadlines import Deadlines
from pyaiot.gateway.ws.fair_queue import Group
from pyaiot.gateway.ws.server import Server
from pyaiot.gateway.ws.turns import WorkTurns
from tests.raw_sockets import converse

from .conftest import MakeGateway
from .token_devices import ACCEPTED, PLATFORM, keys_folder, token_device
from .ws_devices import Gateway, nobody_served, raw, upgrade


class Worker:
    """Does each of its works, one at a time."""

    def __init__(self, group: Group, *works: Callable[[], None]) -> None:
        self.group = group
        self.served_until = float("-inf")
        self.took_s = 0.0
        self.waiting = False
        self.works = list(works)

    def work(self) -> bool:
        self.works.pop(0)()
        return bool(self.works)


def slow() -> None:
    end = time.thread_time() + turns.TURN_S / 2
    while time.thread_time() < end:
        pass


async def until_done(works: WorkTurns) -> int:
    """How many turns of the loop it took."""
    async with asyncio.timeout(20):
        count = 0
        while works:
            count += 1
            await asyncio.sleep(0)
        return count


async def test_little_work_is_done_at_once_and_much_by_turns_with_others_in_between() -> None:
    works, group = WorkTurns(), Group()
    little = Worker(group, lambda: None)
    works.have(little)
    assert (little.works, len(works)) == ([], 0)
    many = [Worker(group, slow, slow) for _ in range(20)]
    for worker in many:
        works.have(worker)
    left = sum(len(worker.works) for worker in many)
    assert left > 35, "not more at once than what a turn has time for"
    assert await until_done(works) >= left / 3
    assert not any(worker.works for worker in many)


async def test_who_comes_after_a_crowd_with_little_does_not_wait_for_all_of_it() -> None:
    works = WorkTurns()
    crowd = [Worker(Group(), *[slow] * 10) for _ in range(20)]
    for worker in crowd:
        works.add(worker)
    await asyncio.sleep(0)
    late = Worker(Group(), lambda: None)
    works.have(late)
    assert late.works, "nobody passes those who wait"
    async with asyncio.timeout(20):
        while late.works:
            await asyncio.sleep(0)
    left = sum(len(worker.works) for worker in crowd)
    assert left > 60
    works.finish()


async def test_a_fault_of_one_is_not_that_of_those_behind_it() -> None:
    faults: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(str(context.get("exception"))))
    works, done = WorkTurns(), []

    def broken() -> None:
        raise RuntimeError("broken")

    for work in (broken, lambda: done.append(1), broken, lambda: done.append(2)):
        works.add(Worker(Group(), work))
    await until_done(works)
    assert sorted(done) == [1, 2]
    assert faults == ["broken", "broken"]


async def test_what_is_left_is_done_at_the_end_and_nobody_waits_twice() -> None:
    works, done = WorkTurns(), []
    worker = Worker(Group(), lambda: done.append(1), lambda: done.append(2))
    works.add(worker)
    works.add(worker)
    assert len(works) == 1
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
    await gateway.until(lambda: connection._head is None or len(server.turns) or gateway.known("lamp"))
    connection.abort()
    await gateway.until(lambda: len(server) == 0 and not server.turns)
    writer.transport.abort()
    assert not gateway.known("lamp")
    async with raw(gateway, "/node?id=lamp"):
        await gateway.until(lambda: gateway.known("lamp"))


def time_is_up(server: Server, deadlines: Deadlines[Connection]) -> None:
    """For all who wait for the end of it."""
    for each in deadlines._ends:
        deadlines._ends[each] = 0.0
    server._tick()


async def test_a_request_that_waits_for_its_turn_is_not_late(gateway: Gateway) -> None:
    server = gateway.adapter._server

    async def enter() -> None:
        async with raw(gateway, "/node?id=patient"):
            await gateway.until(lambda: gateway.known("patient"))

    with nobody_served(gateway) as waiting:
        entering = asyncio.create_task(enter())
        late = asyncio.create_task(converse(gateway.adapter.port, upgrade()[:-1], end=False))
        await gateway.until(lambda: len(server) == 2 and waiting)
        time_is_up(server, server._requests)
        assert await late == b""
    await entering
    assert gateway.adapter.counters.late_requests == 1


async def test_a_device_that_has_said_who_it_is_and_waits_for_its_turn_is_not_late(
    make_gateway: MakeGateway, tmp_path: Path
) -> None:
    gateway = await make_gateway(token_keys=TokenKeys(keys_folder(tmp_path / "keys", public=PLATFORM)))
    server = gateway.adapter._server
    async with token_device(gateway) as quick, token_device(gateway) as silent:
        with nobody_served(gateway) as waiting:
            introducing = asyncio.create_task(quick.introduce("joe"))
            await gateway.until(lambda: waiting)
            time_is_up(server, server._hurried)
            assert (await silent.closed())[0] == 1008
        assert await introducing == ACCEPTED
    assert gateway.adapter.counters.unnamed == 1
