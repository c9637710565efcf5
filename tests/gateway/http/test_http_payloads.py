# SPDX-License-Identifier: BSD-3-Clause
"""What may be in the body of a request, and what is in that of an answer."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pyaiot.gateway.adapter import MAX_AGE_MS
from pyaiot.gateway.http.commands import Command
from pyaiot.gateway.http.payloads import (
    MAX_VALUES,
    UnsupportedType,
    encode_commands,
    encode_refused,
    is_senml,
    parse_report,
)
from pyaiot.gateway.http.report import BadPayload, Report


def parse(body: str | bytes, **more: Any) -> Report:
    return parse_report(body.encode() if isinstance(body, str) else body, "n1", 1.8e9, **more)


def one(body: str) -> tuple[Any, ...]:
    (reading,) = parse(body).readings
    return tuple(reading)


@pytest.mark.parametrize(
    ("said", "data"),
    [
        ("21.5", 21.5), ('"21.5°C"', "21.5°C"), ("true", True), ("null", None), ("[1, 2]", [1, 2]),
        ('{"lat": 48.7, "lng": 2.2}', {"lat": 48.7, "lng": 2.2}), ("{}", {}),
    ],
)  # fmt: skip
def test_a_value_is_any_json(said: str, data: Any) -> None:
    assert one(f'{{"x": {said}}}') == ("x", data, None, 0)
    assert one(f'{{"x": {{"value": {said}}}}}') == ("x", data, None, 0)


def test_a_value_may_have_a_unit_and_an_age() -> None:
    assert one('{"x": {"value": 21.5, "unit": "Cel", "age": 1500}}') == ("x", 21.5, "Cel", 1500)
    assert one('{"x": {"value": 21.5, "unit": null, "age": 1.9}}') == ("x", 21.5, None, 1)
    assert one('{"x": {"value": 21.5, "age": 1e300}}') == ("x", 21.5, None, MAX_AGE_MS)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('{"value": 1, "units": "Cel"}', "unit"),
        ('{"value": 1, "unit": 5}', "unit"),
        (f'{{"value": 1, "unit": "{"x" * 65}"}}', "unit"),
        ('{"value": 1, "age": "5"}', "age"),
        ('{"value": 1, "age": -5}', "age"),
        ('{"value": 1, "age": true}', "age"),
        ('{"value": 1, "age": null}', "age"),
    ],
)
def test_a_value_that_is_said_wrong_is_refused_alone(said: str, words: str) -> None:
    report = parse(f'{{"bad": {said}, "good": 1}}')
    assert [reading.resource for reading in report.readings] == ["good"]
    assert words in report.refused["bad"]


@pytest.mark.parametrize(
    "body",
    [
        "21.5", '"x"', "true", "null", "{", "{'a': 1}", "a=1", '{"a": 1, "a": 2}', '{"a": {"b": 1, "b": 1}}',
        '{"a": NaN}', '{"a": Infinity}', '{"a": 1e999}', '{"a": 9007199254740992}', '{"a": "\\ud800"}', '{"a": 1} x',
        b'{"a": "\xff"}', b'\xff\xfe{\0"\0a\0"\0:\0001\0}\0', "[" * 100_000, '{"a":' * 20 + "1" + "}" * 20,
    ],
)  # fmt: skip
def test_what_is_no_object_of_strict_json_is_refused_with_a_word_of_what_to_send(body: str | bytes) -> None:
    with pytest.raises(BadPayload, match=re.escape('send {"temperature": 21.5}')):
        parse(body)


@pytest.mark.parametrize("body", ["", " \r\n", "\0", "{}", "{}\0\0"])
def test_nothing_is_a_report_without_values(body: str) -> None:
    assert parse(body) == Report()


def test_FW_10_nuls_at_the_end_are_ignored() -> None:
    assert one('{"x": 1}\0\0\0') == ("x", 1, None, 0)


def test_an_array_is_senml_whatever_it_is_called_and_senml_is_an_array() -> None:
    assert one('[{"n": "x", "v": 1}]') == ("x", 1, None, 0)
    assert parse('[{"n": "x", "v": 1}]', senml=True).readings[0].data == 1
    with pytest.raises(BadPayload, match="array of records"):
        parse('{"x": 1}', senml=True)


def test_the_number_of_values_is_bounded() -> None:
    assert len(parse(json.dumps(dict.fromkeys(map(str, range(MAX_VALUES)), 1))).readings) == MAX_VALUES
    with pytest.raises(BadPayload, match=str(MAX_VALUES)):
        parse(json.dumps(dict.fromkeys(map(str, range(MAX_VALUES + 1)), 1)))


@pytest.mark.parametrize(
    ("content_type", "senml"),
    [
        ("", False), ("application/json", False), ("application/json; charset=utf-8", False),
        ('Application/JSON;charset="UTF-8"', False), ("application/x-www-form-urlencoded", False),
        ("text/plain", False), ("application/senml+json", True), ("application/senml+json;x=y", True),
    ],
)  # fmt: skip
def test_types_that_are_read(content_type: str, senml: bool) -> None:
    assert is_senml(content_type) is senml


@pytest.mark.parametrize(
    "content_type",
    [
        "application/senml+cbor",
        "text/xml",
        "multipart/form-data; boundary=x",
        "json",
        "application/json; charset=latin1",
    ],
)
def test_types_that_are_not_read(content_type: str) -> None:
    with pytest.raises(UnsupportedType):
        is_senml(content_type)


def test_answers_are_json() -> None:
    assert json.loads(encode_refused({"a": "why"})) == {"refused": {"a": "why"}}
    commands = [Command(7, "led", "1", lambda: None), Command(8, "colour", {"r": 1}, lambda: None)]
    assert json.loads(encode_commands(commands)) == {
        "writes": [{"id": 7, "resource": "led", "value": "1"}, {"id": 8, "resource": "colour", "value": {"r": 1}}]
    }
