# SPDX-License-Identifier: BSD-3-Clause
"""``/v1/actuations`` on real sockets: what a gateway is then told, and what one service can cost another."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pyaiot import keys as keyfile
from pyaiot.broker import dispatch, service_pace
from pyaiot.broker.parked import MAX_WAITING_PER_NODE
from pyaiot.broker.sequence import WINDOW
from pyaiot.broker.server import Broker
from pyaiot.broker.service_pace import BURST, MAX_WRITES_AT_ONCE, ServicePace
from pyaiot.keys import ClientToken, Keys, token_digest
from pyaiot.wire.messages import New, Out, Result, Sync, Write
from tests.broker.peers import Gateway, gateway
from tests.patience import PATIENCE_S
from tests.wire.fuzz import broken

#: Requests made from good ones by breaking them, each on the real socket.
HOSTILE = 2_000

JOE = New(uid="joe", protocol="ws", at=1)


def actuation(*values: Any, device: str = "joe", account: str = "", **more: Any) -> bytes:
    """A body that gives the LED each of ``values``."""
    params = [{"name": "LED", "value": value} for value in values or ("1",)]
    content = {"deviceId": device, "componentId": "led", "command": "LED.v1.0", "params": params, "accountId": account}
    return json.dumps({"type": "command", "content": content, **more}).encode()


class Connection:
    """A service's connection, and every byte of what is said on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: str) -> None:
        self._reader = reader
        self.writer = writer
        self._headers = headers

    def send(
        self, body: bytes, path: str = "/v1/actuations", *, length: int | None = None, method: str = "POST"
    ) -> None:
        """Send a request; ``length`` is what it says of its body."""
        size = len(body) if length is None else length
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n{self._headers}\r\n"
        self.writer.write(head.encode("latin-1") + body)

    async def hear(self) -> tuple[int, dict[str, str], Any]:
        """Status, headers, and what the body says."""
        async with asyncio.timeout(PATIENCE_S):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.rstrip().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return int(first.split()[1]), headers, json.loads(body or b"null")

    async def ask(self, body: bytes, path: str = "/v1/actuations") -> tuple[int, Any]:
        """Status and answer."""
        self.send(body, path)
        status, _, answer = await self.hear()
        return status, answer

    async def state(self, id: str) -> Any:
        self.send(b"", f"/v1/actuations/{id}", method="GET")
        status, _, answer = await self.hear()
        assert status == 200
        return answer

    async def ended(self) -> None:
        """Wait until the broker has closed it."""
        with contextlib.suppress(ConnectionResetError):  # it did not read all
            async with asyncio.timeout(PATIENCE_S):
                await self._reader.read()


