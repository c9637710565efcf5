# SPDX-License-Identifier: BSD-3-Clause
"""``entities.*`` on real sockets: programs find, call and hear each other, and devices too."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import pytest

from pyaiot.broker.entities import calls
from pyaiot.broker.server import Broker
from pyaiot.keys import Keys
from pyaiot.wire.messages import New, Result, Update
from tests.broker.peers import PATIENCE_S, client, gateway
from tests.broker.rpc.programs import Program, program

CALCULATOR = {
    "id": "calc",
    "type": "calculator",
    "description": "adds",
    "methods": [
        {"name": "add", "params": [{"name": "a", "type": "number"}, {"name": "b"}], "result": {"type": "number"}},
    ],
}


async def begin(caller: Program, method: str, params: Any, id: Any = "call") -> None:
    """Call, and wait for nothing."""
    await caller.send({"jsonrpc": "2.0", "id": id, "method": method, "params": params})


async def answer(callee: Program, result: Any) -> dict[str, Any]:
    """Serve one call; what it was."""
    request: dict[str, Any] = await callee.read()
    await callee.send({"jsonrpc": "2.0", "id": request["id"], **result})
    return request


async def test_a_program_registers_is_found_called_and_gone(broker: Broker) -> None:
    async with program(broker.port) as caller:
        async with program(broker.port) as calc:
            registered = await calc.result("entities.register", CALCULATOR)
            assert (registered["id"], registered["uid"]) == ("calc", "peer/calc")
            assert await caller.result("entities.list") == {
                "entities": [{"id": "calc", "type": "calculator", "kind": "peer"}],
                "next": None,
            }
            assert await caller.result("entities.types") == ["calculator"]
            assert await caller.result("entities.byType", ["calculator"]) == ["calc"]
            assert await caller.result("entities.get", ["calc"]) == {
                "id": "calc",
                "uid": "peer/calc",
                "kind": "peer",
                "type": "calculator",
                "methods": CALCULATOR["methods"],
                "topics": [],
                "subscribers": 0,
                "description": "adds",
            }
            for ending in ({"result": None}, {"result": 0}, {"error": {"code": 7, "message": "no", "data": [1]}}):
                await begin(caller, "entities.call", {"id": "calc", "method": "add", "params": {"a": 1, "b": 2}})
                request = await answer(calc, ending)
                assert (request["method"], request["params"]) == ("add", {"a": 1, "b": 2})
                assert await caller.read() == {"jsonrpc": "2.0", "id": "call", **ending}
            assert await caller.error("entities.call", ["calc", "subtract"]) == -32601
            assert await caller.error("entities.call", ["nobody", "add"]) == "unknown"
            await begin(caller, "entities.call", ["calc", "add", [1, 2]])
            await calc.read()
        assert (await caller.read())["error"]["data"] == {"code": "left"}
        assert await caller.result("entities.list") == {"entities": [], "next": None}


async def test_an_id_is_taken_over_by_its_token_and_the_older_connection_is_closed(broker: Broker) -> None:
    async with AsyncExitStack() as stack:
        older, newer, other = [await stack.enter_async_context(program(broker.port)) for _ in range(3)]
        token = (await older.result("entities.register", {"id": "lamp"}))["token"]
        assert await other.error("entities.register", {"id": "lamp"}) == "taken"
        assert await other.error("entities.register", {"id": "lamp", "token": "not the token"}) == "taken"
        assert (await newer.result("entities.register", {"id": "lamp", "token": token}))["token"] == token
        assert (await older.closed())[0] == 4409
        await newer.socket.close()
        assert await other.error("entities.register", {"id": "lamp"}) == "taken"
        assert (await other.result("entities.register", {"id": "lamp", "token": token}))["id"] == "lamp"


async def test_a_peer_of_json_rpc_1_is_called_and_told_in_1(broker: Broker) -> None:
    async with program(broker.port) as old, program(broker.port) as new:
        await old.send({"id": 1, "method": "entities.register", "params": ["old", "t", [CALCULATOR["methods"][0]]]})  # type: ignore[index]
        assert set(await old.read()) == {"id", "result", "error"}
        await begin(new, "entities.call", ["old", "add", {"b": 2, "a": 1}])
        request = await old.read()
        assert request == {"id": request["id"], "method": "add", "params": [1, 2]}
        await old.send({"id": request["id"], "result": 3, "error": None})
        assert (await new.read())["result"] == 3
        await old.send({"id": 2, "method": "entities.watchRegistrations", "params": []})
        await old.read()
        await new.result("entities.register", {"id": "new"})
        told = {"id": "new", "type": "default", "kind": "peer"}
        assert await old.read() == {"method": "entities.registered", "params": [told], "id": None}


async def test_what_is_published_is_heard_and_shows_to_clients_of_nodes(broker: Broker) -> None:
    async with program(broker.port) as lamp, program(broker.port) as hearer, client(broker.port) as dashboard:
        await hearer.result("entities.subscribe", ["lamp"])  # which is yet to come
        await lamp.result("entities.register", {"id": "lamp"})
        assert await lamp.result("entities.publish", {"content": "21°C", "topic": "temperature"}) == {"subscribers": 1}
        assert await lamp.result("entities.publish", [{"all": True}]) == {"subscribers": 1}
        told = [await hearer.read() for _ in range(2)]
        assert [each["params"] for each in told] == [
            {"id": "lamp", "content": "21°C", "topic": "temperature"},
            {"id": "lamp", "content": {"all": True}},
        ]
        await dashboard.join("synced")
        await dashboard.sees({"peer/lamp": {"temperature": "21°C", "published": {"all": True}}})
        assert (await hearer.result("entities.get", ["lamp"]))["topics"] == ["temperature"]
        assert await hearer.result("entities.unsubscribe", ["lamp"]) is True
        assert await hearer.error("entities.unsubscribe", ["lamp"]) == "unknown"
        assert await lamp.result("entities.publish", [1]) == {"subscribers": 0}
        assert await hearer.error("entities.publish", [1]) == "unknown"
        await lamp.result("entities.unregister")
        assert await lamp.error("entities.unregister") == "unknown"
        await dashboard.sees({})


async def test_a_write_to_its_node_is_a_call_whose_answer_is_the_outcome(broker: Broker) -> None:
    async with program(broker.port) as lamp, program(broker.port) as other:
        await lamp.result("entities.register", {"id": "lamp", "methods": [{"name": "led"}]})
        write = {"uid": "peer/lamp", "resource": "led", "data": 1}
        await begin(other, "nodes.write", write)
        assert (await answer(lamp, {"result": "done"}))["params"] == [1]
        assert (await other.read())["result"] is None
        await begin(other, "nodes.write", write)
        await answer(lamp, {"error": {"code": 1, "message": "no such colour"}})
        error = (await other.read())["error"]
        assert (error["data"]["code"], error["message"]) == ("refused", "no such colour")
        assert await other.error("nodes.write", {**write, "resource": "published"}) == "unsupported"
        await begin(other, "nodes.write", {**write, "timeout": 0.05})
        await lamp.read()
        assert (await other.read())["error"]["data"]["code"] == "timeout"
        await begin(other, "nodes.write", write)
        await lamp.socket.close()
        assert (await other.read())["error"]["data"]["code"] == "timeout"


async def test_a_device_is_an_entity(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, program(broker.port) as caller, program(broker.port) as peer:
        await peer.result("entities.register", {"id": "d"})
        updates = [Update(uid="1", resource="led", data="0", value=0, at=1)]
        await link.say(New(uid="1", protocol="CoAP", at=1), *updates, New(uid="2", protocol="CoAP", at=1))
        await link.acknowledged(3)
        listed = [
            {"id": "coap/1", "type": "CoAP", "kind": "device"},
            {"id": "coap/2", "type": "CoAP", "kind": "device"},
            {"id": "d", "type": "default", "kind": "peer"},
        ]
        assert await caller.result("entities.list") == {"entities": listed, "next": None}
        assert await caller.result("entities.list", {"kind": "device", "limit": 1}) == {
            "entities": listed[:1],
            "next": "coap/1",
        }
        assert (await caller.result("entities.list", {"after": "coap/1", "limit": 2}))["entities"] == listed[1:]
        assert (await caller.result("entities.list", {"type": "default"}))["entities"] == listed[2:]
        assert await caller.result("entities.types") == ["CoAP", "default"]
        assert await caller.result("entities.byType", {"type": "CoAP", "after": "coap/1"}) == ["coap/2"]
        assert await caller.result("entities.get", ["coap/1"]) == {
            "id": "coap/1",
            "uid": "coap/1",
            "kind": "device",
            "type": "CoAP",
            "methods": [{"name": "led"}],
            "topics": ["led"],
            "subscribers": 0,
        }
        await caller.result("entities.subscribe", ["coap/1", "led"])
        await begin(caller, "entities.call", ["coap/1", "led", ["1"]])
        write = await link.write()
        await link.say(Update(uid="1", resource="led", data="1", value=1, at=2), Result(id=write.id, ok=True))
        assert (await caller.read())["params"] == {"id": "coap/1", "content": 1, "topic": "led"}
        assert (await caller.read())["result"] == {"data": "1", "value": 1, "at": 2}


async def test_programs_show_to_who_watches_nodes(broker: Broker) -> None:
    async with program(broker.port) as watcher, program(broker.port) as lamp:
        await watcher.result("nodes.watch", {"gateway": "peer"})
        await lamp.result("entities.register", {"id": "lamp"})
        await lamp.result("entities.publish", {"content": 1, "topic": "state"})
        await lamp.result("entities.unregister")
        heard: list[dict[str, Any]] = []
        while not heard or heard[-1]["type"] != "gone":
            told = watcher.told.pop(0) if watcher.told else await watcher.read()
            heard += told["params"]["changes"]
        assert ("gateway", "connected") in [(each["type"], each.get("state")) for each in heard]
        node = next(each for each in heard if each["type"] == "node")
        assert (node["uid"], node["protocol"]) == ("peer/lamp", "RPC")
        value = next(each for each in heard if each["type"] == "value")
        assert (value["resource"], value["data"]) == ("state", 1)
        assert heard[-1]["uid"] == "peer/lamp"


async def test_who_registers_under_the_id_of_a_device_gets_no_command_for_it(broker: Broker, keys: Keys) -> None:
    def actuate(device: str) -> int:
        params = [{"name": "LED", "value": 1}]
        content = {"deviceId": device, "componentId": "led", "command": "LED.v1.0", "params": params}
        connection = http.client.HTTPConnection("127.0.0.1", broker.port, timeout=10)
        body = json.dumps({"type": "command", "transport": "auto", "content": content})
        connection.request("POST", "/v1/actuations", body, {"Content-Type": "application/json"})
        status = connection.getresponse().status
        connection.close()
        return status

    loop = asyncio.get_running_loop()
    async with gateway(broker.port, keys) as link, program(broker.port) as peer:
        await peer.result("entities.register", {"id": "1", "methods": [{"name": "led"}]})
        await link.say(New(uid="1", protocol="CoAP", at=1))
        await link.acknowledged(1)
        posted = loop.run_in_executor(None, actuate, "1")
        write = await link.write()
        await link.say(Result(id=write.id, ok=True))
        assert await posted == 200
        posted = loop.run_in_executor(None, actuate, "peer/1")
        assert (await answer(peer, {"result": None}))["params"] == [1]
        assert await posted == 200


def post_from(port: int, address: str, method: str, params: Any) -> Any:
    """A call over HTTP from one of the host's addresses; the whole answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S, source_address=(address, 0))
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    connection.request("POST", "/rpc", body, {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


async def test_one_shot_calls_of_one_address_take_no_room_of_another_s(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "MAX_PER_CALLER", 1)
    loop = asyncio.get_running_loop()
    call = ("entities.call", ["calc", "add", [1, 2]])
    async with program(broker.port) as calc:
        await calc.result("entities.register", CALCULATOR)
        first = loop.run_in_executor(None, post_from, broker.port, "127.0.0.1", *call)
        asked = await calc.read()
        busy = await loop.run_in_executor(None, post_from, broker.port, "127.0.0.1", *call)
        assert busy["error"]["data"]["code"] == "busy"
        other = loop.run_in_executor(None, post_from, broker.port, "127.0.0.2", *call)
        await answer(calc, {"result": 4})
        assert (await other)["result"] == 4
        await calc.send({"jsonrpc": "2.0", "id": asked["id"], "result": 3})
        assert (await first)["result"] == 3


async def test_one_shot_calls_find_and_call_but_are_no_entities(broker: Broker) -> None:
    post = partial(post_from, broker.port, "127.0.0.1")
    loop = asyncio.get_running_loop()
    async with program(broker.port) as calc:
        await calc.result("entities.register", CALCULATOR)
        posted = loop.run_in_executor(None, post, "entities.call", ["calc", "add", [1, 2]])
        await answer(calc, {"result": 3})
        assert (await posted)["result"] == 3
        refused = await loop.run_in_executor(None, post, "entities.register", [])
        assert refused["error"]["data"] == {"code": "unsupported"}


@pytest.mark.parametrize("broker_options", [{"require_token": True, "anonymous_read": True}])
async def test_who_may_only_read_finds_and_hears(broker: Broker) -> None:
    async with program(broker.port) as viewer:
        assert await viewer.result("entities.types") == []
        assert await viewer.result("entities.watchRegistrations") is True
        for method, params in (
            ("entities.register", []),
            ("entities.publish", [1]),
            ("entities.call", ["x", "y"]),
            ("entities.unregister", []),
        ):
            assert await viewer.error(method, params) == "forbidden"


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("entities.register", {"id": "a/b"}),
        ("entities.register", {"id": ""}),
        ("entities.register", {"id": "a\n"}),
        ("entities.register", {"token": "short"}),
        ("entities.register", {"type": ""}),
        ("entities.register", {"methods": [{"name": "rpc.discover"}]}),
        ("entities.register", {"methods": [{"name": ""}]}),
        ("entities.register", {"methods": [{"name": "a"}, {"name": "a"}]}),
        ("entities.register", {"methods": [{"name": str(number)} for number in range(65)]}),
        ("entities.call", {"id": "a", "method": "b", "timeout": 61}),
        ("entities.call", {"id": "a", "method": "b", "timeout": 0}),
        ("entities.list", {"limit": 0}),
        ("entities.watchRegistrations", {"watch": 1}),
    ],
)
async def test_parameters_that_are_none_are_refused(broker: Broker, method: str, params: Any) -> None:
    async with program(broker.port) as one:
        assert await one.error(method, params) == -32602
        assert await one.result("entities.list") == {"entities": [], "next": None}


async def test_a_subscriber_that_does_not_read_ends_at_the_newest_and_delays_nobody(broker: Broker) -> None:
    """It is told how many it missed; another subscriber gets each."""
    async with program(broker.port) as lamp, program(broker.port) as quick:
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", broker.port))
        raw.setblocking(False)
        async with program(broker.port, sock=raw, max_queue=1) as slow:
            await lamp.result("entities.register", {"id": "lamp"})
            for one in (slow, quick):
                await one.result("entities.subscribe", ["lamp"])
            number, most = 0, "x" * 15_000
            while not any(len(each.newsbox) for each in broker.hub.entities.subscriptions.to("lamp")):
                number += 1
                assert number < 500
                await lamp.result("entities.publish", [[number, most]])
                assert (await quick.read())["params"]["content"][0] == number
            for _ in range(50):
                number += 1
                await lamp.result("entities.publish", [[number, most]])
                assert (await quick.read())["params"]["content"][0] == number
            skipped, last = 0, 0
            while last < number:
                params = (await slow.read())["params"]
                here = params.get("skipped", 0)
                assert params["content"][0] == last + here + 1
                skipped, last = skipped + here, params["content"][0]
            assert skipped >= 50
