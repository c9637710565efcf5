# SPDX-License-Identifier: BSD-3-Clause
"""``/rpc`` of a real broker, over WebSocket and HTTP: the framework, who may what, bounds (PROTOCOL.md section 3.5)."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from pyaiot.broker import client_codec
from pyaiot.broker import hub as hubs
from pyaiot.broker.rpc import connection, outgoing
from pyaiot.broker.rpc.api import Api
from pyaiot.broker.rpc.caller import Caller, Later
from pyaiot.broker.server import Broker
from pyaiot.cli import generate_keys
from pyaiot.rpc.errors import RpcError
from pyaiot.rpc.methods import Method
from tests.broker.peers import PATIENCE_S
from tests.broker.rpc.programs import program
from tests.rpc.specification import CALLS, FRAMEWORK, METHODS, without_data

BEARER = "Authorization: Bearer {}"


async def http(
    port: int,
    body: str | bytes,
    *headers: str,
    method: str = "POST",
    path: str = "/rpc",
    kind: str = "application/json",
) -> tuple[int, Any]:
    """One request over HTTP; status, and body as JSON."""
    content = body.encode() if isinstance(body, str) else body
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", f"Content-Type: {kind}", *headers]
    writer.write("\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content)
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.read()
    writer.close()
    text = answer.partition(b"\r\n\r\n")[2]
    return int(answer.split()[1]), json.loads(text) if text else None


@pytest.fixture
def specified(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that has the methods of the specification's examples besides."""
    make = Api.__init__

    def with_examples(self: Api, hub: Any) -> None:
        make(self, hub)
        for each in METHODS:
            self.table.add(each)

    monkeypatch.setattr(Api, "__init__", with_examples)


@pytest.mark.usefixtures("specified")
async def test_the_specification_s_own_examples_over_websocket(broker: Broker) -> None:
    async with program(broker.port) as client:
        for sent, expected in CALLS + FRAMEWORK:
            await client.send(sent)
            if expected is not None:
                assert without_data(await client.read()) == without_data(json.loads(expected)), sent
        assert (await client.ask("get_data"))["result"] == ["hello", 5]


@pytest.mark.usefixtures("specified")
async def test_the_specification_s_own_examples_over_http(broker: Broker) -> None:
    for sent, expected in CALLS + FRAMEWORK:
        status, found = await http(broker.port, sent)
        if expected is None:
            assert (status, found) == (204, None), sent
        else:
            assert (status, without_data(found)) == (200, without_data(json.loads(expected))), sent


async def test_a_peer_of_1_0_is_answered_in_1_0_and_left_when_it_sends_something_malformed(broker: Broker) -> None:
    async with program(broker.port) as client:
        await client.send({"method": "nodes.get", "params": ["coap/1"], "id": 0})
        answer = await client.read()
        assert (answer["result"], answer["error"]["data"]["code"], answer["id"]) == (None, "unknown", 0)
        await client.send({"method": "nodes.get", "params": ["coap/1"], "id": None})
        await client.send({"method": "nodes.list", "params": [], "id": ""})
        assert (await client.read())["error"] is None
        await client.send("{")
        assert (await client.read())["error"]["code"] == -32700
        assert (await client.closed())[0] == 1003


async def test_what_is_malformed_is_answered_and_counted(broker: Broker) -> None:
    async with program(broker.port) as client:
        for text in (
            "{",
            "[",
            "1",
            '{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}',
            '"' + "[" * 9_000 + '"',
            "[" * 9_000,
        ):
            await client.send(text)
            assert (await client.read())["error"]["code"] in (-32700, -32600)
        await client.socket.send(b'{"jsonrpc":"2.0","id":1,"method":"nodes.list"}')
        assert (await client.read())["error"]["code"] == -32700, "a binary message is none"
        await client.send({"jsonrpc": "2.0", "id": 9, "result": 0})
        assert await client.result("nodes.list")
    assert broker.hub.rpc.malformed == 7
    assert broker.hub.rpc.unexpected_answers == 1


