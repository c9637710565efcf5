# SPDX-License-Identifier: BSD-3-Clause
"""``/arip`` on real sockets: the conversation of arip's clients line by line, and what its server did wrong."""

from __future__ import annotations

import asyncio
import http.client
import logging
from pathlib import Path
from typing import Any

import pytest

from pyaiot.broker.server import Broker
from pyaiot.cli.generate_keys import run
from pyaiot.keys import Keys
from pyaiot.wire.messages import New, Result, Update
from tests.broker.arip.clients import arip, raw
from tests.broker.peers import client, gateway
from tests.broker.rpc.programs import program
from tests.patience import PATIENCE_S

ADD = {
    "methodName": "add",
    "parameters": [{"name": "a", "type": "int"}, {"name": "b", "type": "int"}],
    "returnType": "int",
}


async def test_the_conversation_line_by_line(broker: Broker) -> None:
    """AR-1 to AR-9."""
    port = broker.port
    async with arip(port, "clientX", "lamp") as x, arip(port, "clientY") as y:
        # AR-3, AR-4
        assert await x.result("get_all_entities") == [
            {"id": "clientX", "type": "lamp"},
            {"id": "clientY", "type": "default"},
        ]
        assert await x.result("get_entity", ["clientY"]) == {
            "id": "clientY",
            "type": "default",
            "observers": [],
            "methods": [],
        }
        assert await x.result("get_entities_by_type", ["lamp"]) == {"type": "lamp", "idlist": ["clientX"]}
        assert await x.result("get_all_types") == ["default", "lamp"]
        # AR-5, AR-12: what had no answer has one now
        assert await y.result("register_methods", [ADD]) == {"ok": True}
        assert (await x.result("get_entity", ["clientY"]))["methods"] == [ADD]
        # AR-6
        assert await x.result("subscribe_to", ["clientY"]) == {"ok": True}
        assert (await y.result("get_entity", ["clientY"]))["observers"] == ["clientX"]
        await y.say("publish", content={"voting": [1, None, 'a "quoted" text']})  # as its clients do: no answer
        assert await x.read() == {
            "request": "publish",
            "content": {"voting": [1, None, 'a "quoted" text']},
            "sender": "clientY",
        }
        # AR-7: the caller's own req_id comes back, whatever the callee was told
        await x.say("call_method", ["add", [1, 2]], req_id="0", receiver="clientY")
        call = await y.read()
        assert (call["request"], call["params"], call["receiver"]) == ("call_method", ["add", [1, 2]], "clientX")
        await y.say("result", content=3, receiver="clientX", req_id=call["req_id"])
        assert await x.read() == {"result": 3, "req_id": "0"}
        # AR-8
        assert await y.result("subscribe_to_registrations") == {"ok": True}
        async with arip(port, "clientZ"):
            assert await y.read() == {"register": "clientZ"}
            assert await x.result("subscribe_to", ["clientZ"]) == {"ok": True}
        assert await x.read() == {"unregister": "clientZ"}
        assert await y.result("unsubscribe_from_registrations") == {"ok": True}
        async with arip(port, "clientZ"):
            assert await x.result("unsubscribe_from", ["clientY"]) == {"ok": True}
            assert await y.result("publish", content=1) == {"ok": True}
        assert (x.told, y.told) == ([], [])
        # AR-9
        assert await x.error("call_method", ["nothing", []], receiver="clientY") == (
            "Method with the provided arguments does not exist."
        )
        assert await x.error("call_method", ["add", [1]], receiver="clientY") == (
            "Method with the provided arguments does not exist."
        )
        assert await x.error("get_entity", ["nobody"]) == "Requested client does not exist."
        assert await x.error("call_method", ["add", [1, 2]], receiver="nobody") == "Requested client does not exist."
        assert await x.error("get_entity", [1]) == "Wrong parameters."
        assert await x.error("register_methods", [{"method": "add"}]) == "Wrong parameters."
        for name in ("", "m" * 65, "a\x9b", "\u202egnp", "two\nlines", "rpc.x"):
            assert await x.error("register_methods", [{"methodName": name}]) == "Wrong parameters."
        assert await x.error("get_entity") == "No arguments supplied"
        assert await x.error("subscribe_to", ["nobody"]) == "Observer does not exist"
        assert await x.error("unsubscribe_from", ["clientY"]) == "The client is not observing this observer"


