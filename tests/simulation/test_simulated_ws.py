# SPDX-License-Identifier: BSD-3-Clause
"""The simulated WebSocket device, against the real adapter and as a program (PY-UT-3, PB-46)."""

from __future__ import annotations

import asyncio
import json
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
from websockets.typing import Subprotocol

from pyaiot.gateway.adapter import WriteFailed
from pyaiot.gateway.device_tokens.token_keys import TokenKeys
from pyaiot.gateway.ws.adapter import WsAdapter
from pyaiot.nodes.values import read_value
from pyaiot.simulation import ws
from pyaiot.simulation.ws import SimulatedWsDevice
from pyaiot.simulation.ws_dialects import Heard, TokenDialect, Write, subject_of
from tests.gateway.ws.token_devices import PLATFORM, STRANGER, keys_folder, token_for
from tests.gateway.ws.ws_devices import Gateway
from tests.lasting_ports import lasting_port
from tests.patience import PATIENCE_S

NODE = Path(__file__).parents[2] / "utils" / "ws" / "ws-test-node.py"


async def open_gateway(port: int = 0, **options: Any) -> Gateway:
    gateway = Gateway()
    gateway.adapter = WsAdapter(host="127.0.0.1", port=port, **options)
    await gateway.adapter.start(gateway)
    return gateway


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    gateway = await open_gateway(lasting_port())
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
        for message in ("", "{", "[" * 50_000, b"\xff", "[]", '{"endpoint":5}'):
            await connection.send(message)
        for payload in ("[1]", "1e999", "{}", "null"):
            await connection.send(f'{{"endpoint":"led","payload":{payload}}}')
        await connection.send('{"endpoint":"led","payload":"1"}')
        with suppress(ConnectionClosed):
            async for message in connection:
                heard.put_nowait(message)

    async with serve(strange, "127.0.0.1", 0, compression=None) as server:
        one = SimulatedWsDevice("sim", "127.0.0.1", next(iter(server.sockets)).getsockname()[1])
        await one.start()
        async with asyncio.timeout(PATIENCE_S):
            while '"led": "1"' not in await heard.get():
                pass
        await one.stop()
    assert "Traceback" not in caplog.text


def test_an_unknown_resource_is_an_error() -> None:
    with pytest.raises(ValueError, match="teleport"):
        SimulatedWsDevice("x", resources=["teleport"])


# With a token (OI-2, OI-9, OI-12).


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """The token of ``joe``."""
    file = tmp_path / "joe.token"
    file.write_text(token_for("joe") + "\n")
    return file


