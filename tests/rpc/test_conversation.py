# SPDX-License-Identifier: BSD-3-Clause
"""The conversation without a connection: literals, properties, and hostile texts."""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyaiot.rpc import batches
from pyaiot.rpc import conversation as conversations
from pyaiot.rpc.conversation import Call, Conversation
from pyaiot.rpc.decoding import parse, read_result
from pyaiot.rpc.encoding import encode_request
from pyaiot.rpc.errors import RpcError
from pyaiot.rpc.methods import MethodTable
from tests.rpc.specification import CALLS, FRAMEWORK, METHODS, without_data


class Side:
    """One side, and what it sent; ``answers`` counts those to single requests and in batches."""

    def __init__(self, **options: Any) -> None:
        self.sent: list[bytes] = []
        self.answers = 0
        self.conversation = Conversation(self._send, **options)
        self.endings: list[Any] = []

    def _send(self, text: bytes) -> None:
        self.sent.append(text)
        said = msgspec.json.decode(text)
        self.answers += sum("method" not in each for each in (said if isinstance(said, list) else [said]))

    def ask(self, method: str = "m", deadline: float = 10.0) -> int:
        """A request; its ending is kept, once more for each time it is told."""
        place = len(self.endings)
        self.endings.append([])
        self.conversation.request(method, None, deadline, self.endings[place].append)
        return place

    def said(self) -> list[Any]:
        """What was sent since the last look."""
        sent, self.sent[:] = [json.loads(text) for text in self.sent], []
        return sent


def serve(side: Side, text: str | bytes, table: MethodTable) -> None:
    for call in side.conversation.receive(text):
        try:
            side.conversation.answer(call, table.find(call.method).call(call.params))
        except RpcError as error:
            side.conversation.refuse(call, error)


@pytest.mark.parametrize(("sent", "expected"), CALLS + FRAMEWORK)
def test_the_specification_s_own_examples(sent: str, expected: str | None) -> None:
    side = Side()
    serve(side, sent, MethodTable(METHODS))
    answers = [without_data(each) for each in side.said()]
    assert answers == ([] if expected is None else [without_data(json.loads(expected))])
    assert side.conversation.serving == 0
    assert not side.conversation.owes_answer


def test_each_request_is_answered_in_its_own_version_and_ours_are_in_the_peer_s_last() -> None:
    side = Side()
    first, second = (
        *side.conversation.receive('{"id": "a", "method": "m", "params": []}'),
        *side.conversation.receive('{"jsonrpc": "2.0", "id": "b", "method": "m"}'),
    )
    side.ask()
    side.conversation.answer(second, 0)
    side.conversation.answer(first, None)
    side.conversation.receive('{"id": null, "method": "m", "params": []}')
    side.ask()
    side.conversation.notify("n", {"a": 1})
    assert side.said() == [
        {"jsonrpc": "2.0", "method": "m", "id": 1},
        {"jsonrpc": "2.0", "result": 0, "id": "b"},
        {"result": None, "error": None, "id": "a"},
        {"method": "m", "params": [], "id": 2},
        {"method": "n", "params": [{"a": 1}], "id": None},
    ]


def test_a_batch_is_answered_once_all_of_it_is_whatever_the_order() -> None:
    side = Side()
    calls = side.conversation.receive(
        '[{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","method":"b"},{"jsonrpc":"2.0","id":2,"method":"c"},7]'
    )
    assert [call.method for call in calls] == ["a", "b", "c"]
    side.conversation.answer(calls[2], "last")
    side.conversation.answer(calls[1], "nobody asked")
    assert side.said() == []
    side.conversation.refuse(calls[0], RpcError(5, "no"))
    (answers,) = side.said()
    assert sorted(answer["id"] or 0 for answer in answers) == [0, 1, 2]


def test_the_answers_to_a_batch_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MAX_BATCH_ANSWER_BYTES", 1_000)
    side = Side()
    batch = [{"jsonrpc": "2.0", "id": id, "method": "m"} for id in range(100)]
    for call in side.conversation.receive(json.dumps(batch)):
        side.conversation.answer(call, "x" * 600)
    (answers,) = side.said()
    assert len(answers) == 100
    assert [each["id"] for each in answers if "result" in each] == [0, 1]
    assert side.conversation.receive(json.dumps([*batch, batch[0]])) == []
    (refused,) = side.said()
    assert refused["error"]["code"] == -32600


def test_a_relayed_result_is_sent_on_as_it_came() -> None:
    caller, callee = Side(), Side()
    (call,) = caller.conversation.receive('{"jsonrpc": "2.0", "id": 1, "method": "m"}')
    callee.conversation.request("m", [1], 1.0, lambda ending: caller.conversation.answer(call, ending))
    callee.conversation.receive(b'{"jsonrpc":"2.0","id":1,"result": {"b" :  1.50, "a": "\\u00e9"}}')
    assert caller.sent == [b'{"jsonrpc":"2.0","result":{"b" :  1.50, "a": "\\u00e9"},"id":1}']


