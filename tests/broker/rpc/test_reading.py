# SPDX-License-Identifier: BSD-3-Clause
"""``nodes.read`` at a real broker: the gateway is asked, if it can be; entities are called."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pyaiot.broker.server import Broker
from pyaiot.broker.writes import MAX_PENDING_PER_CLIENT
from pyaiot.keys import Keys
from pyaiot.wire.messages import READ, New, Read, Result, Update
from tests.broker.peers import Gateway, gateway
from tests.broker.rpc.programs import Program, program

READS = (READ, "what nobody knows yet")


def temperature(data: Any, at: int) -> Update:
    return Update(uid="1", resource="t", data=data, value=data, unit="Cel", at=at)


async def asked(link: Gateway, client: Program, *params: Any, method: str = "nodes.read") -> tuple[Any, Read]:
    """Begin a read; the task that waits for its answer, and the read as it reached the gateway."""
    asking = asyncio.create_task(client.ask(method, list(params)))
    return asking, await link.asked()


async def test_a_read_is_what_the_device_says_now_and_is_told_before_it_is_answered(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys, features=READS) as link, program(broker.port) as client:
        await link.say(New(uid="1", protocol="coap", at=1), temperature(20, 2))
        await link.acknowledged(2)
        await client.result("nodes.watch")
        asking, read = await asked(link, client, "coap/1", "/t", 5)
        assert (read.uid, read.resource, read.ttl_ms) == ("1", "t", 5_000)
        await link.say(temperature(21, 3), Result(id=read.id, ok=True))
        assert (await asking)["result"] == {"data": 21, "value": 21, "unit": "Cel", "at": 3}
        told = [change for each in client.told for change in each["params"]["changes"] if change["type"] == "value"]
        assert [change["data"] for change in told] == [20, 21]
        asking, read = await asked(link, client, "coap/1", "t", method="nodes.call")
        await link.say(temperature(21, 4), Result(id=read.id, ok=True))
        assert (await asking)["result"]["at"] == 4, "that it is the same is an answer, too"
        asking, read = await asked(link, client, "coap/1", "t", method="entities.call")
        await link.say(temperature(22, 5), Result(id=read.id, ok=True))
        assert (await asking)["result"]["data"] == 22
        asking, read = await asked(link, client, "coap/1", "new")
        await link.say(Result(id=read.id, ok=True))
        assert (await asking)["error"]["data"] == {"code": "failed"}, "it said ok, and has told nothing"


@pytest.mark.parametrize("code", ["offline", "refused", "timeout", "busy", "expired", "failed", "unsupported"])
async def test_why_there_is_no_reading_is_told(broker: Broker, keys: Keys, code: str) -> None:
    async with gateway(broker.port, keys, features=READS) as link, program(broker.port) as client:
        await link.say(New(uid="1", protocol="coap", at=1), temperature(20, 2))
        asking, read = await asked(link, client, "coap/1", "t")
        await link.say(Result(id=read.id, ok=False, code=code, reason="so it is"))
        error = (await asking)["error"]
        assert (error["message"], error["data"]) == ("so it is", {"code": code})
        writes = broker.hub.writes
        assert (writes.read_outcomes, writes.outcomes, len(writes)) == ({code: 1}, {}, 0)


async def test_what_cannot_be_read_is_answered_at_once(broker: Broker, keys: Keys) -> None:
    async with program(broker.port) as client:
        async with gateway(broker.port, keys, features=READS) as link:
            await link.say(New(uid="1", protocol="coap", at=1))
            await link.acknowledged(1)
            assert await client.error("nodes.read", ["coap/2", "t"]) == "unknown"
            assert await client.error("nodes.read", ["nobody", "t"]) == "unknown"
            assert await client.error("nodes.read", ["coap/1", "a b"]) == "unsupported"
            assert await client.error("nodes.read", ["coap/1", "t", 11]) == -32602
        assert await client.error("nodes.read", ["coap/1", "t"]) == "offline"


async def test_an_older_gateway_is_never_asked_and_goes_on(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, program(broker.port) as client:
        await link.say(New(uid="1", protocol="coap", at=1))
        await link.acknowledged(1)
        assert await client.error("nodes.read", ["coap/1", "t"]) == "unsupported"
        asking = asyncio.create_task(client.ask("nodes.write", ["coap/1", "t", 1]))
        write = await link.write()
        await link.say(Result(id=write.id, ok=True))
        assert "result" in await asking
        assert not any(isinstance(message, Read) for frame in link.frames for message in frame.messages)


async def test_reads_of_a_client_are_bounded_and_end_with_its_gateways_word(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys, features=READS) as link, program(broker.port) as client:
        await link.say(New(uid="1", protocol="coap", at=1), temperature(20, 2))
        await link.acknowledged(2)
        for number in range(MAX_PENDING_PER_CLIENT):
            request = {"jsonrpc": "2.0", "id": f"r{number}", "method": "nodes.read", "params": ["coap/1", "t"]}
            await client.send(request)
        assert await client.error("nodes.read", ["coap/1", "t"]) == "busy"
        for _ in range(MAX_PENDING_PER_CLIENT):
            read = await link.asked()
            await link.say(Result(id=read.id, ok=False, code="timeout", reason="silent"))
        while len([each for each in client.told if "id" in each]) < MAX_PENDING_PER_CLIENT:
            client.told.append(await client.read())
        asking, read = await asked(link, client, "coap/1", "t")
        await link.say(temperature(21, 3), Result(id=read.id, ok=True))
        assert (await asking)["result"]["data"] == 21


async def test_an_entity_is_read_by_its_method_without_parameters(broker: Broker) -> None:
    methods = [
        {"name": "temperature", "params": []},
        {"name": "any"},
        {"name": "set", "params": [{"name": "to"}]},
        {"name": "maybe", "params": [{"name": "unit", "required": False}]},
    ]
    async with program(broker.port) as entity, program(broker.port) as client:
        await entity.result("entities.register", {"id": "hut", "methods": methods})
        await entity.result("entities.publish", {"topic": "only", "content": 1})

        async def answer(name: str, **ending: Any) -> dict[str, Any]:
            asking = asyncio.create_task(client.ask("nodes.read", ["peer/hut", name]))
            request = await entity.read()
            assert (request["method"], request.get("params") or []) == (name, [])
            await entity.send({"jsonrpc": "2.0", "id": request["id"], **ending})
            return await asking

        reading = (await answer("temperature", result="21.5°C"))["result"]
        assert (reading["data"], reading["value"], reading["unit"]) == ("21.5°C", 21.5, "Cel")
        assert reading["at"] > 1_600_000_000_000
        assert (await answer("any", result={"a": [1]}))["result"]["value"] == {"a": [1]}
        assert (await answer("maybe", result=None))["result"]["data"] is None
        error = (await answer("temperature", error={"code": 7, "message": "broken"}))["error"]
        assert (error["data"]["code"], error["message"]) == ("refused", "broken")
        for name in ("set", "only", "nothing"):
            assert await client.error("nodes.read", ["peer/hut", name]) == "unsupported"
        assert await client.error("nodes.read", ["peer/nobody", "temperature"]) == "unknown"
        asking = asyncio.create_task(client.ask("nodes.read", ["peer/hut", "temperature"]))
        await entity.read()
        await entity.socket.close()
        assert (await asking)["error"]["data"]["code"] == "offline"
    assert broker.hub.entities.calls.is_empty
