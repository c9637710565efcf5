# SPDX-License-Identifier: BSD-3-Clause
"""What devices that take text get for a write, with literals."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pyaiot.gateway.device_text import MAX_WRITE, CannotSay, encode_data


@pytest.mark.parametrize(
    ("data", "payload"),
    [
        ("1", b"1"),
        ("21.5°C", "21.5°C".encode()),
        ("", b""),
        (True, b"1"),
        (False, b"0"),
        (1, b"1"),
        (1.0, b"1"),
        (-3, b"-3"),
        (-0.0, b"0"),
        (21.5, b"21.5"),
        (1e300, b"1e300"),
        (2**53 - 1, b"9007199254740991"),
        ({"r": 1}, b'{"r":1}'),
        ({"a": [1]}, b'{"a":[1]}'),
        ([], b"[]"),
        ([1, None, True], b"[1,null,true]"),
        ("x" * MAX_WRITE, b"x" * MAX_WRITE),
    ],
)
def test_PB_06_FW_6_PY_MQTT_5_data_is_written_as_firmware_expects_it(data: Any, payload: bytes) -> None:
    assert encode_data(data) == payload


@pytest.mark.parametrize(
    "data",
    [
        *(None, math.nan, math.inf, 2**53, -(2**53), "\ud800", ["\ud800"], {"a": "\ud800"}),
        *("x" * (MAX_WRITE + 1), object(), [object()], {"a": object()}),
    ],
)
def test_what_cannot_be_said_is_refused(data: Any) -> None:
    with pytest.raises(CannotSay):
        encode_data(data)
