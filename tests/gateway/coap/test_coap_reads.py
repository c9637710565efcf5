# SPDX-License-Identifier: BSD-3-Clause
"""A device is asked by GET; what it answers is its value, and nothing else is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from aiocoap import Message
from aiocoap.numbers import codes

from pyaiot.gateway.adapter import WriteFailed
from pyaiot.gateway.coap import client
from tests.gateway.coap.coap_devices import Device, Gateway
from tests.gateway.coap.test_coap_writes import ready

MakeDevice = Callable[..., Awaitable[Device]]


async def test_the_answer_is_reported_as_any_value_is(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    one.resources = {"imu/0": lambda request: Message(code=codes.CONTENT, payload=b"0:[1]\0\0")}
    adapter = await ready(gateway, one)
    before = adapter.counters.reads
    await adapter.read("x", "/imu/0")
    assert gateway.told("x", "imu/0")[-1] == "[1]"
    assert adapter.counters.reads == before + 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Message(code=codes.NOT_FOUND), "4.04 Not Found"),
        (Message(code=codes.CHANGED, payload=b"1"), "2.04 Changed"),
        (Message(code=codes.CONTENT, payload=b"\xff"), "not UTF-8"),
        (Message(code=codes.CONTENT, payload=b"x" * 1_000), "what the device answered is not taken"),
    ],
)
async def test_what_is_no_value_is_a_failed_read_with_the_devices_code(
    gateway: Gateway, device: MakeDevice, answer: Message, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await device()
    adapter = await ready(gateway, one)
    one.resources = {"t": lambda request: answer}
    monkeypatch.setattr("pyaiot.gateway.updates.MAX_VALUE_BYTES", 500)
    with pytest.raises(WriteFailed) as failed:
        await adapter.read("x", "t")
    assert failed.value.code == "refused"
    assert reason in failed.value.reason
    assert gateway.told("x", "t") == []
    assert adapter.counters.reads_failed >= 1


async def test_a_silent_device_times_out_and_one_that_is_gone_is_offline(
    gateway: Gateway, device: MakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await device()
    adapter = await ready(gateway, one)
    one.resources = {"t": lambda request: None}
    monkeypatch.setattr(client, "ANSWER_TIMEOUT_S", 0.5)
    with pytest.raises(WriteFailed) as failed:
        await adapter.read("x", "t")
    assert failed.value.code == "timeout"
    await one.gone()
    with pytest.raises(WriteFailed) as failed:
        await adapter.read("x", "t")
    assert failed.value.code == "offline"
