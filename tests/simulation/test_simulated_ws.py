# SPDX-License-Identifier: BSD-3-Clause
"""The simulated WebSocket device, against the real adapter and as a program (PY-UT-3, PB-46)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from pyaiot.gateway.adapter import WriteFailed
from pyaiot.gateway.ws.adapter import WsAdapter
from pyaiot.nodes.values import read_value
from pyaiot.simulation.ws import SimulatedWsDevice
from tests.gateway.ws.ws_devices import Gateway

NODE = Path(__file__).parents[2] / "utils" / "ws" / "ws-test-node.py"


async def open_gateway(port: int = 0) -> Gateway:
    gateway = Gateway()
    gateway.adapter = WsAdapter(host="127.0.0.1", port=port)
    await gateway.adapter.start(gateway)
    return gateway


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    gateway = await open_gateway()
    yield gateway
    await gateway.adapter.stop()
    await gateway.close()


@pytest.fixture
async def device(gateway: Gateway) -> AsyncIterator[SimulatedWsDevice]:
    """It says its values often."""
    one = SimulatedWsDevice("sim", "127.0.0.1", gateway.adapter.port, interval_s=0.05)
    await one.start()
    await gateway.until(lambda: gateway.told("sim", "led"))
    yield one
    await one.stop()
    await one.stop()


async def test_PY_UT_3_it_says_what_it_has_when_it_is_asked_and_its_temperature_again_and_again(
    gateway: Gateway, device: SimulatedWsDevice
) -> None:
    assert device.connected
    assert gateway.told("sim", "name")[0] == "Python WebSocket Node"
    assert gateway.told("sim", "os")[0] == "python"
    assert gateway.told("sim", "led")[0] == "0"
    await gateway.until(lambda: len(gateway.told("sim", "temperature")) >= 5)
    assert read_value(gateway.told("sim", "temperature")[-1], resource="temperature")[1] == "Cel"
    told = len(gateway.told("sim", "led"))
    await gateway.adapter.discover("sim")
    await gateway.adapter.discover("sim")
    await gateway.until(lambda: len(gateway.told("sim", "led")) > told)


async def test_PB_46_each_write_is_confirmed_by_the_device_itself(gateway: Gateway, device: SimulatedWsDevice) -> None:
    for data, shown in (("1", "1"), (0, "0"), (True, "1"), (0.0, "0")):
        await gateway.adapter.write("sim", "led", data)
        assert device.read("led") == shown


async def test_what_it_cannot_be_is_refused(
    gateway: Gateway, device: SimulatedWsDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyaiot.gateway.ws.adapter.CONFIRM_S", 0.3)
    for resource, data, code in (("led", "22", "refused"), ("name", "x", "timeout"), ("nothing", "1", "timeout")):
        with pytest.raises(WriteFailed) as failed:
            await gateway.adapter.write("sim", resource, data)
        assert failed.value.code == code


async def test_it_connects_again_when_the_gateway_is_back(device: SimulatedWsDevice, gateway: Gateway) -> None:
    port = gateway.adapter.port
    await gateway.adapter.stop()
    other = await open_gateway(port)
    await other.until(lambda: len(other.told("sim", "temperature")) >= 2)
    assert other.told("sim", "led") == ["0"] * len(other.told("sim", "led"))
    await device.stop()
    await other.until(lambda: other.count("gone", "sim"))
    await other.adapter.stop()
    await other.close()


async def test_it_outlives_what_no_gateway_should_say(caplog: pytest.LogCaptureFixture) -> None:
    heard: asyncio.Queue[Any] = asyncio.Queue()

    async def strange(connection: ServerConnection) -> None:
        for message in ("", "{", "[" * 50_000, b"\xff", "[]", '{"endpoint":5}', '{"endpoint":"led","payload":[1]}'):
            await connection.send(message)
        await connection.send('{"endpoint":"led","payload":"1"}')
        with suppress(ConnectionClosed):
            async for message in connection:
                heard.put_nowait(message)

    async with serve(strange, "127.0.0.1", 0, compression=None) as server:
        one = SimulatedWsDevice("sim", "127.0.0.1", next(iter(server.sockets)).getsockname()[1])
        await one.start()
        async with asyncio.timeout(8):
            while '"led": "1"' not in await heard.get():
                pass
        await one.stop()
    assert "Traceback" not in caplog.text


def test_an_unknown_resource_is_an_error() -> None:
    with pytest.raises(ValueError, match="teleport"):
        SimulatedWsDevice("x", resources=["teleport"])


# The program.


async def test_PB_46_the_program_shows_a_device_and_ends_with_ctrl_c(gateway: Gateway) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(NODE), "--gateway-host", "127.0.0.1", "--gateway-port", str(gateway.adapter.port),
        "--id", "prog", "--interval", "0.1",
        stderr=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    await gateway.until(lambda: len(gateway.told("prog", "temperature")) >= 3)
    assert gateway.told("prog", "name")[0] == "WebSocket Test Node"
    await gateway.adapter.write("prog", "led", "1")
    process.send_signal(signal.SIGINT)
    _, errors = await asyncio.wait_for(process.communicate(), 5)
    assert process.returncode == 0
    assert b"Traceback" not in errors
    await gateway.until(lambda: gateway.count("gone", "prog"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--id", "a b"], "--id"), (["--gateway-port", "70000"], "--gateway-port"), (["--interval", "0"], "--interval")],
)
def test_the_program_says_in_one_line_what_is_wrong(arguments: list[str], words: str) -> None:
    done = subprocess.run(
        [sys.executable, str(NODE), *arguments], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
