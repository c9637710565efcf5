# SPDX-License-Identifier: BSD-3-Clause
"""Who is served when more is asked for than can be done at once: by hand, and at a real broker."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from pyaiot.broker.rpc import turns
from pyaiot.broker.rpc.api import Api
from pyaiot.broker.rpc.outgoing import READ_PAUSE_BYTES, Outgoing
from pyaiot.broker.rpc.turns import Turns
from pyaiot.broker.server import Broker
from pyaiot.rpc.methods import Method
from tests.broker.peers import PATIENCE_S
from tests.broker.rpc.programs import program
from tests.broker.rpc.test_rpc_session import http


class Loop:
    """An event loop and its clock, by hand; it is also a connection that takes everything at once."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.turns = Turns(self.soon, lambda: self.now)
        self.written: list[bytes] = []
        self._soon: list[Callable[[], None]] = []

    def soon(self, callback: Callable[[], None]) -> None:
        self._soon.append(callback)

    def turn(self) -> bool:
        """One turn; whether there was anything to do."""
        due, self._soon = self._soon, []
        for each in due:
            each()
        return bool(due)

    def write_raw(self, frames: bytes, when_written: Callable[[], None]) -> bool:
        self.written.append(frames)
        return True


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    monkeypatch.setattr(turns, "TURN_S", 4.0)  # whole numbers, that sums are exact
    return Loop()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One for each call of ``test.served``, which brokers have."""
    calls: list[int] = []
    make = Api.__init__

    def with_one_more(self: Api, hub: Any) -> None:
        make(self, hub)
        self.table.add(Method.of("test.served", lambda: calls.append(1)))

    monkeypatch.setattr(Api, "__init__", with_one_more)
    return calls


def test_who_asks_for_much_has_a_bound_in_each_turn_and_all_go_one_behind_the_other(loop: Loop) -> None:
    served: list[str] = []

    def serve(whose: str) -> None:
        served.append(whose)
        loop.now += 1.0

    def ask(whose: str, count: int) -> None:
        assert not loop.turns.serve_all(deque(whose * count), serve, lambda: served.append(whose.upper()))

    ask("a", 100)
    assert served == ["a"] * 4, "at once, as nobody waits"
    ask("b", 8)
    ask("c", 1)
    assert served == ["a"] * 4, "the time of this turn is spent"
    served.clear()
    loop.turn()
    assert served == ["a"] * 4
    loop.turn()
    assert served == [*"aaaa", *"bbbb"]
    loop.turn()
    assert served == [*"aaaa", *"bbbb", "c", "C", *"aaa"]
    while loop.turn():
        pass
    assert (served.count("a"), served.count("A"), served.count("B"), len(loop.turns)) == (96, 1, 1, 0)
    assert loop.turns.serve_all(deque("d"), serve, lambda: None), "at once again"


async def test_a_message_that_needs_no_answer_waits_too_once_the_turn_is_over(loop: Loop) -> None:
    out = Outgoing(loop, loop.turns)
    assert out.until_read() is None
    loop.now += 4.0
    waits = out.until_read()
    assert waits is not None
    assert not waits.done()
    loop.turn()
    assert waits.done()
    while loop.turn():
        pass
    assert out.until_read() is None


class Endless:
    """A source that takes half a turn to say a little."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.asked = 0

    def take(self, limit: int) -> bytes:
        """See caller.Source."""
        self.asked += 1
        self.loop.now += 2.0
        return b"x"


def test_sources_that_take_long_are_asked_in_turns(loop: Loop) -> None:
    sources = [Endless(loop) for _ in range(16)]
    for place in range(4):
        out = Outgoing(loop, loop.turns)
        for source in sources[4 * place : 4 * place + 4]:
            out.add_source(source)
    for turn in range(1, 9):
        loop.turn()
        assert sum(each.asked for each in sources) == 2 * turn
    assert {each.asked for each in sources} == {1}, "all alike"


def test_what_is_told_in_one_turn_is_one_write_a_client_up_to_a_bound(loop: Loop) -> None:
    """A write for each publication and subscriber held up everybody for 15 s."""
    clients = [Outgoing(loop, loop.turns) for _ in range(10)]
    for number in range(100):
        assert all(client.tell(b"%d." % number) for client in clients)
    while loop.turn():
        pass
    assert loop.written == [b"".join(b"%d." % number for number in range(100))] * 10
    loop.written.clear()
    for _ in range(10):
        clients[0].tell(b"x" * (READ_PAUSE_BYTES // 2))
    assert max(map(len, loop.written)) <= 2 * READ_PAUSE_BYTES, "nobody has more than this waiting"


async def test_a_flood_of_notifications_lets_others_in_between(
    served: list[int], broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six messages of 7 KB, of which none is answered, held up everybody for 6 s."""
    monkeypatch.setattr(turns, "TURN_S", 0.0)  # one call a turn
    flood = json.dumps([{"jsonrpc": "2.0", "method": "test.served"}] * 100)
    async with program(broker.port) as flooder, program(broker.port) as other:
        await other.result("entities.types")
        for _ in range(10):
            await flooder.send(flood)
        async with asyncio.timeout(PATIENCE_S):
            while not served:
                await asyncio.sleep(0)
        await other.result("entities.types")
        assert len(served) < 1_000
        await flooder.result("entities.types")
        assert len(served) == 1_000, "in order, and all of them"


async def test_batches_over_http_let_others_in_between(
    served: list[int], broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "TURN_S", 0.0)  # one call a turn
    flood = json.dumps([{"jsonrpc": "2.0", "method": "test.served"}] * 100)
    async with program(broker.port) as other:
        await other.result("entities.types")
        posts = [asyncio.create_task(http(broker.port, flood)) for _ in range(10)]
        async with asyncio.timeout(PATIENCE_S):
            while not served:
                await asyncio.sleep(0)
        await other.result("entities.types")
        assert len(served) < 1_000
        assert await asyncio.gather(*posts) == [(204, None)] * 10
        assert len(served) == 1_000
