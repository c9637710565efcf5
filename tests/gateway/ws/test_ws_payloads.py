# SPDX-License-Identifier: BSD-3-Clause
"""The messages of ``/node``: what is read, what is refused and with which words; and 200,000 broken ones."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import msgspec
import pytest

from pyaiot.gateway.ws.payloads import (
    MAX_REASON_BYTES,
    BadMessage,
    check_uid,
    close_reason,
    encode_write,
    parse_message,
)
from pyaiot.gateway.ws.sessions.contract import Code
from pyaiot.wire.names import is_resource
from tests.wire import fuzz, strict_json

#: Types of messages that mean nothing here.
OTHER_TYPES = frozenset(("new", "out", "reset"))
WRITTEN = 60_000
BROKEN = 200_000


def test_PY_WSN_2_an_update_has_many_values_as_the_device_gave_them() -> None:
    update = parse_message(
        b'{"type": "update", "data": {"name": "x", "led": "0", "temperature": 21.5, "on": true, '
        b'"imu": [1, {"a": null}]}}'
    )
    assert update is not None
    assert update.data == {"name": "x", "led": "0", "temperature": 21.5, "on": True, "imu": [1, {"a": None}]}
    assert (update.uid, update.key, update.age, update.units) == (msgspec.UNSET, msgspec.UNSET, 0, msgspec.UNSET)


def test_an_update_may_say_who_when_and_in_which_units() -> None:
    update = parse_message(
        b'{"type":"update","uid":"a","key":"k","age":90000,"units":{"t":"Cel"},"data":{"t":1},"further":{"x":1}}'
    )
    assert update is not None
    assert (update.uid, update.key, update.age, update.units) == ("a", "k", 90_000, {"t": "Cel"})


@pytest.mark.parametrize("kind", sorted(OTHER_TYPES))
def test_PY_WSN_4_other_messages_are_ignored(kind: str) -> None:
    for message in ({"type": kind}, {"type": kind, "data": "node"}, {"type": kind, "data": 5, "uid": []}):
        assert parse_message(json.dumps(message).encode()) is None


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "empty"),
        (b"hello", "not JSON"),
        (b'{"type":"update","data":{"led":"0"}}\0', "not JSON"),
        (b"{'type': 'update'}", "not JSON"),
        (b"[]", 'send a JSON object with a "type"'),
        (b'["type"]', 'send a JSON object with a "type"'),  # PB-12
        (b'"a type"', 'send a JSON object with a "type"'),  # PB-12
        (b"5", 'send a JSON object with a "type"'),
        (b"null", 'send a JSON object with a "type"'),
        (b'{"data":1}', 'send a JSON object with a "type"'),  # PB-12
        (b'{"type":1,"data":{}}', 'send a JSON object with a "type"'),
        (b'{"type":"updates","data":{}}', 'unknown "type"'),
        (b'{"type":"update"}', "`data`"),
        (b'{"type":"update","data":[1]}', "$.data"),
        (b'{"type":"update","data":{"led":1},"age":-1}', "$.age"),
        (b'{"type":"update","data":{"led":1},"age":"1"}', "$.age"),
        (b'{"type":"update","data":{"led":1},"units":"Cel"}', "$.units"),
        (b'{"type":"update","data":{"led":1},"uid":7}', "$.uid"),
        (b'{"type":"update","data":{"no name":1}}', "a resource is"),
        (b'{"type":"update","data":{"":1}}', "a resource is"),
        (b'{"type":"update","data":{"//a":1}}', "a resource is"),
        (b'{"type":"update","data":{"a":1,"a":2}}', "twice"),
        (b'{"type":"update","data":{"a":9007199254740992}}', "integer"),
        (b'{"type":"update","data":{"a":NaN}}', "not JSON"),
        (b'{"type":"update","data":{"a":' + b"[" * 13 + b"]" * 13 + b"}}", "nested too deep"),
        (b"[" * 100_000, "send a JSON object"),
    ],
)  # fmt: skip
def test_PB_12_what_is_no_message_is_refused_with_words_that_help(raw: bytes, words: str) -> None:
    with pytest.raises(BadMessage) as refused:
        parse_message(raw)
    assert words in str(refused.value)
    assert refused.value.code is Code.BAD_MESSAGE


def test_PB_12_what_is_not_utf_8_is_said_to_be_that() -> None:
    for raw in (b"\xff{", b'{"type":"update","data":{"a":"\xff"}}', b'{"type":"update","data":{"a":"\xed\xa0\x80"}}'):
        with pytest.raises(BadMessage) as refused:
            parse_message(raw)
        assert refused.value.code is Code.NOT_UTF8


def test_PB_13_a_reason_fits_into_a_close_frame_and_is_cut_between_characters() -> None:
    for text in ("short", "x" * 123, "x" * 124, "°" * 200, "😀" * 60, "\ud800" * 200):
        reason = close_reason(text).encode()
        assert len(reason) <= MAX_REASON_BYTES
    assert close_reason("x" * 123) == "x" * 123
    assert close_reason("°" * 200) == "°" * 60 + "…"


def test_a_leading_slash_is_no_part_of_a_resource() -> None:
    assert parse_message(b'{"type":"update","data":{"/led":1}}') is not None


def test_PY_WSN_3_a_write_is_an_endpoint_and_a_payload() -> None:
    assert json.loads(encode_write("led", "1")) == {"endpoint": "led", "payload": "1"}
    assert json.loads(encode_write("rgb", [1, {"x": "°"}])) == {"endpoint": "rgb", "payload": [1, {"x": "°"}]}


@pytest.mark.parametrize("uid", ["", " ", "a b", "a/b", "x" * 65, "é", "a\n"])
def test_what_can_be_no_uid_is_refused(uid: str) -> None:
    with pytest.raises(BadMessage, match="an id is"):
        check_uid(uid)


# Fuzzing, judged by a slow and independent reference.


def reference(raw: bytes) -> str:
    """``update``, ``other`` or ``bad``."""
    try:
        message = strict_json.read(raw)
    except strict_json.NotOurs:
        return "bad"
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "bad"
    if message["type"] != "update":
        return "other" if message["type"] in OTHER_TYPES else "bad"
    data, units = message.get("data"), message.get("units", {})
    good = (
        isinstance(data, dict)
        and all(is_resource(name.removeprefix("/")) and strict_json.anything(value) for name, value in data.items())
        and all(isinstance(message.get(name, ""), str) for name in ("uid", "key"))
        and strict_json.count(message.get("age", 0))
        and isinstance(units, dict)
        and all(map(strict_json.text(64), units.values()))
    )
    return "update" if good else "bad"


def judged(raw: bytes) -> str:
    try:
        return "other" if parse_message(raw) is None else "update"
    except BadMessage as error:
        reason = str(error)
    assert 0 < len(reason) <= 250
    assert len(close_reason(reason).encode()) <= MAX_REASON_BYTES
    return "bad"


def written(writer: fuzz.Writer) -> bytes:
    """A message, mostly right."""
    chance = writer.chance
    data = [
        (chance.choice(("led", "temperature", "imu", "a/b", "/x")), writer.value()) for _ in range(chance.randrange(4))
    ]
    fields: list[tuple[str, str]] = [("type", writer.field('"update"')), ("data", writer.field(writer.object(data)))]
    more: Any = (("uid", '"lamp"'), ("key", '"k"'), ("age", "5"), ("units", '{"temperature":"Cel"}'), ("zz", "[1]"))
    fields += [(name, writer.field(value)) for name, value in more if chance.random() < 0.15]
    if chance.random() < 0.05:
        fields[0] = ("type", '"new"')
    return writer.object(fields).encode("utf-8", "surrogatepass")


def test_whatever_is_written_is_taken_or_refused_as_the_reference_does() -> None:
    writer = fuzz.Writer(Random("ws"))
    found = {"update": 0, "other": 0, "bad": 0}
    for _ in range(WRITTEN):
        raw = written(writer)
        expected = reference(raw)
        assert judged(raw) == expected, raw
        found[expected] += 1
    assert min(found.values()) > 1_000, found
    assert found["update"] > WRITTEN * 0.4


def test_200_000_broken_messages_raise_what_is_declared_and_nothing_else() -> None:
    chance = Random("broken ws")
    writer = fuzz.Writer(chance)
    documents = [raw for raw in (written(writer) for _ in range(400)) if reference(raw) == "update"]
    taken = 0
    for number, raw in enumerate(fuzz.broken(chance, documents, BROKEN)):
        outcome = judged(raw)
        taken += outcome == "update"
        if outcome == "update" or number % 8 == 0:
            assert outcome == reference(raw), raw
    assert 0 < taken < BROKEN / 2
