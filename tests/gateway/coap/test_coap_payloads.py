# SPDX-License-Identifier: BSD-3-Clause
"""Payloads as real firmware sends them (compatibility.md PY-COAP-2, PY-COAP-3, FW-9, FW-10)."""

from __future__ import annotations

import random

import pytest

from pyaiot.gateway.coap.payloads import (
    MAX_PAYLOAD,
    MAX_VALUE,
    Alive,
    BadPayload,
    Reading,
    parse_alive,
    parse_reading,
    parse_value,
)
from pyaiot.wire.names import is_name, is_resource

HOST = "2001:660:3207:102::4"


@pytest.mark.parametrize(
    ("payload", "uid", "reset"),
    [
        (b"alive:1234", "1234", False),
        (b"Alive:1234", "1234", False),
        (b"ALIVE:1234", "1234", False),
        (b"reset:36343b03d1b3b2a", "36343b03d1b3b2a", True),
        (b"Reset:x", "x", True),
        (b"hello:x", "x", False),
        (b"alive:fd00::1", "1", False),  # the uid is what follows the last colon
        (b"alive:abc\0\0\0\0", "abc", False),
        (b"alive", HOST, False),
        (b"Alive", HOST, False),
        (b"reset", HOST, True),
    ],
)
def test_py_coap_2_and_fw_9_alive_names_the_device(payload: bytes, uid: str, reset: bool) -> None:
    assert parse_alive(payload, HOST)[:2] == (uid, reset)


def test_alive_keeps_the_text_for_the_answer() -> None:
    assert parse_alive(b"Alive:1234\0\0", HOST) == Alive("1234", False, "Alive:1234")


def test_fw_9_a_zone_is_no_part_of_a_uid() -> None:
    assert parse_alive(b"Alive", "fe80::1%tap0").uid == "fe80::1"


@pytest.mark.parametrize(
    "payload",
    [
        b"alive:",
        b"alive:a b",
        b"alive:" + b"x" * 65,
        b"alive:\xc3\xa9",
        b"alive:\xff",
        b"\xff",
        b"alive:a/b",
        b"x" * 1025,
    ],
)
def test_pb_30_an_alive_that_names_nobody_is_refused_with_a_reason(payload: bytes) -> None:
    with pytest.raises(BadPayload):
        parse_alive(payload, HOST)


@pytest.mark.parametrize(
    ("payload", "resource", "data"),
    [
        ("temperature:23.4°C", "temperature", "23.4°C"),
        ('imu:[{"type":"acc","values":[1,2,3]}]', "imu", '[{"type":"acc","values":[1,2,3]}]'),
        ("time:12:30", "time", "12:30"),
        ("/led:1", "led", "1"),
        ("sensors/temp:1", "sensors/temp", "1"),
        ("name:", "name", ""),
        ("pressure:1013.25hPa\0\0\0\0", "pressure", "1013.25hPa"),
    ],
)
def test_py_coap_3_a_reading_is_split_at_the_first_colon(payload: str, resource: str, data: str) -> None:
    assert parse_reading(payload.encode())[:2] == (resource, data)


def test_a_reading_keeps_the_text_for_the_answer() -> None:
    assert parse_reading(b"/led:1\0") == Reading("led", "1", "/led:1")


@pytest.mark.parametrize(
    "payload", [b"", b"temperature", b":1", b"a b:1", b"\xe9:1", b"a//b:1", b"/:1", b"x:" + b"1" * MAX_PAYLOAD]
)
def test_pb_30_a_reading_without_a_resource_is_refused_with_a_reason(payload: bytes) -> None:
    with pytest.raises(BadPayload):
        parse_reading(payload)


@pytest.mark.parametrize(
    ("resource", "payload", "data"),
    [
        ("temperature", "23.4°C".encode() + b"\0" * 57, "23.4°C"),
        ("imu", b'imu:[{"type":"acc","values":[1,2,3]}]', '[{"type":"acc","values":[1,2,3]}]'),
        ("room/imu", b"imu:[]", "[]"),
        ("led", b"0", "0"),
        ("name", b"", ""),
        ("url", b"http://x:1", "http://x:1"),
    ],
)
def test_fw_10_a_value_is_freed_of_padding_and_of_its_name(resource: str, payload: bytes, data: str) -> None:
    assert parse_value(resource, payload) == data


@pytest.mark.parametrize("payload", [b"\xff\xfe", b"x" * (MAX_VALUE + 1)])
def test_a_value_that_is_no_text_or_too_long_is_refused(payload: bytes) -> None:
    with pytest.raises(BadPayload):
        parse_value("x", payload)


def test_fuzz_200_000_payloads_raise_only_the_declared_error() -> None:
    rng = random.Random(7)
    seeds = [
        b"alive:1234",
        b"reset:ab",
        b"temperature:23.4\xc2\xb0C",
        b'imu:[{"type":"acc"}]',
        b"led:0\0\0",
        b":",
        b"a/b:c",
        b"\xff",
    ]
    for turn in range(200_000):
        mutant = bytearray(seeds[turn % len(seeds)])
        for _ in range(rng.randrange(1, 4)):
            where = rng.randrange(len(mutant) + 1)
            match rng.randrange(3):
                case 0:
                    mutant.insert(where, rng.randrange(256))
                case 1:
                    del mutant[where : where + rng.randrange(3)]
                case 2:
                    mutant[where:where] = rng.choice(seeds)
        data = bytes(mutant)
        try:
            assert is_name(parse_alive(data, "::1").uid)
        except BadPayload:
            pass
        try:
            assert is_resource(parse_reading(data).resource)
        except BadPayload:
            pass
        try:
            parse_value("imu", data)
        except BadPayload:
            pass
