# SPDX-License-Identifier: BSD-3-Clause
"""The simulated MQTT device at a real Mosquitto, and as a program (PY-UT-2, FW-8, PB-45)."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pyaiot.nodes.values import read_value
from pyaiot.simulation.mqtt import SimulatedMqttDevice
from pyaiot.simulation.resources import RESOURCES
from tests.patience import PATIENCE_S, is_within
from tests.process.mosquitto import Mosquitto, mosquitto
from tests.process.mqtt_peers import MqttPeer, peer
from tests.process.processes import Process

NODE = Path(__file__).parents[2] / "utils" / "mqtt" / "mqtt-test-node.py"
pytestmark = pytest.mark.needs("mosquitto")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with mosquitto(tmp_path) as made:
        yield made


@pytest.fixture
async def watcher(server: Mosquitto) -> AsyncIterator[MqttPeer]:
    """Hears all that devices say."""
    async with peer(server.port, "watcher", "node/#") as made:
        yield made


@pytest.fixture
async def device(server: Mosquitto, watcher: MqttPeer) -> AsyncIterator[SimulatedMqttDevice]:
    """It has everything, and says its values often."""
    one = SimulatedMqttDevice("sim", "127.0.0.1", server.port, resources=RESOURCES, interval_s=0.05)
    await one.start()
    await watcher.hears("node/check")
    yield one
    await one.stop()


async def test_py_mqtt_2_it_checks_in_and_answers_what_it_is_asked(
    watcher: MqttPeer, device: SimulatedMqttDevice
) -> None:
    assert (await watcher.hears("node/check")).json == {"id": "sim"}
    assert watcher.on("node/sim/resources") == []
    await watcher.told("gateway/sim/discover", "resources")
    resources = (await watcher.hears("node/sim/resources")).json
    assert set(resources) == {"name", "os", "ip", *RESOURCES}
    await watcher.told("gateway/sim/discover", "values")
    values = {name: (await watcher.hears(f"node/sim/{name}")).json["value"] for name in resources}
    assert (values["ip"], values["led"], values["version"]) == ("127.0.0.1", "0", "1.0.0")
    assert read_value(values["temperature"], resource="temperature")[1] == "Cel"


async def test_py_mqtt_6_it_checks_in_when_the_gateway_asks_all_to(
    watcher: MqttPeer, device: SimulatedMqttDevice
) -> None:
    await watcher.told("gateway/check", b"")
    await watcher.until(lambda: len(watcher.on("node/check")) == 2)


async def test_it_checks_in_again_and_again(
    server: Mosquitto, watcher: MqttPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyaiot.simulation.mqtt.CHECK_INTERVAL_S", 0.05)
    one = SimulatedMqttDevice("often", "127.0.0.1", server.port)
    await one.start()
    await watcher.until(lambda: len(watcher.on("node/check")) >= 4)
    await one.stop()


async def test_it_tells_its_values_again_and_again(watcher: MqttPeer, device: SimulatedMqttDevice) -> None:
    for name in ("temperature", "imu", "version"):
        await watcher.until(lambda name=name: len(watcher.on(f"node/sim/{name}")) >= 4)


async def test_pb_45_a_write_is_kept_and_published(watcher: MqttPeer, device: SimulatedMqttDevice) -> None:
    """The predecessor's kept the value of its LED in a variable of the function that had been told it."""
    for data in ("1", "0", "1"):
        told = len(watcher.heard)
        await watcher.told("gateway/sim/led/set", data)
        assert (await watcher.hears("node/sim/led", after=told)).json == {"value": data}
        assert device.read("led") == data


async def test_what_an_led_cannot_be_leaves_it_as_it_is_and_it_says_so(
    watcher: MqttPeer, device: SimulatedMqttDevice
) -> None:
    for data in ("22", "", b"\xff"):
        told = len(watcher.heard)
        await watcher.told("gateway/sim/led/set", data)
        assert (await watcher.hears("node/sim/led", after=told)).json == {"value": "0"}


async def test_a_retained_write_is_not_carried_out_at_each_start(
    server: Mosquitto, watcher: MqttPeer, caplog: pytest.LogCaptureFixture
) -> None:
    await watcher.told("gateway/lamp/led/set", "1", retain=True)
    one = SimulatedMqttDevice("lamp", "127.0.0.1", server.port)
    await one.start()
    await watcher.hears("node/check")
    await watcher.told("gateway/lamp/led/set", "0")
    assert (await watcher.hears("node/lamp/led")).json == {"value": "0"}
    assert [each.json for each in watcher.on("node/lamp/led")] == [{"value": "0"}]
    assert "retained" in caplog.text
    await one.stop()


async def test_it_says_goodbye_and_its_will_speaks_only_where_it_could_not(
    server: Mosquitto, watcher: MqttPeer
) -> None:
    one = SimulatedMqttDevice("gone", "127.0.0.1", server.port)
    await one.start()
    await watcher.hears("node/check")
    await one.stop()
    await one.stop()
    assert (await watcher.hears("node/gone/out")).payload == b"stopped"
    await server.says(r"Client gone disconnected\.")
    await watcher.told("node/marker/x", "1")
    await watcher.hears("node/marker/x")
    assert len(watcher.on("node/gone/out")) == 1


