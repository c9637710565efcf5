# SPDX-License-Identifier: BSD-3-Clause
"""The simulated CoAP device, against the real adapter and as a program (PY-UT-1, PB-47)."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiocoap import Message
from aiocoap.numbers import codes

from pyaiot.gateway.adapter import WriteFailed
from pyaiot.gateway.coap.adapter import CoapAdapter
from pyaiot.nodes.values import read_value
from pyaiot.simulation.coap import SimulatedCoapDevice
from pyaiot.simulation.resources import RESOURCES
from tests.gateway.coap.coap_devices import NOBODY, Device, Gateway
from tests.lasting_ports import lasting_port
from tests.patience import PATIENCE_S, is_within

NODE = Path(__file__).parents[2] / "utils" / "coap" / "coap-test-node.py"


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    gateway = Gateway()
    gateway.adapter = CoapAdapter(port=0, device_port=NOBODY)
    await gateway.adapter.start(gateway)
    yield gateway
    await gateway.end()
    await gateway.adapter.stop()


@pytest.fixture
async def device(gateway: Gateway) -> AsyncIterator[SimulatedCoapDevice]:
    """It has everything, and says its values often."""
    one = SimulatedCoapDevice(
        "sim", "127.0.0.1", gateway.adapter.port, resources=RESOURCES, interval_s=0.05, imu_interval_s=0.05
    )
    await one.start()
    await gateway.until(lambda: "sim" in gateway.nodes)
    await gateway.discovered()
    yield one
    await one.stop()


async def test_py_ut_1_it_shows_itself_and_all_that_it_has(gateway: Gateway, device: SimulatedCoapDevice) -> None:
    await gateway.until(lambda: set(RESOURCES) | {"name", "board", "os"} <= set(gateway.nodes["sim"]))
    node = gateway.nodes["sim"]
    assert (node["name"], node["board"], node["led"]) == ("Python Test Node", "test_board", "0")
    assert (node["robot"], node["version"]) == ("s", "1.0.0")
    assert read_value(node["temperature"], resource="temperature")[1] == "Cel"
    assert read_value(node["pressure"], resource="pressure")[1] == "hPa"
    assert {part["type"] for part in read_value(node["imu"], resource="imu")[0]} == {"acc", "mag", "gyro"}


async def test_py_ut_1_it_tells_its_values_again_and_again(gateway: Gateway, device: SimulatedCoapDevice) -> None:
    await gateway.until(
        lambda: all(gateway.count("update", "sim", name) >= 4 for name in ("temperature", "imu", "version"))
    )


async def test_pb_47_each_write_is_confirmed_and_reads_as_it_was_written(
    gateway: Gateway, device: SimulatedCoapDevice
) -> None:
    for resource, data in [("led", "1"), ("led", 0), ("robot", "f"), ("js", "print(1)")]:
        assert await gateway.adapter.write("sim", resource, data) == str(data)
        assert device.read(resource) == str(data)


async def test_fw_6_an_led_takes_one_byte_and_a_sensor_takes_none(
    gateway: Gateway, device: SimulatedCoapDevice
) -> None:
    for resource, data, reason in [
        ("led", "22", "4.00"),
        ("led", "", "4.00"),
        ("robot", "x", "4.00"),
        ("name", "x", "4.05"),
    ]:
        with pytest.raises(WriteFailed, match=reason):
            await gateway.adapter.write("sim", resource, data)


async def test_it_registers_again_at_once_when_the_gateway_does_not_know_it(
    gateway: Gateway, device: SimulatedCoapDevice
) -> None:
    gateway.out("sim")
    begin = time.monotonic()
    await gateway.until(lambda: "sim" in gateway.nodes)
    assert is_within(time.monotonic() - begin, 2)
    await gateway.until(lambda: "temperature" in gateway.nodes["sim"])


async def test_three_devices_at_one_address(gateway: Gateway) -> None:
    devices = [
        SimulatedCoapDevice(f"d{n}", "localhost", gateway.adapter.port, name=f"Device {n}", interval_s=0.05)
        for n in range(3)
    ]
    for one in devices:
        await one.start()
    for n in range(3):
        await gateway.until(lambda n=n: gateway.nodes.get(f"d{n}", {}).get("name") == f"Device {n}")
        await gateway.until(lambda n=n: gateway.count("update", f"d{n}", "temperature") >= 3)
        assert await gateway.adapter.write(f"d{n}", "led", 1) == "1"
    assert [one.read("led") for one in devices] == ["1", "1", "1"]
    for one in devices:
        await one.stop()
        await one.stop()


async def test_it_waits_for_a_gateway_that_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyaiot.simulation.coap.ALIVE_TIMEOUT_S", 0.05)
    gateway = Gateway()
    port = lasting_port(kind=socket.SOCK_DGRAM)
    one = SimulatedCoapDevice("late", "127.0.0.1", port)
    await one.start()
    gateway.adapter = adapter = CoapAdapter(port=port)
    await adapter.start(gateway)
    await gateway.until(lambda: "late" in gateway.nodes)
    await one.stop()
    await gateway.end()
    await adapter.stop()


async def test_it_answers_a_retransmission_likewise_and_nonsense_never(device: SimulatedCoapDevice) -> None:
    peer = await Device.open(("127.0.0.1", device.port))
    for data in (
        b"",
        b"\x00",
        b"\xff" * 40,
        b"\x40\x02\x00\x01\xf0",
        b"\x60\x45\x00\x01",
        b"\x40\x01\x00\x01\xb2\xff\xfe",
    ):
        peer.send(data)
    message: Message = peer.message(codes.PUT, "led", "1")
    await peer.ask(message)
    first = peer.inbox[-1]
    peer.inbox.clear()
    peer.transmit(message)
    await peer.until(lambda: bool(peer.inbox))
    assert peer.inbox == [first]
    peer.inbox.clear()
    peer.send(b"\x40\x00\x12\x34")
    await peer.until(lambda: peer.inbox == [b"\x70\x00\x12\x34"])
    peer.close()


def test_an_unknown_resource_is_an_error() -> None:
    with pytest.raises(ValueError, match="teleport"):
        SimulatedCoapDevice("x", resources=["teleport"])


# The program.


async def test_py_ut_1_the_program_shows_a_device_and_ends_with_ctrl_c(gateway: Gateway) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(NODE), "--gateway-port", str(gateway.adapter.port), "--uid", "prog", "--interval", "0.1",
        "--imu", "--led", "--temperature", "--pressure", "--robot", "--js", "--version",
        stderr=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    wanted = {"imu", "led", "temperature", "pressure", "robot", "js", "version"}
    await gateway.until(lambda: wanted <= set(gateway.nodes.get("prog", {})))
    process.send_signal(signal.SIGINT)
    _, errors = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 0
    assert b"Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--gateway-host", "no.such.host.invalid"], 1, "cannot start"),
        (["--uid", "a b"], 2, "--uid"),
        (["--port", "70000"], 2, "--port"),
        (["--interval", "0"], 2, "--interval"),
    ],
)
def test_the_program_says_in_one_line_what_is_wrong(arguments: list[str], code: int, words: str) -> None:
    done = subprocess.run(
        [sys.executable, str(NODE), *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == code
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
