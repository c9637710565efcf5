# SPDX-License-Identifier: BSD-3-Clause
"""Payloads of MQTT devices, with literals (PROTOCOL.md section 1.2)."""

from __future__ import annotations

from typing import Any

import pytest

from pyaiot.gateway.adapter import MAX_AGE_MS
from pyaiot.gateway.mqtt.payloads import (
    BadPayload,
    Value,
    parse_check,
    parse_resources,
    parse_value,
)
from pyaiot.wire.messages import About


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b'{"value": 21.5}', Value(21.5)),
        (b'{"value":"12\xc2\xb0C"}', Value("12°C")),
        (b'{"value": {"lat": 48.7, "lng": 2.2}, "more": 1}', Value({"lat": 48.7, "lng": 2.2})),
        (b'{"value": null}', Value(None)),
        (b'{"value": 21.5, "unit": "Cel", "age": 90000}', Value(21.5, "Cel", 90_000)),
        (b'{"value": 1, "unit": null, "age": null}', Value(1)),
        (b'{"value": 1, "age": 1500.9}', Value(1, None, 1_500)),
        (b'{"value": 1, "age": -5}', Value(1)),
        (b'{"value": 1, "age": 1e300}', Value(1, None, MAX_AGE_MS)),
        (b'{"value": "HP"}\0\0\0', Value("HP")),
        (b' {"value": 1}\n', Value(1)),
    ],
)
def test_py_mqtt_4_a_value_in_an_object(payload: bytes, value: Value) -> None:
    assert parse_value(payload) == value


@pytest.mark.parametrize(
    ("payload", "data"),
    [
        (b"21.5", 21.5),
        (b"1", 1),
        (b"-3", -3),
        (b"true", True),
        (b"null", None),
        (b'"on"', "on"),
        (b"[1, 2]", [1, 2]),
        ("21.5°C".encode(), "21.5°C"),
        (b"21.5\0\0\n", 21.5),
        (b"on", "on"),
        (b"007", "007"),
        (b"10:30", "10:30"),
        (b"-", "-"),
        (b"NaN", "NaN"),
        (b"True", "True"),
    ],
)
def test_fw_8_a_bare_value(payload: bytes, data: Any) -> None:
    value = parse_value(payload)
    assert value == Value(data)
    assert type(value.data) is type(data)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\0\0",
        b"{}",
        b'{"Value": 1}',
        b'{"value": 1',
        b'{"value": 1} x',
        b"{'value': 1}",
        b'{"value": 1, "unit": 5}',
        b'{"value": 1, "age": "old"}',
        b'{"value": 1, "age": true}',
        b'["led"',
        b'"on',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"value": ' + b"[" * 100_000,
        b'{"value": NaN}',
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_send(payload: bytes) -> None:
    with pytest.raises(BadPayload, match=r'send \{"value": 21\.5\}') as refused:
        parse_value(payload)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("payload", "uid"),
    [
        (b'{"id": "wipy-1"}', "wipy-1"),
        (b'{"id": 1}', "1"),
        (b'{"id":"mqtt-2","battery":3}', "mqtt-2"),
        (b'{"id": "a"}\0', "a"),
        (b'{"id": "' + b"x" * 64 + b'"}', "x" * 64),
    ],
)
def test_py_mqtt_2_fw_8_the_id_in_a_check(payload: bytes, uid: str) -> None:
    assert parse_check(payload) == uid


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"1",
        b"{}",
        b'{"id": ""}',
        b'{"id": "a b"}',
        b'{"id": "a/b"}',
        b'{"id": "+"}',
        b'{"id": true}',
        b'{"id": 1.5}',
        b'{"id": null}',
        b'{"id": "' + b"x" * 65 + b'"}',
        b'{"id": ' + b"9" * 65 + b"}",
        b'{"id": ["a"]}',
        b"\xff",
    ],
)
def test_pb_35_no_id_is_no_sign_of_anybody(payload: bytes) -> None:
    with pytest.raises(BadPayload, match=r'send \{"id": "<node id>"\}'):
        parse_check(payload)


def test_py_mqtt_3_the_list_of_resources() -> None:
    assert list(parse_resources(b'["name", "led", "check"]\0')) == ["name", "led", "check"]
    assert parse_resources(b"[]") == {}


def test_the_list_may_say_what_resources_are() -> None:
    payload = b'["name", {"name": "led", "writable": true, "if": "core.a", "colour": 7}, {"name": "t", "max": 30}]'
    assert parse_resources(payload) == {
        "name": About(),
        "led": About(writable=True, interface="core.a"),
        "t": About(max=30.0),
    }
    for bad in (b'[{"writable": true}]', b'[{"name": "led", "writable": "yes"}]', b'[{"name": "a b"}]', b"[7]"):
        with pytest.raises(BadPayload):
            parse_resources(bad)
    with pytest.raises(BadPayload):
        parse_resources(b'[{"name": "led", "title": "%s"}]' % (b"x" * 65))


@pytest.mark.parametrize("payload", [b"", b"name", b"{}", b'["a b"]', b'["a/b"]', b'["#"]', b"[1]", b'[""]', b'["a"'])
def test_what_is_no_list_of_names_is_refused(payload: bytes) -> None:
    with pytest.raises(BadPayload, match=r'send \["name", "led"\]'):
        parse_resources(payload)