async def test_messages_and_batches_have_a_length(broker: Broker) -> None:
    one = {"jsonrpc": "2.0", "id": 1, "method": "nodes.list"}
    async with program(broker.port) as client:
        await client.send([one] * 100)
        assert len(await client.read()) == 100
        await client.send([one] * 101)
        assert (await client.read())["error"]["code"] == -32600
        await client.send(json.dumps(one).ljust(client_codec.MAX_MESSAGE_BYTES))
        assert (await client.read())["id"] == 1
        await client.send(json.dumps(one).ljust(client_codec.MAX_MESSAGE_BYTES + 1))
        assert (await client.closed())[0] == 1009
    assert (await http(broker.port, json.dumps(one).ljust(client_codec.MAX_MESSAGE_BYTES)))[0] == 200
    assert (await http(broker.port, json.dumps(one).ljust(client_codec.MAX_MESSAGE_BYTES + 1)))[0] == 413


async def test_over_http_only_what_a_foreign_page_cannot_send_unasked(broker: Broker) -> None:
    one = '{"jsonrpc": "2.0", "id": 1, "method": "nodes.list"}'
    assert (await http(broker.port, one, kind="text/plain"))[0] == 415
    assert (await http(broker.port, one, kind="application/json; charset=utf-8"))[0] == 200
    assert (await http(broker.port, one, "Origin: http://evil.example"))[0] == 403
    for site in ("cross-site", "same-site", "none"):
        assert (await http(broker.port, one, f"Sec-Fetch-Site: {site}"))[0] == 403
    assert (await http(broker.port, "", "Sec-Fetch-Site: cross-site", method="GET", path="/rpc/openrpc.json"))[0] == 200
    assert (await http(broker.port, one, method="PUT"))[0] == 405
    assert (await http(broker.port, one, "X-Forwarded-For: 203.0.113.9"))[0] == 401
    status, found = await http(broker.port, '{"jsonrpc": "2.0", "id": 1, "method": "nodes.watch"}')
    assert (status, found["error"]["data"]["code"]) == (200, "unsupported")


async def test_the_openrpc_document_tells_every_method_and_is_what_discover_answers(broker: Broker) -> None:
    status, document = await http(broker.port, "", method="GET", path="/rpc/openrpc.json")
    assert status == 200
    assert document["openrpc"].startswith("1.")
    described = {method["name"]: method for method in document["methods"]}
    assert {"session.authenticate", "rpc.discover", "nodes.list", "nodes.watch", "nodes.write"} <= set(described)
    write = [(param["name"], param["required"]) for param in described["nodes.write"]["params"]]
    assert write == [("uid", True), ("resource", True), ("data", True), ("timeout", False)]
    assert all(method["summary"] for method in document["methods"])
    references = json.dumps(document).count('"#/components/schemas/')
    assert references > 0
    for name in {text.split('"')[0] for text in json.dumps(document).split('"#/components/schemas/')[1:]}:
        assert name in document["components"]["schemas"]
    async with program(broker.port) as client:
        assert await client.result("rpc.discover") == document


# Who may


