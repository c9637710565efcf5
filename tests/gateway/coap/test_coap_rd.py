# SPDX-License-Identifier: BSD-3-Clause
"""The resource directory, RFC 9176: registration, update, removal, simple registration."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import pytest
from aiocoap import Message
from aiocoap.numbers import codes

from pyaiot.gateway.coap import contacts
from pyaiot.gateway.coap.directory import (
    DEFAULT_LIFETIME_S,
    MAX_LIFETIME_S,
    BadRegistration,
    Directory,
    parse_registration,
)
from tests.gateway.coap.coap_devices import MAX_TIME_S, Device, Gateway

MakeDevice = Callable[..., Awaitable[Device]]
HOST = "::ffff:192.0.2.1"


def test_a_registration_is_read() -> None:
    got = parse_registration(["ep=node1", "lt=300", "d=home", "base=coap://192.0.2.1:6000"], b"</a>;obs,</b>", HOST)
    assert (got.uid, got.lifetime_s, got.port) == ("node1", 300, 6000)
    assert [link.target for link in got.links or ()] == ["/a", "/b"]


def test_rfc_9176_5_defaults() -> None:
    got = parse_registration(["ep=node1"], b"", HOST)
    assert (got.lifetime_s, got.port, got.links) == (DEFAULT_LIFETIME_S, None, None)
    update = parse_registration([], b"", HOST, update=True)
    assert (update.uid, update.lifetime_s, update.port, update.links) == (None, None, None, None)


def test_a_lifetime_is_bounded() -> None:
    assert parse_registration(["ep=n", "lt=4294967295"], b"", HOST).lifetime_s == MAX_LIFETIME_S


@pytest.mark.parametrize(
    ("base", "host", "port"),
    [
        ("coap://192.0.2.1", HOST, 5683),
        ("coap://[fd00::1]:61616", "fd00::1", 61616),
        ("coap://[FE80::1%25tap0]", "fe80::1", 5683),
    ],
)
def test_a_base_says_the_port(base: str, host: str, port: int) -> None:
    assert parse_registration(["ep=n", f"base={base}"], b"", host).port == port


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ([], b""),
        (["ep="], b""),
        (["ep=a b"], b""),
        (["ep=a/b"], b""),
        (["ep=" + "x" * 65], b""),
        (["ep=a", "ep=b"], b""),
        (["ep=a", "lt=0"], b""),
        (["ep=a", "lt=-1"], b""),
        (["ep=a", "lt=4294967296"], b""),
        (["ep=a", "lt=ten"], b""),
        (["ep=a", "lt=\u0661"], b""),
        (["ep=a"], b"no links"),
        (["ep=a", "base=http://192.0.2.1"], b""),
        (["ep=a", "base=coap://192.0.2.2"], b""),
        (["ep=a", "base=coap://victim.example"], b""),
        (["ep=a", "base=coap://192.0.2.1/path"], b""),
        (["ep=a", "base=coap://192.0.2.1:99999"], b""),
        (["ep=a", "base=coap://192.0.2.1:0"], b""),
        (["ep=a", "base=coap://[::1"], b""),
        (["ep=a", "base="], b""),
    ],
)
def test_what_is_no_registration_is_refused(query: list[str], body: bytes) -> None:
    with pytest.raises(BadRegistration):
        parse_registration(query, body, HOST)


def test_an_update_cannot_change_the_name() -> None:
    with pytest.raises(BadRegistration):
        parse_registration(["ep=a"], b"", HOST, update=True)


def test_fuzz_200_000_registrations_raise_only_the_declared_error() -> None:
    rng = random.Random(13)
    seeds = ["ep=node1", "lt=90000", "base=coap://[fd00::1]:5683", "d=x", "ep", "=", "base=coap://192.0.2.1:1"]
    letters = "=:/[]%?#@0é\u0661\ud800 a"
    for _ in range(200_000):
        query = []
        for _ in range(rng.randrange(1, 4)):
            text = list(rng.choice(seeds))
            for _ in range(rng.randrange(3)):
                where = rng.randrange(len(text) + 1)
                text[where : where + rng.randrange(2)] = rng.choice(letters)
            query.append("".join(text))
        try:
            parse_registration(query, b"</a>" if rng.random() < 0.5 else b"<", "fd00::1", update=rng.random() < 0.3)
        except BadRegistration:
            pass


def test_a_directory_forgets_what_is_removed() -> None:
    directory = Directory()
    registration = parse_registration(["ep=a", "lt=60"], b"</x>", HOST)
    entry = directory.add("a", registration, "one")
    assert directory.add("a", registration, "two").location == "one"
    assert directory.at("one") is entry
    assert directory.at("two") is None
    assert directory.links("a") == registration.links
    directory.remove("a")
    directory.remove("a")
    assert (len(directory), directory.at("one"), directory.links("a")) == (0, None, None)


async def test_registration_reads_the_links_that_it_came_with(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    one.resources = {"temp": "21°C", "led": "0"}
    answer = await one.post("rd", "</temp>;rt=temperature,</.well-known/core>", uri_query=["ep=node1", "lt=600"])
    assert answer.code == codes.CREATED
    assert answer.opt.location_path[0] == "rd"
    await gateway.discovered()
    assert gateway.nodes["node1"] == {"ip": "127.0.0.1", "temp": "21°C"}
    assert gateway.timeouts["node1"] == 600
    assert one.asked(".well-known/core") == []


async def test_a_registration_without_links_is_discovered(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    one.resources = {"temp": "21°C"}
    await one.post("rd", uri_query=["ep=node1"])
    await gateway.discovered()
    assert gateway.nodes["node1"]["temp"] == "21°C"
    assert gateway.timeouts["node1"] == DEFAULT_LIFETIME_S


async def test_registering_again_is_no_new_node_and_has_the_same_location(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    answers = [await one.post("rd", uri_query=["ep=node1"]) for _ in range(2)]
    assert answers[0].opt.location_path == answers[1].opt.location_path
    assert gateway.count("new") == 1


async def test_update_and_removal(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    location = "/".join((await one.post("rd", uri_query=["ep=node1", "lt=100"])).opt.location_path)
    await gateway.discovered()
    assert (await one.post(location)).code == codes.CHANGED
    assert gateway.timeouts["node1"] == 100
    assert (await one.post(location, uri_query=["lt=200"])).code == codes.CHANGED
    assert gateway.timeouts["node1"] == 200
    assert (await one.ask(one.message(codes.DELETE, location))).code == codes.DELETED
    assert gateway.log[-1] == ("gone", "node1", "deregistered")
    assert (await one.post(location)).code == codes.NOT_FOUND
    assert (await one.ask(one.message(codes.DELETE, location))).code == codes.NOT_FOUND


async def test_simple_registration(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    one.resources = {"temp": "21°C"}
    answer = await one.post(".well-known/rd", uri_query=["ep=node1", "lt=600"])
    assert (answer.code, answer.opt.location_path) == (codes.CHANGED, ())
    await gateway.discovered()
    assert gateway.nodes["node1"]["temp"] == "21°C"
    assert len(one.asked(".well-known/core")) == 1
    assert (await one.post(".well-known/rd", "</a>", uri_query=["ep=node1"])).code == codes.BAD_REQUEST


async def test_a_base_sends_requests_to_its_port(gateway: Gateway, device: MakeDevice) -> None:
    speaks, listens = await device(), await device()
    listens.resources = {"led": lambda request: Message(code=codes.CHANGED)}
    await speaks.post("rd", "</led>", uri_query=["ep=node1", f"base=coap://127.0.0.1:{listens.port}"])
    assert await gateway.adapter.write("node1", "led", "1") == "1"
    assert speaks.requests == []


async def test_one_that_registered_before_it_served_is_asked_again(
    gateway: Gateway, device: MakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its links came with the registration; that nobody answered behind them is a discovery that failed."""
    monkeypatch.setattr("pyaiot.gateway.coap.discovery.FIRST_REST_S", 0.0)
    speaks, late = await device(), await device()
    port = late.port
    await late.gone()
    query = ["ep=node1", f"base=coap://127.0.0.1:{port}"]
    await speaks.post("rd", "</temp>", uri_query=query)
    await gateway.discovered()
    assert gateway.adapter.counters.discoveries_failed == 1
    late = await device(port=port)
    late.resources = {"temp": "21°C"}
    await speaks.post("rd", "</temp>", uri_query=query)
    await gateway.until(lambda: gateway.nodes["node1"].get("temp") == "21°C")


