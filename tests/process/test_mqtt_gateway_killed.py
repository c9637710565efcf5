# SPDX-License-Identifier: BSD-3-Clause
"""An MQTT gateway stopped, killed and started again under load, and what Mosquitto keeps for it meanwhile.

- Stopped in order: everything that was acknowledged to a device arrives, once. What it had taken goes to the broker
  before it ends; what it had not, Mosquitto keeps.
- Killed: what it had taken and the broker had not acknowledged is gone, which is the last moment before; and what it
  had told without acknowledging it to Mosquitto comes again. The newest value is always the last one.
"""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from pyaiot.keys import Keys
from tests.patience import PATIENCE_S, is_within
from tests.process.mosquitto import DURABLE, mosquitto
from tests.process.mqtt_peers import peer
from tests.process.mqtt_senders import heard_numbers, telling
from tests.process.processes import ROOT, Host
from tests.process.test_mqtt_broker_killed import DEVICES, PER_S, UNLIMITED, all_arrive
from tests.process.viewers import viewing

pytestmark = pytest.mark.needs("mosquitto")

NODE = str(ROOT / "utils" / "mqtt" / "mqtt-test-node.py")
#: What a killed gateway may have taken with it: what came in its last moments.
LAST_MOMENTS_S = 3.0


async def test_a_gateway_restarted_in_order_loses_nothing_and_tells_nothing_twice(
    host: Host, keys: Keys, tmp_path: Path
) -> None:
    async with mosquitto(tmp_path, *UNLIMITED) as server:
        _, port = await host.broker("--gateway-grace", "60")
        gateway = await host.mqtt_gateway(port, server.port)
        async with viewing(port) as viewer, telling(server.port, DEVICES, PER_S) as senders:
            for _ in range(3):
                await senders.acknowledged(40)
                await gateway.stop()
                await senders.acknowledged(40)
                gateway = await host.mqtt_gateway(port, server.port)
            await senders.acknowledged(40)
            await all_arrive(senders, viewer)


async def test_a_gateway_killed_loses_the_last_moment_at_most_and_nothing_that_came_while_it_was_away(
    host: Host, keys: Keys, tmp_path: Path
) -> None:
    async with mosquitto(tmp_path, *UNLIMITED) as server:
        _, port = await host.broker("--gateway-grace", "60")
        gateway = await host.mqtt_gateway(port, server.port)
        async with viewing(port) as viewer, telling(server.port, DEVICES, PER_S) as senders:
            kills: list[float] = []
            for _ in range(3):
                await senders.acknowledged(40)
                await gateway.kill()
                kills.append(time.monotonic())
                await senders.acknowledged(40)
                gateway = await host.mqtt_gateway(port, server.port)
            await senders.acknowledged(40)
            senders.stop()
            newest = {sender.uid: max(sender.acknowledged) for sender in senders.all}
            await viewer.until(
                lambda: all((heard_numbers(viewer).get(uid) or [0])[-1] >= number for uid, number in newest.items())
            )
            lost = senders.lost(viewer)
            for sender in senders.all:
                numbers = lost.get(sender.uid, [])
                told = sorted(sender.acknowledged)
                runs = sum(told[max(told.index(number) - 1, 0)] not in numbers for number in numbers)
                assert runs <= len(kills), f"{sender.uid} {numbers}: not the last that was taken"
                for number in numbers:
                    before_s = min(abs(kill - sender.acknowledged[number]) for kill in kills)
                    assert is_within(before_s, LAST_MOMENTS_S), f"{sender.uid} {number} was no last word: {before_s} s"
            print(f"{sum(map(len, lost.values()))} of {senders.total} lost in {len(kills)} kills")
            viewer.faults = [each for each in viewer.faults if "count" not in each]  # told twice, see above


async def test_both_killed_what_mosquitto_had_saved_comes_when_both_are_back(
    host: Host, keys: Keys, tmp_path: Path
) -> None:
    async with mosquitto(tmp_path, *DURABLE, *UNLIMITED) as server:
        _, port = await host.broker()
        gateway = await host.mqtt_gateway(port, server.port)
        await gateway.kill()
        async with peer(server.port, "device") as device:
            for number in range(1, 202):  # it saves after each, before it reads the next; the last is not waited for
                await device.told("node/lamp/count", str(number))
            await server.kill()
        await server.start()
        async with viewing(port) as viewer:
            await host.mqtt_gateway(port, server.port)
            await viewer.until(lambda: len(heard_numbers(viewer).get("lamp", ())) >= 200)
            assert heard_numbers(viewer)["lamp"][:200] == list(range(1, 201))


async def test_py_mqtt_7_a_will_takes_the_device_out_at_once(host: Host, keys: Keys, tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as server:
        _, port = await host.broker()
        await host.mqtt_gateway(port, server.port)
        async with viewing(port) as viewer:
            for number, end in ((signal.SIGKILL, "its will"), (signal.SIGINT, "its goodbye")):
                device = await host.start_program(
                    "python3", NODE, "--mqtt-port", str(server.port), name="mqtt-test-node"
                )
                await viewer.until(lambda: "pressure" in viewer.view.get("mqtt/mqtt_test_node", {}))
                device.send(number)
                await device.ended()
                took = await viewer.until(lambda: "mqtt/mqtt_test_node" not in viewer.view, end)
                assert is_within(took, 2)
            assert viewer.told("out") == ["mqtt/mqtt_test_node"] * 2
            assert viewer.told("new") == ["mqtt/mqtt_test_node"] * 2, "it is the same node again"


async def test_pb_02_pb_34_pb_36_a_device_keeps_its_uid_through_restarts_and_two_gateways_share_an_mqtt_broker(
    host: Host, keys: Keys, tmp_path: Path
) -> None:
    """The predecessor's could not be started, threw each other out, and gave a node another name at each restart."""
    async with mosquitto(tmp_path, *DURABLE) as server:
        _, port = await host.broker("--gateway-grace", "60")
        gateway = await host.mqtt_gateway(port, server.port)
        other = await host.mqtt_gateway(port, server.port, "--gateway-name", "ws")
        device = await host.start_program("python3", NODE, "--mqtt-port", str(server.port), name="mqtt-test-node")
        uids = {"mqtt/mqtt_test_node", "ws/mqtt_test_node"}
        async with viewing(port) as viewer:
            await viewer.until(lambda: all("led" in viewer.view.get(uid, {}) for uid in uids))
            await server.stop()
            await server.start()
            await gateway.stop()
            gateway = await host.mqtt_gateway(port, server.port)
            said = len(device.lines)
            assert said
            for uid, data in (("mqtt/mqtt_test_node", "1"), ("ws/mqtt_test_node", "0")):
                async with asyncio.timeout(PATIENCE_S):
                    result = await viewer.write(uid, "led", data)
                    # The gateway is not back yet; or it is, and has not heard the device since.
                    while not result["ok"] and result["code"] in ("offline", "unknown"):
                        result = await viewer.write(uid, "led", data)
                assert result["ok"], result
            assert set(viewer.view) == uids
            assert set(viewer.told("new")) == uids
        assert other.process.returncode is None
        await device.stop(signal.SIGINT)
        await gateway.stop()
