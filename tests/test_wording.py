# SPDX-License-Identifier: BSD-3-Clause
"""How values, times and tables look on a terminal."""

from __future__ import annotations

import json
import os

import pytest

from pyaiot.cli.call import _parameters
from pyaiot.cli.talking import value_of
from pyaiot.cli.wording import ago, clean, json_line, shown, table, width
from pyaiot.options import ConfigurationError


def test_a_value_is_shown_with_its_unit_as_people_write_it() -> None:
    assert shown(21.5, "Cel") == "21.5 °C"
    assert shown("on") == "on"
    assert shown([1, {"a": None}]) == '[1,{"a":null}]'
    assert shown(3, "m/s") == "3 m/s"


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "\x9b31m", "\u202egnp", "\x00", "a\rb", "\u2028"])
def test_what_a_device_says_commands_no_terminal(text: str) -> None:
    assert clean(text).isprintable()
    assert shown(text).isprintable()
    assert "\x1b" not in table(("A",), [(text,)], 80)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_json_for_programs_commands_no_terminal_either_and_is_the_same_value(encoding: str) -> None:
    value = {"a\x9b31m": ["\u202e", "\x7f", "\u2028", "°灯😀", "\U000e0001", "\x1b", 'a"\\']}
    line = json_line(value, encoding)
    assert line.isprintable()
    assert json.loads(line.encode(encoding).decode(encoding)) == value
    assert ("灯😀" in line, "°" in line) == (encoding == "utf-8", encoding != "ascii")
    half = {"a": "\ud800", "file": os.fsdecode(b"\xff")}
    assert json.loads(json_line(half, encoding).encode(encoding)) == half


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (185, "3 min 5 s"), (3600, "1 h 0 min"), (90_061, "1 d 1 h"), (-5, "0 s")],
)
def test_how_long_ago_is_told_in_two_units(seconds: int, words: str) -> None:
    assert ago(1_000_000 - 1000 * seconds, 1_000_000) == words


def test_columns_are_aligned_also_where_signs_are_wide_or_combine() -> None:
    lines = table(("NAME", "X"), [("灯", "1"), ("e\u0301", "2")], None).splitlines()
    assert [width(line[: line.index(mark)]) for line, mark in zip(lines, "X12", strict=True)] == [6, 6, 6]


def test_what_is_too_long_for_the_terminal_is_cut_in_the_widest_column() -> None:
    lines = table(("A", "B"), [("short", "x" * 100)], 30).splitlines()
    assert max(map(width, lines)) == 30
    assert lines[1].startswith("short  xxx")
    assert lines[1].endswith("x…")


def test_what_is_typed_is_json_or_else_a_text() -> None:
    assert [value_of(text) for text in ("1", '"1"', "on", "[1]", "{", "NaN", "")] == [1, "1", "on", [1], "{", "NaN", ""]


def test_parameters_are_given_by_position_or_by_name() -> None:
    assert _parameters(["1", "a b"]) == ([1, "a b"], {})
    assert _parameters(["a=1", "b=x=y"]) == ([], {"a": 1, "b": "x=y"})
    with pytest.raises(ConfigurationError, match="all parameters by position"):
        _parameters(["1", "a=1"])