async def test_new_links_are_read_and_the_same_ones_are_not(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    one.resources = {"a": "1", "b": "2"}
    location = "/".join((await one.post("rd", "</a>", uri_query=["ep=n"])).opt.location_path)
    await gateway.discovered()
    await one.post("rd", "</a>", uri_query=["ep=n"])
    await one.post(location)
    assert len(one.requests) == 1
    await one.post(location, "</b>")
    await gateway.until(lambda: gateway.nodes["n"].get("b") == "2")
    assert len(one.requests) == 2


async def test_a_base_elsewhere_is_refused(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    answer = await one.post("rd", uri_query=["ep=node1", "base=coap://192.0.2.7"])
    assert answer.code == codes.BAD_REQUEST
    assert gateway.nodes == {}


async def test_a_full_gateway_keeps_no_registration(gateway: Gateway, device: MakeDevice) -> None:
    gateway.full = True
    one = await device()
    assert (await one.post("rd", uri_query=["ep=node1"])).code == codes.SERVICE_UNAVAILABLE
    assert len(gateway.adapter._directory) == 0


async def test_a_node_that_went_out_has_to_register_again(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    location = "/".join((await one.post("rd", uri_query=["ep=node1"])).opt.location_path)
    gateway.out("node1")
    assert (await one.post(location)).code == codes.NOT_FOUND


@pytest.mark.parametrize("links", ["", "</led>", "</led>;obs", "</>"])
async def test_a_long_lifetime_counts_once_the_device_has_answered(
    gateway: Gateway, device: MakeDevice, links: str
) -> None:
    """Whatever it answers: 4.04 is an answer too."""
    one = await device()
    one.silent = True
    one.resources = {"led": "0"} if "obs" in links else {}
    for _ in range(2):
        await one.post("rd", links, uri_query=["ep=node1", "lt=2592000"])
        assert gateway.timeouts["node1"] == MAX_TIME_S
    one.silent = False
    await gateway.until(lambda: gateway.timeouts["node1"] == 2592000)
    await one.post("rd", links, uri_query=["ep=node1", "lt=600"])
    assert gateway.timeouts["node1"] == 600
    await one.post("rd", links, uri_query=["ep=node1", "lt=60"])
    assert gateway.timeouts["node1"] == 60


async def test_a_write_that_was_confirmed_is_an_answer(gateway: Gateway, device: MakeDevice) -> None:
    gateway.auto_discover = False
    one = await device()
    one.resources = {"led": lambda request: Message(code=codes.CHANGED)}
    await one.post("rd", "</led>", uri_query=["ep=node1", "lt=600"])
    assert gateway.timeouts["node1"] == MAX_TIME_S
    await gateway.adapter.write("node1", "led", "1")
    assert gateway.timeouts["node1"] == 600


async def test_one_socket_is_one_node_whatever_names_it_registers(gateway: Gateway, device: MakeDevice) -> None:
    gateway.auto_discover = False
    one = await device()
    for number in range(50):
        answer = await one.post("rd", uri_query=[f"ep=x{number}", "lt=2592000"])
        assert answer.code == codes.CREATED
    assert list(gateway.nodes) == ["x49"]
    assert gateway.count("gone") == 49
    assert len(gateway.adapter._contacts) == len(gateway.adapter._directory) == 1


async def test_an_address_has_so_many_devices_at_most(
    gateway: Gateway, device: MakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contacts, "MAX_DEVICES_PER_ADDRESS", 2)
    gateway.auto_discover = False
    a, b, c, honest = await device(), await device(), await device(), await device(host="127.0.0.2")
    await a.post("alive", "alive:a")
    await b.post("rd", uri_query=["ep=b"])
    for answer in (await c.post("alive", "alive:c"), await c.post("rd", uri_query=["ep=c"])):
        assert answer.code == codes.SERVICE_UNAVAILABLE
        assert b"at this address" in answer.payload
    assert (gateway.adapter.counters.crowded, gateway.adapter.counters.refused) == (2, 2)
    assert (await honest.post("alive", "alive:honest")).code == codes.CHANGED
    assert (await c.post("alive", "alive:honest")).code == codes.SERVICE_UNAVAILABLE  # nor by a move
    assert (await c.post("alive", "alive:a")).code == codes.CHANGED  # who is there may change its port
    assert (await c.post("alive", "alive:c")).code == codes.CHANGED  # or its name
    gateway.out("b")
    assert (await a.post("alive", "alive:a")).code == codes.CHANGED
    assert gateway.nodes.keys() == {"honest", "c", "a"}