async def test_who_asks_for_no_id_gets_a_fresh_one(broker: Broker) -> None:
    async with arip(broker.port) as one, arip(broker.port):
        listed = await one.result("get_all_entities")
        assert len({each["id"] for each in listed}) == 2
        assert {each["type"] for each in listed} == {"default"}


async def test_a_taken_id_is_refused_without_harm_to_its_holder(broker: Broker) -> None:
    """AR_B1."""
    async with arip(broker.port, "lamp", "t") as holder:
        async with raw(broker.port, id="lamp") as thief:
            assert await thief.read() == {"error": "Id is taken. Try with an other Id."}
            assert await thief.closed() == (4409, "Id is taken. Try with an other Id.")
        assert await holder.result("get_entities_by_type", ["t"]) == {"type": "t", "idlist": ["lamp"]}
        assert await holder.result("publish", content=1) == {"ok": True}
    async with arip(broker.port, "lamp") as again:  # its id is free once it is gone
        assert await again.result("get_all_types") == ["default"]


@pytest.mark.parametrize(
    "name", ["close", "on_close", "finish", "serve", "_call_method", "_publish", "__init__", "__class__", "say", ""]
)
async def test_no_name_from_the_wire_reaches_anything_but_requests(broker: Broker, name: str) -> None:
    """AR_B2."""
    async with arip(broker.port, "x") as x:
        assert await x.error(name, []) == "There is no such request."
        assert await x.result("get_all_types") == ["default"]


async def test_subscriptions_end_and_what_is_none_does_no_harm(broker: Broker) -> None:
    """AR_B3."""
    async with arip(broker.port, "x") as x, arip(broker.port, "y") as y:
        await x.result("subscribe_to", ["y"])
        assert await x.result("unsubscribe_from", ["y"]) == {"ok": True}
        assert await x.error("unsubscribe_from", ["y"]) == "The client is not observing this observer"
        assert await x.error("unsubscribe_from", {"not": "a list"}) == "Wrong parameters."
        for topic in ("", "t" * 65, 1):
            assert await x.error("subscribe_to", ["y", topic]) == "Wrong parameters."
        assert await x.result("subscribe_to", ["y", "t" * 64]) == {"ok": True}
        await y.result("publish", content=1)
        await x.result("get_all_types")
        assert x.told == []


async def test_who_leaves_ends_calls_of_others_with_a_word_and_nothing_else(broker: Broker) -> None:
    """AR_B5."""
    async with arip(broker.port, "caller") as caller:
        async with arip(broker.port, "callee") as callee, arip(broker.port, "gone") as gone:
            await callee.result("register_methods", [ADD])
            await gone.say("call_method", ["add", [1, 2]], req_id="1", receiver="callee")
            vain = await callee.read()
            await gone.socket.close()
            await caller.say("call_method", ["add", [1, 2]], req_id="2", receiver="callee")
            call = await callee.read()
            assert await callee.error("get_entity", ["gone"]) == "Requested client does not exist."
            await callee.say("result", content=3, receiver="gone", req_id=vain["req_id"])
            assert await callee.result("get_all_types") == ["default"]
            assert call["receiver"] == "caller"
        answer = await caller.read()
        assert (answer["error"], answer["req_id"]) == ("who was called left before it answered", "2")


