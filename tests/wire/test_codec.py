# SPDX-License-Identifier: BSD-3-Clause
"""The codec takes what PROTOCOL.md describes, and nothing else; what it refuses is Malformed, and no other error."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyaiot.broker import client_codec
from pyaiot.wire import codec
from pyaiot.wire.errors import Malformed
from pyaiot.wire.messages import (
    BrokerFrame,
    GatewayFrame,
    GatewayMessage,
    New,
    Out,
    Read,
    Refused,
    Reset,
    Result,
    Seen,
    Sync,
    Update,
    Write,
)

from . import fuzz, strict_json

#: Broken documents for each decoder, and well-written ones that are judged like the reference judges.
BROKEN = 200_000
WRITTEN = 100_000


def takes(decode: Callable[[bytes], object], raw: bytes) -> bool:
    try:
        decode(raw)
    except Malformed as error:
        reason = str(error)
    else:
        return True
    assert 0 < len(reason) <= 120
    return False


def client_decode(raw: bytes) -> object:
    """As Tornado hands text on: what is not UTF-8 does not get this far."""
    return client_codec.decode(raw.decode("utf-8", "surrogatepass"))


DECODERS: dict[str, tuple[Callable[[bytes], object], Callable[[bytes], bool], Callable[[fuzz.Writer], bytes]]] = {
    "gateway frame": (codec.decode_gateway_frame, strict_json.is_gateway_frame, fuzz.Writer.gateway_frame),
    "broker frame": (codec.decode_broker_frame, strict_json.is_broker_frame, fuzz.Writer.broker_frame),
    "client message": (client_decode, strict_json.is_client_message, fuzz.Writer.client_message),
}


@pytest.mark.parametrize("name", DECODERS)
def test_whatever_is_written_is_taken_or_refused_as_the_reference_does(name: str) -> None:
    decode, reference, write = DECODERS[name]
    writer = fuzz.Writer(Random(name))
    taken = twice = 0
    for _ in range(WRITTEN):
        raw = write(writer)
        expected = reference(raw)
        assert takes(decode, raw) == expected, raw
        taken += expected
        twice += not expected and has_a_key_twice(raw)
    # The documents are worth judging.
    assert WRITTEN * 0.3 < taken < WRITTEN * 0.9, taken
    assert twice > 500


def has_a_key_twice(raw: bytes) -> bool:
    found = False

    def look(pairs: list[tuple[str, object]]) -> None:
        nonlocal found
        found = found or len({name for name, _ in pairs}) < len(pairs)

    try:
        json.loads(raw, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return False
    return found


@pytest.mark.parametrize("name", DECODERS)
def test_broken_input_is_malformed_and_nothing_else(name: str) -> None:
    decode, reference, write = DECODERS[name]
    chance = Random(f"broken {name}")
    writer = fuzz.Writer(chance)
    documents = [raw for raw in (write(writer) for _ in range(400)) if reference(raw)]
    taken = 0
    for number, raw in enumerate(fuzz.broken(chance, documents, BROKEN)):
        try:
            taking = takes(decode, raw)
        except UnicodeDecodeError:  # of this test's own client_decode
            assert name == "client message"
            continue
        taken += taking
        if taking or number % 8 == 0:
            assert taking == reference(raw), raw
    assert 0 < taken < BROKEN / 2


@pytest.mark.parametrize("name", DECODERS)
def test_random_bytes_are_malformed(name: str) -> None:
    decode, _, _ = DECODERS[name]
    chance = Random(f"random {name}")
    for _ in range(20_000):
        raw = chance.randbytes(chance.randrange(60))
        try:
            assert not takes(decode, raw)
        except UnicodeDecodeError:
            assert name == "client message"


HANDSHAKE: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "hello": (codec.decode_hello, b'{"type":"hello","broker":"AAAA","nonce":"BBBB"}'),
    "auth": (
        codec.decode_auth,
        b'{"type":"auth","gateway":"a","broker":"AAAA","nonce":"BBBB","epoch":"0123456789abcdef"}',
    ),
    "welcome": (codec.decode_welcome, b'{"type":"welcome","ack":17}'),
}


@pytest.mark.parametrize("name", HANDSHAKE)
def test_broken_handshakes(name: str) -> None:
    decode, good = HANDSHAKE[name]
    assert takes(decode, good)
    for raw in fuzz.broken(Random(name), [good, good.replace(b",", b" , ")], 30_000):
        assert takes(decode, raw) == strict_json.is_handshake(name, raw), raw


@pytest.mark.parametrize("name", HANDSHAKE)
def test_a_message_of_the_handshake_is_known_by_its_type(name: str) -> None:
    decode, _ = HANDSHAKE[name]
    every = {key: value for _, raw in HANDSHAKE.values() for key, value in json.loads(raw).items() if key != "type"}
    assert takes(decode, codec.encode({"type": name, **every}))
    for other in {*HANDSHAKE, "goodbye"} - {name}:
        assert not takes(decode, codec.encode({"type": other, **every}))
    assert not takes(decode, codec.encode(every))


# Duplicate keys: the proof by counting must not be cheated.

SEEN = '{"type":"seen","uid":"a","at":1}'
UPDATE = '{"type":"update","uid":"a","endpoint":"b","data":%s,"value":0,"at":1}'


def frame(messages: str, rest: str = "") -> bytes:
    return ('{"first":1,"messages":[' + messages + "]" + rest + "}").encode()


TWICE = {
    "in the frame": b'{"first":1,"first":2,"messages":[]}',
    "swallowed messages": frame(SEEN, ',"messages":[]'),
    "swallowed messages before": b'{"first":1,"messages":[],"messages":[' + SEEN.encode() + b"]}",
    "in a message": frame('{"type":"seen","uid":"a","uid":"b","at":1}'),
    "the type": frame('{"type":"seen","type":"seen","uid":"a","at":1}'),
    "an optional field": frame('{"type":"sync","uids":[],"more":true,"more":false}'),
    "in data": frame(UPDATE % '{"x":1,"x":1}'),
    "deep in data": frame(UPDATE % '[[{"a":[{"x":1,"x":1}]}]]'),
    "escaped": frame('{"type":"seen","uid":"a","\\u0075id":"b","at":1}'),
    "escaped in data": frame(UPDATE % '{"a":1,"\\u0061":1}'),
    "both escaped": frame(UPDATE % '{"\\u0061":1,"\\u0061":1}'),
    "escaped in two ways": frame(UPDATE % '{"\\/":1,"/":1}'),
    "in an unknown field": frame("", ',"zz":{"x":1,"x":2}'),
    "an unknown field": frame("", ',"zz":1,"zz":2'),
    "an unknown field of a message": frame('{"type":"seen","uid":"a","at":1,"zz":1,"zz":1}'),
    "empty names": frame(UPDATE % '{"":1,"":2}'),
    "names with quotes": frame(UPDATE % r'{"\"":1,"\"":2}'),
    "names like keys": frame(UPDATE % r'{"a\":":1,"a\":":2}'),
    "a blank before the colon": b'{"first":1,"first" :2,"messages":[]}',
    "a tab": b'{"first":1,"first"\t:2,"messages":[]}',
    "a line": b'{"first":1,"first"\n:2,"messages":[]}',
    "a return": b'{"first":1,"first"\r:2,"messages":[]}',
    "blanks hide as many as are missing": b'{"first" :1,"first" :1,"messages":[{"type":"sync","uids":["\\":"]}]}',
    "a text makes up for a blank": frame(UPDATE % '{"x" :1,"x":1,"y":"\\":"}'),
    "a backslash at the end of a name": frame(UPDATE % '{"a\\\\":1,"x":1,"x":2}'),
    "and of both": frame(UPDATE % '{"a\\\\":1,"a\\\\":2}'),
    "beside a quote in a text": frame(UPDATE % '{"x":"\\":","x":1,"a\\\\":2}'),
    "a text makes up for a swallowed key": frame(UPDATE % '{"x":"\\":","x":1}'),
}


@pytest.mark.parametrize("name", TWICE)
def test_a_key_that_stands_twice_is_found(name: str) -> None:
    assert has_a_key_twice(TWICE[name])
    with pytest.raises(Malformed, match="a key stands twice in one object"):
        codec.decode_gateway_frame(TWICE[name])


@pytest.mark.parametrize(
    "data", ['"\\":"', '"a\\":1,\\"a"', '{"x" : 1}', '{ "a" : { "a" : 1 } }', '["\\":", {"\\":": 1}]', '{"\\u0061":1}']
)
def test_what_only_looks_like_a_key_is_taken(data: str) -> None:
    """The cheap proof fails, the dear one does not."""
    taken = codec.decode_gateway_frame(frame(UPDATE % data)).messages[0]
    assert isinstance(taken, Update)
    assert taken.data == json.loads(data)


def test_frames_of_our_own_are_not_read_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def dear(*args: object, **kwargs: object) -> None:
        raise AssertionError("read again")

    raw = codec.encode_gateway_frame(1, map(codec.encode, EVERY_GATEWAY_MESSAGE))
    monkeypatch.setattr(json, "loads", dear)
    assert codec.decode_gateway_frame(raw).messages == EVERY_GATEWAY_MESSAGE


# Literals

EVERY_GATEWAY_MESSAGE: list[GatewayMessage] = [
    New(uid="a", protocol="coap", at=1),
    Update(uid="a", resource="t", data="23.4°C", value=23.4, unit="Cel", at=2),
    Update(uid="a", resource="imu", data='[{"x": 1}]', value=[{"x": 1, "y": {"z": None}}], at=3),
    Update(uid="a", resource="led", data=2**53 - 1, value=-(2**53) + 1, at=2**53 - 1),
    Reset(uid="a", at=4),
    Out(uid="a", why="timeout", at=5),
    Seen(uid="a", at=6),
    Sync(uids=["a", "b"]),
    Sync(uids=["a", "b"], more=True),
    Result(id=7, ok=True),
    Result(id=8, ok=False, code="timeout", reason="nobody answered"),
]


def test_every_message_comes_back_as_it_was() -> None:
    raw = codec.encode_gateway_frame(9, map(codec.encode, EVERY_GATEWAY_MESSAGE))
    assert codec.decode_gateway_frame(raw) == GatewayFrame(first=9, messages=EVERY_GATEWAY_MESSAGE)
    answer = BrokerFrame(
        ack=3,
        messages=[
            Write(id=1, uid="a", resource="led", data={"on": [1, None]}, ttl_ms=10_000),
            Read(id=2, uid="a", resource="t", ttl_ms=10_000),
            Refused(uid="b", reason="not known"),
        ],
    )
    assert codec.decode_broker_frame(codec.encode(answer)) == answer
    assert codec.encode(BrokerFrame(ack=3)) == b'{"ack":3}'
    assert codec.decode_broker_frame(b"{}") == BrokerFrame()


def test_the_wire_spells_as_the_protocol_does() -> None:
    assert [json.loads(codec.encode(message)) for message in EVERY_GATEWAY_MESSAGE[:2]] == [
        {"type": "new", "uid": "a", "protocol": "coap", "at": 1},
        {"type": "update", "uid": "a", "endpoint": "t", "data": "23.4°C", "value": 23.4, "unit": "Cel", "at": 2},
    ]
    assert json.loads(codec.encode(Write(id=1, uid="a", resource="led", data=1, ttl_ms=5))) == {
        "type": "write",
        "id": 1,
        "uid": "a",
        "endpoint": "led",
        "data": 1,
        "ttl": 5,
    }
    asked = {"type": "read", "id": 2, "uid": "a", "endpoint": "t", "ttl": 5}
    assert json.loads(codec.encode(Read(id=2, uid="a", resource="t", ttl_ms=5))) == asked


NOT_OURS = {
    "nothing": b"",
    "a text": b'"a type"',
    "an array": b'["type"]',
    "a number": b"1",
    "no type": frame('{"uid":"a","at":1}'),
    "a type that is none": frame('{"type":5,"uid":"a","at":1}'),
    "more behind": frame("") + b"{}",
    "cut off": frame("")[:-1],
    "a byte order mark": b"\xef\xbb\xbf" + frame(""),
    "UTF-16": frame("").decode().encode("utf-16"),
    "not UTF-8 in data": frame(UPDATE % '"?"').replace(b"?", b"\xff"),
    "not UTF-8 in an unknown field": frame("", ',"zz":"?"').replace(b"?", b"\xff"),
    "surrogates as UTF-8": frame(UPDATE % '"?"').replace(b"?", b"\xed\xa0\x80"),
    "surrogates as UTF-8 in an unknown field": frame("", ',"zz":"?"').replace(b"?", b"\xed\xa0\x80"),
    "a lone surrogate": frame(UPDATE % '"\\ud800"'),
    "a lone surrogate as a key": frame(UPDATE % '{"\\udc00":1}'),
    "a lone surrogate in an unknown field": frame("", ',"zz":"\\ud800"'),
    "a control character": frame(UPDATE % '"\x01"'),
    "NaN": frame(UPDATE % "NaN"),
    "infinity": frame(UPDATE % "-Infinity"),
    "a number without bounds": frame(UPDATE % "1e999"),
    "an unknown one": frame("", ',"zz":1e999'),
    "a large integer": frame(UPDATE % str(2**53)),
    "a large negative integer": frame(UPDATE % str(-(2**53))),
    "a large integer inside": frame(UPDATE % f'{{"a":[{2**53}]}}'),
    "a large unknown integer": frame("", f',"zz":{2**53}'),
    "an integer of 5,000 digits": frame(UPDATE % ("1" * 5000)),
    "an unknown one of 5,000 digits": frame("", ',"zz":' + "1" * 5000),
    "too deep": frame(UPDATE % ("[" * 13 + "]" * 13)),
    "too deep by objects": frame(UPDATE % ('{"a":' * 13 + "1" + "}" * 13)),
    "too deep in an unknown field": frame("", ',"zz":' + "[" * 16 + "]" * 16),
    "far too deep": frame(UPDATE % ("[" * 30_000 + "]" * 30_000)),
    "far too deep in an unknown field": frame("", ',"zz":' + "[" * 30_000 + "]" * 30_000),
    "far too deep and not closed": b"[" * 60_000,
    "time as text": frame('{"type":"seen","uid":"a","at":"1"}'),
    "time as true": frame('{"type":"seen","uid":"a","at":true}'),
    "time as 1.0": frame('{"type":"seen","uid":"a","at":1.0}'),
    "negative time": frame('{"type":"seen","uid":"a","at":-1}'),
    "a long uid": frame('{"type":"seen","uid":"' + "a" * 65 + '","at":1}'),
    "first of 0": b'{"first":0,"messages":[]}',
}


@pytest.mark.parametrize("name", NOT_OURS)
def test_what_is_not_ours_is_malformed(name: str) -> None:
    assert not strict_json.is_gateway_frame(NOT_OURS[name])
    with pytest.raises(Malformed):
        codec.decode_gateway_frame(NOT_OURS[name])


def test_the_bounds_themselves_are_ours() -> None:
    for data in ("[" * 12 + "]" * 12, str(2**53 - 1), str(-(2**53) + 1), "1.7976931348623157e308", '"\\ud83d\\ude00"'):
        assert takes(codec.decode_gateway_frame, frame(UPDATE % data))
    assert takes(codec.decode_gateway_frame, frame("", ',"zz":' + "[" * 15 + "]" * 15))


@pytest.mark.parametrize(
    "raw",
    [
        frame('{"type":"EVIL\'","uid":"a","at":1}'),
        frame('{"type":"out","uid":"a","why":"EVIL \' - at `$`","at":1}'),
        frame(UPDATE % '{"EVIL":1,"EVIL":1}'),
        frame(UPDATE % '{"EVIL":[[[[[[[[[[[[[]]]]]]]]]]]]]}'),
        b'{"EVIL\\n',
    ],
)
def test_a_reason_never_has_the_peers_words(raw: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        codec.decode_gateway_frame(raw)
    assert "EVIL" not in str(refused.value)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
counts = st.integers(0, 2**53 - 1)
short = st.text(max_size=64)


@given(st.lists(st.builds(Update, uid=short, resource=short, data=values, value=values, unit=short, at=counts)), counts)
@settings(max_examples=300, deadline=None)
def test_any_value_comes_back_as_it_was(messages: list[Update], first: int) -> None:
    raw = codec.encode_gateway_frame(first + 1, map(codec.encode, messages))
    if first + 1 < 2**53:
        assert codec.decode_gateway_frame(raw).messages == messages


def test_check_value_counts_keys() -> None:
    assert codec.check_value({"a": 1, "b": [{"c": {}}, {}]}) == 3
    assert codec.check_value("a") == codec.check_value([1, [None, True]]) == 0
    for bad in (float("nan"), float("inf"), 2**53, -(2**53), (1,), {"a": object()}, b"x"):
        with pytest.raises(Malformed):
            codec.check_value(bad)
