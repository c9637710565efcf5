# SPDX-License-Identifier: BSD-3-Clause
"""Clients at the broker's ``/ws``, over real sockets (PROTOCOL.md sections 3.1, 3.3)."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import websockets

from pyaiot.broker import client_session, hub
from pyaiot.broker.server import Broker
from pyaiot.cli import generate_keys
from pyaiot.keys import Keys
from pyaiot.wire.messages import New, Out, Reset, Sync, Update
from tests.broker.peers import Client, client, closed, gateway
from tests.patience import PATIENCE_S


def update(resource: str, data: Any, at: int = 1, uid: str = "1") -> Update:
    return Update(uid=uid, resource=resource, data=data, value=data, at=at)


NEW = New(uid="1", protocol="coap", at=1)


async def test_nothing_is_sent_before_new_then_the_state_then_changes(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, client(broker.port) as watcher:
        await link.say(NEW, Update(uid="1", resource="temperature", data="23.4°C", value=23.4, unit="Cel", at=7))
        await link.acknowledged(2)
        await watcher.join()
        assert await watcher.read() == {"type": "new", "uid": "coap/1", "dst": "all"}
        assert await watcher.read() == {
            "type": "update",
            "uid": "coap/1",
            "endpoint": "temperature",
            "data": "23.4°C",
            "dst": "all",
            "value": 23.4,
            "unit": "Cel",
            "at": 7,
        }
        await link.say(Reset(uid="1", at=8), update("led", "0", 9), Out(uid="1", why="timeout", at=10))
        assert await watcher.read() == {"type": "reset", "uid": "coap/1"}
        assert (await watcher.read())["data"] == "0"
        assert await watcher.read() == {"type": "out", "uid": "coap/1"}


async def test_new_again_replays_the_state_to_that_client_by_its_id(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, client(broker.port) as watcher, client(broker.port) as other:
        await link.say(NEW, update("led", "0"))
        await link.acknowledged(2)
        for each in (watcher, other):
            await each.join()
            await each.sees({"coap/1": {"led": "0"}})
        await watcher.send({"type": "new", "data": "client"})
        again = [await watcher.read(), await watcher.read()]
        assert [message["type"] for message in again] == ["new", "update"]
        assert len({message["dst"] for message in again}) == 1
        assert again[0]["dst"] not in ("all", "")
        await link.say(update("led", "1", 2))
        assert (await watcher.read())["dst"] == "all"
        assert (await other.read())["data"] == "1"


async def test_synced_tells_those_who_ask_that_the_state_is_complete(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, client(broker.port) as watcher:
        await link.say(NEW)
        await link.acknowledged(1)
        await watcher.join("synced")
        await watcher.until("synced")
        assert watcher.view == {"coap/1": {}}


async def test_a_lone_update_goes_out_at_once(broker: Broker, keys: Keys) -> None:
    """One turn of the event loop after it came, not a timer later."""
    async with gateway(broker.port, keys) as link, client(broker.port) as watcher:
        await link.say(NEW)
        await watcher.join("synced")
        await watcher.until("synced")
        shared = broker.hub
        flushed_at: list[float] = []
        flush, apply = shared.fanout.flush, shared.directory.apply
        applied_at: list[float] = []

        def spy_apply(*arguments: Any) -> Any:
            applied_at.append(shared.now)
            return apply(*arguments)

        def spy_flush(now: float) -> None:
            flushed_at.append(now)
            flush(now)

        shared.fanout.flush = spy_flush  # type: ignore[method-assign]
        shared.directory.apply = spy_apply  # type: ignore[method-assign]
        shared.fanout._last_flush = float("-inf")
        await link.say(update("led", "1"))
        await watcher.until("update")
        assert len(flushed_at) == 1
        assert shared._flush is None


@pytest.mark.parametrize(
    "message",
    [
        "",
        "x",
        "[]",
        '"a type"',
        '["type"]',
        '{"data": 1}',
        '{"type": "nonsense"}',
        '{"type": "update"}',
        '{"type": "out"}',
        '{"type": "update", "data": 5}',
        '{"type": "update", "data": {"uid": "coap/1", "endpoint": "led"}}',
        '{"type": "update", "data": {"uid": "coap/1", "endpoint": "led", "payload": "1", "more": 1}}',
        '{"type": "update", "type": "update", "data": {"uid": "coap/1", "endpoint": "led", "payload": "1"}}',
        '{"type": "update", "data": {"uid": "coap/1", "endpoint": "led", "payload": NaN}}',
        '{"type": "update", "data": {"uid": "coap/1", "endpoint": "led", "payload": 9007199254740993}}',
        '{"type": "update", "data": {"uid": "coap/1", "endpoint": "led", "payload": "\\ud800"}}',
        '{"type": "update", "data": {"uid": "coap/1", "endpoint": "led", "payload": ' + "[" * 20 + "]" * 20 + "}}",
        "[" * 16_000,
        '{"type": "' + "x" * 500 + '"}',
    ],
)
async def test_pb04_pb12_pb13_a_bad_message_closes_1003_with_a_short_reason_and_harms_nobody(
    broker: Broker, keys: Keys, message: str
) -> None:
    async with gateway(broker.port, keys) as link, client(broker.port) as bad, client(broker.port) as good:
        await link.say(NEW)
        for each in (bad, good):
            await each.join()
            await each.sees({"coap/1": {}})
        await bad.socket.send(message)
        code, reason = await closed(bad.socket)
        assert code == 1003
        assert 0 < len((reason or "").encode()) <= 123
        await link.say(update("led", "1"))
        await good.sees({"coap/1": {"led": "1"}})


async def test_binary_is_refused(broker: Broker) -> None:
    async with client(broker.port) as bad:
        await bad.socket.send(b'{"type": "new"}')
        assert (await closed(bad.socket))[0] == 1003


async def test_a_message_over_16_kib_is_refused(broker: Broker) -> None:
    async with client(broker.port) as bad:
        await bad.socket.send(json.dumps({"type": "new", "data": "x" * 16_384}))
        assert (await closed(bad.socket))[0] in (1009, 1006)


async def test_a_write_before_new_is_refused(broker: Broker) -> None:
    async with client(broker.port) as bad:
        await bad.send({"type": "update", "data": {"uid": "coap/1", "endpoint": "led", "payload": "1"}})
        assert (await closed(bad.socket))[0] == 1003


async def test_outcomes_are_told_only_to_those_who_ask(broker: Broker, keys: Keys) -> None:
    write = {"type": "update", "id": "w", "data": {"uid": "coap/9", "endpoint": "led", "payload": "1"}}
    async with gateway(broker.port, keys) as link, client(broker.port) as old, client(broker.port) as modern:
        await old.join()
        await modern.join("results")
        await old.send(write)
        await modern.send(write)
        assert await modern.read() == {
            "type": "result",
            "id": "w",
            "ok": False,
            "code": "unknown",
            "reason": "there is no such node",
        }
        await link.say(NEW)
        assert (await old.read())["type"] == "new"


async def test_a_leading_slash_is_dropped(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, client(broker.port) as asker:
        await link.say(NEW)
        await asker.join()
        await asker.sees({"coap/1": {}})
        await asker.send({"type": "update", "data": {"uid": "coap/1", "endpoint": "/led", "payload": "1"}})
        assert (await link.write()).resource == "led"


async def test_writes_of_one_client_are_bounded_and_others_go_on(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, client(broker.port) as greedy, client(broker.port) as modest:
        await link.say(NEW)
        for each in (greedy, modest):
            await each.join("results")
            await each.sees({"coap/1": {}})
        for n in range(70):
            await greedy.send({"type": "update", "id": n, "data": {"uid": "coap/1", "endpoint": "led", "payload": "1"}})
        refused = [await greedy.until("result") for _ in range(6)]
        assert {result["code"] for result in refused} == {"busy"}
        await modest.send({"type": "update", "id": 1, "data": {"uid": "coap/1", "endpoint": "led", "payload": "m"}})
        while (await link.write()).data != "m":
            pass


# Host, Origin, tokens


@pytest.mark.parametrize(
    ("origin", "ok"),
    [
        ("http://localhost:8080", True),
        ("http://127.0.0.1:8080", True),
        ("http://evil.example", False),
        ("http://localhost:8081", False),
        ("null", False),
    ],
)
async def test_pb09_only_known_pages_may_connect(broker: Broker, origin: str, ok: bool) -> None:
    if ok:
        async with client(broker.port, origin=origin) as page:
            await page.join("synced")
            await page.until("synced")
    else:
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with client(broker.port, origin=origin):
                pass
        assert refused.value.response.status_code == 403


@pytest.mark.parametrize("path", ["/ws", "/health", "/metrics"])
async def test_a_name_that_was_rebound_is_refused(broker: Broker, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: evil.example:{broker.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert (await reader.readline()).startswith(b"HTTP/1.1 403")
    writer.close()


async def _http(port: int, path: str, *headers: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    answer = (await reader.read()).decode()
    writer.close()
    return int(answer.split()[1]), answer.partition("\r\n\r\n")[2]


async def test_health_and_metrics(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link:
        await link.say(NEW)
        await link.acknowledged(1)
        status, body = await _http(broker.port, "/health")
        assert (status, json.loads(body)["nodes"], json.loads(body)["status"]) == (200, 1, "ok")
        status, body = await _http(broker.port, "/metrics")
        assert status == 200
        assert 'aiot_nodes{gateway="coap",state="online"} 1.0' in body
        assert "aiot_gateway_sessions_total 1.0" in body
    async with asyncio.timeout(PATIENCE_S):
        while 'aiot_gateway_connected{gateway="coap"} 0.0' not in (await _http(broker.port, "/metrics"))[1]:
            await asyncio.sleep(0.02)
    told = json.loads((await _http(broker.port, "/health"))[1])
    assert (told["status"], told["gateways"], told["gateways_away"]) == ("ok", 0, 1)
    broker.hub.change_keys(Keys(broker=keys.broker))
    assert json.loads((await _http(broker.port, "/health"))[1])["gateways_away"] == 0
    assert (await _http(broker.port, "/nothing"))[0] == 404


async def test_who_comes_through_a_proxy_is_not_on_this_host(broker: Broker) -> None:
    assert (await _http(broker.port, "/metrics", "X-Forwarded-For: 203.0.113.9"))[0] == 401
    async with client(broker.port, additional_headers={"X-Forwarded-For": "203.0.113.9"}) as proxied:
        await proxied.join()
        assert (await closed(proxied.socket))[0] == 4401


@pytest.mark.parametrize("broker_options", [{"broker_host": "0.0.0.0"}])
async def test_on_a_public_bind_a_token_decides(
    broker: Broker, keys: Keys, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tokens = {}
    for name, role in (("alice", "operator"), ("bob", "viewer")):
        generate_keys.run(["--key-file", str(key_file), "--client", name, "--role", role])
        tokens[name] = capsys.readouterr().out.strip()
    async with asyncio.timeout(PATIENCE_S):
        while len(broker.hub.gatekeeper.clients) < 2:
            await asyncio.sleep(0.02)
    async with AsyncExitStack() as stack:
        link = await stack.enter_async_context(gateway(broker.port, keys))
        await link.say(NEW)
        await link.acknowledged(1)
        for message in ({"type": "new"}, {"type": "new", "token": "guess"}):
            nobody = await stack.enter_async_context(client(broker.port))
            await nobody.send(message)
            assert (await closed(nobody.socket))[0] == 4401
        write = {"type": "update", "id": 1, "data": {"uid": "coap/1", "endpoint": "led", "payload": "1"}}
        bob = await stack.enter_async_context(client(broker.port))
        await bob.join("results", token=tokens["bob"])
        await bob.send(write)
        assert (await bob.until("result"))["code"] == "forbidden"
        bearer = {"Authorization": f"Bearer {tokens['alice']}"}
        alice = await stack.enter_async_context(client(broker.port, additional_headers=bearer))
        await alice.join("results")
        await alice.sees({"coap/1": {}})
        await alice.send(write)
        assert (await link.write()).resource == "led"
        assert (await _http(broker.port, "/metrics", f"Authorization: Bearer {tokens['bob']}"))[0] == 200


@pytest.mark.parametrize("broker_options", [{"broker_host": "0.0.0.0", "anonymous_read": True}])
async def test_anonymous_reading_is_reading_only(broker: Broker) -> None:
    async with client(broker.port) as reader:
        await reader.join("results", "synced")
        await reader.until("synced")
        await reader.send({"type": "update", "id": 1, "data": {"uid": "coap/1", "endpoint": "led", "payload": "1"}})
        assert (await reader.until("result"))["code"] == "forbidden"


# Slow clients


async def _stall(watcher: Client) -> None:
    """The client joins, has everything, and reads no more."""
    await watcher.join("synced")
    await watcher.until("synced")
    watcher.socket.transport.pause_reading()


async def test_pb15_a_client_that_stops_reading_costs_little_delays_nobody_and_ends_at_the_truth(
    broker: Broker, keys: Keys
) -> None:
    nodes = [New(uid=str(n), protocol="coap", at=1) for n in range(50)]
    async with gateway(broker.port, keys) as link, client(broker.port) as slow, client(broker.port) as fast:
        await link.say(*nodes)
        await _stall(slow)
        await fast.join("synced")
        await fast.until("synced")
        at, waiting = 0, 0
        for _ in range(200):
            at += 1
            await link.say(*(update("v", f"{at} " + "x" * 100, at, str(n)) for n in range(50)))
            while fast.view["coap/49"].get("v", "").partition(" ")[0] != str(at):
                await fast.read()
            waiting = max(waiting, *(_bytes_waiting(each) for each in broker.hub.clients))
        assert broker.hub.counters.clients_fallen_behind >= 1
        assert waiting <= 512 * 1024
        slow.socket.transport.resume_reading()
        await slow.sees(fast.view)
        assert len(slow.heard) < len(fast.heard), "old values are not told any more"
        last = {uid: values["v"] for uid, values in slow.view.items()}
        assert set(last.values()) == {f"{at} " + "x" * 100}
        slow.socket.transport.abort()


def _bytes_waiting(session: client_session.ClientSession) -> int:
    if session.ws_connection is None or session.stream.closed():
        return 0
    return len(session.stream._write_buffer)


async def test_a_slow_client_hears_of_departures(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, client(broker.port) as slow:
        await link.say(NEW, New(uid="2", protocol="coap", at=1))
        await _stall(slow)
        await _until_behind(broker, link)
        await link.say(Out(uid="1", why="closed", at=1), New(uid="3", protocol="coap", at=1), Reset(uid="2", at=2))
        await link.acknowledged(link.next - 1)
        slow.socket.transport.resume_reading()
        await slow.sees({"coap/2": {}, "coap/3": {}})


async def test_a_client_that_asks_again_and_again_without_reading_is_bounded(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, client(broker.port) as rude, client(broker.port) as good:
        for start in range(0, 500, 100):
            part = range(start, start + 100)
            await link.say(*(New(uid=str(n), protocol="coap", at=1) for n in part))
            await link.say(*(update("v", "x" * 60, 1, str(n)) for n in part))
        await link.acknowledged(1000)
        await _stall(rude)
        for _ in range(2000):
            await rude.send({"type": "new", "data": "client"})
        await good.join("synced")
        await good.until("synced")
        assert max(map(_bytes_waiting, broker.hub.clients)) <= 512 * 1024
        assert len(broker.hub.directory.changes.bookmarks) <= 2
        rude.socket.transport.abort()


async def test_outcomes_for_a_client_that_does_not_read_are_bounded(
    broker: Broker, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_session, "MAX_WAITING_RESULTS", 10)
    async with client(broker.port) as rude:
        await rude.join("results")
        rude.socket.transport.pause_reading()
        write = {"type": "update", "id": "i" * 60, "data": {"uid": "coap/1", "endpoint": "led", "payload": "1"}}
        async with asyncio.timeout(PATIENCE_S):
            while broker.hub.clients:
                try:
                    await rude.send(write)
                except websockets.ConnectionClosed:
                    break


async def test_pb14_a_client_that_vanishes_while_told_something_harms_nobody(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, client(broker.port) as good:
        await link.say(NEW)
        await good.join("synced")
        await good.until("synced")
        for n in range(30):
            async with client(broker.port) as dying:
                await dying.join("synced")
                await dying.until("synced")
                dying.socket.transport.abort()
                await link.say(update("led", str(n), n))
        await good.sees({"coap/1": {"led": "29"}})
        assert len(broker.hub.clients) <= 31
        await link.acknowledged(31)


async def test_too_many_clients_are_told_so(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "MAX_CLIENTS", 1)
    async with client(broker.port) as first, client(broker.port) as second:
        await first.join("synced")
        await first.until("synced")
        await second.join()
        assert (await closed(second.socket))[0] == 1013


async def test_who_says_nothing_keeps_nobody_out(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker.hub.silent_clients, "places", 2)
    async with AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(client(broker.port)) for _ in range(4)]
        good = await stack.enter_async_context(client(broker.port))
        await good.join("synced")
        await good.until("synced")
        for each in silent[:2]:
            assert (await closed(each.socket))[0] in (None, 1006)
        assert broker.hub.counters.evicted == 3


async def test_a_client_must_say_new_in_time(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client_session.JOIN_TIMEOUT_S == 10.0
    monkeypatch.setattr(client_session, "JOIN_TIMEOUT_S", 0.05)
    async with client(broker.port) as silent:
        assert (await closed(silent.socket))[0] == 1013
    async with client(broker.port) as good:
        await good.join("synced")
        await good.until("synced")
        assert not broker.hub.silent_clients


@pytest.mark.parametrize("broker_options", [{"require_token": True}])
async def test_with_require_token_loopback_is_no_excuse(broker: Broker) -> None:
    async with client(broker.port) as nobody:
        await nobody.join()
        assert (await closed(nobody.socket))[0] == 4401


@pytest.mark.parametrize("broker_options", [{"require_token": True}])
async def test_revoke_client_ends_a_live_session(
    broker: Broker, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate_keys.run(["--key-file", str(key_file), "--client", "alice", "--role", "operator"])
    token = capsys.readouterr().out.strip()
    async with asyncio.timeout(PATIENCE_S):
        while not broker.hub.gatekeeper.clients:
            await asyncio.sleep(0.02)
    async with client(broker.port) as alice:
        await alice.join("synced", token=token)
        await alice.until("synced")
        generate_keys.run(["--key-file", str(key_file), "--revoke-client", "alice"])
        assert (await closed(alice.socket))[0] == 4401


# Nobody keeps what is gone


async def test_new_again_while_a_departure_waits_in_the_batch(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, client(broker.port) as watcher:
        await link.say(NEW, New(uid="2", protocol="coap", at=1))
        await watcher.join()
        await watcher.sees({"coap/1": {}, "coap/2": {}})
        (session,) = broker.hub.clients
        broker.hub.directory.apply("coap", 3, [Out(uid="1", why="closed", at=1)])
        assert isinstance(session, client_session.ClientSession)
        session.on_message('{"type": "new"}')
        await watcher.until("out")
        await watcher.until("new")
        assert watcher.view == {"coap/2": {}}


async def test_new_again_while_behind(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link, client(broker.port) as slow:
        await link.say(NEW, New(uid="2", protocol="coap", at=1))
        await _stall(slow)
        await _until_behind(broker, link)
        await link.say(Out(uid="1", why="closed", at=1))
        await link.acknowledged(link.next - 1)
        await slow.send({"type": "new"})
        slow.socket.transport.resume_reading()
        await slow.until("out")
        await slow.until("new")
        assert set(slow.view) == {"coap/2"}


async def test_who_is_too_far_behind_is_sent_away(broker: Broker, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyaiot.broker.notices.MAX_PENDING_NOTICES", 3)
    async with gateway(broker.port, keys) as link, client(broker.port) as slow:
        await link.say(NEW)
        await _stall(slow)
        await _until_behind(broker, link)
        for n in range(5):
            await link.say(New(uid=f"x{n}", protocol="coap", at=1), Out(uid=f"x{n}", why="closed", at=1))
        await link.acknowledged(link.next - 1)
        slow.socket.transport.resume_reading()
        assert (await closed(slow.socket))[0] == 1013


async def _until_behind(broker: Broker, link: Any) -> None:
    """Say more than the system's buffers hold for the one client that there is, and does not read."""
    at, stuck = 0, 0
    async with asyncio.timeout(PATIENCE_S):
        while stuck < 5:
            at += 1
            await link.say(*(update(f"r{n}", f"{at}" + "x" * 900, at) for n in range(30)))
            await link.acknowledged(link.next - 1)
            stuck = stuck + 1 if not len(broker.hub.fanout) else 0


