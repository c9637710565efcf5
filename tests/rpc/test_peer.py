# SPDX-License-Identifier: BSD-3-Clause
"""Two peers over plain ``websockets``, without a broker: the example, 2.0's own examples, 1.0, and what went wrong in
jsonrpcws (JR_B1 to JR_B7)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from pyaiot.rpc import peer as peers
from pyaiot.rpc.errors import INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, RpcError
from pyaiot.rpc.methods import method
from pyaiot.rpc.peer import Peer
from tests.process.processes import ROOT
from tests.rpc.specification import CALLS, FRAMEWORK, METHODS, without_data

PATIENCE_S = 30.0


class Specified(Peer):
    """Has the methods of the specification's examples."""

    def __init__(self) -> None:
        super().__init__()
        for each in METHODS:
            self._table.add(each)


class Service(Peer):
    """Remembers what happened to it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.said: list[str] = []
        self.opened = asyncio.Event()
        self.closed: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.waiting: asyncio.Event = asyncio.Event()
        self.release: asyncio.Event = asyncio.Event()

    @method
    def say(self, text: str) -> None:
        self.said.append(text)

    @method
    def give(self, value: Any) -> Any:
        return value

    @method
    async def wait(self) -> str:
        self.waiting.set()
        await self.release.wait()
        return "released"

    @method
    async def ask_back(self, name: str, *params: Any) -> Any:
        return await self.request(name, list(params))

    @method
    def fail(self) -> None:
        raise ZeroDivisionError("the secret of the house")

    @method
    def refuse(self) -> None:
        raise RpcError(17, "not today", {"try": "tomorrow"})

    @method
    def unsayable(self) -> Any:
        return object()

    def not_declared(self) -> str:
        return "nobody may call this"

    async def on_open(self) -> None:
        self.opened.set()

    async def on_close(self, error: Exception | None) -> None:
        self.closed.set_result(error)


@asynccontextmanager
async def served(make: Callable[[], Peer]) -> AsyncIterator[tuple[str, list[Any]]]:
    """A server with a fresh peer a connection; its URL, and the peers."""
    made: list[Any] = []

    async def serve(socket: Any) -> None:
        made.append(make())
        await made[-1].run(socket)

    async with websockets.serve(serve, "127.0.0.1", 0, compression=None) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}", made


@asynccontextmanager
async def raw(make: Callable[[], Peer]) -> AsyncIterator[tuple[ClientConnection, list[Any]]]:
    """A connection that says texts to a peer."""
    async with served(make) as (url, made), connect(url, proxy=None, compression=None) as socket:
        yield socket, made


async def answer(socket: ClientConnection, text: str) -> Any:
    await socket.send(text)
    async with asyncio.timeout(PATIENCE_S):
        return json.loads(await socket.recv())


@pytest.mark.parametrize(("sent", "expected"), CALLS + FRAMEWORK)
async def test_the_specification_s_own_examples(sent: str, expected: str | None) -> None:
    async with raw(Specified) as (socket, _):
        await socket.send(sent)
        if expected is not None:
            async with asyncio.timeout(PATIENCE_S):
                assert without_data(json.loads(await socket.recv())) == without_data(json.loads(expected))
        last = '{"jsonrpc": "2.0", "method": "get_data", "id": "last"}'
        assert (await answer(socket, last))["id"] == "last"  # and nothing else was said before


async def test_either_side_calls_and_notifies() -> None:
    """JR_B1: the server's side could only notify."""
    async with served(Service) as (url, made), connect(url, proxy=None, compression=None) as socket:
        mine = Service()
        async with mine.over(socket) as peer:
            assert await peer.request("ask_back", ["give", {"a": [1, None]}]) == {"a": [1, None]}
            await peer.notify("say", ["hello"])
            assert await peer.request("give", {"value": 1}) == 1
            assert made[0].said == ["hello"]
            await made[0].notify("say", ["and you"])
            await made[0].request("give", [0])
            assert mine.said == ["and you"]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("value", [None, 0, "", [], False, {}, 0.0])