async def test_its_will_takes_it_out_when_it_is_cut_off(server: Mosquitto, watcher: MqttPeer) -> None:
    one = await program("--mqtt-port", str(server.port), "--id", "cut")
    await watcher.hears("node/check")
    await one.kill()
    assert (await watcher.hears("node/cut/out")).payload == b"lost"


async def test_it_comes_back_by_itself_and_tells_what_it_has(
    server: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pyaiot")
    one = SimulatedMqttDevice("back", "127.0.0.1", server.port, interval_s=600)
    await one.start()
    async with peer(server.port, "watcher", "node/#") as watcher:
        await watcher.hears("node/check")
        await watcher.told("gateway/back/led/set", "1")
        await watcher.hears("node/back/led")
    for end in (server.stop, server.kill):
        caplog.clear()
        await end()
        await said(caplog, "trying on")
        await server.start()
        async with peer(server.port, "watcher", "node/#") as watcher:
            await watcher.hears("node/back/led", payload=b'{"value": "1"}')
            await watcher.hears("node/back/temperature")
            await watcher.told("gateway/back/led/set", "1")
        complaints = [
            each.getMessage()
            for each in caplog.records
            if each.levelno >= logging.WARNING and each.name.startswith("pyaiot")
        ]
        assert all(each.startswith("device back: MQTT broker 127.0.0.1:") for each in complaints), complaints
        assert len(set(complaints)) == len(complaints), "each reason is said once"
    await one.stop()


async def test_it_waits_for_an_mqtt_broker_that_comes_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = Mosquitto(tmp_path)
    await server.start()
    await server.stop()
    one = SimulatedMqttDevice("late", "127.0.0.1", server.port)
    await one.start()
    await said(caplog, "is not there (")
    await server.start()
    async with peer(server.port, "watcher", "node/#") as watcher:
        await watcher.told("gateway/check", b"")  # whether it came before or after
        await watcher.hears("node/check")
    await one.stop()
    await server.stop()
    assert len([each for each in caplog.records if each.name.startswith("pyaiot")]) == 1


async def test_a_silent_peer_is_not_waited_for_in_vain(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyaiot.simulation.mqtt_connection.ANSWER_TIMEOUT_S", 0.05)
    visitors: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: visitors.append(writer), "127.0.0.1", 0)
    one = SimulatedMqttDevice("patient", "127.0.0.1", silent.sockets[0].getsockname()[1])
    await one.start()
    await said(caplog, "does not answer")
    async with asyncio.timeout(PATIENCE_S):
        while len(visitors) < 2:
            await asyncio.sleep(0.01)
    await one.stop()
    for each in visitors:
        each.close()
    silent.close()


async def test_a_peer_that_closes_at_once_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    rude = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    one = SimulatedMqttDevice("patient", "127.0.0.1", rude.sockets[0].getsockname()[1])
    begin = time.monotonic()
    await one.start()
    await said(caplog, "ended the connection")
    assert is_within(time.monotonic() - begin, 2)
    await one.stop()
    rude.close()


async def test_a_wrong_password_is_said_once_and_the_right_one_lets_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyaiot.simulation.mqtt.RETRY_REFUSED_S", 0.05)
    server = Mosquitto(tmp_path, anonymous=False)
    server.add_user("dev", "right")
    await server.start()
    wrong = SimulatedMqttDevice("wrong", "127.0.0.1", server.port, user="dev", password="left")
    await wrong.start()
    await said(caplog, "refuses the connection")
    for _ in range(3):
        await server.says("disconnected, not authorised", after=len(server.log))
    await wrong.stop()
    complaints = [each.getMessage() for each in caplog.records if each.name.startswith("pyaiot")]
    assert len(complaints) == 1
    assert "not authorised (user 'dev')" in complaints[0]
    async with peer(server.port, "watcher", "node/#", user="dev", password="right") as watcher:
        right = SimulatedMqttDevice("right", "127.0.0.1", server.port, user="dev", password="right")
        await right.start()
        await watcher.hears("node/check")
        await right.stop()
    await server.stop()


async def test_fw_8_unsolicited_it_never_subscribes_and_says_everything_unasked(
    server: Mosquitto, watcher: MqttPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A machine that stands still for the time of a turn would mix it with the next one.
    for name, seconds in (("BOOT_STEP_S", 0.05), ("TURN_PAUSE_S", 0.5), ("TURN_STEP_S", 0.05)):
        monkeypatch.setattr(f"pyaiot.simulation.mqtt.{name}", seconds)
    names = ("temperature", "pressure", "humidity")
    one = SimulatedMqttDevice(
        "mqtt-2", "127.0.0.1", server.port, attributes={"board": "HP"}, resources=names, unsolicited=True
    )
    await one.start()
    await watcher.until(lambda: len(watcher.on("node/mqtt-2/humidity")) >= 3)
    order = [each.topic.removeprefix("node/").removeprefix("mqtt-2/") for each in watcher.heard]
    boot = ["check", "resources", "board", "ip", *names]
    assert order[: len(boot)] == boot
    assert watcher.on("node/mqtt-2/resources")[0].json == ["board", "ip", *names]
    assert order[len(boot) :][:6] == [*names, *names]
    await watcher.told("gateway/mqtt-2/discover", "resources")
    await watcher.told("gateway/check", b"")
    await one.stop()
    await server.says("Client mqtt-2 (disconnected|closed)")
    await watcher.told("node/marker/x", "1")
    await watcher.hears("node/marker/x")
    for topic in ("node/check", "node/mqtt-2/resources"):
        assert len(watcher.on(topic)) == 1, "nothing is answered"
    assert watcher.on("node/mqtt-2/out") == [], "such firmware just goes"


def test_an_unknown_resource_is_an_error() -> None:
    with pytest.raises(ValueError, match="teleport"):
        SimulatedMqttDevice("x", resources=["teleport"])


async def said(caplog: pytest.LogCaptureFixture, words: str) -> None:
    """Wait until the log has these words."""
    async with asyncio.timeout(PATIENCE_S):
        while words not in caplog.text:
            await asyncio.sleep(0.01)


# The program.


async def program(*arguments: str) -> Process:
    made = await asyncio.create_subprocess_exec(
        sys.executable, str(NODE), *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    process = Process("mqtt-test-node", made)
    process.read()
    return process


async def test_py_ut_2_pb_45_the_program_is_a_device_and_ends_with_ctrl_c(server: Mosquitto, watcher: MqttPeer) -> None:
    one = await program("--mqtt-port", str(server.port))
    assert (await watcher.hears("node/check")).json == {"id": "mqtt_test_node"}
    await watcher.told("gateway/mqtt_test_node/discover", "resources")
    resources = (await watcher.hears("node/mqtt_test_node/resources")).json
    assert set(resources) == {"name", "os", "ip", "board", "led", "temperature", "pressure"}
    await watcher.told("gateway/mqtt_test_node/discover", "values")
    values = {name: (await watcher.hears(f"node/mqtt_test_node/{name}")).json["value"] for name in resources}
    assert (values["os"], values["board"], values["led"]) == ("riot", "HP", "0")
    assert re.fullmatch(r"\d\d°C", values["temperature"])
    assert re.fullmatch(r"\d{3,4}hPa", values["pressure"])
    told = len(watcher.heard)
    await watcher.hears("node/mqtt_test_node/temperature", after=told)  # unasked, within 5 s
    await watcher.told("gateway/mqtt_test_node/led/set", "1")
    await watcher.hears("node/mqtt_test_node/led", payload=b'{"value": "1"}')
    one.send(signal.SIGINT)
    assert await one.ended(5) == 0
    assert (await watcher.hears("node/mqtt_test_node/out")).payload == b"stopped"
    assert "Traceback" not in one.text


async def test_the_program_says_in_one_line_that_the_mqtt_broker_is_away_and_goes_on(
    server: Mosquitto, watcher: MqttPeer
) -> None:
    one = await program("--mqtt-port", str(server.port))
    await watcher.hears("node/check")
    await server.kill()
    await one.says("MQTT broker localhost:.* is not there")
    said = len(one.lines)
    await server.start()
    await one.says("connected to the MQTT broker", after=said)
    one.send(signal.SIGTERM)
    assert await one.ended(5) == 0
    assert "Traceback" not in one.text
    assert [re.sub(r"^.*mqtt_test_node: ", "", line).partition(" ")[0] for line in one.lines] == [
        "connected", "MQTT", "MQTT", "connected",
    ], one.text  # fmt: skip


async def test_the_program_reads_its_password_from_a_file(tmp_path: Path) -> None:
    server = Mosquitto(tmp_path, anonymous=False)
    server.add_user("dev", "right")
    await server.start()
    (tmp_path / "right").write_text("right\n")
    (tmp_path / "wrong").write_text("wrong\n")
    common = ("--mqtt-port", str(server.port), "--user", "dev", "--password-file")
    one = await program(*common, str(tmp_path / "wrong"))
    await one.says("refuses the connection: .*")
    other = await program(*common, str(tmp_path / "right"), "--unsolicited", "--id", "mqtt-2")
    await other.says("mqtt-2: connected")
    for each in (one, other):
        each.send(signal.SIGINT)
        assert await each.ended(5) == 0
        assert len(each.lines) == 1, each.text
    await server.stop()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--id", "a b"], "--id"),
        (["--mqtt-port", "70000"], "--mqtt-port"),
        (["--user", "x", "--password-file", "/no/such/file"], "--password-file"),
        (["--password-file", "/dev/null"], "--user"),
    ],
)
def test_the_program_says_in_one_line_what_is_wrong(arguments: list[str], words: str) -> None:
    done = subprocess.run(
        [sys.executable, str(NODE), *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
