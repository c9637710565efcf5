# SPDX-License-Identifier: BSD-3-Clause
"""The commands of docs/mqtt.md, as they stand there: with the real gateway, Mosquitto and its clients."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from pyaiot.keys import Keys
from tests.process.mosquitto import Mosquitto, mosquitto
from tests.process.mqtt_peers import MqttPeer, peer
from tests.process.processes import MQTT_CONNECTED, ROOT, Host
from tests.process.viewers import viewing

pytestmark = pytest.mark.needs("mosquitto", "mosquitto_pub", "mosquitto_sub")

DOCS = (ROOT / "docs" / "mqtt.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NODE = "mqtt/my-first-node"


def blocks(port: int, program: str) -> list[str]:
    """The shell commands in which ``program`` comes first, for an MQTT broker on another port."""
    found = [block for language, block in FENCE.findall(DOCS) if language == "sh" and block.startswith(program)]
    return [block.replace("-p 1886", f"-p {port}") for block in found]


async def run(host: Host, script: str) -> None:
    """Have a shell do it."""
    shell = await host.start_program("bash", "-ec", script, name="shell")
    assert await shell.ended() == 0, shell.text
    assert shell.text == ""


async def test_a_node_by_mosquitto_pub_and_a_lamp_that_confirms(host: Host, keys: Keys, tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as server:
        _, port = await host.broker()
        await host.mqtt_gateway(port, server.port)
        publishing = blocks(server.port, "mosquitto_pub")
        (lamp,) = blocks(server.port, "mosquitto_sub")
        assert len(publishing) == 2
        async with viewing(port) as viewer:
            await run(host, publishing[0])
            await viewer.until(lambda: "temperature" in viewer.view.get(NODE, {}))
            (message,) = (each for each in viewer.heard if each.get("endpoint") == "temperature")
            assert (message["value"], message["unit"]) == (21.5, "Cel")
            await run(host, publishing[1])
            await viewer.until(lambda: {"name", "led"} <= viewer.view[NODE].keys())
            assert (viewer.view[NODE]["name"], viewer.view[NODE]["led"]) == ("My first node", "0")
            said = len(server.log)
            # A session of its own: its end is that of both programs in the pipe.
            shell = await host.start_program("setsid", "bash", "-c", lamp, name="lamp")
            await server.says(r"New client connected .* as (mosq|auto)-", after=said)
            result = await viewer.write(NODE, "led", "1")
            while not result["ok"] and viewer.view[NODE]["led"] != "1":  # it has connected, but not subscribed yet
                result = await viewer.write(NODE, "led", "1")
            result = await viewer.write(NODE, "led", "0")
            assert result["ok"], result
            await viewer.until(lambda: viewer.view[NODE]["led"] == "0")
            end_session(shell.pid)
            await shell.ended()
            result = await viewer.write(NODE, "led", "1")
            assert (result["ok"], result["code"]) == (False, "timeout")


def end_session(leader: int) -> None:
    """Ctrl-C, for the group of processes that ``leader`` was started with."""
    os.killpg(leader, signal.SIGTERM)


async def test_what_the_page_of_topics_says_is_understood(host: Host, keys: Keys, tmp_path: Path) -> None:
    """Each example of what a device publishes, in the order of the table."""
    examples = re.findall(r"^\| `(node/[^`]*)` \| (?:`([^`]*)`|empty) \|", DOCS, re.MULTILINE)
    assert len(examples) >= 6
    async with mosquitto(tmp_path) as server:
        _, port = await host.broker()
        gateway = await host.mqtt_gateway(port, server.port)
        async with viewing(port) as viewer, peer(server.port, "wipy-1") as device:
            for topic, payload in examples:
                await device.told(topic, payload)
            await viewer.until(lambda: viewer.told("out") == ["mqtt/wipy-1"])
            heard = {m["endpoint"]: m for m in viewer.heard if m["type"] == "update"}
            assert (heard["temperature"]["data"], heard["temperature"]["unit"]) == (21.5, "Cel")
            assert heard["led"]["data"] == "1"
        assert not [line for line in gateway.lines if "WARN" in line or "ERROR" in line], gateway.text


@pytest.mark.parametrize(
    ("arguments", "data"),
    [
        (("-m", "21.5"), 21.5),
        (("-m", "21.5°C"), "21.5°C"),
        (("-m", "true"), True),
        (("-m", "[1, 2]"), [1, 2]),
        (("-m", '{"value": {"deep": [1]}}'), {"deep": [1]}),
    ],
    ids=lambda value: None,
)
async def test_a_bare_value_is_taken_as_it_is(
    host: Host, keys: Keys, tmp_path: Path, arguments: tuple[str, ...], data: object
) -> None:
    async with mosquitto(tmp_path) as server:
        _, port = await host.broker()
        await host.mqtt_gateway(port, server.port)
        async with viewing(port) as viewer:
            publish = ("mosquitto_pub", "-p", str(server.port), "-q", "1", "-t", "node/hand/thing", *arguments)
            shell = await host.start_program(*publish, name="mosquitto_pub")
            assert await shell.ended() == 0, shell.text
            await viewer.until(lambda: viewer.view.get("mqtt/hand", {}).get("thing") == data)


@pytest.mark.parametrize("wrong", ["{'value': 1}", '{"temperature": 21.5}', '{"value": ', "[1,"])
async def test_wrong_json_is_refused_with_a_line_that_says_what_to_send(
    host: Host, keys: Keys, tmp_path: Path, wrong: str
) -> None:
    async with mosquitto(tmp_path) as server:
        _, port = await host.broker()
        gateway = await host.mqtt_gateway(port, server.port)
        async with viewing(port) as viewer, peer(server.port, "hand") as device:
            await device.told("node/hand/thing", wrong)
            line = (await gateway.says(r"node/hand/thing.*")).string
            assert '{"value": 21.5}' in line, line
            await device.told("node/hand/thing", "7")
            await viewer.until(lambda: viewer.view.get("mqtt/hand", {}).get("thing") == 7)


async def test_retained_messages_make_nobody_live(host: Host, keys: Keys, tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as server:
        _, port = await host.broker()
        async with peer(server.port, "hand") as device:
            await device.told("node/ghost/thing", "1", retain=True)
            await device.told("node/check", '{"id": "ghost"}', retain=True)
            await host.mqtt_gateway(port, server.port)
            async with viewing(port) as viewer:
                await device.told("node/alive/thing", "1")
                await viewer.until(lambda: "mqtt/alive" in viewer.view)
                assert set(viewer.view) == {"mqtt/alive"}


async def test_the_access_list_of_the_page_is_enough_for_gateway_and_devices(
    host: Host, keys: Keys, tmp_path: Path
) -> None:
    """And a device cannot speak for another."""
    (access,) = (block for language, block in FENCE.findall(DOCS) if block.startswith("user pyaiot"))
    (tmp_path / "access").write_text(access)
    server = Mosquitto(tmp_path, f"acl_file {tmp_path / 'access'}", anonymous=False)
    for name in ("pyaiot", "wipy-1", "wipy-2"):
        server.add_user(name, f"secret of {name}")
    (tmp_path / "password").write_text("secret of pyaiot\n")
    await server.start()
    try:
        _, port = await host.broker()
        account = ("--mqtt-user", "pyaiot", "--mqtt-password-file", str(tmp_path / "password"))
        await host.mqtt_gateway(port, server.port, *account)
        async with (
            viewing(port) as viewer,
            peer(server.port, "one", user="wipy-1", password="secret of wipy-1") as one,
            peer(server.port, "two", user="wipy-2", password="secret of wipy-2") as two,
        ):
            await one.subscribe("gateway/check", "gateway/wipy-1/discover", "gateway/wipy-1/led/set")
            assert one.granted == [1, 1, 1]
            await one.told("node/check", '{"id": "wipy-1"}')
            await one.hears("gateway/wipy-1/discover", payload=b"resources")
            await one.told("node/wipy-1/resources", '["led"]')
            await one.hears("gateway/wipy-1/discover", payload=b"values")
            await one.told("node/wipy-1/led", '{"value": "0"}')
            await viewer.until(lambda: viewer.view.get("mqtt/wipy-1", {}).get("led") == "0")
            await two.told("node/wipy-1/led", '{"value": "1"}')  # acknowledged, and thrown away
            await two.told("node/wipy-2/led", '{"value": "1"}')
            await viewer.until(lambda: viewer.view.get("mqtt/wipy-2", {}).get("led") == "1")
            assert viewer.view["mqtt/wipy-1"]["led"] == "0"
    finally:
        await server.kill()


async def test_pb_35_two_programs_with_one_client_id_are_told_of(host: Host, keys: Keys, tmp_path: Path) -> None:
    """They throw each other out for ever, which nobody finds without a line in the log."""
    async with mosquitto(tmp_path) as server:
        _, port = await host.broker()
        gateway = await host.mqtt_gateway(port, server.port, "--mqtt-client-id", "shared")
        for _ in range(10):
            said = len(gateway.lines)
            twin = MqttPeer("shared")
            await twin.connect(server.port)
            try:
                match = await gateway.says(r"client id shared|Connected again", after=said)
            finally:
                await twin.close()
            if "client id" in match[0]:
                return
    raise AssertionError(gateway.text)


async def test_a_gateway_waits_for_an_mqtt_broker_that_comes_later(host: Host, keys: Keys, tmp_path: Path) -> None:
    server = Mosquitto(tmp_path)
    await server.start()
    await server.stop()
    _, port = await host.broker()
    gateway = await host.start("aiot-mqtt-gateway", "--broker-port", str(port), "--mqtt-port", str(server.port))
    await gateway.says("Cannot reach the MQTT broker at")
    await server.start()
    try:
        await gateway.says(MQTT_CONNECTED)
        await gateway.stop()
    finally:
        await server.stop()