async def test_a_result_counts_only_from_who_was_asked_and_once(broker: Broker) -> None:
    """AR_B6."""
    port = broker.port
    async with arip(port, "x") as x, arip(port, "y") as y, arip(port, "forger") as forger:
        await y.result("register_methods", [ADD])
        await x.say("call_method", ["add", [1, 2]], req_id="7", receiver="y")
        call = await y.read()
        for req_id in (call["req_id"], "7"):
            forged = {"content": "forged", "receiver": "x", "req_id": req_id}
            await forger.say("result", **forged)
            assert await forger.read() == {"error": "Nobody waits for this result.", "req_id": req_id}
        await y.say("result", content=3, receiver="x", req_id=call["req_id"])
        assert await x.read() == {"result": 3, "req_id": "7"}
        await y.say("result", content=4, receiver="x", req_id=call["req_id"])
        assert (await y.read())["error"] == "Nobody waits for this result."


async def test_whatever_comes_is_answered_and_the_connection_lives(broker: Broker) -> None:
    """AR_B7."""
    async with arip(broker.port, "x") as x, arip(broker.port, "y") as y:
        for text in ("not JSON", "[]", "1", "{}", '{"request": 1}', '{"request": "get_entity", "request": "a"}', b"\0"):
            await x.socket.send(text)
            assert set(await x.read()) == {"error"}, text
        for req_id in (5, 0, 1.5, "", 'a"b', None, False):
            await x.say("get_all_types", req_id=req_id)
            answer = await x.read()
            assert answer == {"result": ["default"], "req_id": req_id}
            assert type(answer["req_id"]) is type(req_id)
        for _ in range(3):
            await x.result("subscribe_to", ["y"])
        await y.result("publish", content="once")
        assert (await x.read())["content"] == "once"
        await x.result("get_all_types")
        assert x.told == []


async def test_an_id_that_is_none_is_refused(broker: Broker) -> None:
    """AR_B7: an id ended up in JSON as it was."""
    async with raw(broker.port, id='x","type":"admin') as x:
        assert "1 to 64 of" in (await x.read())["error"]
        assert (await x.closed())[0] == 1003


async def test_programs_and_arips_clients_see_call_and_hear_each_other(broker: Broker) -> None:
    async with arip(broker.port, "old", "t") as old, program(broker.port) as new:
        await old.result("register_methods", [ADD])
        methods = [{"name": "double", "params": [{"name": "n"}]}]
        await new.result("entities.register", {"id": "new", "type": "t", "methods": methods})
        assert await new.result("entities.byType", ["t"]) == ["new", "old"]
        assert await old.result("get_entities_by_type", ["t"]) == {"type": "t", "idlist": ["new", "old"]}
        # called by name, asked by position
        await new.send(
            {"jsonrpc": "2.0", "id": "a", "method": "entities.call", "params": ["old", "add", {"b": 2, "a": 1}]}
        )
        call = await old.read()
        assert (call["params"], call["receiver"]) == (["add", [1, 2]], "new")
        await old.say("result", content={"sum": 3}, receiver="new", req_id=call["req_id"])
        assert await new.read() == {"jsonrpc": "2.0", "id": "a", "result": {"sum": 3}}
        # and back
        await old.say("call_method", ["double", [4]], req_id="9", receiver="new")
        request = await new.read()
        assert (request["method"], request["params"]) == ("double", [4])
        await new.send(
            {"jsonrpc": "2.0", "id": request["id"], "error": {"code": 1, "message": "no", "data": {"why": "so"}}}
        )
        assert await old.read() == {"error": "no", "req_id": "9"}
        # heard
        await new.result("entities.subscribe", ["old"])
        await old.result("subscribe_to", ["new"])
        await old.result("publish", content=[1])
        await new.result("entities.publish", {"content": "on", "topic": "state"})
        assert [told["params"] for told in new.told] == [{"id": "old", "content": [1]}]
        assert await old.read() == {"request": "publish", "content": "on", "sender": "new", "topic": "state"}
        await old.socket.close()