@pytest.fixture
async def tokens(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway that has the key of such tokens."""
    gateway = await open_gateway(token_keys=TokenKeys(keys_folder(tmp_path / "keys", public=PLATFORM)))
    yield gateway
    await gateway.adapter.stop()
    await gateway.close()


@pytest.fixture
async def joe(tokens: Gateway, token_file: Path) -> AsyncIterator[SimulatedWsDevice]:
    """A device with that token."""
    one = SimulatedWsDevice("joe", "127.0.0.1", tokens.adapter.port, interval_s=0.05, token_file=token_file)
    await one.start()
    await tokens.until(lambda: tokens.told("joe", "led"))
    yield one
    await one.stop()


async def test_OI_9_a_token_device_does_what_it_is_actuated_to_and_says_so(
    tokens: Gateway, joe: SimulatedWsDevice
) -> None:
    assert joe.connected
    assert tokens.told("joe", "name") == ["Python WebSocket Node"]
    await tokens.until(lambda: len(tokens.told("joe", "temperature")) >= 3)
    for data, shown in (("1", "1"), (0, "0"), (True, "1"), (0.0, "0")):
        await tokens.adapter.write("joe", "led", data)
        assert joe.read("led") == tokens.told("joe", "led")[-1] == shown
    with pytest.raises(WriteFailed) as failed:
        await tokens.adapter.write("joe", "led", "22")
    assert failed.value.code == "refused"


async def test_OI_9_what_it_does_is_chosen_by_the_parameter_whatever_the_component_is_called() -> None:
    def command(component: str, *parameters: object) -> str:
        content = {"componentId": component, "command": "x", "params": parameters}
        return json.dumps({"code": 1024, "content": {"type": "command", "content": content}})

    dialect = TokenDialect("joe", ("led",))
    assert dialect.hear(command("436e", {"name": "LED", "value": "1"})) == Heard(writes=(Write("led", "1"),))
    assert dialect.hear(command("led", {"name": "x", "value": 0})) == Heard(writes=(Write("led", "0"),))
    assert dialect.hear(command("led", "x", {"name": "LED"})) == Heard()
    assert dialect.hear('{"code": 1024}') is None


async def test_OI_12_it_asks_every_30_s_whether_the_gateway_is_there(
    tokens: Gateway, token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ws.ASK_S == 30
    monkeypatch.setattr(ws, "ASK_S", 0.05)
    one = SimulatedWsDevice("joe", "127.0.0.1", tokens.adapter.port, resources=["led"], token_file=token_file)
    await one.start()
    await tokens.until(lambda: tokens.adapter.counters.messages >= 8)
    assert tokens.adapter.counters.opened == 1, "its pings were answered"
    await one.stop()


async def test_OI_12_it_connects_anew_when_its_pings_are_not_answered(
    token_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ws, "ASK_S", 0.1)
    said: list[list[str]] = []

    async def mute(connection: ServerConnection) -> None:
        said.append([])
        with suppress(ConnectionClosed):
            async for message in connection:
                said[-1].append(json.loads(message)["type"])
                if said[-1] == ["device"]:
                    await connection.send('{"code": 200, "content": "x"}')

    async with serve(mute, "127.0.0.1", 0, compression=None, subprotocols=[Subprotocol("echo-protocol")]) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        one = SimulatedWsDevice("joe", "127.0.0.1", port, resources=["led"], token_file=token_file)
        await one.start()
        async with asyncio.timeout(PATIENCE_S):
            while len(said) < 3:
                await asyncio.sleep(0.01)
        await one.stop()
    assert said[:2] == [["device", "update", "ping"]] * 2
    assert "the gateway answers no ping" in caplog.text


async def test_it_takes_the_token_that_is_in_the_file_when_it_connects(
    tokens: Gateway, token_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = token_file.read_text()
    token_file.write_text(token_for("joe", STRANGER))
    one = SimulatedWsDevice("joe", "127.0.0.1", tokens.adapter.port, token_file=token_file)
    await one.start()
    await tokens.until(lambda: tokens.adapter.counters.bad_tokens == 2)
    assert not one.connected
    assert tokens.log == []
    token_file.unlink()
    await tokens.until(lambda: "No such file" in caplog.text)
    token_file.write_text(good)
    await tokens.until(lambda: tokens.told("joe", "led"))
    assert caplog.text.count("the connection closed: received 1008 (policy violation) invalid device token") == 1
    await one.stop()


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.!.c", "a.e30.c", "a.MQ.c", "a.eyJzdWIiOjF9.c"])
def test_what_is_no_token_has_no_subject(token: str) -> None:
    with pytest.raises(ValueError, match=r"no device token|no text"):
        subject_of(token)


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
    _, errors = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 0
    assert b"Traceback" not in errors
    await gateway.until(lambda: gateway.count("gone", "prog"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--id", "a b"], "--id"),
        (["--gateway-port", "70000"], "--gateway-port"),
        (["--interval", "0"], "--interval"),
        (["--token-file", "missing"], "--token-file: missing: No such file"),
        (["--token-file", "none"], "make one: aiot device-token ID > FILE"),
        (["--token-file", "joe.token", "--id", "ann"], "--id: the token is for joe"),
    ],
)
def test_the_program_says_in_one_line_what_is_wrong(arguments: list[str], words: str, token_file: Path) -> None:
    folder = token_file.parent
    (folder / "none").write_bytes(b"\xff\xfe")
    done = subprocess.run(
        [sys.executable, str(NODE), *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
