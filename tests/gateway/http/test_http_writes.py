# SPDX-License-Identifier: BSD-3-Clause
"""Writes to devices that only ask: fetched at most once, true when the device says so."""

from __future__ import annotations

import asyncio
import re
import time

import pytest

from pyaiot import listening
from pyaiot.gateway import confirmation
from pyaiot.gateway.http import delivery, handlers
from tests.gateway.http.http_devices import Connection, Device, Gateway
from tests.patience import PATIENCE_S


async def fetched_write(gateway: Gateway) -> tuple[Device, int]:
    """A lamp that was just given a write, which waits for its word; and the write's number."""
    device = gateway.device("lamp")
    await device.fetch()
    number = await gateway.write("lamp", "led", "1")
    await gateway.waits()
    assert len(await device.fetch()) == 1
    return device, number


async def test_a_write_goes_to_a_device_that_waits_and_is_true_when_it_says_so(gateway: Gateway) -> None:
    device = gateway.device("lamp")
    await device.post({"led": "0"})
    poll = asyncio.create_task(device.fetch(60))
    await gateway.polled("lamp")
    number = await gateway.write("lamp", "led", "1")
    ((command),) = await poll
    assert (command["resource"], command["value"]) == ("led", "1")
    assert isinstance(command["id"], int)
    assert (await device.post({"led": True})).status == 204
    assert await gateway.result(number) == ("ok", "")
    assert gateway.values("lamp")["led"] is True


async def test_a_write_waits_for_a_device_that_asks_now_and_then(gateway: Gateway) -> None:
    device = gateway.device("lamp")
    assert await device.fetch() == []
    numbers = [await gateway.write("lamp", f"r{number}", number) for number in range(3)]
    await gateway.waits(3)
    commands = await device.fetch()
    assert [(each["resource"], each["value"]) for each in commands] == [("r0", 0), ("r1", 1), ("r2", 2)]
    assert len({each["id"] for each in commands}) == 3
    assert await device.fetch() == []  # at most once
    await device.post({"r0": 0, "r1": 1, "r2": 2})
    assert [await gateway.result(number) for number in numbers] == [("ok", "")] * 3
    assert gateway.adapter.counters.commands == 3


async def test_a_device_that_never_fetched_a_command_is_said_to_be_so(gateway: Gateway) -> None:
    await gateway.device("sensor").post({"temperature": 21.5})
    number = await gateway.write("sensor", "led", "1")
    assert await gateway.result(number) == ("offline", "the device does not fetch commands (GET /v1/nodes/sensor)")


async def test_a_device_that_does_not_come_is_offline(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "WRITE_S", 0.3)
    device = gateway.device("lamp")
    await device.fetch()
    code, reason = await gateway.result(await gateway.write("lamp", "led", "1"))
    assert code == "offline"
    assert re.fullmatch(r"the device did not fetch it within 0.3 s; it last asked for commands \d+ s ago", reason)
    assert await device.fetch() == []  # never later


async def test_a_device_that_does_something_else_has_refused(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "CONFIRM_S", 2.0)
    device, number = await fetched_write(gateway)
    await device.post({"led": "0"})
    assert await gateway.result(number) == ("refused", 'the device reports "0" instead')


async def test_a_device_that_says_nothing_of_it_has_timed_out(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "CONFIRM_S", 0.3)
    device, number = await fetched_write(gateway)
    await device.post({"other": "1"})
    code, reason = await gateway.result(number)
    assert (code, reason) == ("timeout", f"the device did not report led within {confirmation.CONFIRM_S:g} s")


async def test_one_that_fetches_late_is_given_what_is_left_of_the_time(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "WRITE_S", 3.0)
    _, number = await fetched_write(gateway)
    code, reason = await gateway.result(number)
    assert code == "timeout"
    assert re.match(r"the device fetched it after \d\.\d", reason)
    assert reason.endswith(" s, and has not reported led since")


async def test_a_value_from_before_the_write_confirms_nothing(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "CONFIRM_S", 1.0)
    device = gateway.device("lamp")
    await device.post({"led": "1"})
    await device.fetch()
    number = await gateway.write("lamp", "led", "1")
    await gateway.waits()
    await device.post({"led": "1"})  # not fetched yet
    assert len(await device.fetch()) == 1
    await device.post({"led": {"value": "1", "age": 60_000}})  # kept from earlier
    await device.post([{"n": "led", "vs": "1", "t": -60}])
    code, _ = await gateway.result(number)
    assert code == "timeout"


async def test_a_leading_slash_is_no_part_of_a_resource(gateway: Gateway) -> None:
    device = gateway.device("lamp")
    await device.fetch()
    number = await gateway.write("lamp", "/led", "1")
    await gateway.waits()
    assert [each["resource"] for each in await device.fetch()] == ["led"]
    await device.post({"/led": "1"})
    assert await gateway.result(number) == ("ok", "")