@pytest.fixture
async def tokens(broker: Broker, key_file: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """A token of each role."""
    made = {}
    for role in ("viewer", "operator"):
        generate_keys.run(["--key-file", str(key_file), "--client", role, "--role", role])
        made[role] = capsys.readouterr().out.strip()
    async with asyncio.timeout(PATIENCE_S):
        while len(broker.hub.gatekeeper.clients) < 2:
            await asyncio.sleep(0.02)
    return made


NEEDS_TOKEN = pytest.mark.parametrize("broker_options", [{"require_token": True}])


@NEEDS_TOKEN
async def test_a_token_is_shown_by_header_or_by_the_first_call(broker: Broker, tokens: dict[str, str]) -> None:
    bearer = {"Authorization": f"Bearer {tokens['operator']}"}
    async with program(broker.port, additional_headers=bearer) as by_header, program(broker.port) as by_call:
        assert await by_header.error("nodes.write", ["coap/1", "led", 1]) == "unknown"
        assert await by_call.error("nodes.list") == "forbidden"
        assert await by_call.result("rpc.discover")
        assert await by_call.result("session.authenticate", {"token": tokens["viewer"]}) == {"role": "viewer"}
        assert (await by_call.result("nodes.list"))["nodes"] == []
        assert await by_call.error("nodes.write", ["coap/1", "led", 1]) == "forbidden"
        assert await by_call.error("session.authenticate", ["no token"]) == "forbidden"
        assert (await by_call.result("nodes.list"))["nodes"] == [], "who is known stays so"
        assert await by_call.result("session.authenticate", [tokens["operator"]]) == {"role": "operator"}
        assert await by_call.error("nodes.write", ["coap/1", "led", 1]) == "unknown"
    one = '{"jsonrpc": "2.0", "id": 1, "method": "nodes.write", "params": ["coap/1", "led", 1]}'
    assert (await http(broker.port, one))[0] == 401
    assert (await http(broker.port, one, BEARER.format("guess")))[0] == 401
    for role, code in (("viewer", "forbidden"), ("operator", "unknown")):
        _, found = await http(broker.port, one, BEARER.format(tokens[role]))
        assert found["error"]["data"]["code"] == code


@NEEDS_TOKEN
async def test_who_shows_a_wrong_token_or_none_is_cut_off(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    async with program(broker.port) as guessing:
        assert await guessing.error("session.authenticate", ["guess"]) == "forbidden"
        assert (await guessing.closed())[0] == 4401
    monkeypatch.setattr(connection, "JOIN_TIMEOUT_S", 0.05)
    async with program(broker.port) as silent:
        assert (await silent.closed())[0] == 4401
    assert broker.hub.counters.clients_refused >= 1
    assert not broker.hub.clients
    assert not broker.hub.silent_clients


@NEEDS_TOKEN
async def test_a_revoked_token_ends_the_session(broker: Broker, tokens: dict[str, str], key_file: Path) -> None:
    async with program(broker.port) as client:
        await client.result("session.authenticate", [tokens["operator"]])
        generate_keys.run(["--key-file", str(key_file), "--revoke-client", "operator"])
        assert (await client.closed())[0] == 4401


@NEEDS_TOKEN
async def test_who_shows_nothing_keeps_nobody_out(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker.hub.silent_clients, "places", 2)
    async with AsyncExitStack() as stack:
        oldest, *_ = [await stack.enter_async_context(program(broker.port)) for _ in range(3)]
        assert (await oldest.closed())[0] == 1006


async def test_there_is_room_for_so_many_clients_of_both_kinds(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "MAX_CLIENTS", 1)
    async with program(broker.port) as first:
        await first.result("nodes.list")
        async with program(broker.port) as second:
            assert (await second.closed())[0] == 1013
        assert await first.result("nodes.list")


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}])
async def test_foreign_pages_and_rebound_names_are_refused_before_the_upgrade(
    broker: Broker, headers: dict[str, str]
) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "localhost", **headers}.items())
    reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
    upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    writer.write(f"GET /rpc HTTP/1.1\r\n{upgrade}Sec-WebSocket-Version: 13\r\n{lines}\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 403")
    writer.close()


async def test_the_broker_says_goodbye_and_answers_what_waits_over_http(later: list[Later], broker: Broker) -> None:
    async with program(broker.port) as client:
        waiting = asyncio.create_task(http(broker.port, '{"jsonrpc": "2.0", "id": 1, "method": "test.later"}'))
        async with asyncio.timeout(PATIENCE_S):
            while not later:
                await asyncio.sleep(0.01)
        closing = asyncio.create_task(broker.hub.close())
        assert (await client.closed())[0] == 1001
        status, found = await waiting
        assert (status, found["error"]["data"]["code"]) == (503, "timeout")
        await closing