def test_an_error_of_1_0_that_is_a_text_reaches_a_caller_of_1_0_unchanged() -> None:
    for version, expected in ((1, "no idea"), (2, {"code": -32000, "message": "no idea", "data": "no idea"})):
        caller, callee, ended = Side(), Side(version=1), []
        text = encode_request(1, "m", [], version)  # type: ignore[arg-type]
        (call,) = caller.conversation.receive(text)
        callee.conversation.request("m", [], 1.0, ended.append)
        callee.conversation.receive('{"id": 1, "result": null, "error": "no idea"}')
        caller.conversation.refuse(call, ended[0])
        assert caller.said()[0]["error"] == expected


def test_answers_to_nothing_are_ignored_and_counted() -> None:
    side = Side()
    side.ask()
    for id in ("2", '"1"', "true", "null", "1.0", "[1]", "{}"):
        side.conversation.receive(f'{{"jsonrpc": "2.0", "id": {id}, "result": 0}}')
    assert side.endings == [[]]
    assert side.conversation.counters.unexpected_answers == 7
    for _ in range(2):
        side.conversation.receive('{"jsonrpc": "2.0", "id": 1, "result": 0}')
    assert len(side.endings[0]) == 1
    assert side.conversation.counters.unexpected_answers == 8
    assert len(side.said()) == 1, "an answer is never answered"


def test_an_answer_that_is_none_ends_its_request_and_is_not_answered() -> None:
    side = Side()
    for text in (
        '{"jsonrpc": "2.0", "id": 1, "result": 0, "error": {"code": 1, "message": "both"}}',
        '{"jsonrpc": "2.0", "id": 2, "error": "a text"}',
        '{"jsonrpc": "3.0", "id": 3, "result": 0}',
    ):
        side.ask()
        side.conversation.receive(text)
    assert [[ending.name for ending in endings] for endings in side.endings] == [["failed"]] * 3
    assert len(side.said()) == 3


def test_calls_of_the_peer_and_requests_of_ours_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "MAX_REQUESTS", 3)
    side = Side(max_calls=2)
    request = '{"jsonrpc": "2.0", "id": 1, "method": "m"}'
    calls = [call for _ in range(3) for call in side.conversation.receive(request)]
    assert len(calls) == 2
    assert [each["error"]["data"]["code"] for each in side.said()] == ["busy"]
    assert side.conversation.receive('{"jsonrpc": "2.0", "method": "m"}') == []
    assert side.said() == []
    side.conversation.answer(calls[0], 0)
    assert len(side.conversation.receive(request)) == 1
    for _ in range(4):
        side.ask()
    assert [[ending.name for ending in endings] for endings in side.endings] == [[], [], [], ["busy"]]


