# SPDX-License-Identifier: BSD-3-Clause
"""Checks of aiot.messages, for both interpreters."""

import json

from aiot import messages
from expectations import refused


def test_names_are_those_of_the_protocol():
    for name in ("a", "a4cf12fe03b8", "A.b_c:d-9", "x" * 64):
        assert messages.check_name(name) == name
        assert messages.check_resource(name) == name
    for name in ("", "x" * 65, "a/b", "a b", "é", "+", "#", None, 5):
        assert refused(messages.check_name, name)
        assert refused(messages.check_resource, name)
    for name in ("resources", "out"):
        assert refused(messages.check_resource, name)


def test_values_become_json():
    for value in (
        0,
        1,
        -7,
        21.5,
        True,
        False,
        "",
        "on",
        "21.5°C",
        'a "quoted"\n word',
        [1, [2.5, "x"]],
        {"a": {"b": []}},
    ):
        assert json.loads(messages.encode_value(value)) == value
    assert json.loads(messages.encode_value((1, 2))) == [1, 2]


def test_what_is_no_value_is_refused():
    nan = float("nan")
    deep = []
    for _ in range(20):
        deep = [deep]
    for value in (None, b"x", nan, [nan], {"a": float("inf")}, {1: 2}, 1 << 53, "x" * 600, deep, object(), [b"x"]):
        assert refused(messages.encode_value, value), value


def test_a_value_says_its_unit_and_its_age_when_it_has_one():
    assert messages.value_message("21.5", None, 0) == b'{"value": 21.5}'
    assert json.loads(messages.value_message("21.5", "Cel", 90000)) == {"value": 21.5, "unit": "Cel", "age": 90000}
    assert json.loads(messages.value_message('"on"', None, 999)) == {"value": "on"}
    assert json.loads(messages.update_message(None, "led", "1", None, 0)) == {"type": "update", "data": {"led": 1}}
    first = messages.update_message("n1", "t", "21.5", "Cel", 1000)
    assert json.loads(first) == {
        "type": "update",
        "data": {"t": 21.5},
        "uid": "n1",
        "units": {"t": "Cel"},
        "age": 1000,
    }


def test_written_values_are_read_as_what_they_look_like():
    for payload, value in (
        (b"1", 1),
        (b"0", 0),
        (b"-2.5", -2.5),
        (b"true", True),
        (b"false", False),
        (b"on", "on"),
        (b"", ""),
        (b"1\0\0\0", 1),
        (b"007", "007"),
        (b"1 2", "1 2"),
        (b"1e999", "1e999"),
        (b"nan", "nan"),
        (b"NaN", "NaN"),
        (b"-Infinity", "-Infinity"),
        (b"fd00::1", "fd00::1"),
        (b'{"r": 255, "g": 0}', {"r": 255, "g": 0}),
        (b'{"r": ', '{"r": '),
        (b"[1, 2]", [1, 2]),
        (b"21.5\xc2\xb0C", "21.5°C"),
        (b"[" * 3000, "[" * 3000),
        (b"9" * 30, "9" * 30),
    ):
        assert messages.read_written(payload) == value, payload
    assert messages.read_written(b"true") is True
    assert refused(messages.read_written, b"\xff\xfe")


def test_requests_of_the_websocket_gateway_are_read():
    read = messages.read_request
    assert read(b'{"request": "discover"}') == messages.DISCOVER
    assert read(b'{"endpoint": "led", "payload": "1"}') == ("led", 1)
    assert read(b'{"endpoint": "led", "payload": 1}') == ("led", 1)
    assert read(b'{"endpoint": "mode", "payload": "night"}') == ("mode", "night")
    for wrong in (b"", b"[]", b"1", b"null", b"{", b"\xff", b"[" * 900):
        assert refused(read, wrong), wrong
    for wrong in (b'{"endpoint": "led"}', b'{"endpoint": 5, "payload": 1}', b'{"payload": 1}'):
        assert refused(read, wrong), wrong