async def test_devices_are_seen_called_and_heard_and_peers_show_to_clients_of_ws(broker: Broker, keys: Keys) -> None:
    port = broker.port
    async with gateway(port, keys) as link, arip(port, "old") as old, client(port) as dashboard:
        await link.say(
            New(uid="1", protocol="CoAP", at=1),
            Update(uid="1", resource="led", data="0", value=0, at=1),
        )
        await link.acknowledged(2)
        assert await old.result("get_all_entities") == [
            {"id": "old", "type": "default"},
            {"id": "coap/1", "type": "CoAP"},
        ]
        await old.result("subscribe_to", ["coap/1"])
        await old.say("call_method", ["led", ["1"]], req_id="1", receiver="coap/1")
        write = await link.write()
        assert (write.uid, write.resource, write.data) == ("1", "led", "1")
        await link.say(Update(uid="1", resource="led", data="1", value=1, at=2), Result(id=write.id, ok=True))
        assert await old.read() == {"request": "publish", "content": 1, "sender": "coap/1", "topic": "led"}
        assert (await old.read())["result"]["value"] == 1
        await old.result("register_methods", [{"methodName": "colour", "parameters": [{"name": "c", "type": ""}]}])
        await old.result("publish", content={"on": True})
        await dashboard.join("results")
        await dashboard.sees({"coap/1": {"led": "1"}, "peer/old": {"published": {"on": True}}})
        await dashboard.send(
            {"type": "update", "id": 1, "data": {"uid": "peer/old", "endpoint": "colour", "payload": "red"}}
        )
        call = await old.read()
        assert (call["params"], call["receiver"]) == (["colour", ["red"]], "")
        await old.say("result", content=None, receiver="", req_id=call["req_id"])
        assert await dashboard.until("result") == {"type": "result", "id": 1, "ok": True}
        await old.socket.close()
        await dashboard.sees({"coap/1": {"led": "1"}})


@pytest.mark.parametrize("broker_options", [{"require_token": True}])
async def test_a_client_shows_its_token_in_the_url_which_is_never_logged(
    broker: Broker, key_file: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tokens: dict[str, str] = {}
    for role in ("viewer", "operator"):
        capsys.readouterr()
        run(["--key-file", str(key_file), "--client", role, "--role", role])
        tokens[role] = capsys.readouterr().out.strip()
    await keys_are_taken_over(broker, 2)
    for query in ({}, {"token": "none"}, {"token": tokens["viewer"]}):
        async with raw(broker.port, **query) as refused:
            assert "operator" in (await refused.read())["error"]
            assert (await refused.closed())[0] == 4401
    async with arip(broker.port, "in-url", token=tokens["operator"]) as one:
        header = {"Authorization": f"Bearer {tokens['operator']}"}
        async with arip(broker.port, "in-header", headers=header):
            run(["--key-file", str(key_file), "--revoke-client", "operator"])
            assert (await one.closed())[0] == 4401
    ours = [each.getMessage() for each in caplog.records if not each.name.startswith("websockets.")]
    assert any("/arip" in text for text in ours)
    assert not any(token in text for token in tokens.values() for text in ours)


async def keys_are_taken_over(broker: Broker, count: int) -> None:

    async with asyncio.timeout(PATIENCE_S):
        while len(broker.hub.gatekeeper.clients) != count:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("id=x", {"Origin": "http://evil.example"}, 403),
        ("id=x", {"Host": "evil.example"}, 403),
        ("id=%ff", {}, 400),
    ],
)
async def test_foreign_pages_and_urls_that_are_none_are_refused_before_the_upgrade(
    broker: Broker, query: str, headers: dict[str, Any], status: int
) -> None:

    connection = http.client.HTTPConnection("127.0.0.1", broker.port, timeout=10)
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    given = {**upgrade, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **headers}

    def ask() -> int:
        connection.request("GET", f"/arip?{query}", headers=given)
        return connection.getresponse().status

    assert await asyncio.get_running_loop().run_in_executor(None, ask) == status
    connection.close()
