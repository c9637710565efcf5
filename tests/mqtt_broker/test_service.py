# SPDX-License-Identifier: BSD-3-Clause
"""The MQTT broker as a service and a command: with real clients, and when something is missing."""

from __future__ import annotations

import asyncio
import builtins
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pyaiot import options
from pyaiot.lifecycle import started
from pyaiot.listening import CannotListen
from pyaiot.mqtt_broker.broker import NOT_INSTALLED, MqttBroker
from pyaiot.mqtt_broker.cli import make_broker
from pyaiot.options import ConfigurationError
from pyaiot.settings import MqttBrokerSettings
from tests.mqtt_broker.mqtt_client import Running, password_of, until
from tests.patience import PATIENCE_S, is_within


async def test_without_amqtt_one_line_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == "amqtt" or each.endswith(".routing")]:
        monkeypatch.delitem(sys.modules, name)
    real_import = builtins.__import__

    def no_amqtt(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        if name.partition(".")[0] == "amqtt":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real_import(name, globals, locals, fromlist, level)

    monkeypatch.setattr(builtins, "__import__", no_amqtt)
    broker = MqttBroker(host="localhost", port=0, device_file=tmp_path / "devices")
    with pytest.raises(ConfigurationError) as fault:
        await broker.run(lambda: None)
    assert str(fault.value) == NOT_INSTALLED
    assert "pip install 'pyaiot[mqtt-broker]'" in NOT_INSTALLED


async def test_a_port_that_is_taken_is_said_with_a_way_out(mqtt: Running) -> None:
    second = MqttBroker(host="localhost", port=mqtt.port, device_file=mqtt.device_file)
    with pytest.raises(CannotListen, match=r"--mqtt-port .* use that one instead \(--embedded-broker=no\)"):
        await second.run(lambda: None)


async def test_a_host_that_is_not_here_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotListen, match=r"--mqtt-host: 'nowhere\.invalid' is not a name or address of this host"):
        await MqttBroker(host="nowhere.invalid", port=0, device_file=tmp_path / "d").run(lambda: None)


async def test_it_ends_in_order_with_clients_connected_and_starts_again(
    mqtt: Running, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        broker = MqttBroker(host="localhost", port=0, device_file=mqtt.device_file)
        async with started(broker, "another"):
            second = Running(broker, mqtt.device_file)
            device = await second.client("joe")
            await device.ping()
            at = asyncio.get_running_loop().time()
        assert is_within(asyncio.get_running_loop().time() - at, 2)
        assert await device.closed() == b""
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    left = [each.get_name() for each in asyncio.all_tasks() if "MQTT client" in each.get_name()]
    assert left == []


async def test_each_broker_has_an_account_of_its_own_that_is_nowhere_written(mqtt: Running) -> None:
    other = MqttBroker(host="localhost", port=0, device_file=mqtt.device_file)
    assert other.account[1] != mqtt.broker.account[1]
    assert len(mqtt.broker.account[1]) >= 32
    assert mqtt.broker.account[1] not in mqtt.device_file.read_text()


def test_the_settings_make_it() -> None:
    settings = options.load(
        MqttBrokerSettings,
        program="aiot-mqtt-broker",
        description="",
        arguments=["--mqtt-host=0.0.0.0", "--mqtt-port", "1999", "--mqtt-require-password"],
        environment={},
    )
    broker = make_broker(settings)
    assert (broker.port, broker.ports.host, broker._require_password) == (1999, "0.0.0.0", True)


async def real(program: str, port: int, *arguments: str, text: str = "") -> tuple[int, str]:
    """Run one of Mosquitto's clients to its end: exit code and what it says."""
    process = await asyncio.create_subprocess_exec(
        program,
        *("-h", "127.0.0.1", "-p", str(port), *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE_S):
        said, _ = await process.communicate(text.encode())
    return process.returncode or 0, said.decode()


@pytest.mark.needs("mosquitto_pub", "mosquitto_sub")
@pytest.mark.parametrize("qos", ["0", "1", "2"])
async def test_mosquittos_clients_get_along_with_it(mqtt: Running, qos: str) -> None:
    gateway = await mqtt.client("gateway")
    await gateway.subscribe("node/+/+")
    joe = ("-u", "joe", "-P", password_of("joe"), "-q", qos)
    lines = "".join(f"{number}\n" for number in range(200))
    publishing = asyncio.create_task(real("mosquitto_pub", mqtt.port, *joe, "-t", "node/joe/count", "-l", text=lines))
    assert [(await gateway.message()).payload for _ in range(200)] == [b"%d" % number for number in range(200)]
    assert await publishing == (0, "")
    reading = asyncio.create_task(
        real("mosquitto_sub", mqtt.port, *joe, "-t", "gateway/joe/#", "-t", "gateway/check", "-C", "3", "-v", "-d")
    )
    await until(lambda: any(len(each.filters) == 2 for each in mqtt.broker.guard.sessions.values()))
    for topic in ("gateway/joe/led/set", "gateway/ann/led/set", "gateway/check", "gateway/joe/discover"):
        await gateway.publish(topic, b"x")
    code, said = await reading
    assert code == 0, said
    told = [line for line in said.splitlines() if line.startswith("gateway/")]
    assert told == ["gateway/joe/led/set x", "gateway/check x", "gateway/joe/discover x"]


@pytest.mark.needs("mosquitto_pub")
async def test_mosquittos_clients_are_told_why_they_are_refused(mqtt: Running) -> None:
    code, said = await real("mosquitto_pub", mqtt.port, "-u", "joe", "-P", "wrong", "-t", "node/joe/x", "-m", "1")
    assert code == 4
    assert "bad user name or password" in said
    code, said = await real("mosquitto_pub", mqtt.port, "-V", "mqttv5", "-t", "node/joe/x", "-m", "1")
    assert code != 0
    assert "Unsupported Protocol Version" in said
    code, said = await real("mosquitto_pub", mqtt.port, "-V", "mqttv31", "-t", "node/joe/x", "-m", "1")
    assert code != 0
    assert "unacceptable protocol version" in said
