# SPDX-License-Identifier: BSD-3-Clause
"""Values and writes of devices with tokens: what arrives there, and what is believed of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pyaiot.actuation import ActuationMap, parse_map
from pyaiot.gateway.adapter import WriteFailed
from pyaiot.gateway.device_tokens.token_keys import TokenKeys
from pyaiot.gateway.ws.sessions.token import MAX_UNCONFIRMED, TokenSession
from tests.patience import PATIENCE_S
from tests.raw_sockets import frame

from .conftest import MakeGateway
from .token_devices import ACCEPTED, ECHO, PLATFORM, WRONG_FORMAT, keys_folder, token_device, token_for, within
from .ws_devices import Gateway, raw

Make = Callable[..., Awaitable[Gateway]]


@pytest.fixture
def make(make_gateway: MakeGateway, tmp_path: Path) -> Make:
    """Makes gateways that have the platform's key, and a map if one is given."""
    folder = keys_folder(tmp_path / "keys", public=PLATFORM)

    async def one(actuations: ActuationMap | None = None) -> Gateway:
        return await make_gateway(token_keys=TokenKeys(folder), actuations=actuations)

    return one


def command(component: str, name: str, parameter: str, value: str) -> dict[str, Any]:
    """What joe of the account acc-1 hears of a write, to the letter of PROTOCOL.md section 1.3."""
    content = {
        "accountId": "acc-1",
        "deviceId": "joe",
        "gatewayId": "joe",
        "componentId": component,
        "command": name,
        "params": [{"name": parameter, "value": value}],
    }
    return {"code": 1024, "content": {"type": "command", "transport": "ws", "content": content}}


async def test_a_write_arrives_as_an_actuation_and_is_done_when_it_has_arrived_OI_9(make: Make) -> None:
    gateway = await make()
    async with token_device(gateway, "joe") as joe:
        for data, value in (("1", "1"), (0, "0"), (True, "1"), (21.5, "21.5"), ("Grün", "Grün"), ([1], "[1]")):
            assert await within(gateway.adapter.write("joe", "led", data)) is None
            assert await joe.hear() == command("led", "LED.v1.0", "LED", value)
    assert gateway.adapter.counters.writes == 6
    assert gateway.adapter.counters.writes_failed == 0
    assert gateway.told("joe", "led") == [], "nobody said so"


async def test_the_map_says_what_a_resource_is_called(make: Make) -> None:
    gateway = await make(parse_map('[devices.joe.led]\ncomponent = "c-1"\n[resources.led]\nparameter = "on"'))
    async with token_device(gateway, "joe") as joe:
        await within(gateway.adapter.write("joe", "/led", 1))
        assert await joe.hear() == command("c-1", "LED.v1.0", "on", "1")


async def test_what_the_map_names_a_device_has_of_unknown_value(make: Make) -> None:
    gateway = await make(parse_map("[resources.led]\n[devices.joe.fan]\n[devices.jim.light]"))
    async with token_device(gateway, "joe"):
        await gateway.until(lambda: gateway.discovered == ["joe"])
        assert gateway.told("joe", "led") == gateway.told("joe", "fan") == [None]
        assert gateway.told("joe", "light") == []


async def test_a_write_to_who_is_not_connected_fails_as_offline_OI_10(make: Make) -> None:
    gateway = await make()
    async with token_device(gateway, "joe"):
        pass
    await gateway.until(lambda: gateway.count("gone", "joe"))
    for uid in ("joe", "jim"):
        with pytest.raises(WriteFailed, match="offline"):
            await gateway.adapter.write(uid, "led", 1)
    assert gateway.adapter.counters.writes_failed == 2


async def test_what_no_parameter_can_be_is_not_sent(make: Make) -> None:
    gateway = await make()
    async with token_device(gateway, "joe"):
        with pytest.raises(WriteFailed, match="unsupported"):
            await gateway.adapter.write("joe", "led", None)


@asynccontextmanager
async def silent_device(gateway: Gateway, uid: str) -> AsyncIterator[Any]:
    """Reader and writer of a device that is known, and answers nothing by itself."""
    hello = json.dumps({"type": "device", "deviceId": uid, "deviceToken": token_for(uid)}).encode()
    async with raw(gateway, "/", more=f"Sec-WebSocket-Protocol: {ECHO}\r\n") as (reader, writer):
        writer.write(frame(1, hello))
        await gateway.until(lambda: gateway.known(uid))
        yield reader, writer