async def test_what_is_false_is_a_result_like_any_other_jr_b2(value: Any, version: Any) -> None:
    async with (
        served(lambda: Service(version=version)) as (url, _),
        connect(url, proxy=None, compression=None) as socket,
        Service(version=version).over(socket) as peer,
    ):
        assert await peer.request("give", [value]) == value
        assert await peer.request("ask_back", ["give", value]) == value


@pytest.mark.parametrize("version", [1, 2])
async def test_what_goes_wrong_is_an_answer_jr_b3(version: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with (
        served(lambda: Service(version=version)) as (url, _),
        connect(url, proxy=None, compression=None) as socket,
        Service(version=version).over(socket) as peer,
    ):
        for name, params, code in (
            ("nothing", [], METHOD_NOT_FOUND),
            ("say", [], INVALID_PARAMS),
            ("say", [1], INVALID_PARAMS),
            ("say", ["a", "b"], INVALID_PARAMS),
            ("fail", [], INTERNAL_ERROR),
            ("unsayable", [], INTERNAL_ERROR),
            ("refuse", [], 17),
        ):
            with pytest.raises(RpcError) as caught:
                await peer.request(name, params)
            assert caught.value.code == code, name
            assert "secret" not in repr(caught.value)
        assert caught.value.data == {"try": "tomorrow"}
        assert await peer.request("say", ["it lives"]) is None
    assert "secret" in caplog.text, "a fault of ours is in our log"


async def test_in_1_0_only_null_is_no_id_jr_b4() -> None:
    async with raw(lambda: Service(version=1)) as (socket, _):
        await socket.send('{"method": "give", "params": [1], "id": null}')
        for id in (0, "", False, 1.5, "x"):
            sent = json.dumps({"method": "give", "params": [id], "id": id})
            assert await answer(socket, sent) == {"result": id, "error": None, "id": id}
        found = await answer(socket, '{"method": "nothing", "params": [], "id": 7}')
        assert found["result"] is None
        assert found["error"]["code"] == METHOD_NOT_FOUND


async def test_hooks_say_when_the_connection_opens_and_how_it_ends_jr_b5() -> None:
    async with served(Service) as (url, made):
        async with connect(url, proxy=None, compression=None) as socket, asyncio.timeout(PATIENCE_S):
            await (await first(made)).opened.wait()
            await socket.close()
        async with asyncio.timeout(PATIENCE_S):
            assert await made[0].closed is None
        async with connect(url, proxy=None, compression=None) as socket, asyncio.timeout(PATIENCE_S):
            while len(made) < 2:
                await asyncio.sleep(0.01)
            socket.transport.abort()
            assert isinstance(await made[1].closed, websockets.ConnectionClosed)


async def first(made: list[Any]) -> Any:
    while not made:
        await asyncio.sleep(0.01)
    return made[0]


async def test_calls_under_way_fail_when_the_other_side_leaves_jr_b7() -> None:
    async with (
        served(Service) as (url, made),
        connect(url, proxy=None, compression=None) as socket,
        Service().over(socket) as peer,
        asyncio.timeout(PATIENCE_S),
    ):
        call = asyncio.create_task(peer.request("wait"))
        await (await first(made)).waiting.wait()
        await socket.close()
        for ending in (call, peer.request("give", [1])):
            with pytest.raises(RpcError) as caught:
                await ending
            assert caught.value.name == "left"


async def test_a_request_has_a_deadline_jr_b7() -> None:
    async with (
        served(Service) as (url, made),
        connect(url, proxy=None, compression=None) as socket,
        Service().over(socket) as peer,
    ):
        with pytest.raises(RpcError) as caught:
            await peer.request("wait", timeout=0.01)
        assert caught.value.name == "timeout"
        async with asyncio.timeout(PATIENCE_S):
            await (await first(made)).waiting.wait()
            made[0].release.set()
            while not peer.counters.unexpected_answers:  # the late answer is ignored, and counted
                await asyncio.sleep(0.01)
        assert await peer.request("give", ["still here"]) == "still here"
        assert peer.counters.unexpected_answers == 1


async def test_what_a_peer_serves_at_a_time_is_bounded() -> None:
    async with (
        served(lambda: Service(max_concurrent_calls=2)) as (url, made),
        connect(url, proxy=None, compression=None) as socket,
        Service().over(socket) as peer,
    ):
        calls = [asyncio.create_task(peer.request("wait")) for _ in range(3)]
        with pytest.raises(RpcError) as caught:
            await calls[2]
        assert caught.value.name == "busy"
        made[0].release.set()
        assert await asyncio.gather(*calls[:2]) == ["released"] * 2


@pytest.mark.parametrize(
    "text", ["{", '{"method": 1, "params": [], "id": 1}', "[]", "7", '{"method": "give", "params": {}}']
)
async def test_a_peer_of_1_0_is_told_and_left_when_it_sends_something_malformed_jr_5(text: str) -> None:
    async with raw(lambda: Service(version=1)) as (socket, made):
        found = await answer(socket, text)
        assert found["result"] is None
        assert found["error"]["code"] < 0
        async with asyncio.timeout(PATIENCE_S):
            await socket.wait_closed()
        assert socket.close_code == 1003
        assert made[0].counters.malformed == 1


async def test_a_peer_of_2_0_is_only_told() -> None:
    async with raw(Service) as (socket, _):
        for text in ("{", "null", '"\\ud800"', '{"jsonrpc": "2.0", "id": 1, "id": 2, "method": "give"}'):
            assert (await answer(socket, text))["error"]["code"] in (-32700, -32600)
        assert (await answer(socket, '{"jsonrpc": "2.0", "method": "give", "params": [5], "id": 5}'))["result"] == 5


@pytest.mark.parametrize(
    "name", ["not_declared", "request", "run", "_queue", "__init__", "__class__", "on_close", "rpc.x", "counters", ""]
)
async def test_nothing_but_what_was_declared_can_be_called_jr_4(name: str) -> None:
    async with raw(Service) as (socket, _):
        found = await answer(socket, json.dumps({"jsonrpc": "2.0", "method": name, "id": 1}))
        assert found["error"]["code"] == METHOD_NOT_FOUND


async def test_names_that_are_reserved_cannot_be_declared() -> None:
    peer = Peer()
    for name in ("_hidden", "rpc.mine", ""):
        with pytest.raises(ValueError, match="reserved"):
            peer.method(name)(lambda: None)

    @peer.method
    def once() -> None: ...

    with pytest.raises(ValueError, match="twice"):
        peer.method("once")(once)


async def test_who_does_not_read_is_left_and_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """JR_B7. The peer stops reading while much waits to be sent, and gives up in the end."""
    monkeypatch.setattr(peers, "SEND_TIMEOUT_S", 0.5)
    async with raw(Service) as (socket, made):
        await first(made)
        socket.transport.pause_reading()
        text = json.dumps({"jsonrpc": "2.0", "method": "give", "params": ["x" * 10_000], "id": 1})
        most = 0

        async def flood() -> None:
            nonlocal most
            with contextlib.suppress(websockets.ConnectionClosed):
                while True:
                    await socket.send(text)
                    most = max(most, made[0]._waiting_bytes)

        flooding = asyncio.create_task(flood())
        try:
            async with asyncio.timeout(PATIENCE_S):
                assert isinstance(await made[0].closed, TimeoutError)
        finally:
            flooding.cancel()
            await asyncio.gather(flooding, return_exceptions=True)
            socket.transport.abort()
        assert most <= peers.MAX_WAITING_BYTES + 2 * len(text)


async def test_the_example_calculates_and_asks_back() -> None:
    program = str(ROOT / "docs" / "examples" / "rpc_calculator.py")
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(sys.executable, program, "serve", "0", stdout=pipe)
    try:
        async with asyncio.timeout(PATIENCE_S):
            assert server.stdout is not None
            found = re.search(rb"port (\d+)", await server.stdout.readline())
            assert found is not None
            url = f"ws://127.0.0.1:{found[1].decode()}"
            client = await asyncio.create_subprocess_exec(sys.executable, program, "ask", url, "12", "0", stdout=pipe)
            told, _ = await client.communicate()
        assert sorted(told.decode().splitlines()) == ["offered: divide add", "quotient: 3.0", "sum: 12.0"]
    finally:
        server.terminate()
        await server.wait()
