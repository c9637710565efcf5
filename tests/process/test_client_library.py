# SPDX-License-Identifier: BSD-3-Clause
"""The client library over connections that break, and brokers that die: no gap, no duplicate, nothing done twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from pyaiot.cli.generate_keys import make_all
from pyaiot.client import Client, Forbidden, Left, NodeGone, Offline, RpcError, Taken, Unknown, Value
from pyaiot.client.changes import Change
from pyaiot.client.watching import Watch
from pyaiot.keys import Keys
from tests.lasting_ports import lasting_port
from tests.patience import PATIENCE_S
from tests.process.broken_network import network
from tests.process.feeders import Feeder, feeding
from tests.process.processes import Host
from tests.process.test_broker_killed import start_again

CUTS = 8


class Listener:
    """Takes every change, and believes nothing twice."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._news = asyncio.Event()
        self.values: dict[tuple[str, str], int] = {}
        self.told = 0
        self.faults: list[Change] = []
        self._gone: set[str] = set()

    async def listen(self) -> None:
        async for change in self._watch.changes():
            self.told += 1
            if isinstance(change, NodeGone):
                self.values = {key: value for key, value in self.values.items() if key[0] != change.uid}
            elif isinstance(change, Value) and change.resource.startswith("count"):
                key = change.uid, change.resource
                if change.data <= self.values.get(key, 0):
                    self.faults.append(change)
                self.values[key] = change.data
            self._news.set()

    async def until(self, so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not so():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def listening(client: Client) -> AsyncIterator[Listener]:
    listener = Listener(client.watch(glob="coap/*/count*"))
    task = asyncio.create_task(listener.listen())
    yield listener
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert listener.faults == []


def truth(feeder: Feeder) -> dict[tuple[str, str], int]:
    return {
        (uid, resource): data
        for uid, values in feeder.truth.items()
        for resource, data in values.items()
        if resource.startswith("count")
    }


async def test_a_watch_goes_on_over_cut_connections_without_gap_or_duplicate(host: Host, keys: Keys) -> None:
    _, port = await host.broker()
    async with (
        feeding(keys, "coap", port, devices=5, per_s=500) as feeder,
        network(port) as road,
        Client(f"localhost:{road.port}") as client,
        listening(client) as listener,
    ):
        for _ in range(CUTS):
            told = listener.told
            await listener.until(lambda told=told: listener.told > told + 20)  # type: ignore[misc]
            road.cut()
        feeder.stop_feeding()
        await listener.until(lambda: listener.values == truth(feeder))


async def test_a_client_comes_back_to_a_broker_that_was_killed_as_who_it_was(host: Host, keys: Keys) -> None:
    broker, port = await host.broker(port=lasting_port("localhost"))
    asked = asyncio.Event()
    client, other = Client(f"localhost:{port}"), Client(f"localhost:{port}")

    @client.method
    async def think() -> str:
        """Never ends the first time."""
        if asked.is_set():
            return "thought"
        asked.set()
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    async with feeding(keys, "coap", port, devices=2, per_s=200) as feeder, client, other, listening(other) as listener:
        first = await client.register("thinker", type="mind")
        calling = asyncio.create_task(other.call("thinker", "think", timeout=60))
        await asked.wait()
        await listener.until(lambda: listener.told > 20)
        heard = other.subscribe("thinker", "mood")
        await heard.start()
        await broker.kill()
        with pytest.raises(Left, match="whether it was done is not known"):
            await calling
        await start_again(host, port)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    assert await other.call("thinker", "think") == "thought"
                    break
                except (Unknown, Left, Offline):
                    pass  # it is not back yet
            await heard.start()
            await client.publish("good", "mood")
            async for published in heard:
                assert (published.content, published.topic) == ("good", "mood")
                break
        with pytest.raises(Taken):
            await other.register("thinker")
        assert (await other.entity("thinker")).id == first.id
        feeder.stop_feeding()
        await listener.until(lambda: listener.values == truth(feeder))


async def test_a_client_whose_id_another_takes_over_goes_on_without_it(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    make_all(host.key_file, force=False)
    _, port = await host.broker()
    async with Client(f"localhost:{port}") as first, Client(f"localhost:{port}") as second:
        mine = await first.register("lamp")
        heard = first.subscribe("lamp")
        await heard.start()
        await second.register("lamp", token=mine.token)
        async with asyncio.timeout(PATIENCE_S):
            while "The id lamp was taken over" not in caplog.text:
                await asyncio.sleep(0.01)
            await heard.start()  # over the next connection, which would have registered before
            assert await second.publish("on") == 1
            async for published in heard:
                assert published.content == "on"
                break
        with pytest.raises(RpcError, match="regist"):
            await first.publish("mine")
    assert caplog.text.count("taken over") == 1, "nobody lost it again"


async def test_who_is_not_let_in_and_who_finds_nobody_is_told_at_once(host: Host) -> None:
    make_all(host.key_file, force=False)
    _, port = await host.broker("--require-token")
    with pytest.raises(Forbidden, match="token"):
        async with Client(f"localhost:{port}", token="wrong"):
            pass
    with pytest.raises(Offline, match="nothing listens there"):
        async with Client(f"localhost:{lasting_port('localhost')}", patience_s=0):
            pass
