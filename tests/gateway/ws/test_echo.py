# SPDX-License-Identifier: BSD-3-Clause
"""The messages of ``echo-protocol``, to the letter; and what is none of them."""

from __future__ import annotations

import json
import random

import pytest

from pyaiot.actuation import Actuator
from pyaiot.gateway.ws import echo
from pyaiot.gateway.ws.echo import Introduction, Ping, WrongFormat, encode_command, parse_message
from pyaiot.gateway.ws.payloads import Update
from pyaiot.wire.codec import MAX_DEPTH
from tests.wire.fuzz import broken

#: Messages made from good ones by breaking them.
FUZZED = 150_000

GOOD = (
    b'{"type":"device","deviceId":"joe","deviceToken":"a.b.c"}',
    b'{"type": "device", "deviceId": "00-11-22", "deviceToken": "", "extra": {"a": [1, 2]}}',
    b'{"type":"ping"}',
    b'{"type":"ping","at":1}',
    b'{"type":"update","data":{"temperature":21.5,"led":"1"}}',
    b'{"type":"update","data":{"imu":{"x":[1,2,3]}},"units":{"imu":"g"},"age":12}',
    b'{"type":"actuation","body":{},"credentials":{"username":"u","password":"p"}}',
    b'{"type":""}',
)


def test_a_device_says_who_it_is_OI_2() -> None:
    assert parse_message(GOOD[0]) == Introduction("joe", "a.b.c")
    assert parse_message(GOOD[1]) == Introduction("00-11-22", "")


def test_a_device_asks_whether_anybody_is_there_OI_2() -> None:
    assert parse_message(GOOD[2]) == Ping()
    assert parse_message(b' {"type" : "ping"} ') == Ping()


def test_a_device_tells_values_as_at_node() -> None:
    message = parse_message(GOOD[5])
    assert isinstance(message, Update)
    assert (message.data, message.units, message.age) == ({"imu": {"x": [1, 2, 3]}}, {"imu": "g"}, 12)


def test_other_types_mean_nothing_OI_2() -> None:
    assert parse_message(GOOD[6]) is None
    assert parse_message(GOOD[7]) is None


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not JSON"),
        (b"ping", "not JSON"),
        (b"\xff", "not JSON"),
        (b"{}", "type"),
        (b"[]", "object"),
        (b"null", "object"),
        (b'"ping"', "object"),
        (b'{"type":1}', "str"),
        (b'{"type":["ping"]}', "str"),
        (b'{"type":"ping","type":"ping"}', "twice"),
        (b'{"type":"device","deviceId":"joe"}', "deviceToken"),
        (b'{"type":"device","deviceToken":"x"}', "deviceId"),
        (b'{"type":"device","deviceId":1,"deviceToken":"x"}', "str"),
        (b'{"type":"device","deviceId":"joe","deviceToken":null}', "str"),
        (b'{"type":"device","deviceId":"joe","deviceId":"eve","deviceToken":"x"}', "twice"),
        (b'{"type":"device","deviceId":"","deviceToken":"x"}', "deviceId is"),
        (b'{"type":"device","deviceId":"j o","deviceToken":"x"}', "deviceId is"),
        (b'{"type":"device","deviceId":"a/b","deviceToken":"x"}', "deviceId is"),
        (b'{"type":"device","deviceId":"%b","deviceToken":"x"}' % (b"x" * 65), "deviceId is"),
        (b'{"type":"update"}', "data"),
        (b'{"type":"update","data":[]}', "object"),
        (b'{"type":"update","data":{"a b":1}}', "resource is"),
        (b'{"type":"update","data":{"":1}}', "resource is"),
        (b'{"type":"update","data":{"a":1,"a":2}}', "twice"),
        (b'{"type":"update","data":{"a":NaN}}', "not JSON"),
        (b'{"type":"update","data":{"a":9007199254740992}}', "integer"),
        (b'{"type":"update","data":{"a":%b}}' % (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH), "nested"),
        (b'{"type":"update","data":{"a":%b}}' % (b"[" * 8000), "nested|not JSON"),
        (b'{"type":"ping"}{"type":"ping"}', "not JSON"),
    ],
)
def test_a_wrong_format_is_said_in_our_own_words(raw: bytes, reason: str) -> None:
    with pytest.raises(WrongFormat, match=reason) as wrong:
        parse_message(raw)
    assert "eve" not in str(wrong.value)


def test_whatever_comes_is_read_or_refused() -> None:
    chance = random.Random(20261121)
    read = refused = 0
    for raw in broken(chance, GOOD, FUZZED):
        try:
            message = parse_message(raw)
        except WrongFormat:
            refused += 1
        else:
            read += 1
            if message is not None:
                # What is read is what any other reader finds there.
                assert (
                    json.loads(raw)["type"] == {Introduction: "device", Ping: "ping", Update: "update"}[type(message)]
                )
    assert read > FUZZED // 20
    assert refused > FUZZED // 20


def test_answers_are_to_the_letter_OI_3() -> None:
    assert [
        json.loads(answer) for answer in (echo.ACCEPTED, echo.PONG, echo.INVALID_TOKEN, echo.WRONG_FORMAT, echo.FAULT)
    ] == [
        {"code": 200, "content": "Record in database update for device"},
        {"code": 202, "content": "PONG"},
        {"code": 401, "content": "Invalid device token"},
        {"code": 401, "content": "Wrong message format"},
        {"code": 500, "content": "Internal server error"},
    ]


def test_a_command_is_to_the_letter_OI_9() -> None:
    assert json.loads(encode_command("joe", "acc-1", Actuator("LED", "LED.v1.0", "LED"), "1")) == {
        "code": 1024,
        "content": {
            "type": "command",
            "transport": "ws",
            "content": {
                "accountId": "acc-1",
                "deviceId": "joe",
                "gatewayId": "joe",
                "componentId": "LED",
                "command": "LED.v1.0",
                "params": [{"name": "LED", "value": "1"}],
            },
        },
    }


def test_without_an_account_its_id_is_empty_OI_B3() -> None:
    command = json.loads(encode_command("joe", None, Actuator.of("led"), "1"))
    assert command["content"]["content"]["accountId"] == ""
