# SPDX-License-Identifier: BSD-3-Clause
"""Looking at a real broker and a real MQTT broker, and at some that mean ill: on loopback, in the test's own loop."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pyaiot.broker.server import Broker
from pyaiot.cli.generate_keys import make_all
from pyaiot.doctor.checks.broker import BrokerFacts
from pyaiot.doctor.probes import bounded, files, mqtt, processes
from pyaiot.doctor.probes import broker as broker_probe
from pyaiot.doctor.subjects import Place
from pyaiot.keys import Keys, new_private_key
from pyaiot.lifecycle import started
from pyaiot.listening import bind, port_of
from pyaiot.mqtt_broker import guard
from pyaiot.mqtt_broker.broker import MqttBroker
from pyaiot.settings import BrokerSettings
from tests.patience import PATIENCE_S

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def served(serve: Serve) -> AsyncIterator[int]:
    async def serve_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except OSError:
            pass  # the other side has seen enough
        finally:
            writer.close()

    server = await asyncio.start_server(serve_and_close, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return make_all(tmp_path / "keys", force=False)


@pytest.fixture
async def broker(tmp_path: Path, keys: Keys) -> AsyncIterator[Broker]:
    made = Broker(BrokerSettings(key_file=str(tmp_path / "keys"), broker_port="0"))
    async with started(made, "broker"):
        yield made


async def look(port: int, keys: Keys) -> BrokerFacts:
    async with asyncio.timeout(PATIENCE_S):
        seen = await broker_probe.look(Place(f"ws://127.0.0.1:{port}/gw"), keys, frozenset(), True)
    return seen.facts


async def test_a_broker_is_known_by_its_key(broker: Broker, keys: Keys) -> None:
    own = keys.gateways["coap"]
    well = await look(broker.port, replace(keys, gateways={"coap": own, "hut": new_private_key()}))
    assert (well.reached, well.fault, well.here) == ("answered", "", True)
    assert well.health["status"] == "ok"
    assert {name: each.proof for name, each in well.handshakes.items()} == {"coap": "proved", "hut": "not admitted"}
    other = await look(broker.port, replace(keys, trusted_broker=own.public))
    assert {each.proof for each in other.handshakes.values()} == {"stranger"}
    assert other.handshakes["coap"].claimed == str(broker.hub.key.public)
    listener = await look(broker.port, replace(keys, gateways={}))
    assert listener.handshakes[""].proof == "claimed"
    assert not broker.hub.gateways


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\0\x1b[2J\xff" * 100)
    await writer.drain()


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def another(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nDate: never\r\n\r\n{"status": "ok", "version": ["' + b"[" * 10_000)


@pytest.mark.parametrize("serve", [silent, garbage, endless, another])
async def test_a_hostile_broker_costs_its_time_out(serve: Serve, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_probe, "STEP_S", 0.3)
    monkeypatch.setattr(mqtt, "CONNACK_S", 0.3)
    async with served(serve) as port:
        facts = await look(port, keys)
        assert facts.reached == "http"
        assert facts.fault
        assert facts.fault.isprintable()
        assert {each.proof for each in facts.handshakes.values()} == {"none"}
        async with asyncio.timeout(PATIENCE_S):
            seen = await mqtt.look("127.0.0.1", port, (None, None), None, frozenset(), True)
        assert (seen.reached, seen.code) == ("answer", 0)
        assert seen.fault


async def test_nobody_there(keys: Keys) -> None:
    sockets = bind("127.0.0.1", 0, "broker")
    port = port_of(sockets)
    for each in sockets:
        each.close()
    facts = await look(port, keys)
    assert (facts.reached, facts.fault) == ("connect", "connection refused")
    seen = await broker_probe.look(Place("ws://nowhere.invalid:1/gw"), keys, frozenset(), False)
    assert (seen.facts.reached, seen.facts.expected) == ("resolve", True)


def test_a_process_has_an_age() -> None:
    begun = processes.started_at("self")
    assert begun is not None
    # To the day: the machine's clock may have been set meanwhile, and the kernel tells its own start by whole seconds.
    assert time.time() - 86_400 < begun < time.time() + 2
    assert processes.started_at("0") is None


async def test_an_mqtt_broker_that_wants_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "PENALTY_S", 0.0)
    made = MqttBroker(
        host="127.0.0.1", port=0, device_file=str(tmp_path / "devices"), require_password=True, alone=True
    )
    async with started(made, "MQTT broker"):
        user, password = made.account
        for account, end in (((user, password.encode()), ("suback", 0)), (("joe", b"wrong"), ("connack", 4))):
            seen = await mqtt.look("127.0.0.1", made.port, account, None, frozenset(), True)
            assert (seen.reached, seen.code) == end


async def test_an_mqtt_broker_that_lets_a_gateway_in_and_not_hear_devices(tmp_path: Path) -> None:
    made = MqttBroker(host="127.0.0.1", port=0, device_file=str(tmp_path / "devices"), alone=True)
    async with started(made, "MQTT broker"):
        seen = await mqtt.look("127.0.0.1", made.port, (None, None), None, frozenset(), True)
        assert (seen.reached, seen.code) == ("suback", 0x80)


def test_a_resolver_that_does_not_answer_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, waited = threading.Event(), threading.Event()

    def getaddrinfo(*arguments: object, **more: object) -> list[object]:
        answers.wait(PATIENCE_S)
        waited.set()
        return []

    async def connect() -> None:
        async with asyncio.timeout(0.05):
            await asyncio.open_connection("broker.example", 8000)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    try:
        with pytest.raises(TimeoutError), asyncio.Runner(loop_factory=bounded.HastyLoop) as runner:
            runner.run(connect())
        assert not waited.is_set()
    finally:
        answers.set()


async def test_sockets_have_their_process() -> None:
    sockets = bind("127.0.0.1", 0, "broker")
    try:
        found = [each for each in processes.sockets() if each.port == port_of(sockets) and each.transport == "TCP"]
        assert [(each.address, each.command) for each in found if each.pid is not None] != []
    finally:
        for each in sockets:
            each.close()


def test_no_private_key_is_among_the_facts(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    stored = make_all(path, force=False)
    facts, read = files.look_at_keys(str(path), "gen", None)
    assert read is not None
    private = {line.partition(" = ")[2] for line in path.read_text().splitlines() if line.startswith("private")}
    assert len(private) == 5
    assert not any(each in str(facts) for each in private)
    path.write_text(path.read_text() + "\nnonsense " + next(iter(private)))
    assert files.is_stale(str(path), __file__)
    assert not files.is_stale(str(path), str(path))
    assert not files.is_stale(str(path), str(tmp_path / "none"))
    broken, read = files.look_at_keys(str(path), "gen", None)
    assert read is None
    assert "line" in broken.fault
    assert not any(each in broken.fault for each in private)
    assert stored.broker is not None
