# SPDX-License-Identifier: BSD-3-Clause
"""``nodes.list``, ``get``, ``write``, ``call`` at a real broker; the order of uids by properties."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyaiot.broker.entries import Node
from pyaiot.broker.rpc import nodes as node_methods
from pyaiot.broker.rpc import uid_index
from pyaiot.broker.rpc.uid_index import UidIndex
from pyaiot.broker.server import Broker
from pyaiot.keys import Keys
from pyaiot.wire.messages import New, Out, Result, Update
from tests.broker.peers import PATIENCE_S, Gateway, gateway
from tests.broker.rpc.programs import Program, program


def new(uid: str) -> New:
    return New(uid=uid, protocol="coap", at=1)


def update(uid: str, resource: str, data: Any, unit: str | None = None, at: int = 2) -> Update:
    return Update(uid=uid, resource=resource, data=data, value=data, at=at, **({"unit": unit} if unit else {}))


async def pages(client: Program, **params: Any) -> list[list[str]]:
    """The uids of all pages."""
    found, after = [], ""
    while after is not None:
        page = await client.result("nodes.list", {**params, "after": after})
        found.append([node["uid"] for node in page["nodes"]])
        after = page["next"]
    return found


async def listed(client: Program, **params: Any) -> list[str]:
    """The uids of all pages, in one list."""
    return [uid for page in await pages(client, **params) for uid in page]


async def test_a_node_is_told_whole(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, program(broker.port) as client:
        await link.say(new("1"), update("1", "t", 21.5, "Cel", 9), update("1", "led", "0"))
        await link.acknowledged(3)
        node = {
            "uid": "coap/1",
            "gateway": "coap",
            "protocol": "coap",
            "state": "online",
            "firstSeen": 1,
            "lastSeen": 9,
            "values": {
                "t": {"data": 21.5, "value": 21.5, "unit": "Cel", "at": 9},
                "led": {"data": "0", "value": "0", "at": 2},
            },
        }
        assert await client.result("nodes.get", ["coap/1"]) == node
        page = await client.result("nodes.list", {"uid": "coap/1"})
        assert (page["nodes"], page["next"]) == ([node], None)
        watch = await client.result("nodes.watch", {"since": page["version"]})
        assert watch["resumed"], "what follows the page can be watched"
        assert await client.error("nodes.get", ["coap/2"]) == "unknown"


async def test_pages_hold_what_the_filter_means_in_order(
    broker: Broker, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    uids = [f"{number:03}" for number in range(120)]
    async with gateway(broker.port, keys) as link, program(broker.port) as client:
        for uid in reversed(uids):
            await link.say(new(uid), update(uid, "led" if int(uid) % 2 else "t", 1, None if int(uid) % 2 else "Cel"))
        await link.acknowledged(240)
        everything = [f"coap/{uid}" for uid in uids]
        assert [len(page) for page in await pages(client)] == [100, 20]
        assert await listed(client, limit=7) == everything
        assert await listed(client, type="temperature") == everything[::2]
        assert await listed(client, glob=["coap/01?/*", "*/119/led"]) == [*everything[10:20], "coap/119"]
        assert await listed(client, uid=["coap/007", "coap/003", "x/1"]) == ["coap/003", "coap/007"]
        assert await pages(client, gateway="mqtt") == [[]]
        assert await listed(client, gateway=["coap", "mqtt"], limit=50) == everything
        monkeypatch.setattr(node_methods, "MAX_LOOKED_AT", 10)
        found = await pages(client, resource="t", limit=1000)
        assert len(found) == 12, "a page costs no more the less it finds"
        assert [uid for page in found for uid in page] == everything[::2]
        monkeypatch.undo()
        monkeypatch.setattr(node_methods, "MAX_STEPS", 320)
        found = await pages(client, glob=["*/t", *(f"*a*{number}" for number in range(31))], limit=1000)
        assert len(found) == 12, "nor the more globs there are"
        assert [uid for page in found for uid in page] == everything[::2]
        monkeypatch.setattr(node_methods, "MAX_PAGE_BYTES", 500)
        assert max(map(len, await pages(client))) <= 4
        for params in ({"limit": 0}, {"limit": 1001}, {"limit": "1"}, {"after": 1}, {"glob": []}, {"nothing": 1}):
            assert await client.error("nodes.list", params) == -32602


async def written(link: Gateway, client: Program, *params: Any, method: str = "nodes.write") -> Any:
    """Begin a write; the task that waits for its answer, and the write as it reached the gateway."""
    asking = asyncio.create_task(client.ask(method, list(params)))
    return asking, await link.write()


async def test_a_write_answers_what_the_device_confirmed_and_not_before_it_was_told(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, program(broker.port) as client:
        await link.say(new("1"), update("1", "led", "0"))
        await link.acknowledged(2)
        await client.result("nodes.watch")
        asking, write = await written(link, client, "coap/1", "/led", 1, 5)
        assert (write.uid, write.resource, write.data, write.ttl_ms) == ("1", "led", 1, 5_000)
        await link.say(update("1", "led", "1", at=3), Result(id=write.id, ok=True))
        assert (await asking)["result"] == {"data": "1", "value": "1", "at": 3}
        told = [change for each in client.told for change in each["params"]["changes"]]
        assert [change["data"] for change in told if change.get("resource") == "led"] == ["0", "1"]
        asking, write = await written(link, client, "coap/1", "led", 0)
        await link.say(Result(id=write.id, ok=True))
        assert (await asking)["result"] is None, "confirmed, and no reading told: the old one is none"
        asking, write = await written(link, client, "coap/1", "led", [5], method="nodes.call")
        assert write.data == 5
        await link.say(Result(id=write.id, ok=False, code="refused", reason="no such brightness"))
        error = (await asking)["error"]
        assert error == {"code": -32004, "message": "no such brightness", "data": {"code": "refused"}}
        assert await client.error("nodes.call", ["coap/1", "led", [1, 2]]) == -32602
        assert await client.error("nodes.read", ["coap/1", "led"]) == "unsupported"
        assert await client.error("nodes.call", ["coap/1", "led"]) == "unsupported"


async def test_what_hinders_a_write_has_a_name(broker: Broker, keys: Keys) -> None:
    async with program(broker.port) as client:
        async with gateway(broker.port, keys) as link:
            await link.say(new("1"))
            await link.acknowledged(1)
            assert await client.error("nodes.write", ["coap/2", "led", 1]) == "unknown"
            assert await client.error("nodes.write", ["coap/1", "no resource!", 1]) == "unsupported"
            assert await client.error("nodes.write", ["coap/1", "led", 1, 11]) == -32602
            for id in range(65):
                await client.send(
                    {"jsonrpc": "2.0", "id": f"w{id}", "method": "nodes.write", "params": ["coap/1", "led", id]}
                )
            assert (await client.read())["error"]["data"]["code"] == "busy"
            for _ in range(64):
                write = await link.write()
                await link.say(Result(id=write.id, ok=False, code="a code of tomorrow"))
                assert (await client.read())["error"]["data"]["code"] == "failed"
        async with asyncio.timeout(PATIENCE_S):
            while await client.error("nodes.write", ["coap/1", "led", 1]) != "offline":
                await asyncio.sleep(0.01)


async def test_a_node_that_left_is_not_listed(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, program(broker.port) as client:
        await link.say(new("1"), new("2"))
        await link.acknowledged(2)
        assert await pages(client) == [["coap/1", "coap/2"]]
        await link.say(Out(uid="1", why="timeout", at=3), new("0"))
        await link.acknowledged(4)
        assert await pages(client) == [["coap/0", "coap/2"]]


@given(st.data())
def test_uids_are_in_order_whatever_came_and_left(data: st.DataObject) -> None:
    nodes: dict[str, Node] = {}
    index = UidIndex(nodes)
    names = st.sampled_from(
        [f"{gateway}/{uid}" for gateway in ("a", "a.b", "b", "b0") for uid in ("", "-", "0", "9", "z")]
    )
    bounds = uid_index.MIN_NEWCOMERS, uid_index.FEW_NEWCOMERS
    uid_index.MIN_NEWCOMERS, uid_index.FEW_NEWCOMERS = 3, 2  # type: ignore[misc]
    try:
        for _ in range(data.draw(st.integers(0, 40))):
            uid = data.draw(names)
            match data.draw(st.sampled_from(("arrive", "arrive", "leave", "look"))):
                case "arrive":
                    nodes.setdefault(uid, Node(uid, uid.partition("/")[0], "coap", 0))
                    index.arrived(uid)
                case "leave":
                    nodes.pop(uid, None)
                case _:
                    gateways = data.draw(st.none() | st.frozensets(st.sampled_from(["a", "a.b", "b", "b0", "c"])))
                    expected = [
                        each
                        for each in sorted(nodes)
                        if each > uid and (gateways is None or each.partition("/")[0] in gateways)
                    ]
                    assert list(index.after(uid, gateways)) == expected
        assert list(index.after("")) == sorted(nodes)
        assert len(index._ordered) <= 2 * len(nodes) + 3
    finally:
        uid_index.MIN_NEWCOMERS, uid_index.FEW_NEWCOMERS = bounds  # type: ignore[misc]
