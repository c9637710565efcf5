# SPDX-License-Identifier: BSD-3-Clause
"""What the other side does not take is a fault where it is said; an answer that cannot be read ends its request."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
import websockets
from websockets.asyncio.client import connect

from pyaiot.rpc.conversation import Conversation
from pyaiot.rpc.decoding import parse
from pyaiot.rpc.errors import INTERNAL_ERROR, INVALID_PARAMS, RpcError
from pyaiot.rpc.limits import Limits, NotSayable
from pyaiot.rpc.messages import MAX_DEPTH, Response
from pyaiot.rpc.peer import Peer

PATIENCE_S = 30.0


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


class Side:
    """A conversation, what it sent, and how its one request ended."""

    def __init__(self, **options: Any) -> None:
        self.sent: list[bytes] = []
        self.endings: list[Any] = []
        self.conversation = Conversation(self.sent.append, **options)

    def ask(self, params: Any = None) -> int | None:
        return self.conversation.request("m", params, 10.0, self.endings.append)

    def serve(self) -> Any:
        (call,) = self.conversation.receive('{"jsonrpc": "2.0", "id": 1, "method": "m"}')
        return call


CYCLE: list[Any] = []
CYCLE.append(CYCLE)
UNSAYABLE = [
    2**53,
    -(2**60),
    nested(15),
    float("nan"),
    (1, (float("inf"),)),
    {"a": object()},
    "\ud800",
    "x" * 1000,
    CYCLE,
]


@pytest.mark.parametrize("value", UNSAYABLE, ids=lambda value: type(value).__name__)
def test_what_cannot_be_said_is_not_sent(value: Any) -> None:
    side = Side(limits=Limits(max_bytes=1000))
    assert side.ask([value]) is None
    (ending,) = side.endings
    assert ending.code == INVALID_PARAMS
    assert len(side.conversation) == 0
    with pytest.raises(RpcError) as caught:
        side.conversation.notify("m", [value])
    assert caught.value.code == INVALID_PARAMS
    assert side.sent == []


@pytest.mark.parametrize("value", UNSAYABLE, ids=lambda value: type(value).__name__)
def test_a_result_or_an_error_that_cannot_be_said_is_a_fault_of_ours_and_an_answer(value: Any) -> None:
    side = Side(limits=Limits(max_bytes=1000))
    with pytest.raises(TypeError, match="m: what it gave cannot be sent"):
        side.conversation.answer(side.serve(), value)
    with pytest.raises(TypeError, match="m: its error cannot be sent"):
        side.conversation.refuse(side.serve(), RpcError(17, "no", value))
    assert [json.loads(text)["error"]["code"] for text in side.sent] == [INTERNAL_ERROR] * 2
    assert side.conversation.serving == 0


def test_what_is_just_within_the_limits_is_said_and_read() -> None:
    side = Side(limits=Limits(max_bytes=1000))
    said = [nested(13), 2**53 - 1, -(2**53 - 1), (1.5, ("x",)), {1: None}, msgspec.Raw(b'{"a": [true]}')]
    assert side.ask(said) == 1
    (read,) = parse(side.sent[0]).items
    assert read.params == [nested(13), 2**53 - 1, -(2**53 - 1), [1.5, ["x"]], {"1": None}, {"a": [True]}]  # type: ignore[union-attr]
    with pytest.raises(NotSayable, match="1,001 bytes, and 1,000 is the most"):
        Limits(max_bytes=1000).check(None, b"x" * 1001)
    Limits(max_bytes=1000).check(None, b"x" * 1000)


def answer(result: str, id: str = "1") -> str:
    return f'{{"jsonrpc": "2.0", "result": {result}, "id": {id}}}'


def deep(depth: int) -> str:
    return "[" * depth + "]" * depth


def test_whoever_reads_says_how_deep() -> None:
    for max_depth in (MAX_DEPTH, 32):
        for shape in ("{}", "[{}]"):
            assert isinstance(parse(shape.format(answer(deep(max_depth - 2))), max_depth).items[0], Response)
            (found,) = parse(shape.format(answer(deep(max_depth - 1))), max_depth).items
            assert not isinstance(found, Response)
        # The same where a key has to be looked for twice.
        assert isinstance(parse(answer(f'{{"a" : {deep(max_depth - 3)}}}'), max_depth).items[0], Response)
        assert not isinstance(parse(answer(f'{{"a" : {deep(max_depth - 2)}}}'), max_depth).items[0], Response)


@pytest.mark.parametrize(
    "result", [deep(15), str(2**53), str(2**70), '{"a": 1, "a": 2}', deep(500)], ids=lambda result: result[:12]
)
@pytest.mark.parametrize("shape", ["{}", "[{}]"])
def test_an_answer_that_cannot_be_read_ends_its_request_at_once_and_is_not_answered(result: str, shape: str) -> None:
    side = Side()
    id = side.ask()
    side.sent.clear()
    assert side.conversation.receive(shape.format(answer(result, str(id)))) == []
    (ending,) = side.endings
    assert ending.name == "failed"
    assert "cannot be read" in ending.message
    assert side.sent == []
    assert side.conversation.counters.malformed == 1
    side.conversation.receive(shape.format(answer(result, '"1"')))  # nobody asked that
    assert side.sent == []


def test_a_request_that_cannot_be_read_is_answered_all_the_same() -> None:
    side = Side()
    side.ask()
    side.sent.clear()
    side.conversation.receive(f'{{"jsonrpc": "2.0", "method": "m", "params": {deep(15)}, "id": 1, "result": 1}}')
    assert [json.loads(text)["error"]["code"] for text in side.sent] == [-32700]
    assert side.endings == []


async def test_a_method_that_gives_nonsense_costs_its_caller_an_error_and_no_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def cancelled() -> None:
        raise asyncio.CancelledError

    async def cancelled_later() -> None:
        raise asyncio.CancelledError

    def unsayable_error() -> None:
        raise RpcError(17, "no", object())

    async def serve(socket: Any) -> None:
        peer = Peer(limits=Limits(max_bytes=16_384))
        for name, value in (("long", "x" * 20_000), ("deep", nested(20)), ("large", 2**60), ("nan", float("nan"))):
            peer.method(name)(lambda value=value: value)
        for each in (cancelled, cancelled_later, unsayable_error):
            peer.method(each)
        await peer.run(socket)

    async with (
        websockets.serve(serve, "127.0.0.1", 0, compression=None) as server,
        connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", proxy=None, compression=None) as socket,
        Peer().over(socket) as peer,
        asyncio.timeout(PATIENCE_S),
    ):
        for name in ("long", "deep", "large", "nan", "unsayable_error"):
            with pytest.raises(RpcError) as caught:
                await peer.request(name)
            assert caught.value.code == INTERNAL_ERROR, name
            assert f"{name}" in caplog.text
        for name in ("cancelled", "cancelled_later"):
            with pytest.raises(RpcError) as caught:
                await peer.request(name)
            assert caught.value.name == "failed", name
        with pytest.raises(RpcError) as caught:
            await peer.request("long", [2**60])
        assert caught.value.code == INVALID_PARAMS
        assert "integer" in str(caught.value)