async def test_a_write_that_does_not_arrive_is_not_called_done(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is half open takes everything, and answers nothing."""
    monkeypatch.setattr("pyaiot.gateway.ws.adapter.CONFIRM_S", 0.2)
    gateway = await make()
    async with silent_device(gateway, "joe") as (reader, writer):
        with pytest.raises(WriteFailed, match="timeout"):
            await gateway.adapter.write("joe", "led", 1)
        # An earlier ping's answer is none for what was sent behind it; a later one's is.
        write = asyncio.create_task(gateway.adapter.write("joe", "led", 2))
        async with asyncio.timeout(PATIENCE_S):
            sent = await reader.readuntil(b"\x89\x012")
        assert sent.index(b'"value":"2"') < sent.index(b"\x89\x012")
        writer.write(frame(10, b"1") + frame(10, b"x") + frame(10, b"9" * 20) + frame(10, b""))
        assert not (await asyncio.wait((write,), timeout=0.05))[0]
        writer.write(frame(10, b"2"))
        assert await within(write) is None


async def test_a_device_that_answers_only_the_last_ping_has_confirmed_all(make: Make) -> None:
    gateway = await make()
    async with silent_device(gateway, "joe") as (reader, writer):
        writes = [asyncio.create_task(gateway.adapter.write("joe", f"led{number}", 1)) for number in range(3)]
        async with asyncio.timeout(PATIENCE_S):
            await reader.readuntil(b"\x89\x013")
        writer.write(frame(10, b"3"))
        assert await within(asyncio.gather(*writes)) == [None, None, None]


async def test_a_connection_that_ends_under_a_write_is_no_success(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyaiot.gateway.ws.adapter.CONFIRM_S", 0.3)
    gateway = await make()
    async with silent_device(gateway, "joe") as (_, writer):
        write = asyncio.create_task(gateway.adapter.write("joe", "led", 1))
        await asyncio.sleep(0)
        writer.transport.abort()
        with pytest.raises(WriteFailed, match="timeout"):
            await within(write)


async def test_a_device_that_reports_a_resource_is_believed_more_than_its_connection(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyaiot.gateway.ws.adapter.CONFIRM_S", 0.3)
    gateway = await make()
    async with token_device(gateway, "joe") as joe:
        await joe.update({"led": "0"})
        await gateway.until(lambda: gateway.told("joe", "led") == ["0"])
        write = asyncio.create_task(gateway.adapter.write("joe", "led", "1"))
        assert await joe.hear() == command("led", "LED.v1.0", "LED", "1")
        assert not (await asyncio.wait((write,), timeout=0.1))[0]
        await joe.update({"led": "1"})
        assert await within(write) is None
        with pytest.raises(WriteFailed, match="timeout"):
            await gateway.adapter.write("joe", "led", "0")
        # Another resource of the same device is as before.
        assert await within(gateway.adapter.write("joe", "fan", 1)) is None


async def test_values_are_taken_as_at_node(make: Make) -> None:
    gateway = await make()
    async with token_device(gateway, "joe") as joe:
        await joe.update({"temperature": 21.5, "text": "hi"}, units={"temperature": "Cel"}, age=1000)
        await gateway.until(lambda: gateway.told("joe", "text"))
        assert gateway.told("joe", "temperature") == [21.5]
        assert ("Cel", 1000) in gateway.extras
        await joe.update({"led": 1}, uid="jim")
        assert await joe.closed_after(WRONG_FORMAT) == 1003


async def test_after_a_newer_token_a_command_comes_once_OI_B2(make: Make) -> None:
    gateway = await make()
    async with token_device(gateway, "joe") as joe:
        for _ in range(3):
            assert await joe.introduce("joe") == ACCEPTED
        await within(gateway.adapter.write("joe", "led", 1))
        assert (await joe.hear())["code"] == 1024
        await joe.send({"type": "ping"})
        assert (await joe.hear())["code"] == 202


async def test_a_device_that_answers_no_ping_costs_no_more_and_more(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyaiot.gateway.ws.adapter.CONFIRM_S", 0.001)
    gateway = await make()
    async with silent_device(gateway, "joe"):
        session = gateway.adapter._residents.at("joe")
        assert isinstance(session, TokenSession)
        for _ in range(MAX_UNCONFIRMED + 10):
            with pytest.raises(WriteFailed, match="timeout"):
                await gateway.adapter.write("joe", "led", 1)
        assert len(session._arrivals) == MAX_UNCONFIRMED
