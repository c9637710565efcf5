# SPDX-License-Identifier: BSD-3-Clause
"""A board on a real MicroPython and the real gateways for MQTT, with Mosquitto or the embedded MQTT broker, and for
WebSocket; the broker is conducted by the test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pyaiot.gateway.adapter import Adapter
from pyaiot.gateway.dial import BrokerAddress, Identity, LinkTimes
from pyaiot.gateway.mqtt.adapter import MqttAdapter
from pyaiot.gateway.service import GatewayService
from pyaiot.gateway.ws.adapter import WsAdapter
from pyaiot.mqtt_broker.broker import MqttBroker
from pyaiot.wire.messages import Write
from tests.firmware.board import Device, device
from tests.gateway.broker_by_hand import GATEWAY_KEY, KEY, BrokerByHand, BrokerSession, broker
from tests.lasting_ports import lasting_port
from tests.patience import PATIENCE_S, is_within
from tests.process.mosquitto import DURABLE, Mosquitto, mosquitto
from tests.process.processes import Host


@asynccontextmanager
async def running(service: GatewayService | MqttBroker) -> AsyncIterator[None]:
    """A service in this process, from when it is ready."""
    ready = asyncio.Event()
    task = asyncio.create_task(service.run(ready.set), name="service")
    try:
        async with asyncio.timeout(PATIENCE_S):
            await ready.wait()
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


@asynccontextmanager
async def gateway(url: str, adapter: Adapter) -> AsyncIterator[None]:
    """A gateway that runs, and ends as at SIGTERM."""
    service = GatewayService(
        adapter,
        Identity("greenhouse", GATEWAY_KEY, KEY.public),
        BrokerAddress(url, times=LinkTimes(close_s=0.5)),
        timeout_s=120.0,
    )
    async with running(service):
        yield


def mqtt_gateway(url: str, port: int, account: tuple[str, str] | None = None) -> AbstractAsyncContextManager[None]:
    user, password = account or (None, None)
    return gateway(
        url,
        MqttAdapter(
            client_id="gateway",
            host="127.0.0.1",
            port=port,
            user=user,
            password=None if password is None else password.encode(),
        ),
    )


def updates(found: list[dict[str, Any]], resource: str) -> list[dict[str, Any]]:
    return [each for each in found if each["type"] == "update" and each["endpoint"] == resource]


async def has(session: BrokerSession, resource: str, value: Any) -> list[dict[str, Any]]:
    """Wait until the broker was told ``value``; all that it was told of that resource."""
    found = await session.has(lambda found: any(each["value"] == value for each in updates(found, resource)))
    return updates(found, resource)


@asynccontextmanager
async def board_at_gateway(folder: Path) -> AsyncIterator[tuple[BrokerByHand, BrokerSession, Mosquitto, Device]]:
    async with (
        mosquitto(folder, *DURABLE) as mqtt,
        broker() as by_hand,
        mqtt_gateway(by_hand.url, mqtt.port),
        device(f"mqtt://127.0.0.1:{mqtt.port}") as board,
    ):
        session = await by_hand.session()
        await has(session, "led", 0)
        yield by_hand, session, mqtt, board


async def measure(board: Device, count: int) -> dict[float, float]:
    """Have it measure; the values, and when that was in Unix milliseconds."""
    measured: dict[float, float] = {}
    for number in range(count):
        board.value("temperature", 20.5 + number, "Cel")
        await board.state()
        measured[20.5 + number] = time.time() * 1000
        await asyncio.sleep(0.4)  # the board's own pace
    return measured


def assert_times(told: list[dict[str, Any]], measured: dict[float, float]) -> None:
    assert [each["value"] for each in told] == list(measured)
    for each in told:
        assert each["unit"] == "Cel"
        # Below a second a board does not tell the age.
        assert abs(each["at"] - measured[each["value"]]) < 1200, (each, measured)


@pytest.mark.needs("mosquitto")
async def test_a_board_is_a_node_with_its_values_and_can_be_written_to(tmp_path: Path) -> None:
    async with board_at_gateway(tmp_path) as (_, session, _, board):
        found = await session.has(lambda found: bool(updates(found, "position")))
        assert {each["uid"] for each in found if each["type"] == "new"} == {"n1"}
        assert updates(found, "name")[0]["value"] == "Greenhouse"
        board.value("temperature", 21.5, "Cel")
        told = await has(session, "temperature", 21.5)
        assert told[0]["unit"] == "Cel"
        await session.say(Write(id=7, uid="n1", resource="led", data="1", ttl_ms=10_000))
        found = await session.has(lambda found: any(each["type"] == "result" for each in found))
        assert [each for each in found if each["type"] == "result"] == [{"type": "result", "id": 7, "ok": True}]
        assert updates(found, "led")[-1]["value"] == 1
        # A write that the board does not do is refused, and says so at once.
        board.value("broken", "still whole")
        await has(session, "broken", "still whole")
        await session.say(Write(id=8, uid="n1", resource="broken", data="1", ttl_ms=10_000))
        found = await session.has(lambda found: sum(each["type"] == "result" for each in found) == 2)
        (refused,) = [each for each in found if each["type"] == "result" and each["id"] == 8]
        assert refused["code"] == "refused"
        assert "still whole" in refused["reason"]


@pytest.mark.needs("mosquitto")
async def test_values_measured_while_the_mqtt_broker_was_away_come_with_their_times(tmp_path: Path) -> None:
    async with board_at_gateway(tmp_path) as (_, session, mqtt, board):
        await mqtt.kill()
        await board.says("Lost")
        measured = await measure(board, 5)
        await mqtt.start()
        assert_times(await has(session, "temperature", 24.5), measured)
        board.value("temperature", 30)
        await has(session, "temperature", 30)
        assert {each["uid"] for _, each in session.messages if each["type"] == "new"} == {"n1"}


@pytest.mark.needs("mosquitto")
async def test_values_measured_while_the_gateway_was_away_come_with_their_times(tmp_path: Path) -> None:
    async with (
        mosquitto(tmp_path, *DURABLE) as mqtt,
        broker() as by_hand,
        device(f"mqtt://127.0.0.1:{mqtt.port}") as board,
    ):
        async with mqtt_gateway(by_hand.url, mqtt.port):
            await has(await by_hand.session(), "led", 0)
        await board.says("The gateway is offline")
        measured = await measure(board, 5)
        assert (await board.state()).kept >= 5
        async with mqtt_gateway(by_hand.url, mqtt.port):
            session = await by_hand.session()
            assert_times(await has(session, "temperature", 24.5), measured)
            await has(session, "led", 0)
            assert not any("Lost" in line for line in board.process.lines)


@pytest.mark.needs("mosquitto")
async def test_a_board_that_lost_its_link_is_out_at_once_and_back_with_what_it_kept(tmp_path: Path) -> None:
    """Its connection is cut, as by a dead access point: the MQTT broker publishes its will, and it returns."""
    async with board_at_gateway(tmp_path) as (_, session, mqtt, board):
        cut = asyncio.get_running_loop().time()
        async with device(f"mqtt://127.0.0.1:{mqtt.port}", "n1", name="Twin") as twin:
            await board.says("Lost")
            await session.has(lambda found: any(each["type"] == "out" for each in found))
            assert is_within(asyncio.get_running_loop().time() - cut, 10)
            await twin.says("Connected to")
        board.value("temperature", 21.5, "Cel")
        told = await has(session, "temperature", 21.5)
        assert abs(told[-1]["at"] - time.time() * 1000) < 15_000


async def test_a_board_with_the_password_of_aiot_device_is_let_in_by_the_embedded_mqtt_broker(tmp_path: Path) -> None:
    host = Host(tmp_path)
    device_file = tmp_path / "devices"
    added = await host.run("aiot", "device", "add", "n1", "--device-file", str(device_file))
    assert added.code == 0, added.err
    account = dict(line.split() for line in added.out.splitlines())
    assert account["user"] == "n1"
    mqtt = MqttBroker(host="127.0.0.1", port=0, device_file=device_file, require_password=True)
    async with broker() as by_hand, running(mqtt), mqtt_gateway(by_hand.url, mqtt.port, mqtt.account):
        url = f"mqtt://127.0.0.1:{mqtt.port}"
        async with device(url, user="n1", password=account["password"]) as board:
            session = await by_hand.session()
            await has(session, "led", 0)
            board.value("temperature", 21.5, "Cel")
            await has(session, "temperature", 21.5)
            await session.say(Write(id=7, uid="n1", resource="led", data="1", ttl_ms=10_000))
            found = await session.has(lambda found: any(each["type"] == "result" for each in found))
            assert [each for each in found if each["type"] == "result"] == [{"type": "result", "id": 7, "ok": True}]
        async with device(url, "n2", user="n2", password=account["password"]) as stranger:
            await stranger.says("wrong user or password")


async def test_over_websocket_a_board_is_a_node_comes_back_by_itself_and_its_values_keep_their_times() -> None:
    port = lasting_port()
    async with broker() as by_hand, device(f"ws://127.0.0.1:{port}/node") as board:
        await board.says("Cannot reach")
        async with gateway(by_hand.url, WsAdapter(host="127.0.0.1", port=port)):
            session = await by_hand.session()
            found = await has(session, "led", 0)
            assert {each["uid"] for each in found} == {"n1"}
            await session.say(Write(id=7, uid="n1", resource="led", data="1", ttl_ms=10_000))
            results = await session.has(lambda found: any(each["type"] == "result" for each in found))
            assert [each for each in results if each["type"] == "result"] == [{"type": "result", "id": 7, "ok": True}]
            while (await board.state()).kept:
                pass
        await board.says("Lost")
        measured = await measure(board, 5)
        async with gateway(by_hand.url, WsAdapter(host="127.0.0.1", port=port)):
            session = await by_hand.session()
            assert_times(await has(session, "temperature", 24.5), measured)
            await has(session, "name", "Greenhouse")