async def test_mutated_messages_end_only_their_sender(broker: Broker, keys: Keys) -> None:
    """1,000 connections on the real socket, each ended by its own bad message, while a good client watches."""
    chance = random.Random(1)
    templates = [
        '{"type":"new","data":"client"}',
        '{"type":"update","data":{"uid":"coap/1","endpoint":"led","payload":"1"}}',
        '{"type":"update","id":3,"data":{"uid":"coap/1","endpoint":"led","payload":{"a":[1,2,{"b":null}]}}}',
    ]
    async with gateway(broker.port, keys) as link, client(broker.port) as good:
        await link.say(NEW)
        await good.join("synced")
        await good.until("synced")
        drain = asyncio.create_task(_drain(link))
        for _ in range(1000):
            async with client(broker.port) as bad:
                await bad.send({"type": "new"})
                while bad.socket.close_code is None:
                    text = list(chance.choice(templates))
                    for _ in range(chance.randrange(1, 4)):
                        text[chance.randrange(len(text))] = chr(chance.choice((34, 0, 92, 123, 125, 0x1F600, 48)))
                    try:
                        await bad.socket.send("".join(text))
                        await asyncio.wait_for(bad.socket.recv(), 0.001)
                    except (TimeoutError, websockets.ConnectionClosed):
                        pass
                assert bad.socket.close_code == 1003
        drain.cancel()
        assert broker.hub.counters.client_messages_malformed == 1000
        async with client(broker.port) as after:
            await after.join("synced")
            await after.until("synced")
            assert after.view == good.view == {"coap/1": {}}


async def _drain(link: Any) -> None:
    while True:
        await link.read()


async def test_a_client_joins_10_000_nodes_without_a_word_to_a_gateway(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link:
        uids = [str(n) for n in range(10_000)]
        for start in range(0, len(uids), 200):
            part = uids[start : start + 200]
            await link.say(*(New(uid=uid, protocol="coap", at=1) for uid in part))
            for resource in ("a", "b"):
                await link.say(*(update(resource, "1", 1, uid) for uid in part))
        await link.say(Sync(uids=uids[:100], more=True))
        await link.acknowledged(link.next - 1)
        frames = len(link.frames)
        async with client(broker.port) as watcher:
            await watcher.join("synced")
            await watcher.until("synced")
            assert len(watcher.view) == 10_000
            assert len(watcher.heard) == 30_001
        assert len(link.frames) == frames