# What comes later, and who does not read


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> list[Later]:
    """``test.later`` is answered when the test says; ``test.big`` at once, with 200 KiB; ``test.fault`` has one."""
    kept: list[Later] = []

    def wait(caller: Caller) -> Any:
        """Later."""
        kept.append(Later())
        return kept[-1]

    def big() -> str:
        """Much."""
        return "x" * 200_000

    def fault() -> None:
        """A fault of ours."""
        raise ZeroDivisionError("the secret of the house")

    make = Api.__init__

    def with_more(self: Api, hub: Any) -> None:
        make(self, hub)
        for name, function in (("test.later", wait), ("test.big", big), ("test.fault", fault)):
            self.table.add(Method.of(name, function))

    monkeypatch.setattr(Api, "__init__", with_more)
    return kept


async def test_a_late_answer_comes_once_in_any_order_and_a_fault_of_ours_is_one(
    later: list[Later], broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async with program(broker.port) as client:
        for id in (1, 2):
            await client.send({"jsonrpc": "2.0", "id": id, "method": "test.later"})
        await until(lambda: len(later) == 2)
        later[1].resolve(None)
        later[1].reject(RpcError(1, "once is enough"))
        later[0].reject(RpcError.of("busy", "no"))
        assert await client.read() == {"jsonrpc": "2.0", "result": None, "id": 2}
        assert (await client.read())["error"]["data"] == {"code": "busy"}
        fault = (await client.ask("test.fault"))["error"]
        assert fault == {"code": -32603, "message": "Internal error"}
        assert "secret" in caplog.text
        assert await client.result("nodes.list")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.01)


async def test_a_connection_has_1_024_calls_under_way(later: list[Later], broker: Broker) -> None:
    async with program(broker.port) as client:
        for start in range(0, 1_100, 100):
            await client.send([{"jsonrpc": "2.0", "id": start + i, "method": "test.later"} for i in range(100)])
        await until(lambda: len(later) == 1_024)
        for each in later:
            each.resolve(1)
        answers = [answer for _ in range(11) for answer in await client.read()]
        assert len(answers) == 1_100
        assert sum("error" in answer for answer in answers) == 1_100 - 1_024


