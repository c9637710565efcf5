# SPDX-License-Identifier: BSD-3-Clause
"""A board on a real MicroPython and a real Mosquitto: PROTOCOL.md section 1.2, from the board's side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.firmware.answering import answering
from tests.firmware.board import device
from tests.patience import PATIENCE_S
from tests.process.mosquitto import Mosquitto, mosquitto
from tests.process.mqtt_peers import Heard, MqttPeer

pytestmark = pytest.mark.needs("mosquitto")


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with mosquitto(tmp_path) as made:
        yield made


def url(broker: Mosquitto) -> str:
    return f"mqtt://127.0.0.1:{broker.port}"


def values(gateway: MqttPeer, resource: str) -> list[dict[str, Any]]:
    return [heard.json for heard in gateway.on(f"node/n1/{resource}")]


async def value(gateway: MqttPeer, resource: str, wanted: Any) -> dict[str, Any]:
    """Wait until the board has published ``wanted``."""
    await gateway.until(
        lambda: any(each["value"] == wanted for each in values(gateway, resource)), f"{resource} {wanted}"
    )
    return next(each for each in values(gateway, resource) if each["value"] == wanted)


async def test_a_board_shows_itself_and_everything_it_has(broker: Mosquitto) -> None:
    async with answering(broker.port) as gateway, device(url(broker)) as board:
        check = await gateway.hears("node/check")
        assert check.json == {"id": "n1"}
        assert not check.retained
        names = (await gateway.hears("node/n1/resources")).json
        assert sorted(names) == ["board", "id", "led", "name", "os", "position"]
        assert (await value(gateway, "name", "Greenhouse")) == {"value": "Greenhouse"}
        assert (await value(gateway, "os", "micropython"))["value"] == "micropython"
        assert (await value(gateway, "position", [48.7, 2.2]))["value"] == [48.7, 2.2]
        board.value("temperature", 21.5, "Cel")
        assert await value(gateway, "temperature", 21.5) == {"value": 21.5, "unit": "Cel"}
        # A resource that came later is told of.
        await gateway.until(lambda: any("temperature" in each.json for each in gateway.on("node/n1/resources")))


async def test_discover_and_check_are_answered(broker: Mosquitto) -> None:
    async with answering(broker.port) as gateway, device(url(broker)) as board:
        await board.says("Connected to")
        await value(gateway, "position", [48.7, 2.2])
        told = len(gateway.heard)
        gateway.publish("gateway/n1/discover", "resources")
        await gateway.hears("node/n1/resources", after=told)
        gateway.publish("gateway/n1/discover", "values")
        await gateway.hears("node/n1/name", after=told)
        await gateway.hears("node/n1/led", after=told)
        gateway.publish("gateway/check", "")
        await gateway.hears("node/check", after=told)


async def test_a_write_is_done_and_answered(broker: Mosquitto) -> None:
    async with answering(broker.port) as gateway, device(url(broker)) as board:
        await board.says("Connected to")
        gateway.publish("gateway/n1/led/set", "1")
        assert await value(gateway, "led", 1) == {"value": 1}
        await board.says("^led 1$")
        gateway.publish("gateway/n1/led/set", "off")
        await board.says("^led 'off'$")
        # A coroutine writes as well.
        gateway.publish("gateway/n1/mode/set", "night")
        assert await value(gateway, "mode", "NIGHT") == {"value": "NIGHT"}


async def test_a_write_that_fails_or_that_nobody_takes_tells_the_old_value_again(broker: Mosquitto) -> None:
    async with answering(broker.port) as gateway, device(url(broker)) as board:
        board.value("broken", "still whole")
        await value(gateway, "broken", "still whole")
        told = len(gateway.heard)
        gateway.publish("gateway/n1/broken/set", "1")
        assert (await gateway.hears("node/n1/broken", after=told)).json["value"] == "still whole"
        gateway.publish("gateway/n1/name/set", "Cellar")
        assert (await gateway.hears("node/n1/name", after=told)).json["value"] == "Greenhouse"
        gateway.publish("gateway/n1/nothing/set", "1")
        await board.says("Nothing to write to is called 'name'")
        while (await board.state()).refused < 2:
            pass
        assert (await board.state()).up


async def test_what_is_hostile_ends_nothing(broker: Mosquitto) -> None:
    """4 KB of anything, retained commands, text that is none, topics of nobody."""
    async with answering(broker.port) as gateway:
        await gateway.told("gateway/n1/led/set", "1", retain=True)
        async with device(url(broker)) as board:
            await board.says("Ignored a retained message on gateway/n1/led/set")
            await gateway.told("gateway/n1/led/set", b"x" * 4096)
            await gateway.told("gateway/n1/" + "t" * 900 + "/set", b"x" * 4096)
            await gateway.told("gateway/n1/led/set", b"\xff\xfe")
            await gateway.told("gateway/n1/led/set", "[" * 900)
            await gateway.told("gateway/n1/led/set", '{"a": NaN}')
            await gateway.told("gateway/n1/discover", b"\0everything" * 50)
            await gateway.told("gateway/n1//set", "1")
            await gateway.told("gateway/n1/\u00e9/set", "1")
            await gateway.told("gateway/n1/led/set", "1")
            await value(gateway, "led", 1)
            state = await board.state()
            assert state.up
            assert state.bad == 4
            assert state.refused == 2
            # Functions of the user's that raise are counted, and the loop goes on.
            assert state.faults > 2
            assert not any("Lost" in line for line in board.process.lines)


async def test_values_are_kept_while_the_mqtt_broker_restarts_and_come_with_their_ages(broker: Mosquitto) -> None:
    loop = asyncio.get_running_loop()
    async with device(url(broker)) as board:
        await board.says("Connected to")
        await broker.kill()
        await board.says("Lost")
        measured: dict[float, float] = {}
        for number in range(5):
            board.value("temperature", 20.5 + number, "Cel")
            await board.state()
            measured[20.5 + number] = loop.time()
            await asyncio.sleep(0.3)  # the board's own pace
        await broker.start()
        async with answering(broker.port) as gateway:
            await board.says("Connected to", after=len(board.process.lines))
            await value(gateway, "temperature", 24.5)
            heard_at = loop.time()
            told = values(gateway, "temperature")
            assert [each["value"] for each in told] == [20.5, 21.5, 22.5, 23.5, 24.5]
            assert {each["unit"] for each in told} == {"Cel"}
            for each in told:
                assert abs(each.get("age", 0) - 1000 * (heard_at - measured[each["value"]])) < 1000
            assert told[0]["age"] > 1200
            while (await board.state()).kept:
                pass
            board.value("temperature", 30)
            assert await value(gateway, "temperature", 30) == {"value": 30, "unit": "Cel"}


async def test_what_the_ring_has_no_room_for_is_dropped_oldest_first_and_counted(broker: Mosquitto) -> None:
    async with answering(broker.port) as gateway, device(url(broker), keep=8) as board:
        await value(gateway, "led", 0)
        while (await board.state()).kept:
            pass
        await broker.kill()
        await board.says("Lost")
        for number in range(20):
            board.value("counter", number)
        board.value("led", 0)
        for number in range(20, 28):
            board.value("counter", number)
        state = await board.state()
        assert (state.kept, state.dropped) == (8, 21)
        await broker.start()
        async with answering(broker.port, name="gateway 2") as anew:
            await value(anew, "counter", 27)
            assert [each["value"] for each in values(anew, "counter")] == list(range(20, 28))
            # The newest value of what lost its place is told all the same.
            await value(anew, "led", 0)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n" + b"x" * 200, "the MQTT broker sent"),
        (b"\xff" * 5000, "the MQTT broker sent"),
        (b"\x20\x02\x00\x05", "not allowed"),
        (b"", "closed the connection"),
    ],
)
async def test_what_is_no_mqtt_broker_is_said_and_tried_again(said: bytes, reason: str) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(said)
        writer.close()
        tried.set()

    tried = asyncio.Event()
    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server, device(f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}") as board:
        assert reason in await board.says("Cannot reach")
        tried.clear()
        async with asyncio.timeout(PATIENCE_S):
            await tried.wait()
        state = await board.state()
        assert (state.up, state.kept) == (False, 1)


async def test_the_will_takes_the_node_out(broker: Mosquitto) -> None:
    async with answering(broker.port) as gateway:
        async with device(url(broker)) as board:
            await board.says("Connected to")
        out: Heard = await gateway.hears("node/n1/out")
        assert not out.retained


async def test_a_user_and_a_password_are_sent_and_a_wrong_one_is_said(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path, anonymous=False)
    broker.add_user("n1", "sesame")
    try:
        await broker.start()
        async with device(url(broker), user="n1", password="sesame") as board:
            await board.says("Connected to")
        async with device(url(broker), user="n1", password="guess") as board:
            assert "wrong user or password" in await board.says("Cannot reach")
    finally:
        await broker.kill()


async def test_two_boards_of_one_id_are_told_to_be_twins(broker: Mosquitto) -> None:
    async with device(url(broker)) as first, device(url(broker)) as second:
        both = [
            asyncio.create_task(board.says("does another device use the id n1"), name="twin")
            for board in (first, second)
        ]
        done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        assert all(task.exception() is None for task in done)