def test_answers_that_wait_for_others_of_their_batches_are_bounded_all_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thousand batches of one long answer and one that never came held 494 MiB."""
    monkeypatch.setattr(batches, "MAX_HELD_BYTES", 10_000)
    monkeypatch.setattr(batches, "MAX_HELD_WITH_ERRORS_BYTES", 20_000)
    side = Side()
    batch = json.dumps([{"jsonrpc": "2.0", "id": 1, "method": "long"}, {"jsonrpc": "2.0", "id": 2, "method": "mute"}])
    waiting: list[Call] = []
    for _ in range(200):
        calls = side.conversation.receive(batch)
        if calls:
            side.conversation.answer(calls[0], "x" * 4_000)
            waiting.append(calls[1])
    refused = side.said()
    assert len(refused) == 200 - len(waiting) > 0
    assert {each["error"]["data"]["code"] for batch in refused for each in batch} == {"busy"}
    for call in waiting:
        side.conversation.answer(call, "y" * 11_000)
    answers = [batch[0] for batch in side.said()]
    assert ["error" in each for each in answers] == [False] * 2 + [True] * (len(waiting) - 2)
    assert len(side.conversation.receive(batch)) == 2


def test_what_json_cannot_say_is_a_fault_of_ours_and_an_answer() -> None:
    side = Side()
    (call,) = side.conversation.receive('{"jsonrpc": "2.0", "id": 1, "method": "m"}')
    with pytest.raises(TypeError, match="m: what it gave cannot be sent"):
        side.conversation.answer(call, object())
    assert side.said()[0]["error"]["code"] == -32603


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_every_request_ends_exactly_once_and_every_call_is_answered_exactly_once(data: st.DataObject) -> None:
    """Whatever comes in whatever order: requests both ways, answers, repeated and forged ones, time, the end."""
    versions = st.sampled_from([1, 2])
    here, there = Side(version=data.draw(versions)), Side(version=data.draw(versions))
    served: list[tuple[Side, Call]] = []
    now = 0.0
    for _ in range(data.draw(st.integers(1, 40))):
        side, other = (here, there) if data.draw(st.booleans()) else (there, here)
        match data.draw(
            st.sampled_from(("ask", "ask", "carry", "carry", "twice", "answer", "answer", "time", "forge", "end"))
        ):
            case "ask":
                side.ask(deadline=now + data.draw(st.sampled_from([0.5, 2.0, 50.0])))
            case "carry" | "twice" as how if side.sent:
                text = side.sent.pop(data.draw(st.integers(0, len(side.sent) - 1)))
                for _ in range(1 if how == "carry" else 2):
                    served += [(other, call) for call in other.conversation.receive(text)]
            case "answer" if served:
                who, call = served[data.draw(st.integers(0, len(served) - 1))]
                if data.draw(st.booleans()):
                    who.conversation.answer(call, data.draw(st.sampled_from([None, 0, [], "x"])))
                else:
                    who.conversation.refuse(call, RpcError(1, "no"))
            case "time":
                now += 1.0
                here.conversation.expire(now)
                there.conversation.expire(now)
            case "forge":
                id_ = data.draw(st.integers(0, 50))
                text = data.draw(
                    st.sampled_from(['{"id":%d,"result":1}', '[{"jsonrpc":"2.0","id":%d,"method":"m"},1]', "%d"])
                )
                served += [(other, call) for call in other.conversation.receive(text % id_)]
            case "end" if data.draw(st.integers(0, 5)) == 0:
                side.conversation.close()
    for who, call in served:
        who.conversation.answer(call, 0)
    for side in (here, there):
        if not side.conversation.is_closed:
            counters = side.conversation.counters
            assert side.answers == counters.requests + counters.malformed
            assert side.conversation.serving == 0
        assert all(len(endings) <= 1 for endings in side.endings)
        open_before = sum(not endings for endings in side.endings)
        assert open_before == len(side.conversation)
        side.conversation.close()
        assert all(len(endings) == 1 for endings in side.endings)
        assert side.conversation.next_deadline() is None


TEXTS = [
    *(text for text, _ in CALLS + FRAMEWORK),
    '{"id": 1, "method": "m", "params": [1, "é", null, {"a": [true]}]}',
    '{"id": 1, "result": {"x": 1.5}, "error": null}',
    '{"jsonrpc": "2.0", "id": 1, "error": {"code": -1, "message": "m", "data": [1]}}',
]
MEMBERS = [
    *('"jsonrpc":"2.0"', '"id":1', '"id":null', '"id":{}', '"id":1e999', '"id":9007199254740993', '"id":"\\ud800"'),
    *('"method":"m"', '"method":1', '"params":[1]', '"params":{"a":1}', '"params":1', '"params":{"a":1,"a":2}'),
    *('"result":0', '"result":null', '"result":NaN', '"error":null', '"error":{"code":1,"message":""}', '"error":"x"'),
    *('"params":' + "[" * 40 + "]" * 40, '"x":1', '"id":true', '"":[]', '"result":"\\u0000"'),
]
SEEDS = [text.encode() for text in TEXTS]
PARTS = [part.encode() for part in MEMBERS]
PIECES = (b"{", b"[", b'"', b",", b"\\", b"\xff", b"1e9", b"null", b"\x00")


def hostile(chance: random.Random) -> bytes:
    """A text that is nearly right, in one way or another."""
    kind = chance.random()
    if kind < 0.45:
        one = b"{" + b",".join(chance.choices(PARTS, k=int(chance.random() * 6))) + b"}"
        return one if kind < 0.35 else b"[" + b",".join([one] * int(kind * 100 % 5)) + b"]"
    text = chance.choice(SEEDS)
    for _ in range(1 + (kind > 0.7)):
        place = int(chance.random() * len(text))
        how = chance.random()
        if how < 0.4:
            text = text[:place] + bytes([int(how * 640)]) + text[place + 1 :]
        elif how < 0.6:
            text = text[:place] + text[place + 1 + int(how * 1000 % 8) :]
        elif how < 0.9:
            text = text[:place] + chance.choice(PIECES) + text[place:]
        else:
            text = text[:place] + text[max(0, place - 15) :]
    return text


def test_200_000_hostile_texts_raise_nothing_and_leave_nothing_behind() -> None:
    """Each request in them is answered, once, in JSON; requests of ours meanwhile end once."""
    chance = random.Random(20261121)
    side = Side()
    conversation = side.conversation
    table = MethodTable(METHODS)
    taken = 0
    for turn in range(200_000):
        text = hostile(chance)
        if turn % 10 == 0:
            side.ask(deadline=turn + 1.0)
        side.sent.clear()
        for call in conversation.receive(text):
            taken += 1
            try:
                conversation.answer(call, table.find(call.method).call(call.params))
            except RpcError as error:
                conversation.refuse(call, error)
        assert len(side.sent) <= 1
        conversation.expire(float(turn))
        assert conversation.serving == 0
        assert not conversation.owes_answer
        assert len(conversation) <= 2
    conversation.close()
    assert all(len(endings) == 1 for endings in side.endings)
    assert taken > 5_000, "most are malformed, not all"
    assert conversation.counters.malformed > 20_000


def test_a_method_is_found_by_its_declared_name_only() -> None:
    table = MethodTable(METHODS)
    for name in ("__class__", "find", "add", "_methods", "Sum", "sum ", "", "__init__"):
        with pytest.raises(RpcError) as caught:
            table.find(name)
        assert caught.value.code == -32601
    result = parse(b'{"jsonrpc":"2.0","id":1,"result":[1]}').items[0].result  # type: ignore[union-attr]
    assert isinstance(result, msgspec.Raw)
    assert read_result(result) == [1]
