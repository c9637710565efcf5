# SPDX-License-Identifier: BSD-3-Clause
"""One session of ``/rpc`` on a connection that the test reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from pyaiot.broker.rpc.outgoing import MAX_WAITING_BYTES
from pyaiot.broker.rpc.session import RpcSession
from pyaiot.broker.rpc.turns import Turns
from pyaiot.rpc.conversation import Counters
from pyaiot.rpc.errors import RpcError
from tests.broker.rpc.watcher import payloads


class Connection:
    """Takes each write at once, or (``is_slow``) when the test says so; what is due soon is done by :meth:`run`."""

    name = "127.0.0.1"

    def __init__(self) -> None:
        self.is_slow = False
        self.said: list[Any] = []
        self.soon: list[Callable[[], None]] = []
        self.when_written: list[Callable[[], None]] = []

    def write_raw(self, frames: bytes, when_written: Callable[[], None]) -> bool:
        self.said += [json.loads(text) for text in payloads(frames)]
        if self.is_slow:
            self.when_written.append(when_written)
        return not self.is_slow

    def end(self, code: int, reason: str) -> None:
        raise AssertionError(reason)

    def abort(self) -> None:
        raise AssertionError("it was dropped")

    def run(self) -> None:
        while self.soon:
            self.soon.pop(0)()

    def read(self) -> None:
        self.is_slow = False
        while self.when_written:
            self.when_written.pop(0)()
        self.run()


async def test_who_does_not_read_is_not_asked_and_its_caller_is_told_so_at_once() -> None:
    connection = Connection()
    hub: Any = SimpleNamespace(now=0.0, rpc=Counters(), turns=Turns(connection.soon.append, lambda: 0.0))
    hub.call_soon = connection.soon.append
    session = RpcSession(connection, hub, None)  # type: ignore[arg-type]
    endings: list[Any] = []

    def ask(text: str) -> None:
        session.request("m", {"text": text}, 10.0, endings.append)
        connection.run()

    connection.is_slow = True
    for _ in range(MAX_WAITING_BYTES // 16_384):
        assert endings == []
        ask("x" * 16_384)
    ask("one more")
    (ending,) = endings
    assert isinstance(ending, RpcError)
    assert ending.name == "busy"
    connection.read()
    ask("again")
    assert len(endings) == 1
    told = [each["params"]["text"] for each in connection.said]
    assert told[-1] == "again"
    assert "one more" not in told
    session.ended()
    assert {each.name for each in endings[1:]} == {"left"}
