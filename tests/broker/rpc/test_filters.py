# SPDX-License-Identifier: BSD-3-Clause
"""What a filter means, what it refuses, and that no pattern takes long; what type a resource is of."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyaiot.broker.rpc.filters import MAX_CHARACTERS, MAX_VALUES, Condition, Filter, Glob, Matcher
from pyaiot.broker.rpc.resource_type import resource_type
from pyaiot.rpc.errors import INVALID_PARAMS, RpcError


@pytest.mark.parametrize(
    ("conditions", "meant"),
    [
        ({}, True),
        ({"gateway": "coap"}, True),
        ({"gateway": "mqtt"}, False),
        ({"gateway": ["mqtt", "coap"], "uid": "coap/12"}, True),
        ({"uid": "coap/1"}, False),
        ({"resource": "t1", "type": "temperature"}, True),
        ({"resource": "t1", "type": "humidity"}, False),
        ({"glob": "coap/*/t?"}, True),
        ({"glob": ["mqtt/*", "*/t1"]}, True),
        ({"glob": "coap/12"}, False),
        ({"glob": "COAP/*"}, False),
        ({"glob": "*", "gateway": "mqtt"}, False),
    ],
)
def test_all_conditions_must_hold_and_one_text_of_each(conditions: dict[str, Condition], meant: bool) -> None:
    assert Matcher(Filter.of(**conditions)).means("coap", "coap/12", "t1", "temperature") is meant


@pytest.mark.parametrize(
    "condition", [[], "", ["a"] * (MAX_VALUES + 1), "a" * (MAX_CHARACTERS + 1), ["a", "b" * (MAX_CHARACTERS + 1)]]
)
def test_conditions_have_bounds(condition: Condition) -> None:
    for name in ("gateway", "uid", "resource", "type", "glob"):
        with pytest.raises(RpcError) as caught:
            Filter.of(**{name: condition})
        assert caught.value.code == INVALID_PARAMS
        assert name in str(caught.value)


@given(st.text("ab*?.[", max_size=8), st.text("ab.[/\n", max_size=10))
def test_a_glob_matches_as_a_shell_would(pattern: str, text: str) -> None:
    theirs = fnmatchcase(text, pattern.replace("[", "[[]"))
    assert bool(re.fullmatch(Glob(pattern).expression, text, re.DOTALL)) is theirs


@given(st.text("ab/*?", min_size=1, max_size=8), st.text("ab", min_size=1, max_size=2), st.text("ab/", max_size=4))
def test_what_a_filter_cannot_mean_it_never_matches(pattern: str, id: str, resource: str) -> None:
    filter = Filter.of(glob=pattern)
    uid = f"a/{id}"
    if Matcher(filter).means("a", uid, resource, "x"):
        assert filter.may_mean("a", uid)
        assert filter.only_uids is None or uid in filter.only_uids
        assert filter.only_gateways is None or "a" in filter.only_gateways


def test_no_glob_takes_long() -> None:
    """Backtracking would take some 10^15 steps; the test ends at all because there is none."""
    expression = Glob("*a" * 64 + "b").expression
    assert not re.fullmatch(expression, "a" * 194, re.DOTALL)
    assert re.fullmatch(expression, "a" * 193 + "b", re.DOTALL)


@given(st.sets(st.text("ab*?|(", min_size=1, max_size=4), min_size=1, max_size=3), st.text("ab|(", max_size=3))
def test_of_several_globs_one_must_match(patterns: set[str], id: str) -> None:
    globs = [f"g/{pattern}" for pattern in patterns]
    matches = Matcher(Filter.of(glob=globs)).means("g", "g", id, "x")
    assert matches is any(Matcher(Filter.of(glob=glob)).means("g", "g", id, "x") for glob in globs)


def test_globs_cost_by_number_and_length_and_plain_texts_little() -> None:
    assert Filter.of(uid="a/1").glob_steps == 0
    assert Filter.of(glob=["a/*", "b/*", "x" * 129]).glob_steps == 3
    assert Filter.of(glob="*" * 129).glob_steps == 5
    assert Filter.of(glob=["x" * 127 + str(number) for number in range(32)]).glob_steps == 32
    with pytest.raises(RpcError) as caught:
        Filter.of(glob=["*" * 127 + str(number) for number in range(32)])
    assert caught.value.code == INVALID_PARAMS


def test_filters_that_say_the_same_are_equal() -> None:
    assert Filter.of(uid=["a/1", "a/2"], glob="x") == Filter.of(uid=["a/2", "a/1", "a/1"], glob=["x"])
    assert hash(Filter.of(type="t")) == hash(Filter.of(type=["t"]))


@pytest.mark.parametrize(
    ("name", "unit", "type"),
    [
        ("t1", "Cel", "temperature"),
        ("sensors/temperature2", None, "temperature"),
        ("sensors/Temperature_12", None, "temperature"),
        ("temperature2/raw", None, "raw"),
        ("humidity", "%", "humidity"),
        ("air", "%RH", "humidity"),
        ("co2", "ppm", "co2"),
        ("co2-1", "ppm", "co2"),
        ("pm2.5", None, "pm2.5"),
        ("led", None, "led"),
        ("42", None, "42"),
        ("a/-1", None, "-1"),
    ],
)
def test_the_type_is_the_quantity_of_the_unit_or_else_the_name(name: str, unit: str | None, type: str) -> None:
    assert resource_type(name, unit) == type
