# SPDX-License-Identifier: BSD-3-Clause
"""The messages of ``/ws``, byte by byte; the fuzzing of ``decode`` is in tests/wire/test_codec.py."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from pyaiot.broker import client_codec
from pyaiot.broker.client_codec import Join, WriteData, WriteRequest, decode
from pyaiot.broker.entries import Milestone, Node, Notice, Resource
from pyaiot.wire.errors import Malformed


def resource(data: Any, value: Any, unit: str | None = None) -> Resource:
    made = Resource(Node("coap/1234", "coap", "coap", 5), "temperature")
    made.data, made.value, made.unit, made.at = data, value, unit, 1_763_700_000_000
    return made


# What clients of the predecessor read (compatibility.md), with our additions behind


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (Node("coap/1234", "coap", "coap", 5), '{"type":"new","uid":"coap/1234","dst":"all"}'),
        (Notice("out", "coap/1234"), '{"type":"out","uid":"coap/1234"}'),
        (Notice("reset", "coap/1234"), '{"type":"reset","uid":"coap/1234"}'),
        (Milestone(), '{"type":"synced"}'),
        (
            resource("23.4°C", 23.4, "Cel"),
            '{"type":"update","uid":"coap/1234","endpoint":"temperature","data":"23.4°C","dst":"all",'
            '"value":23.4,"unit":"Cel","at":1763700000000}',
        ),
        (
            resource({"x": [1, None]}, True),
            '{"type":"update","uid":"coap/1234","endpoint":"temperature","data":{"x":[1,null]},"dst":"all",'
            '"value":true,"at":1763700000000}',
        ),
    ],
    ids=lambda entry: type(entry).__name__ if not isinstance(entry, str) else "",
)
def test_what_clients_are_told(entry: Any, text: str) -> None:
    assert client_codec.encode_entry(entry).decode() == text
    told = json.loads(client_codec.encode_entry(entry, "some-id"))
    assert told.get("dst") == ("some-id" if "dst" in text else None)


def test_results() -> None:
    assert client_codec.encode_result("a", None, None) == b'{"type":"result","id":"a","ok":true}'
    assert client_codec.encode_result(7, "timeout", "nobody answered") == (
        b'{"type":"result","id":7,"ok":false,"code":"timeout","reason":"nobody answered"}'
    )
    assert client_codec.encode_result(7, "refused", None).endswith(b'"code":"refused","reason":""}')


# What clients say


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type": "new", "data": "client"}', Join()),
        ('{"type":"new"}', Join()),
        ('{"data":{"a":[1]},"type":"new","zz":null}', Join()),
        ('{"type":"new","token":"t","features":["results","synced"]}', Join(token="t", features=["results", "synced"])),
        (
            '{"type":"update","data":{"uid":"coap/1","endpoint":"led","payload":"1"}}',
            WriteRequest(WriteData(uid="coap/1", resource="led", payload="1")),
        ),
        (
            '{"id":7,"data":{"payload":{"a":[1]},"endpoint":"/led","uid":"coap/1"},"type":"update"}',
            WriteRequest(WriteData(uid="coap/1", resource="/led", payload={"a": [1]}), id=7),
        ),
        (
            '{"id":null,"data":{"payload":null,"endpoint":"","uid":""},"type":"update"}',
            WriteRequest(WriteData(uid="", resource="", payload=None)),
        ),
    ],
)
def test_what_clients_say(text: str, message: object) -> None:
    assert decode(text) == message


#: The predecessor fell over the first ones (PB-12): KeyError, TypeError, UnicodeDecodeError.
BAD = [
    '{"data":1}',
    '["type"]',
    '"a type"',
    "\udcff{",
    "",
    "null",
    "1",
    "{}",
    "{",
    '{"type":1}',
    '{"type":null}',
    '{"type":"delete"}',
    '{"type":"new"}{"type":"new"}',
    '{"type":"new","type":"new"}',
    '{"type":"new","token":1}',
    '{"type":"new","token":"' + "x" * 257 + '"}',
    '{"type":"new","features":["' + "x" * 65 + '"]}',
    '{"type":"new","features":' + json.dumps(["x"] * 17) + "}",
    '{"type":"new","data":NaN}',
    '{"type":"new","data":"\\ud800"}',
    '{"type":"update"}',
    '{"type":"update","data":"client"}',
    '{"type":"update","data":{"uid":"a","endpoint":"b"}}',
    '{"type":"update","data":{"uid":"a","payload":1}}',
    '{"type":"update","data":{"endpoint":"b","payload":1}}',
    '{"type":"update","data":{"uid":1,"endpoint":"b","payload":1}}',
    '{"type":"update","data":{"uid":"a","endpoint":"b","payload":1,"more":1}}',
    '{"type":"update","data":{"uid":"a","endpoint":"b","payload":1,"payload":2}}',
    '{"type":"update","data":{"uid":"a","endpoint":"b","payload":{"x":1,"x":2}}}',
    '{"type":"update","data":{"uid":"' + "a" * 130 + '","endpoint":"b","payload":1}}',
    '{"type":"update","data":{"uid":"a","endpoint":"' + "b" * 66 + '","payload":1}}',
    '{"type":"update","data":{"uid":"a","endpoint":"b","payload":' + "[" * 13 + "]" * 13 + "}}",
    '{"type":"update","data":{"uid":"a","endpoint":"b","payload":9007199254740992}}',
    '{"type":"update","data":{"uid":"a","endpoint":"b","payload":1},"id":9007199254740992}',
    '{"type":"update","data":{"uid":"a","endpoint":"b","payload":1},"id":1.5}',
    '{"type":"update","data":{"uid":"a","endpoint":"b","payload":1},"id":true}',
    '{"type":"update","data":{"uid":"a","endpoint":"b","payload":1},"id":"' + "x" * 65 + '"}',
]


@pytest.mark.parametrize("text", BAD, ids=lambda text: ascii(text[:60]))
def test_a_bad_message_has_a_reason_that_fits_a_close_frame(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        decode(text)
    reason = client_codec.reason_for_close(refused.value)
    assert 0 < len(reason.encode()) <= 123


def test_a_reason_never_echoes_the_message() -> None:
    """PB-13: it did, and more than 123 bytes of it broke the close."""
    evil = "EVIL" * 100 + "`'\""
    for text in (
        json.dumps({"type": evil}),
        json.dumps({"type": "update", "data": {"uid": "a", "endpoint": "b", "payload": 1, evil: 1}}),
        json.dumps({"type": "new", "features": [evil]}),
        json.dumps({"type": "new", "token": evil}),
        json.dumps({evil: evil}),
        evil,
    ):
        with pytest.raises(Malformed) as refused:
            decode(text)
        assert "EVIL" not in client_codec.reason_for_close(refused.value)


@pytest.mark.parametrize("reason", ["é" * 200, "😀" * 50, "x" * 200, "short", "x" * 119 + "é"])
def test_a_reason_is_cut_between_characters(reason: str) -> None:
    cut = client_codec.reason_for_close(Malformed(reason))
    assert reason.startswith(cut)
    assert min(len(reason.encode()), 117) <= len(cut.encode()) <= 123


def test_messages_are_values() -> None:
    with pytest.raises(AttributeError):
        decode('{"type":"new"}').token = "x"  # type: ignore[union-attr,misc]
    assert isinstance(Join(), msgspec.Struct)
