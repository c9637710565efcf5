# SPDX-License-Identifier: BSD-3-Clause
"""main.py on each kind of board: a real MicroPython and Mosquitto, with doubles for what is soldered to a board."""

from __future__ import annotations

import ast
import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.firmware.answering import answering
from tests.firmware.board import FIRMWARE, micropython
from tests.process.mosquitto import mosquitto
from tests.process.mqtt_peers import MqttPeer
from tests.process.processes import Process

UID = "a4cf12fe03b8"


@asynccontextmanager
async def powered(folder: Path, **config: Any) -> AsyncIterator[tuple[Process, MqttPeer]]:
    """A board with main.py and this config, and a gateway's ears."""
    async with mosquitto(folder) as broker, answering(broker.port, UID) as gateway:
        given = {
            "ssid": "home",
            "password": "secret",
            "name": "Cellar",
            "link": f"mqtt://127.0.0.1:{broker.port}",
            "period_ms": 50,
            **config,
        }
        async with micropython("board_main.py", json.dumps(given)) as process:
            yield process, gateway


@pytest.mark.needs("mosquitto")
@pytest.mark.parametrize(
    ("board", "name", "switched", "sensor"),
    [
        ("generic_esp32", "ESP32", r"Pin 2 = 1", ("chip-temperature", {"value": 55.0, "unit": "Cel"})),
        ("esp8266", "ESP8266", r"Pin 2 = 0", ("analog", {"value": 512})),
        ("pico_w", "Pico W", r"Pin LED = 1", ("chip-temperature", {"value": 27.6, "unit": "Cel"})),
        ("pycom_board", "Pycom", r"rgbled 0x2000", None),
    ],
)
async def test_main_shows_the_board_and_switches_its_led(
    tmp_path: Path, board: str, name: str, switched: str, sensor: tuple[str, Any] | None
) -> None:
    async with powered(tmp_path, board=board, watchdog=True) as (process, gateway):
        await process.says(r"WLAN connects home .*secret")
        await process.says(r"Wi-Fi home is there, our address is 192.168.1.23")
        await process.says(rf"Connected to mqtt://.* as {UID}")
        await process.says(r"WDT fed")
        assert (await gateway.hears(f"node/{UID}/board")).json == {"value": name}
        assert (await gateway.hears(f"node/{UID}/name")).json == {"value": "Cellar"}
        assert (await gateway.hears(f"node/{UID}/led")).json["value"] == 0
        told, lines = len(gateway.heard), len(process.lines)
        gateway.publish(f"gateway/{UID}/led/set", "1")
        await process.says(switched, after=lines)
        assert (await gateway.hears(f"node/{UID}/led", after=told)).json == {"value": 1}
        if sensor is not None:
            assert (await gateway.hears(f"node/{UID}/{sensor[0]}", after=told)).json == sensor[1]


@pytest.mark.needs("mosquitto")
async def test_pycom_boards_run_micropythons_own_firmware_too(tmp_path: Path) -> None:
    async with powered(tmp_path, board="pycom_board", own_firmware=True) as (process, gateway):
        await process.says(r"Connected to")
        gateway.publish(f"gateway/{UID}/led/set", "on")
        await process.says(r"NeoPixel \(0, 32, 0\)")


@pytest.mark.needs("mosquitto")
async def test_when_wifi_goes_values_are_kept_and_when_it_is_back_they_come_with_their_ages(tmp_path: Path) -> None:
    async with powered(tmp_path, board="generic_esp32", period_ms=300) as (process, gateway):
        await gateway.hears(f"node/{UID}/chip-temperature")
        stdin = process.process.stdin
        assert stdin is not None
        stdin.write(b"off\n")
        await process.says(r"Wi-Fi home is gone")
        await process.says(r"Lost mqtt://.*: Wi-Fi is gone")
        await gateway.hears(f"node/{UID}/out")
        told, lines = len(gateway.heard), len(process.lines)
        await asyncio.sleep(2.5)  # the board measures on its own
        assert len(gateway.heard) == told
        stdin.write(b"on\n")
        connected = await process.says(r"Connected to .*, (\d+) values kept", after=lines)
        kept = int(connected[1])
        assert kept >= 5

        def values() -> list[dict[str, Any]]:
            return [each.json for each in gateway.heard[told:] if each.topic == f"node/{UID}/chip-temperature"]

        await gateway.until(lambda: len(values()) > kept)
        ages = [each.get("age", 0) for each in values()[:kept]]
        assert ages == sorted(ages, reverse=True)
        assert 1500 < ages[0] < 30_000


@pytest.mark.needs("mosquitto")
async def test_without_a_board_it_runs_as_a_program(tmp_path: Path) -> None:
    async with powered(tmp_path, board="unix", id="desk") as (process, gateway):
        await process.says(r"Connected to mqtt://.* as desk")
        gateway.publish("gateway/desk/led/set", "1")
        await process.says(r"The LED is on")


def test_config_example_names_every_setting_of_main() -> None:
    example = ast.parse((FIRMWARE / "config_example.py").read_text(encoding="utf-8"))
    named = {target.id for node in example.body if isinstance(node, ast.Assign) for target in node.targets}  # type: ignore[attr-defined]
    main = ast.parse((FIRMWARE / "main.py").read_text(encoding="utf-8"))
    asked = {
        node.args[0].value
        for node in ast.walk(main)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setting"
    } | {
        node.attr
        for node in ast.walk(main)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "config"
    }
    assert asked == named
    assert len(named) > 10


def test_mip_and_freezing_take_every_file() -> None:
    files = {str(path.relative_to(FIRMWARE)) for name in ("aiot", "boards") for path in (FIRMWARE / name).glob("*.py")}
    package = json.loads((FIRMWARE / "package.json").read_text(encoding="utf-8"))
    assert sorted(package["urls"]) == sorted([file, file] for file in files)
    frozen: list[str] = []
    source = (FIRMWARE / "manifest.py").read_text(encoding="utf-8")
    exec(compile(source, "manifest.py", "exec"), {"include": frozen.append, "package": frozen.append})
    assert frozen[1:] == ["aiot", "boards"]


def test_the_versions_are_one() -> None:
    package = json.loads((FIRMWARE / "package.json").read_text(encoding="utf-8"))
    library = (FIRMWARE / "aiot" / "__init__.py").read_text(encoding="utf-8")
    assert re.findall(r'__version__ = "(.+)"', library) == [package["version"]]
