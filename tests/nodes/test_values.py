# SPDX-License-Identifier: BSD-3-Clause
"""What devices' words mean."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyaiot.nodes.values import MAX_DEPTH, BadValue, read_value


@pytest.mark.parametrize(
    ("resource", "data", "value", "unit"),
    [
        # Issue 2, FW-5 and PY-UT-1: what firmware and test nodes say.
        ("temperature", "23.4°C", 23.4, "Cel"),
        ("temperature", "-3.5°C", -3.5, "Cel"),
        ("temperature", "21°C", 21, "Cel"),
        ("temperature", "23 °C", 23, "Cel"),
        ("temperature", "23.4C", 23.4, "Cel"),
        ("pressure", "1013.25hPa", 1013.25, "hPa"),
        ("pressure", "1013.5hPa", 1013.5, "hPa"),
        ("pressure", "101325Pa", 101325, "Pa"),
        ("eco2", "412ppm", 412, "ppm"),
        ("tvoc", "7ppb", 7, "ppb"),
        ("humidity", "45.07%", 45.07, "%RH"),
        ("room/humidity", "45%", 45, "%RH"),
        ("battery", "80%", 80, "%EL"),
        ("valve", "80%", 80, "%"),
        ("illuminance", "120lx", 120, "lx"),
        ("pm10", "12.5µg/m3", 12.5, "ug/m3"),
        ("pm10", "12.5μg/m³", 12.5, "ug/m3"),
        ("dust", "0.5g/m3", 0.5, "g/m3"),
        ("led", "0", 0, None),
        ("led", "1", 1, None),
        ("speed", "+3e2", 300.0, None),
        ("count", "-0", 0, None),
        ("imu", '[{"type":"acc","values":[1,2,3]}]', [{"type": "acc", "values": [1, 2, 3]}], None),
        ("position", '{"lat":48.714784,"lng":2.205502}', {"lat": 48.714784, "lng": 2.205502}, None),
        # Text that stays text.
        ("name", "Weather Sensor", "Weather Sensor", None),
        ("name", "1234", "1234", None),
        ("version", "1.10", "1.10", None),
        ("version", "1.0.0", "1.0.0", None),
        ("js", "[1]", "[1]", None),
        ("robot", "s", "s", None),
        ("x", "", "", None),
        ("x", "007", "007", None),
        ("x", "3 apples", "3 apples", None),
        ("x", "3apples", "3apples", None),
        ("x", "1.2.3", "1.2.3", None),
        ("x", "-", "-", None),
        ("x", ".5", ".5", None),
        ("x", "5.", "5.", None),
        ("x", "0x10", "0x10", None),
        ("x", "NaN", "NaN", None),
        ("x", "Infinity", "Infinity", None),
        ("x", "1e999", "1e999", None),
        ("x", "1_000", "1_000", None),
        ("x", "\u0661\u0662", "\u0661\u0662", None),
        ("x", "9007199254740992", "9007199254740992", None),
        ("x", "9007199254740991", 9007199254740991, None),
        ("x", "{not json}", "{not json}", None),
        ("x", "[NaN]", "[NaN]", None),
        ("x", "[9007199254740992]", "[9007199254740992]", None),
        ("x", "[1e999]", "[1e999]", None),
        ("x", "[1] 2", "[1] 2", None),
        ("x", "23.4°C\n", "23.4°C\n", None),
        # What is JSON already.
        ("x", True, True, None),
        ("x", None, None, None),
        ("x", 3, 3, None),
        ("x", 3.5, 3.5, None),
        ("x", {"a": [1, "23°C"]}, {"a": [1, "23°C"]}, None),
    ],
)
def test_read(resource: str, data: Any, value: Any, unit: str | None) -> None:
    got = read_value(data, resource=resource)
    assert got == (value, unit)
    assert type(got[0]) is type(value)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_depth_is_bounded() -> None:
    assert read_value(nested(MAX_DEPTH))[0] == nested(MAX_DEPTH)
    with pytest.raises(BadValue):
        read_value(nested(MAX_DEPTH + 1))
    text = json.dumps(nested(MAX_DEPTH + 1))
    assert read_value(text) == (text, None)
    for text in ("[" * 100_000, '{"a":' * 50_000, "[" * 60_000 + "]" * 60_000):
        assert read_value(text) == (text, None)


@pytest.mark.parametrize(
    "data", [math.nan, math.inf, -math.inf, 2**53, -(2**53), [math.nan], {"a": 2**60}, {1: 2}, b"x", object()]
)
def test_what_the_link_may_not_carry_is_refused(data: object) -> None:
    with pytest.raises(BadValue):
        read_value(data)


def test_long_text_is_not_looked_through() -> None:
    for text in ("1" * 65536, "-" * 65536, "1." + "0" * 65536, "1e" + "9" * 65536, "1" + " " * 65536 + "C"):
        assert read_value(text) == (text, None)


@given(
    st.text(max_size=40)
    | st.from_regex(r"[+-]?[0-9]{1,17}(\.[0-9]{1,6})?([eE][+-]?[0-9]{1,3})?(°C|hPa|%|ppm)?", fullmatch=True)
)
def test_any_text_is_read_and_what_is_read_is_a_number_or_the_text(text: str) -> None:
    check(text)


def check(text: str) -> None:
    value, unit = read_value(text)
    if isinstance(value, str):
        assert (value, unit) == (text, None)
    elif isinstance(value, float):
        assert math.isfinite(value)
    elif isinstance(value, int):
        assert abs(value) < 2**53
    else:
        assert isinstance(value, dict | list)
        json.dumps(value, allow_nan=False)


def test_fuzz_200_000_texts() -> None:
    rng = random.Random(17)
    seeds = ["23.4°C", "1013.25hPa", "-0.5e3%", '{"a":[1,2.5,"x"]}', '[{"type":"acc","values":[1,-2,3]}]', "12µg/m3"]
    letters = '0123456789+-.eE°C%{}[]",: \x00\ud800é'
    for turn in range(200_000):
        text = list(seeds[turn % len(seeds)])
        for _ in range(rng.randrange(1, 4)):
            where = rng.randrange(len(text) + 1)
            text[where : where + rng.randrange(3)] = rng.choice(letters)
        check("".join(text))
