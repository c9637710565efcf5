# SPDX-License-Identifier: BSD-3-Clause
"""A device that is asked for a value is asked for all; what it then sends is the answer."""

from __future__ import annotations

import asyncio

import pytest

from pyaiot.gateway.adapter import WriteFailed
from tests.gateway.ws.ws_devices import Gateway, device
from tests.patience import PATIENCE_S


async def test_reads_of_a_device_share_a_question_and_each_ends_with_its_own_report(gateway: Gateway) -> None:
    async with device(gateway, "?id=lamp") as lamp:
        reads = [asyncio.create_task(gateway.adapter.read("lamp", resource)) for resource in ("t", "/t", "led")]
        assert await lamp.hear() == {"request": "discover"}
        await lamp.update({"other": 1, "led": "0"})
        async with asyncio.timeout(PATIENCE_S):
            await reads[2]
        assert not reads[0].done()
        await lamp.update({"/t": 21.5}, age=4_000)
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*reads)
        assert gateway.told("lamp", "t") == [21.5]
        again = asyncio.create_task(gateway.adapter.read("lamp", "t"))
        assert await lamp.hear() == {"request": "discover"}, "it was asked once for the three"
        await lamp.update({"t": 22})
        await again


async def test_silence_and_a_refused_value_is_no_answer(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyaiot.gateway.ws.adapter.REPORT_S", 1.0)
    async with device(gateway, "?id=lamp") as lamp:
        read = asyncio.create_task(gateway.adapter.read("lamp", "ip"))
        await lamp.hear()
        await lamp.update({"ip": "192.0.2.1"})
        with pytest.raises(WriteFailed) as failed:
            await read
        assert (failed.value.code, failed.value.reason) == ("timeout", "the device did not report ip within 1 s")
        assert gateway.adapter.counters.reads_failed == 1
    with pytest.raises(WriteFailed, match="offline"):
        await gateway.adapter.read("nobody", "t")
