# SPDX-License-Identifier: BSD-3-Clause
"""A write is true when the device says so (PROTOCOL.md section 1.2): what counts as saying so."""

from __future__ import annotations

from typing import Any

import pytest

from pyaiot.gateway.adapter import WriteFailed
from pyaiot.gateway.confirmation import MAX_QUOTED, Confirmations, is_same


@pytest.mark.parametrize(
    ("written", "reported"),
    [
        ("1", "1"), ("1", 1), (1, True), ("1", True), ("on", True), ("ON", 1), ("true", "on"), (True, "1"),
        ("0", False), ("off", 0), (False, "false"),
        (21, 21.0), ("21.5", 21.5), ("21", "21.0°C"), (21.3, 21.299999237060547), (" 7 ", 7),
        ("blue", "blue"), (None, None), ([1, 2], [1.0, 2]), ({"r": 1}, '{"r": 1}'), ('{"r":1}', {"r": 1.0}),
        (2**53 - 1, str(2**53 - 1)),
    ],
)  # fmt: skip
def test_the_same_said_otherwise_is_the_same(written: Any, reported: Any) -> None:
    assert is_same(written, reported, "led")
    assert is_same(reported, written, "led")


@pytest.mark.parametrize(
    ("written", "reported"),
    [
        ("1", "0"), ("on", "off"), (1, 2), (1_000_000, 1_000_001), (21.3, 21.31), ("blue", "Blue"), ("blue", 1),
        (None, 0), (None, False), ("", 0), ([1], [1, 1]), ({"r": 1}, {"g": 1}), ({"r": 1}, {"r": 2}), ([1], 1),
    ],
)  # fmt: skip
def test_what_differs_is_not_the_same(written: Any, reported: Any) -> None:
    assert not is_same(written, reported, "led")
    assert not is_same(reported, written, "led")


def test_the_text_of_a_resource_that_names_something_is_no_number() -> None:
    assert is_same("1.10", 1.1, "level")
    assert not is_same("1.10", "1.1", "version")


def test_a_write_is_confirmed_once_by_an_equal_value_of_that_resource_of_that_device() -> None:
    confirmations, told = Confirmations(), []
    confirmations.reported("lamp", "led", "1")  # before it was written: says nothing
    with confirmations.expecting("lamp", "led", "1", lambda: told.append(1)) as expectation:
        confirmations.reported("other", "led", "1")
        confirmations.reported("lamp", "other", "1")
        assert (told, expectation.confirmed, expectation.other) == ([], False, None)
        confirmations.reported("lamp", "led", 1)
        confirmations.reported("lamp", "led", True)
        assert told == [1]
        assert expectation.confirmed
        assert len(confirmations) == 1
    assert len(confirmations) == 0


def test_an_old_value_that_was_on_its_way_refuses_nothing() -> None:
    """A device tells its values now and then: one told just before the write came to it is no answer."""
    told: list[int] = []
    confirmations = Confirmations()
    with confirmations.expecting("lamp", "led", "1", lambda: told.append(1)):
        confirmations.reported("lamp", "led", "0")
        confirmations.reported("lamp", "led", "1")
    assert told == [1]


def test_two_writes_of_one_resource_are_told_apart() -> None:
    told: list[str] = []
    confirmations = Confirmations()
    with confirmations.expecting("lamp", "led", "1", lambda: told.append("on")):
        with confirmations.expecting("lamp", "led", "0", lambda: told.append("off")):
            confirmations.reported("lamp", "led", "0")
        confirmations.reported("lamp", "led", "1")
    assert told == ["off", "on"]


def test_a_write_that_was_not_confirmed_says_why() -> None:
    confirmations = Confirmations()
    with confirmations.expecting("lamp", "led", "1", lambda: None) as expectation:
        failure: WriteFailed = expectation.failure()
        assert (failure.code, failure.reason) == ("timeout", "the device did not report led within 5 s")
        confirmations.reported("lamp", "led", "0")
        failure = expectation.failure()
        assert (failure.code, failure.reason) == ("refused", 'the device reports "0" instead')
        confirmations.reported("lamp", "led", "x" * 1000)
        assert len(expectation.failure().reason) < MAX_QUOTED + 40