@asynccontextmanager
async def service(broker: Broker, token: str = "") -> AsyncIterator[Connection]:
    """A service's connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
    try:
        yield Connection(reader, writer, f"Authorization: Bearer {token}\r\n" if token else "")
    finally:
        writer.close()


@asynccontextmanager
async def ws(broker: Broker, keys: Keys, *nodes: New, epoch: str | None = None) -> AsyncIterator[Gateway]:
    """The WebSocket gateway, whose nodes the broker knows."""
    async with gateway(broker.port, keys, "ws", epoch) as link:
        await link.say(*(nodes or (JOE,)), Sync(uids=[node.uid for node in nodes or (JOE,)]))
        await link.acknowledged(link.next - 1)
        yield link


async def obey(link: Gateway, **result: Any) -> Write:
    """Take the next write, and say what became of it."""
    write = await link.write()
    await link.say(Result(id=write.id, **(result or {"ok": True})))
    return write


async def test_OI_9_one_write_a_parameter_and_only_a_few_at_a_time(broker: Broker, keys: Keys) -> None:
    async with ws(broker, keys) as link, service(broker) as program:
        program.send(actuation(*range(32)))
        waiting = [await link.write() for _ in range(WINDOW)]
        told = [write.data for write in waiting]
        while waiting:
            write = waiting.pop(0)
            assert (write.uid, write.resource) == ("joe", "led")
            await link.say(Result(id=write.id, ok=True))
            if len(told) < 32:
                waiting.append(await link.write())
                told.append(waiting[-1].data)
                assert len(broker.hub.writes) == WINDOW
        assert told == list(range(32))
        status, _, answer = await program.hear()
        assert (status, answer["state"], len(answer["outcomes"])) == (200, "delivered", 32)


@pytest.mark.parametrize(
    ("result", "status", "code"),
    [
        ({"ok": False, "code": "refused", "reason": "no"}, 409, "refused"),
        ({"ok": False, "code": "timeout", "reason": "silence"}, 504, "timeout"),
        ({"ok": False, "code": "failed", "reason": "a fault"}, 502, "failed"),
        ({"ok": False, "code": "odd", "reason": "of tomorrow"}, 502, "odd"),
        ({"ok": False}, 409, "refused"),
    ],
)
async def test_OI_10_what_the_gateway_says_is_the_answer(
    broker: Broker, keys: Keys, result: dict[str, Any], status: int, code: str
) -> None:
    async with ws(broker, keys) as link, service(broker) as program:
        program.send(actuation("1", "2"))
        await obey(link)
        await obey(link, **result)
        said, _, answer = await program.hear()
        assert (said, answer["code"], answer["state"]) == (status, code, "failed")
        assert [each["ok"] for each in answer["outcomes"]] == [True, False]
        assert answer["reason"] == answer["outcomes"][1]["reason"] != ""


async def test_OI_10_a_gateway_that_says_nothing_is_an_answer_too(
    broker: Broker, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyaiot.broker.writes.TTL_S", 0.2)
    monkeypatch.setattr("pyaiot.broker.writes.MARGIN_S", 0.2)
    monkeypatch.setattr(dispatch, "TTL_S", 0.2)
    async with ws(broker, keys) as link, service(broker) as program:
        program.send(actuation(*range(WINDOW + 1)))
        assert 0 < (await link.write()).ttl_ms <= 200
        status, _, answer = await program.hear()
        assert (status, answer["code"]) == (504, "timeout")
        assert [each["code"] for each in answer["outcomes"]] == ["timeout"] * WINDOW + ["expired"]


async def test_who_hangs_up_changes_nothing(broker: Broker, keys: Keys) -> None:
    async with ws(broker, keys) as link:
        async with service(broker) as program:
            program.send(actuation("1"))
            write = await link.write()
        await link.say(Result(id=write.id, ok=True))
        async with service(broker) as program:
            program.send(actuation("2"))
            assert (await obey(link)).data == "2"
            assert (await program.hear())[0] == 200


async def test_a_services_writes_cost_only_itself(broker: Broker, keys: Keys, key_file: Any) -> None:
    keys.clients["ann"] = ClientToken("operator", token_digest("a" * 43))
    keyfile.store(key_file, keys)
    async with ws(broker, keys) as link, service(broker, "a" * 43) as ann:
        async with asyncio.timeout(PATIENCE_S):
            while broker.hub.gatekeeper.role_of(token_digest("a" * 43)) is None:
                await asyncio.sleep(0.01)
        programs = [await asyncio.open_connection("127.0.0.1", broker.port) for _ in range(MAX_WRITES_AT_ONCE)]
        greedy = [Connection(reader, writer, "") for reader, writer in programs]
        for program in greedy:
            program.send(actuation("1"))
        writes = [await link.write() for _ in greedy]
        async with service(broker) as one_more:
            one_more.send(actuation("2"))
            status, headers, answer = await one_more.hear()
            assert (status, answer["code"], headers["retry-after"]) == (503, "busy", "1")
            ann.send(actuation("3"))
            assert (await obey(link)).data == "3"
            assert (await ann.hear())[0] == 200
            await link.say(*(Result(id=write.id, ok=True) for write in writes))
            assert [(await program.hear())[0] for program in greedy] == [200] * len(greedy)
            one_more.send(actuation("4"))
            assert (await obey(link)).data == "4"
            assert (await one_more.hear())[0] == 200
        for _, writer in programs:
            writer.close()


async def test_a_services_haste_costs_only_itself(
    broker: Broker, keys: Keys, key_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_pace, "MAX_REQUESTS_PER_S", 20)  # a slow machine does not ask for 200 in a second
    keys.clients["ann"] = ClientToken("operator", token_digest("a" * 43))
    keyfile.store(key_file, keys)
    async with service(broker) as hasty, service(broker, "a" * 43) as ann:
        async with asyncio.timeout(PATIENCE_S):
            while broker.hub.gatekeeper.role_of(token_digest("a" * 43)) is None:
                await asyncio.sleep(0.01)
        for _ in range(3 * BURST):
            hasty.send(b"", "/v1/actuations/" + "0" * 32, method="GET")
        answers = [await hasty.hear() for _ in range(3 * BURST)]
        assert {status for status, _, _ in answers} == {404, 429}
        late = next(each for each in answers if each[0] == 429)
        assert (late[1]["retry-after"], late[2]["code"]) == ("1", "busy")
        assert (await ann.ask(actuation("1")))[0] == 404


async def test_a_long_body_is_refused_and_not_kept(broker: Broker) -> None:
    async with service(broker) as program:
        status, answer = await program.ask(b"x" * 16_385)
        assert (status, answer["code"]) == (413, "malformed")
        status, answer = await program.ask(b"x" * 1_000_000)
        assert (status, answer["code"]) == (413, "malformed")
        assert (await program.ask(actuation("x" * 16_000)))[0] == 404, "the connection is as good as before"
    async with service(broker) as program:
        program.send(b"", length=10**12)
        status, _, answer = await program.hear()
        assert (status, answer["code"]) == (413, "malformed")
        await program.ended()
    async with service(broker) as program:  # elsewhere bodies are as short as ever
        program.send(b"x" * 1_025, "/health", method="GET")
        await program.ended()
    async with service(broker) as program:
        program.send(b"x" * 1_025, "/nowhere")
        await program.ended()


async def test_who_may_not_sends_bodies_in_vain(broker: Broker) -> None:
    async with service(broker, "wrong") as program:
        program.send(b"x" * 500_000)
        status, headers, answer = await program.hear()
        assert (status, answer["code"]) == (401, "forbidden")
        assert headers["www-authenticate"] == 'Bearer realm="pyaiot"'
    assert broker.hub.counters.clients_refused == 1
    assert broker.hub.dispatch.answers["denied"] == 1


async def test_a_browser_that_hides_whose_page_asks_gets_nothing_done(broker: Broker, keys: Keys) -> None:
    known = "Origin: http://localhost:8080\r\nSec-Fetch-Site: same-site\r\n"
    for headers, expected in (("Sec-Fetch-Site: cross-site\r\n", 403), (known, 404)):
        reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
        status, answer = await Connection(reader, writer, headers).ask(actuation("1"))
        assert status == expected, answer
        writer.close()


@pytest.mark.parametrize("broker_options", [{"require_token": True, "anonymous_read": True}])
async def test_who_may_only_read_for_want_of_a_token_is_told_so(broker: Broker) -> None:
    async with service(broker) as program:
        program.send(actuation("1"))
        status, headers, _ = await program.hear()
        assert (status, "www-authenticate" in headers) == (401, True)


async def test_broken_requests_are_malformed_and_hurt_nobody(broker: Broker, keys: Keys) -> None:
    chance = random.Random(4)
    async with ws(broker, keys, New(uid="other", protocol="ws", at=1)), service(broker) as program:
        seen: dict[int, int] = {}
        for raw in broken(chance, [actuation("1"), actuation(1, [True], {"a": None}, ttl=9)], HOSTILE):
            status, answer = await program.ask(raw)
            assert (status, answer["code"]) in ((400, "malformed"), (404, "unknown"))
            seen[status] = seen.get(status, 0) + 1
            broker.hub.dispatch.pace = ServicePace()
        assert seen[400] > HOSTILE / 2
        assert seen[404] > 0


@pytest.mark.parametrize("told", [[JOE], [Out(uid="joe", why="closed", at=2), JOE]], ids=["there", "back"])
async def test_what_waits_goes_when_the_gateway_has_told_its_nodes_again(
    broker: Broker, keys: Keys, told: list[New | Out]
) -> None:
    """In the same epoch, too, when the broker already believes that they are there."""
    epoch = "0" * 16
    async with ws(broker, keys, epoch=epoch):
        pass
    async with asyncio.timeout(PATIENCE_S):
        while broker.hub.gateways:
            await asyncio.sleep(0.01)
    async with service(broker) as program:
        for value in ("1", "2"):
            status, answer = await program.ask(actuation(value, ttl=5))
            assert (status, answer["state"]) == (202, "waiting")
        async with gateway(broker.port, keys, "ws", epoch) as link:
            await link.say(*told)
            write = await link.write()
            assert (write.data, 0 < write.ttl_ms <= 5_000) == ("1", True)
            # With others before it one that may wait does so.
            status, answer = await program.ask(actuation("3", ttl=5))
            assert status == 202
            await link.say(Result(id=write.id, ok=False, code="refused", reason="no"))
            assert (await obey(link)).data == "2"
            assert (await obey(link)).data == "3"
            async with asyncio.timeout(PATIENCE_S):
                while (found := await program.state(answer["id"]))["state"] == "waiting":
                    pass
            assert (found["state"], found["uid"]) == ("delivered", "ws/joe")
            program.send(actuation("4", ttl=5))
            write = await obey(link)
            assert (write.data, 0 < write.ttl_ms <= 5_000) == ("4", True)
            assert (await program.hear())[0] == 200


async def test_what_waits_is_bounded(broker: Broker, keys: Keys) -> None:
    async with ws(broker, keys) as link, service(broker) as program:
        await link.say(Out(uid="joe", why="closed", at=2))
        await link.acknowledged(link.next - 1)
        for _ in range(MAX_WAITING_PER_NODE):
            assert (await program.ask(actuation("1"), "/v1/actuations?ttl=9"))[0] == 202
        status, answer = await program.ask(actuation("1"), "/v1/actuations?ttl=9")
        assert (status, answer["code"]) == (503, "busy")
        assert (await program.ask(actuation("1"), "/v1/actuations?ttl=x"))[0] == 400
        assert (await program.ask(actuation("1", ttl=9), "/v1/actuations?ttl=9"))[0] == 400


async def test_a_request_that_stops_halfway_is_cut_off(broker: Broker) -> None:
    with socket.create_connection(("127.0.0.1", broker.port)) as halfway:
        halfway.sendall(b"POST /v1/actuations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        halfway.shutdown(socket.SHUT_WR)
        halfway.setblocking(False)
        async with asyncio.timeout(PATIENCE_S):
            while await asyncio.get_running_loop().sock_recv(halfway, 1_000):
                pass
    async with service(broker) as program:
        assert (await program.ask(actuation("1")))[0] == 404
