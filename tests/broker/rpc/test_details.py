# SPDX-License-Identifier: BSD-3-Clause
"""What is known of nodes besides their values, nodes that went, and gateways, at a real broker."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pyaiot.broker import details
from pyaiot.broker.server import Broker
from pyaiot.keys import ClientToken, Keys, token_digest
from pyaiot.wire import codec
from pyaiot.wire.messages import (
    About,
    Described,
    Door,
    GatewayMessage,
    New,
    Out,
    Pace,
    Refused,
    Reset,
    Seen,
    Sync,
    Update,
)
from tests.broker.peers import Gateway, gateway
from tests.broker.rpc.programs import Program, program
from tests.broker.rpc.test_watching import Watcher

LAMP = About(title="Lamp", writable=True, choices=(0, False, "off"), interface="core.a")
LAMP_AS_JSON = {"title": "Lamp", "writable": True, "choices": [0, False, "off"], "if": "core.a"}


def new(uid: str = "1", at: int = 1) -> New:
    return New(uid=uid, protocol="coap", at=at)


def update(resource: str, data: Any, at: int, uid: str = "1") -> Update:
    return Update(uid=uid, resource=resource, data=data, value=data, at=at)


def described(about: About, resource: str = "led", uid: str = "1") -> Described:
    return Described(uid=uid, resource=resource, about=about)


async def say(link: Gateway, *messages: GatewayMessage) -> None:
    await link.say(*messages)
    await link.acknowledged(link.next - 1)


async def refusals(link: Gateway, *messages: GatewayMessage) -> list[str]:
    """Why the broker does not take them."""
    del link.frames[:]
    await link.say(*messages)
    while not any(frame.messages for frame in link.frames) or link.ack < link.next - 1:
        await link.read()
    return [each.reason for frame in link.frames for each in frame.messages if isinstance(each, Refused)]


async def heard(watcher: Watcher, last: str) -> list[dict[str, Any]]:
    """What is told until a change of type ``last``."""
    while not watcher.heard or watcher.heard[-1]["type"] != last:
        await watcher.read()
    told = list(watcher.heard)
    del watcher.heard[:]
    return told


async def test_details_are_told_to_who_asks_for_them_and_live(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, program(broker.port) as asker, program(broker.port) as plain:
        await say(
            link, new(), Pace(uid="1", timeout_ms=120_000), described(LAMP), update("led", 0, 5), Sync(uids=["1"])
        )
        details, others = await Watcher.begin(asker, details=True), await (await Watcher.begin(plain)).synced()
        details.view.details = True
        await details.synced()
        assert [each["type"] for each in others.heard] == ["node", "value", "gateway"]
        alive = {"type": "liveness", "uid": "coap/1", "lastSeen": 5, "timeout": 120_000}
        about = {"type": "about", "uid": "coap/1", "resource": "led", "about": LAMP_AS_JSON}
        assert [each for each in details.heard if each["type"] in ("liveness", "about")] == [alive, about]
        del details.heard[:], others.heard[:]
        await say(link, described(LAMP), Pace(uid="1", timeout_ms=120_000), Seen(uid="1", at=9))
        assert await heard(details, "liveness") == [{**alive, "lastSeen": 9}], "what is as it was is told to nobody"
        await say(link, Pace(uid="1", interval_ms=30_000), described(About(choices=(False, 0, "off"))))
        assert await heard(details, "about") == [
            {"type": "liveness", "uid": "coap/1", "lastSeen": 9, "interval": 30_000},
            {**about, "about": {"choices": [False, 0, "off"]}},
        ]
        node = await asker.result("nodes.get", ["coap/1"])
        assert (node["interval"], node["about"]) == (30_000, {"led": {"choices": [False, 0, "off"]}})
        assert "timeout" not in node
        await say(link, Reset(uid="1", at=20), Out(uid="1", why="timeout", at=21))
        gone = {"type": "gone", "uid": "coap/1", "why": "timeout", "at": 21}
        assert await heard(details, "gone") == [{"type": "reset", "uid": "coap/1"}, gone]
        assert await heard(others, "gone") == [{"type": "reset", "uid": "coap/1"}, gone]
        assert "about" not in await asker.result("nodes.get", ["coap/1"]), "it is void with the values"


async def test_details_that_changed_meanwhile_are_told_to_who_goes_on(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link:
        await say(link, new(), new("2"), update("led", 0, 5), Sync(uids=["1", "2"]))
        async with program(broker.port) as asker:
            watcher = await Watcher.begin(asker, details=True)
            watcher.view.details = True
            version = (await watcher.synced()).view.version
        await say(link, described(LAMP), Seen(uid="1", at=9), Out(uid="2", why="closed", at=10))
        async with program(broker.port) as asker:
            assert await asker.result("nodes.dismiss", ["coap/2"]) is True
            watcher = await Watcher.begin(asker, watcher.view, since=version, details=True)
            await watcher.synced()
            assert watcher.heard == [
                {"type": "about", "uid": "coap/1", "resource": "led", "about": LAMP_AS_JSON},
                {"type": "liveness", "uid": "coap/1", "lastSeen": 9},
                {"type": "gone", "uid": "coap/2", "why": "closed", "at": 10},
                {"type": "dismissed", "uid": "coap/2"},
            ]


async def test_a_watch_of_some_resources_is_told_about_those(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, program(broker.port) as asker:
        await say(link, new(), described(LAMP), described(About(max=9), "t"), Sync(uids=["1"]))
        watcher = await Watcher.begin(asker, resource="led", details=True)
        watcher.view.details = True
        await watcher.synced()
        assert [each["type"] for each in watcher.heard] == ["gateway"], "it has no such resource yet"
        del watcher.heard[:]
        await say(link, update("t", 1, 2), update("led", 1, 3))
        assert [each["type"] for each in await heard(watcher, "value")] == ["node", "liveness", "about", "value"]
        await say(link, described(About(), "t"), described(About(title="Light")))
        assert [each["about"] for each in await heard(watcher, "about")] == [{"title": "Light"}]


async def test_what_is_too_much_is_refused_and_harms_nothing(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link:
        await say(link, new())
        (reason,) = await refusals(link, described(LAMP, uid="unheard"))
        assert reason.startswith("the node is not known")
        (reason,) = await refusals(link, Pace(uid="unheard", timeout_ms=1))
        assert reason.startswith("the node is not known")
        many = [described(About(max=number), f"r{number}") for number in range(details.MAX_ABOUTS_PER_NODE)]
        await say(link, *many)
        (reason,) = await refusals(link, described(LAMP))
        assert reason == "more than 64 resources are told about"
        giant = About(choices=tuple(f"{number:064}" for number in range(32)))
        assert await refusals(link, described(giant, "r1")) == ["more than 2048 bytes about a resource"]
        await say(link, Reset(uid="1", at=2))
        assert await refusals(link, described(LAMP, "no such name")) == ["no resource can have that name"]
        await say(link, described(LAMP))
        assert "coap/1" in broker.hub.directory.nodes, "nothing of this takes a node out"


@pytest.mark.parametrize(
    "about",
    [
        json.dumps({"title": "x" * 65}),
        '{"choices": []}',
        json.dumps({"choices": [1] * 33}),
        '{"choices": [null]}',
        '{"choices": [{}]}',
        '{"choices": [9007199254740993]}',
        '{"max": 1e999}',
        '{"max": "9"}',
        '{"writable": 1}',
        '{"title": "a", "title": "b"}',
        "[]",
        "null",
    ],
)
def test_what_makes_no_sense_about_a_resource_is_no_message(about: str) -> None:
    with pytest.raises(codec.Malformed):
        codec.decode_gateway_frame(
            b'{"first":1,"messages":[{"type":"about","uid":"1","endpoint":"led","about":%b}]}' % about.encode()
        )


@pytest.mark.parametrize("more", ['"timeout":1,"timeout":2', '"interval":-1', '"timeout":"1"', '"interval":1.5'])
def test_what_makes_no_sense_of_a_pace_is_no_message(more: str) -> None:
    with pytest.raises(codec.Malformed):
        codec.decode_gateway_frame(b'{"first":1,"messages":[{"type":"liveness","uid":"1",%b}]}' % more.encode())


def test_what_a_later_gateway_says_besides_is_passed_over() -> None:
    message = b'{"type":"about","uid":"1","endpoint":"led","about":{"title":"a","later":{"title":"b"},"unit":null}}'
    (read,) = codec.decode_gateway_frame(b'{"first":1,"messages":[%b]}' % message).messages
    assert read == described(About(title="a"))


async def test_what_was_taken_back_is_not_told_of_a_node(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, program(broker.port) as client:
        await say(link, new(), described(LAMP), described(About(), "t"), described(About()))
        assert "about" not in await client.result("nodes.get", ["coap/1"])


async def departed(client: Program) -> list[dict[str, Any]]:
    """All pages."""
    found: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        page = await client.result("nodes.departed", {"after": after, "limit": 2})
        found += page["nodes"]
        after = page["next"]
    return found


async def test_nodes_that_went_are_kept_until_they_are_back_or_dismissed(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, program(broker.port) as client:
        await say(link, *(new(str(number)) for number in range(6)), update("led", 1, 5), described(LAMP))
        await say(link, Pace(uid="1", interval_ms=7), *(Out(uid=str(n), why="closed", at=9) for n in (3, 1, 2)))
        await say(link, Sync(uids=["0", "4"]))
        found = {node["uid"]: (node["state"], node["why"]) for node in await departed(client)}
        assert list(found) == ["coap/1", "coap/2", "coap/3", "coap/5"]
        assert found["coap/1"] == ("gone", "closed")
        assert found["coap/5"] == ("gone", "forgotten")
        node = await client.result("nodes.get", ["coap/1"])
        assert node["values"] == {"led": {"data": 1, "value": 1, "at": 5}}
        assert (node["about"], node["interval"], node["goneAt"]) == ({"led": LAMP_AS_JSON}, 7, 9)
        assert await client.error("nodes.write", ["coap/1", "led", 0]) == "unknown"
        assert [each["uid"] for each in (await client.result("nodes.list"))["nodes"]] == ["coap/0", "coap/4"]
        await say(link, new("1", at=20))
        assert (await client.result("nodes.get", ["coap/1"]))["values"] == {}, "it is another life"
        assert await client.error("nodes.dismiss", ["coap/1"]) == "unknown", "it is there"
        assert await client.result("nodes.dismiss", ["coap/2"]) is True
        assert await client.error("nodes.dismiss", ["coap/2"]) == "unknown"
        assert await client.error("nodes.get", ["coap/2"]) == "unknown"
        assert [node["uid"] for node in await departed(client)] == ["coap/3", "coap/5"]


@pytest.mark.parametrize("broker_options", [{"gateway_grace": 0.1}])
async def test_who_went_with_its_gateway_says_so(broker: Broker, keys: Keys) -> None:
    async with program(broker.port) as client:
        async with gateway(broker.port, keys) as link:
            await say(link, new())
            watcher = await (await Watcher.begin(client)).synced()
        told = (await heard(watcher, "gone"))[-1]
        assert told["why"] == "gateway"
        assert told["at"] > 1_000_000_000_000
        assert (await departed(client))[0]["goneAt"] == told["at"]


async def test_entities_that_leave_are_not_kept(broker: Broker) -> None:
    async with program(broker.port) as client:
        for number in range(20):
            async with program(broker.port) as tab:
                await tab.result("entities.register", {"id": f"tab-{number}"})
        await client.result("entities.register", {"id": "last"})
        await client.result("entities.unregister")
        assert await departed(client) == []
        assert await client.error("nodes.dismiss", ["peer/last"]) == "unknown"


async def test_who_may_only_read_sees_who_went_and_dismisses_nobody(broker: Broker, keys: Keys) -> None:
    hub = broker.hub
    viewer = ClientToken("viewer", token_digest("v" * 43))
    object.__setattr__(hub.gatekeeper, "clients", {"viewer": viewer})
    headers = {"Authorization": "Bearer " + "v" * 43}
    async with (
        gateway(broker.port, keys) as link,
        program(broker.port, additional_headers=headers) as client,
        program(broker.port) as operator,
    ):
        await say(link, new(), Out(uid="1", why="timeout", at=2))
        assert [node["uid"] for node in await departed(client)] == ["coap/1"]
        assert (await client.result("gateways.list"))["gateways"][0]["gateway"] == "coap"
        assert await client.error("nodes.dismiss", ["coap/1"]) == "forbidden"
        assert await operator.result("nodes.dismiss", ["coap/1"]) is True


async def test_gateways_are_listed_with_their_doors(broker: Broker, keys: Keys) -> None:
    async with program(broker.port) as client:
        assert await client.result("gateways.list") == {"gateways": []}
        async with gateway(broker.port, keys) as link:
            await say(link, new(), new("2"), Sync(uids=["1", "2"]))
            broker.hub.directory.owners["coap"].address = "192.0.2.7"
            found = await client.result("gateways.list")
            one = {"gateway": "coap", "state": "connected", "nodes": 2, "doors": [], "address": "192.0.2.7"}
            assert found == {"gateways": [one]}
        doors = (Door("mqtt", 1883), Door("ws", 8001, "192.0.2.9", "/node"))
        async with gateway(broker.port, keys, "mqtt", doors=doors):
            first, second = (await client.result("gateways.list"))["gateways"]
            assert (first["gateway"], first["state"], first["nodes"]) == ("coap", "away", 2)
            told = [
                {"scheme": "mqtt", "port": 1883},
                {"scheme": "ws", "port": 8001, "host": "192.0.2.9", "path": "/node"},
            ]
            assert second == {"gateway": "mqtt", "state": "resyncing", "nodes": 0, "doors": told}, "on this very host"