async def test_a_write_whose_time_is_over_is_not_handed_out(gateway: Gateway) -> None:
    device = gateway.device("lamp")
    await device.fetch()
    number = await gateway.write("lamp", "led", "1", ttl_ms=300)
    await gateway.waits()
    assert (await gateway.result(number))[0] == "timeout"
    await gateway.waits(0)
    assert await device.fetch() == []


async def test_no_node_holds_more_than_its_share_of_writes(gateway: Gateway) -> None:
    await gateway.device("lamp").fetch()
    numbers = [await gateway.write("lamp", f"r{number}", 1) for number in range(20)]
    assert [(await gateway.result(number))[0] for number in numbers[16:]] == ["busy"] * 4
    await gateway.waits(16)
    assert len(await gateway.device("lamp").fetch()) == 16


async def test_a_node_that_goes_out_ends_its_poll_and_its_writes(gateway: Gateway) -> None:
    device = gateway.device("lamp")
    poll = asyncio.create_task(device.fetch(20))
    await gateway.polled("lamp")
    assert (await device.ask("DELETE")).status == 204
    assert await poll == []
    await device.fetch()
    number = await gateway.write("lamp", "led", "1")
    await gateway.waits()
    assert (await device.ask("DELETE")).status == 204
    assert (await gateway.result(number))[0] == "offline"
    await gateway.waits(0)


async def test_a_device_that_goes_with_a_write_it_has_fetched_may_have_done_it(gateway: Gateway) -> None:
    device, number = await fetched_write(gateway)
    later = await gateway.write("lamp", "fan", "1")
    await gateway.waits()
    assert (await device.ask("DELETE")).status == 204
    assert await gateway.result(number) == ("timeout", "the node went out before the device answered")
    assert await gateway.result(later) == ("offline", "the device had not fetched it")


async def test_a_newer_poll_takes_the_place_of_an_older_one(gateway: Gateway) -> None:
    device = gateway.device("lamp")
    older = asyncio.create_task(device.fetch(20))
    await gateway.polled("lamp")
    newer = asyncio.create_task(device.fetch(20))
    assert await older == []
    await gateway.write("lamp", "led", "1")
    assert len(await newer) == 1
    assert gateway.adapter.counters.replaced == 1


async def test_a_poll_whose_device_has_gone_takes_no_command_with_it(gateway: Gateway) -> None:
    connection = await Connection.open(gateway.port)
    connection.ask("GET", "/v1/nodes/lamp?wait=20")
    await gateway.polled("lamp")
    connection.close()
    async with asyncio.timeout(PATIENCE_S):
        while gateway.adapter._delivery._commands._boxes["lamp"].poll is not None:
            await asyncio.sleep(0.002)
    await gateway.write("lamp", "led", "1")
    await gateway.waits()
    assert len(await gateway.device("lamp").fetch()) == 1


async def test_a_poll_without_commands_ends_with_its_time(gateway: Gateway) -> None:
    began = time.monotonic()
    answer = await gateway.device("lamp").ask("GET", query="?wait=1")
    assert (answer.status, answer.body) == (204, b"")
    assert time.monotonic() - began > 0.9
    assert "connection" not in answer.headers
    node = gateway.service.core.registry.nodes["lamp"]
    assert node.last_seen - began > 0.9  # its end is a sign of life, too


@pytest.mark.parametrize("wait", ["x", "-1", "61", "1.5", "", "1e1", "100", "%FF", "1&wait=2", "٣"])
async def test_a_wait_that_is_no_number_of_seconds_is_refused(gateway: Gateway, wait: str) -> None:
    answer = await gateway.device("lamp").ask("GET", query=f"?wait={wait}")
    assert answer.status == 400


async def test_a_poll_ends_before_its_connection_is_too_old(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "MAX_AGE_S", 31.5)
    monkeypatch.setattr(handlers, "SPARE_S", 30.5)
    answer = await gateway.device("lamp").ask("GET", query="?wait=60")
    assert (answer.status, answer.headers["connection"]) == (204, "close")


async def test_a_hundred_devices_wait_and_each_gets_its_own(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WRITE_S", "CONFIRM_S"):
        monkeypatch.setattr(delivery, name, PATIENCE_S)  # the last of them confirms when all others have
    devices = {f"d{number}": gateway.device(f"d{number}") for number in range(100)}
    polls = {uid: asyncio.create_task(device.fetch(30)) for uid, device in devices.items()}
    for uid in devices:
        await gateway.polled(uid)
    numbers = [await gateway.write(uid, "led", uid, ttl_ms=60_000) for uid in devices]
    for uid, poll in polls.items():
        ((command),) = await poll
        assert command["value"] == uid
        await devices[uid].post({"led": uid})
    assert [await gateway.result(number) for number in numbers] == [("ok", "")] * 100
