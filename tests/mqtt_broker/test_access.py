# SPDX-License-Identifier: BSD-3-Clause
"""The table of who may do what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyaiot.gateway.mqtt import payloads
from pyaiot.mqtt_broker import access
from pyaiot.mqtt_broker.access import MAX_CHECK_BYTES, Account, id_in_check, may_publish, may_retain, may_subscribe
from pyaiot.mqtt_broker.fields import matches

JOE = Account("joe", "device")
ANYONE = Account("", "anyone")
GATEWAY = Account("gw", "gateway")


@pytest.mark.parametrize(
    ("topic", "joe", "anyone", "gateway"),
    [
        ("node/joe/led", True, True, False),
        ("node/joe/a/b", True, True, False),
        ("node/joe/", True, True, False),
        ("node/joe", False, False, False),
        ("node/ann/led", False, True, False),
        ("node/joe2/led", False, True, False),
        ("node//led", False, False, False),
        ("node/a b/led", False, False, False),
        ("node/../led", False, True, False),
        ("Node/joe/led", False, False, False),
        ("/node/joe/led", False, False, False),
        ("gateway/check", False, False, True),
        ("gateway/joe/led/set", False, False, True),
        ("gateway/state", False, False, True),
        ("gateway", False, False, False),
        ("$SYS/joe/x", False, False, False),
        ("$share/gateway/x", False, False, False),
        ("else", False, False, False),
    ],
)
def test_who_may_publish(topic: str, joe: bool, anyone: bool, gateway: bool) -> None:
    assert [may_publish(each, topic, b"1") for each in (JOE, ANYONE, GATEWAY)] == [joe, anyone, gateway]


@pytest.mark.parametrize(
    ("topic_filter", "joe", "anyone", "gateway"),
    [
        ("gateway/joe/#", True, True, True),
        ("gateway/joe/+/set", True, True, True),
        ("gateway/joe/led/set", True, True, True),
        ("gateway/check", True, True, True),
        ("gateway/state", True, True, True),
        ("gateway/+", False, True, True),
        ("gateway/#", False, True, True),
        ("gateway/+/led/set", False, True, True),
        ("gateway/ann/#", False, True, True),
        ("gateway/joe", False, True, True),
        ("gateway/joe2/#", False, True, True),
        ("node/joe/#", False, False, True),
        ("node/#", False, False, True),
        ("node/+/+", False, False, True),
        ("node/check", False, False, True),
        ("#", False, False, False),
        ("+/#", False, False, False),
        ("+/joe/#", False, False, False),
        ("$SYS/#", False, False, False),
        ("$share/g/gateway/joe/#", False, False, False),
    ],
)
def test_who_may_subscribe(topic_filter: str, joe: bool, anyone: bool, gateway: bool) -> None:
    assert [may_subscribe(each, topic_filter) for each in (JOE, ANYONE, GATEWAY)] == [joe, anyone, gateway]


LEVEL = st.sampled_from(["gateway", "node", "joe", "ann", "check", "state", "led", "+", "$SYS", ""])


@given(
    st.lists(LEVEL, min_size=1, max_size=4),
    st.booleans(),
    st.lists(LEVEL.filter(lambda x: x != "+"), min_size=1, max_size=4),
)
def test_no_filter_of_a_device_matches_what_is_not_for_it(
    levels: list[str], rest: bool, topic_levels: list[str]
) -> None:
    topic_filter, topic = "/".join(levels + ["#"] * rest), "/".join(topic_levels)
    if may_subscribe(JOE, topic_filter) and matches(topic, topic_filter):
        assert topic in ("gateway/check", "gateway/state", "gateway/joe") or topic.startswith("gateway/joe/")


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (b'{"id": "joe"}', "joe"),
        (b'{"id": "joe"}\0\0', "joe"),
        (b'{"id": 7}', "7"),
        (b'{"id": "joe", "more": [1, {"id": "ann"}]}', "joe"),
        (b' {"id": "joe"}\r\n', "joe"),
        (b'{"id": "joe", "id": "ann"}', "ann"),
        (b'{"id": "ann", "id": "joe"}', "joe"),
        (b'{"id": "j/e"}', None),
        (b'{"id": true}', None),
        (b'{"id": 1.0}', None),
        (b'{"id": null}', None),
        (b'{"name": "joe"}', None),
        (b'[["id", "joe"]]', None),
        (b'"joe"', None),
        (b"joe", None),
        (b"", None),
        (b"\xff", None),
        (b'{"id": "joe"', None),
        (b"[" * MAX_CHECK_BYTES, None),
        (b'{"id": ' + b"9" * 400 + b"}", None),
        (b'{"id": "' + b"x" * MAX_CHECK_BYTES + b'"}', None),
    ],
)
def test_the_id_in_a_check(payload: bytes, found: str | None) -> None:
    assert id_in_check(payload) == found
    assert may_publish(JOE, "node/check", payload) is (found == "joe")
    assert may_publish(ANYONE, "node/check", payload)
    assert not may_publish(GATEWAY, "node/check", payload)


@given(
    st.one_of(
        st.binary(max_size=40),
        st.lists(st.sampled_from([b'"joe"', b'"ann"', b"7", b"{", b"}", b'"id"', b":", b",", b" ", b"\0"])).map(
            b"".join
        ),
    )
)
def test_a_check_that_passes_is_read_by_the_gateway_as_the_same_device(payload: bytes) -> None:
    if may_publish(JOE, "node/check", payload):
        assert payloads.parse_check(payload) == "joe"


def test_the_two_who_read_checks_share_what_reads_them() -> None:
    assert payloads.parse_check is access.parse_check


def test_only_a_gateways_state_is_kept() -> None:
    assert may_retain(GATEWAY, "gateway/state")
    assert not may_retain(GATEWAY, "gateway/joe/led/set")
    assert not may_retain(JOE, "gateway/state")
    assert not may_retain(ANYONE, "gateway/state")
