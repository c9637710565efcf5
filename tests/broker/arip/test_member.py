# SPDX-License-Identifier: BSD-3-Clause
"""Calls to a client of ``/arip`` that answers late, or never: what is remembered of them, and for how long. Pure."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from pyaiot.broker.arip.member import MAX_IDLE_DEADLINES, MAX_UNANSWERED, AripMember
from pyaiot.broker.entities.descriptions import MethodDescription
from pyaiot.rpc.errors import RpcError

METHOD = MethodDescription("m")


class Line:
    """A connection whose client reads, or not (``room``); its clock stands where it is put."""

    name = "127.0.0.1"

    def __init__(self) -> None:
        self.now = 0.0
        self.room = True
        self.said: list[dict[str, Any]] = []

    def say(self, text: bytes) -> None:
        self.said.append(json.loads(text))

    def has_room(self) -> bool:
        return self.room

    def deliver(self, frames: bytes) -> bool:
        return True

    def end(self, code: int, reason: str) -> None:
        raise AssertionError(reason)


class Caller:
    """Calls, and keeps how they end."""

    def __init__(self) -> None:
        self.line = Line()
        self.member = AripMember(self.line)
        self.endings: list[Any] = []

    def call(self, timeout_s: float, times: int = 1) -> None:
        for _ in range(times):
            self.member.call(METHOD, None, "", timeout_s, self.endings.append)

    def is_busy(self) -> bool:
        """Whether the last call was refused; the client heard nothing of it then."""
        said = len(self.line.said)
        self.call(1.0)
        last = self.endings[-1] if self.endings else None
        refused = isinstance(last, RpcError) and last.name == "busy"
        assert refused == (len(self.line.said) == said)
        self.endings.clear()
        return refused


def test_a_client_that_never_answers_is_busy_until_calls_are_over() -> None:
    caller = Caller()
    caller.call(60.0, MAX_UNANSWERED // 2)
    caller.call(10.0, MAX_UNANSWERED // 2)
    assert caller.endings == []
    assert caller.is_busy()
    caller.line.now = 9.9
    assert caller.is_busy()
    caller.line.now = 10.0
    caller.call(60.0, MAX_UNANSWERED // 2)
    assert caller.endings == []
    assert caller.is_busy()
    assert not caller.member.answered(caller.line.said[-MAX_UNANSWERED // 2 - 1]["req_id"], 1)  # one of the 10 s
    assert caller.member.answered(caller.line.said[0]["req_id"], 1)
    assert caller.endings == [msgspec.Raw(b"1")]
    assert not caller.is_busy()


def test_a_client_that_does_not_read_is_busy_and_is_sent_no_calls() -> None:
    caller = Caller()
    caller.line.room = False
    assert caller.is_busy()
    assert not caller.member._asked
    caller.line.room = True
    assert not caller.is_busy()


def test_nothing_is_kept_of_calls_that_were_answered() -> None:
    caller = Caller()
    for number in range(10 * MAX_IDLE_DEADLINES):
        caller.call(60.0)
        assert caller.member.answered(caller.line.said[-1]["req_id"], number)
    assert len(caller.endings) == 10 * MAX_IDLE_DEADLINES
    assert not caller.member._asked
    assert len(caller.member._deadlines) <= MAX_IDLE_DEADLINES + 1
