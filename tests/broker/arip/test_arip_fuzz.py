# SPDX-License-Identifier: BSD-3-Clause
"""Whatever a client of ``/arip`` says, it is answered in JSON, ends nothing else, and leaves nothing behind."""

from __future__ import annotations

import json
from random import Random
from types import SimpleNamespace
from typing import Any

from pyaiot.broker.arip.member import AripMember
from pyaiot.broker.arip.requests import _TABLE, Requests
from pyaiot.broker.entities.calls import MAX_PER_CALLEE
from pyaiot.broker.rpc.caller import Caller, Later
from pyaiot.broker.rpc.entity_methods import EntityMethods
from pyaiot.broker.rpc.uid_index import UidIndex
from pyaiot.wire.messages import New, Update
from tests.broker.entities.members import make_entities
from tests.wire.fuzz import broken

MESSAGES = 200_000

METHOD = {"methodName": "m", "parameters": [{"name": "a", "type": "int"}], "returnType": "int"}
DOCUMENTS = [
    json.dumps(each).encode()
    for each in (
        *({"request": name, "req_id": "1"} for name in _TABLE),
        *({"request": name, "params": ["y"], "req_id": 2} for name in _TABLE),
        {"request": "get_entity", "params": ["coap/1"], "req_id": None},
        {"request": "get_entities_by_type", "params": ["default"], "req_id": "1"},
        {"request": "register_methods", "params": [METHOD], "req_id": "3"},
        {"request": "subscribe_to", "params": ["x", "topic"]},
        {"request": "subscribe_to", "params": ["coap/1"], "req_id": "3"},
        {"request": "publish", "content": {"a": [1, "b", None]}, "req_id": "4"},
        {"request": "call_method", "params": ["m", [1]], "receiver": "y", "req_id": "5"},
        {"request": "call_method", "params": ["m", [1]], "receiver": "x", "req_id": "6"},
        {"request": "call_method", "params": ["led", [1]], "receiver": "coap/1", "req_id": "6"},
        {"request": "result", "content": [1], "receiver": "x", "req_id": "call-1"},
    )
]


class Line:
    """A connection that takes everything."""

    name = "x"
    now = 0.0

    def __init__(self) -> None:
        self.said: list[bytes] = []
        self.frames = 0

    def say(self, text: bytes) -> None:
        self.said.append(text)

    def has_room(self) -> bool:
        return True

    def deliver(self, frames: bytes) -> bool:
        self.frames += 1
        return True

    def end(self, code: int, reason: str) -> None:
        raise AssertionError("nobody is to be cut off")


def test_two_hundred_thousand_messages_are_answered_and_leave_nothing_behind() -> None:
    desk, entities = make_entities()
    desk.directory.gateway_connected("coap", "e")
    told: list[Any] = [New(uid="1", protocol="CoAP", at=1), Update(uid="1", resource="led", data=1, value=1, at=1)]
    desk.directory.apply("coap", 1, told)
    uids = UidIndex(desk.directory.nodes)
    hub: Any = SimpleNamespace(entities=entities, directory=desk.directory, uids=uids, now=0.0)

    def call_device(*_: Any) -> Later:
        later = Later()
        later.resolve(None)
        return later

    methods = EntityMethods(hub, call_device)
    lines, members, requests = [], [], []
    for id in ("x", "y"):
        line = Line()
        member = AripMember(line)
        entities.register(member, id, None, type="default")
        lines.append(line)
        members.append(member)
        requests.append(Requests(entities, methods, member, Caller(id, "operator"), line))
    chance = Random(5)
    answers = results = calls = 0
    for number, message in enumerate(broken(chance, DOCUMENTS, MESSAGES)):
        who = number % 2
        intact = number % 4 == 0  # so that there is something to break
        raw = chance.choice(DOCUMENTS) if intact else message
        requests[who].serve(raw.decode(errors="surrogateescape"))
        for line, member in zip(lines, members, strict=True):
            for text in line.said:
                said = json.loads(text)
                if "request" in said:
                    assert said["request"] == "call_method"
                    calls += 1
                    if chance.random() < 0.5:
                        assert member.answered(said["req_id"], said["params"])
                else:
                    answers += 1
                    results += "result" in said
                    assert set(said) <= {"result", "error", "req_id"}
                    assert ("result" in said) != ("error" in said)
            assert len(line.said) <= 3
            line.said.clear()
            assert len(member._asked) <= 2 * MAX_PER_CALLEE
        if number % 1_000 == 0:
            before = [list(line.said) for line in lines]
            desk.now += 60.0
            entities.expire()
            for line, said_before in zip(lines, before, strict=True):
                assert all(b"no answer in time" in text for text in line.said[len(said_before) :])
                line.said = said_before
    assert min(answers, results, calls, 10 * lines[0].frames) > 1_000, "the messages were all too broken"
    assert requests[0].malformed > 10_000
    for member in members:
        entities.leave(member)
    assert entities.is_empty
    assert set(desk.directory.nodes) == {"coap/1"}