async def unread(broker: Broker) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A program that does not read: a bare socket, upgraded."""
    reader, writer = await asyncio.open_connection("127.0.0.1", broker.port, limit=1024)
    upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    writer.write(f"GET /rpc HTTP/1.1\r\nHost: localhost\r\n{upgrade}Sec-WebSocket-Version: 13\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def frame(message: Any) -> bytes:
    text = json.dumps(message).encode()
    return struct.pack("!BBHI", 0x81, 0xFE, len(text), 0) + text


async def test_who_asks_much_and_reads_nothing_is_not_read_any_more(later: list[Later], broker: Broker) -> None:
    _, writer = await unread(broker)
    await until(lambda: len(broker.hub.clients) == 1)
    (client,) = broker.hub.clients
    out = client._session._outgoing  # type: ignore[attr-defined]
    for _ in range(200):
        writer.write(frame({"jsonrpc": "2.0", "id": 1, "method": "test.big"}))
    await until(lambda: out._reading.is_shut)
    served = broker.hub.rpc.requests
    async with program(broker.port) as other:
        for _ in range(20):
            await other.result("nodes.list")
    assert broker.hub.rpc.requests - served >= 20, "others are served"
    assert broker.hub.rpc.requests - 20 < 100  # of the flood; what had been read already is served
    assert out._in_flight_bytes + out._frames_bytes <= 2 * 200_100
    writer.transport.abort()
    await until(lambda: not broker.hub.clients)


async def test_late_answers_for_which_there_is_no_room_are_short(later: list[Later], broker: Broker) -> None:
    reader, writer = await unread(broker)
    for id in range(1_000):
        writer.write(frame({"jsonrpc": "2.0", "id": id, "method": "test.later"}))
    await until(lambda: len(later) == 1_000)
    (client,) = broker.hub.clients
    out = client._session._outgoing  # type: ignore[attr-defined]
    for each in later:
        each.resolve("x" * 15_000)
    await asyncio.sleep(0)
    assert out._in_flight_bytes + out._frames_bytes <= outgoing.MAX_WAITING_BYTES + 15_100 + 1_000 * 220
    answers = 0
    texts = bytearray()
    async with asyncio.timeout(PATIENCE_S):
        while answers < 1_000:
            texts += await reader.read(65_536)
            answers = texts.count(b'"jsonrpc"')
    assert texts.count(b'"timeout"') > 500
    writer.close()


async def test_who_must_be_notified_and_does_not_read_is_cut_off(later: list[Later], broker: Broker) -> None:
    _, writer = await unread(broker)
    await until(lambda: len(broker.hub.clients) == 1)
    (client,) = broker.hub.clients
    session = client._session  # type: ignore[attr-defined]
    ended: list[str] = []
    session.on_end += [lambda: ended.append("first"), lambda: ended.append("second")]
    asked: list[Any] = []
    session.request("m", [], 100.0, asked.append)
    for _ in range(100):
        session.notify("news", b'{"x":"%b"}' % (b"x" * 10_000))
        await asyncio.sleep(0)
    await until(lambda: not broker.hub.clients)
    await until(lambda: len(ended) == 2)
    assert ended == ["first", "second"]
    assert broker.hub.counters.rpc_clients_cut_off == 1
    assert [ending.name for ending in asked] == ["left"]
    writer.close()


class Count:
    """A source of numbered frames."""

    def __init__(self, total: int) -> None:
        self.left = total
        self.read = 0

    def take(self, limit: int) -> bytes:
        """See caller.Source."""
        number = min(self.left, max(1, limit // 1_002))
        self.left -= number
        return (b"\x81\x7e\x03\xe6" + b"1" * 998) * number


async def test_sources_are_asked_in_turn_and_at_the_client_s_pace(broker: Broker) -> None:
    reader, writer = await unread(broker)
    await until(lambda: len(broker.hub.clients) == 1)
    (client,) = broker.hub.clients
    session = client._session  # type: ignore[attr-defined]
    long, short = Count(20_000), Count(100)
    session.add_source(long)
    session.add_source(short)
    await until(lambda: session.is_behind)
    assert long.left > 19_000, "the client has not read a byte"
    assert session.deliver(b"\x81\x01x") is False, "who is behind takes from its sources"
    async with asyncio.timeout(PATIENCE_S):
        while short.left:
            await reader.readexactly(1_002)
            short.read += 1
        assert long.left > 0, "a long one keeps no short one waiting"
        await reader.readexactly((20_100 - short.read) * 1_002)
    assert long.left == 0
    await until(lambda: not session.is_behind)
    assert session.deliver(b"\x81\x01x") is True
    assert await reader.readexactly(3) == b"\x81\x01x"
    writer.close()


async def test_the_broker_calls_a_program_in_its_version_and_until_a_deadline(broker: Broker) -> None:
    async with program(broker.port) as client:
        (session,) = [each._session for each in broker.hub.clients]  # type: ignore[attr-defined]
        endings: list[Any] = []
        session.request("add", [1, 2], 100.0, endings.append)
        asked = await client.read()
        assert asked == {"jsonrpc": "2.0", "method": "add", "params": [1, 2], "id": asked["id"]}
        await client.send({"jsonrpc": "2.0", "id": asked["id"], "result": {"sum": 3}})
        await until(lambda: len(endings) == 1)
        assert bytes(endings[0]) == b'{"sum": 3}'
        await client.send({"id": None, "method": "nodes.list", "params": []})
        session.request("add", {"a": 1}, 0.01, endings.append)
        await until(lambda: len(endings) == 2)
        assert endings[1].name == "timeout"
        assert await client.read() == {"jsonrpc": "2.0", "method": "add", "params": {"a": 1}, "id": 2}
        await until(lambda: session.version == 1)
        session.request("add", [1], 100.0, endings.append)
        assert await client.read() == {"method": "add", "params": [1], "id": 3}
    await until(lambda: len(endings) == 3)
    assert endings[2].name == "left"
