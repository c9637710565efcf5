# SPDX-License-Identifier: BSD-3-Clause
"""``nodes.watch`` over the real ``/rpc``: state and changes, filters, going on after a cut, slow readers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pyaiot.broker.rpc.filters import Condition, Filter
from pyaiot.broker.server import Broker
from pyaiot.keys import Keys
from pyaiot.wire.messages import New, Out, Reset, Sync, Update
from tests.broker.peers import PATIENCE_S, gateway
from tests.broker.rpc.programs import Program, program
from tests.broker.rpc.watcher import View, truth

NEW = New(uid="1", protocol="coap", at=1)
GONE = {"type": "gone", "uid": "coap/1", "why": "closed", "at": 7}


def update(resource: str, data: Any, at: int, uid: str = "1", unit: str | None = None) -> Update:
    more: dict[str, Any] = {} if unit is None else {"unit": unit}
    return Update(uid=uid, resource=resource, data=data, value=data, at=at, **more)


class Watcher:
    """One watch of a program, and what it makes of it."""

    def __init__(self, asker: Program, siblings: dict[int, Watcher], view: View) -> None:
        self.asker = asker
        self.siblings = siblings
        self.view = view
        self.heard: list[dict[str, Any]] = []

    @classmethod
    async def begin(
        cls, asker: Program, view: View | None = None, siblings: dict[int, Watcher] | None = None, **params: Any
    ) -> Watcher:
        """``siblings``: the other watches of this program, by number."""
        result = await asker.result("nodes.watch", params)
        if view is None or not result["resumed"]:
            view = View()
        view.synced = 0
        siblings = {} if siblings is None else siblings
        siblings[result["watch"]] = made = cls(asker, siblings, view)
        return made

    async def read(self) -> None:
        """The next notification of this watch; those of others are theirs."""
        while True:
            message = self.asker.told.pop(0) if self.asker.told else await self.asker.read()
            assert message["method"] == "nodes.changed"
            watcher = self.siblings[message["params"]["watch"]]
            watcher.view.hear(message["params"])
            watcher.heard += message["params"]["changes"]
            if watcher is self:
                return

    async def synced(self) -> Watcher:
        while not self.view.synced:
            await self.read()
        return self

    async def agrees(self, broker: Broker, **conditions: Condition) -> None:
        """Read until nothing differs from what the filter means."""
        expected = truth(broker.hub.directory, Filter.of(**conditions))
        async with asyncio.timeout(PATIENCE_S):
            while (self.view.gateways, self.view.states()) != expected:
                await self.read()


async def test_the_state_and_then_every_change(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, program(broker.port) as asker:
        await link.say(NEW, update("t", "1°C", 5, unit="Cel"), Sync(uids=["1"]))
        await link.acknowledged(link.next - 1)
        watcher = await (await Watcher.begin(asker)).synced()
        assert watcher.heard == [
            {"type": "node", "uid": "coap/1", "gateway": "coap", "protocol": "coap", "firstSeen": 1},
            {"type": "value", "uid": "coap/1", "resource": "t", "data": "1°C", "value": "1°C", "unit": "Cel", "at": 5},
            {"type": "gateway", "gateway": "coap", "state": "connected"},
        ]
        del watcher.heard[:]
        await link.say(*(update("n", n, n) for n in range(300)), Reset(uid="1", at=6), Out(uid="1", why="closed", at=7))
        while not watcher.heard or watcher.heard[-1]["type"] != "gone":
            await watcher.read()
        assert [change["data"] for change in watcher.heard if change["type"] == "value"] == list(range(300))
        assert watcher.heard[-2:] == [{"type": "reset", "uid": "coap/1"}, GONE]


async def test_who_was_cut_off_is_told_what_changed_since_and_nothing_else(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link:
        nodes = [str(number) for number in range(50)]
        await link.say(
            *(New(uid=uid, protocol="coap", at=1) for uid in nodes), *(update("v", 0, 1, uid) for uid in nodes)
        )
        await link.say(Sync(uids=nodes))
        await link.acknowledged(link.next - 1)
        async with program(broker.port) as asker:
            first = await (await Watcher.begin(asker)).synced()
        await link.say(update("v", 1, 2, "7"), Out(uid="8", why="closed", at=3), Reset(uid="9", at=3))
        await link.acknowledged(link.next - 1)
        async with program(broker.port) as asker:
            watcher = await (await Watcher.begin(asker, first.view, since=first.view.version)).synced()
            assert watcher.view is first.view, "it was resumed"
            assert [(change["type"], change["uid"]) for change in watcher.heard] == [
                ("value", "coap/7"),
                ("gone", "coap/8"),
                ("reset", "coap/9"),
            ]
            await watcher.agrees(broker)


async def test_a_version_of_another_run_is_not_gone_on_from(broker: Broker, keys: Keys) -> None:
    async with program(broker.port) as asker:
        own = broker.hub.directory.changes.version
        for since in (0, 1, own + 1, 2**53 - 1):
            assert (await asker.result("nodes.watch", {"since": since}))["resumed"] is False
        assert (await asker.result("nodes.watch", {"since": own}))["resumed"] is True
        assert await asker.error("nodes.watch", {"since": -1}) == -32602


async def test_a_gateway_that_is_lost_comes_back_or_stays_away(broker: Broker, keys: Keys) -> None:
    async with program(broker.port) as asker:
        watcher = await (await Watcher.begin(asker, gateway="coap")).synced()
        async with gateway(broker.port, keys, epoch="a" * 16) as link:
            await link.say(NEW, New(uid="2", protocol="coap", at=1), Sync(uids=["1", "2"]))
            await link.acknowledged(link.next - 1)
            await watcher.agrees(broker, gateway="coap")
        while watcher.view.gateways["coap"] != "away":
            await watcher.read()
        async with gateway(broker.port, keys, epoch="b" * 16) as link:
            while watcher.view.gateways["coap"] != "resyncing":
                await watcher.read()
            assert [node["there"] for node in watcher.view.states().values()] == [False, False]
            await link.say(NEW)
            while not watcher.view.states()["coap/1"]["there"]:
                await watcher.read()
            assert not watcher.view.states()["coap/2"]["there"]
            await link.say(Sync(uids=["1"]))
            await link.acknowledged(link.next - 1)
            await watcher.agrees(broker, gateway="coap")
            assert list(watcher.view.nodes) == ["coap/1"]
            assert watcher.view.gateways == {"coap": "connected"}


async def test_several_watches_each_hear_of_what_they_mean(broker: Broker, keys: Keys) -> None:
    filters: list[dict[str, Condition]] = [{}, {"type": "temperature"}, {"uid": "coap/2"}, {"glob": "*/led"}]
    async with gateway(broker.port, keys) as link, program(broker.port) as asker, program(broker.port) as other:
        first: list[Watcher] = []
        second: list[Watcher] = []
        for each, watchers in ((asker, first), (other, second)):
            siblings: dict[int, Watcher] = {}
            for conditions in filters:
                watchers.append(await Watcher.begin(each, siblings=siblings, **conditions))
        await link.say(NEW, New(uid="2", protocol="coap", at=1), update("t1", 1, 1, unit="Cel"))
        await link.say(update("led", 0, 2, "2"), update("t1", 50, 3, unit="%RH"), Sync(uids=["1", "2"]))
        await link.acknowledged(link.next - 1)
        for watchers in (first, second):
            for watcher, conditions in zip(watchers, filters, strict=True):
                await watcher.agrees(broker, **conditions)
        assert not first[1].view.nodes, "its only temperature became a humidity"
        assert list(first[3].view.nodes) == ["coap/2"]


async def test_a_watch_ends_when_it_is_asked_to(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, program(broker.port) as asker:
        ended = await (await Watcher.begin(asker)).synced()
        other = await (await Watcher.begin(asker, siblings=(siblings := {}))).synced()
        (number,) = siblings
        assert await asker.result("nodes.unwatch", [number - 1]) is True
        assert await asker.error("nodes.unwatch", [number - 1]) == "unknown"
        await link.say(NEW)
        while not other.view.nodes:
            await other.read()  # which knows of no other watch
        assert not ended.view.nodes
    async with asyncio.timeout(PATIENCE_S):
        while len(broker.hub.watches):
            await asyncio.sleep(0)
    assert broker.hub.directory.feed.on_news is None, "nobody pays for watches that nobody has"


async def test_watches_are_bounded_and_need_a_connection(broker: Broker) -> None:
    async with program(broker.port) as asker:
        for _ in range(16):
            await asker.result("nodes.watch")
        assert await asker.error("nodes.watch") == "busy"
        assert await asker.error("nodes.watch", {"uid": ["x"] * 33}) == -32602
        assert await asker.error("nodes.watch", {"glob": ""}) == -32602
        assert await asker.error("nodes.watch", {"color": "red"}) == -32602


async def test_who_speaks_version_1_is_told_in_it(broker: Broker, keys: Keys) -> None:
    async with program(broker.port) as asker:
        await asker.send({"id": 1, "method": "nodes.watch", "params": []})
        answer = await asker.read()
        assert answer["result"].pop("now") > 0
        assert answer == {"id": 1, "result": {"watch": 1, "resumed": False}, "error": None}
        told = await asker.read()
        assert (told["id"], told["method"]) == (None, "nodes.changed")
        assert told["params"][0]["synced"] is True
        assert "jsonrpc" not in told


@pytest.mark.parametrize("watches", [1, 16])
async def test_a_slow_watcher_costs_little_delays_nobody_and_ends_at_the_truth(
    broker: Broker, keys: Keys, watches: int
) -> None:
    nodes = [str(number) for number in range(50)]
    async with gateway(broker.port, keys) as link, program(broker.port) as still, program(broker.port) as asker:
        await link.say(*(New(uid=uid, protocol="coap", at=1) for uid in nodes), Sync(uids=nodes))
        siblings: dict[int, Watcher] = {}
        slow = [await Watcher.begin(still, siblings=siblings) for _ in range(watches)]
        still.socket.transport.pause_reading()
        fast = await Watcher.begin(asker)
        waiting = 0
        for at in range(1, 151):
            await link.say(*(update("v", f"{at} " + "x" * 200, at, uid) for uid in nodes))
            while fast.view.nodes.get("coap/49", {"values": {}})["values"].get("v", (0, 0, 0))[2] != at:
                await fast.read()
            waiting = max(waiting, *(bytes_waiting(each) for each in broker.hub.clients))
        assert broker.hub.watches.fanout.fallen_behind >= 1
        # With what the kernel may hold, which is twice 64 KiB.
        assert waiting + 128 * 1024 <= 512 * 1024
        still.socket.transport.resume_reading()
        for watcher in slow:
            await watcher.agrees(broker)
        heard = sum(len(watcher.heard) for watcher in slow)
        assert heard < len(fast.heard) * watches / 2, "old values are not told any more"


def bytes_waiting(session: Any) -> int:
    """What the broker holds for a client."""
    if session.ws_connection is None or session.stream.closed():
        return 0
    return len(session.stream._write_buffer)
