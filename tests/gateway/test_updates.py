# SPDX-License-Identifier: BSD-3-Clause
"""What the link is told of a value: as said, as read, within bounds. That bad ones are refused, test_core.py shows."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from pyaiot.gateway.updates import MAX_UNIT_CHARACTERS, MAX_UPDATE_BYTES, MAX_VALUE_BYTES, encode_update
from pyaiot.wire.errors import Malformed

AT = 1_700_001_000_000


def told(data: Any, unit: str | None = None) -> dict[str, Any]:
    update, is_read = encode_update("n1", "imu", data, AT, unit)
    assert is_read
    assert len(update) <= MAX_UPDATE_BYTES
    message: dict[str, Any] = msgspec.json.decode(update)
    assert (message["type"], message["uid"], message["endpoint"], message["at"]) == ("update", "n1", "imu", AT)
    return message


def test_text_that_reads_as_something_the_link_cannot_carry_stays_text() -> None:
    deep = "[" * 14 + "]" * 14
    assert told(deep)["value"] == deep


def test_a_unit_that_the_protocol_carries_counts_more_than_one_in_the_text() -> None:
    assert told("23.4°C")["unit"] == "Cel"
    assert told("23.4°C", "Far")["unit"] == "Far"
    assert "unit" not in told(23.4, "x" * (MAX_UNIT_CHARACTERS + 1))


def test_a_value_of_the_greatest_length_fits_read_and_said() -> None:
    text = json.dumps(["x" * 60] * 240)
    assert MAX_VALUE_BYTES - 1000 < len(json.dumps(text)) <= MAX_VALUE_BYTES
    assert told(text)["value"] == json.loads(text)


def test_what_is_longer_read_than_said_is_told_as_it_was_said() -> None:
    numbers = "[" + ",".join(["1e15"] * 3000) + "]"  # each becomes 1000000000000000.0
    update, is_read = encode_update("n1", "imu", numbers, AT, "V")
    assert not is_read
    assert msgspec.json.decode(update)["value"] == numbers
    with pytest.raises(Malformed):
        encode_update("n1", "imu", numbers * 2, AT)
