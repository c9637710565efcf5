# SPDX-License-Identifier: BSD-3-Clause
"""Writes and reads, as the MQTT broker takes them or does not. With a real one: test_mqtt_writes.py, _reads.py."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from pyaiot.gateway.adapter import WriteFailed
from pyaiot.gateway.mqtt import delivery
from pyaiot.gateway.mqtt.delivery import Delivery


class Published:
    """Takes messages; the test says when they are acknowledged."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self.acknowledgements: list[asyncio.Future[bool]] = []
        self.delivery = Delivery(self._publish)

    def _publish(self, topic: str, payload: bytes) -> asyncio.Future[bool]:
        self.messages.append((topic, payload))
        self.acknowledgements.append(asyncio.get_running_loop().create_future())
        return self.acknowledgements[-1]

    async def writing(self) -> asyncio.Task[None]:
        return await begun(self.delivery.write("n", "led", 1))

    async def reading(self) -> asyncio.Task[None]:
        return await begun(self.delivery.read("n", "led"))


async def begun(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    task = asyncio.create_task(work)
    await asyncio.sleep(0)
    return task


async def failure(task: asyncio.Task[None]) -> tuple[str, str]:
    with pytest.raises(WriteFailed) as failed:
        await task
    return failed.value.code, failed.value.reason


async def test_only_what_was_measured_after_the_write_confirms_it_whatever_the_order_of_answers() -> None:
    published = Published()
    write = await published.writing()
    assert published.messages == [("gateway/n/led/set", b"1")]
    published.delivery.reported("n", "led", 1, 60_000)
    published.acknowledgements[0].set_result(True)
    await asyncio.sleep(0)
    assert not write.done()
    published.delivery.reported("n", "led", 1, 0)
    await write
    # Mosquitto may hand out the device's report before it acknowledges the command, or be lost in between.
    write = await published.writing()
    published.delivery.reported("n", "led", 1, 0)
    published.acknowledgements[1].set_result(False)
    await write


async def test_a_broker_that_is_lost_or_never_answers_is_told_from_a_device_that_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    published = Published()
    write, read = await published.writing(), await published.reading()
    for acknowledgement in published.acknowledgements:
        acknowledgement.set_result(False)
    assert await failure(write) == ("timeout", "the MQTT broker was lost before it confirmed to have the command")
    assert await failure(read) == ("offline", "the MQTT broker did not take the question")
    monkeypatch.setattr(delivery, "CONFIRM_S", 0.0)
    assert await failure(await published.writing()) == ("timeout", "the MQTT broker did not take it within 0 s")
    monkeypatch.setattr(delivery, "CONFIRM_S", 0.05)
    write = await published.writing()
    published.acknowledgements[-1].set_result(True)
    code, reason = await failure(write)
    assert (code, reason.split(",")[0]) == ("timeout", "the MQTT broker has it")
    write = await published.writing()
    published.delivery.reported("n", "led", 0, 0)
    assert (await failure(write))[0] == "refused"


async def test_names_that_no_topic_can_have_are_never_put_into_one() -> None:
    published = Published()
    for uid, resource in (("n", "out"), ("n", "a/b"), ("n", "+"), ("n/#", "led")):
        for work in (published.delivery.write(uid, resource, 1), published.delivery.read(uid, resource)):
            assert (await failure(await begun(work)))[0] == "unsupported"
    assert published.messages == []
