# SPDX-License-Identifier: BSD-3-Clause
"""The MQTT adapter between devices at a real Mosquitto and a gateway that records."""

from __future__ import annotations

import logging

import pytest

from pyaiot.gateway.adapter import Refused
from pyaiot.wire.messages import About, Door
from tests.gateway.mqtt.conftest import MakeGateway
from tests.gateway.mqtt.gateways import Gateway
from tests.process.mosquitto import Mosquitto
from tests.process.mqtt_peers import peer

pytestmark = pytest.mark.needs("mosquitto")


async def test_py_mqtt_2_3_4_a_device_is_asked_for_resources_and_then_for_values(
    gateway: Gateway, server: Mosquitto
) -> None:
    async with peer(server.port, "wipy", "gateway/wipy-1/#", "gateway/check") as device:
        await device.told("node/check", '{"id": "wipy-1"}')
        await device.hears("gateway/wipy-1/discover", payload=b"resources")
        await device.told("node/wipy-1/resources", '["name", "position"]')
        await device.hears("gateway/wipy-1/discover", payload=b"values")
        await device.told("node/wipy-1/name", '{"value": "WiPy & MQTT"}')
        await device.told("node/wipy-1/position", '{"value": {"lat": 48.7144507, "lng": 2.2058228}}')
        await gateway.until(lambda: "position" in gateway.nodes["wipy-1"])
        # By two subscriptions the list may have come twice; it was asked once for the values.
        assert [each.payload for each in device.on("gateway/wipy-1/discover")] == [b"resources", b"values"]
        assert not any(each.retained for each in device.heard)
    assert gateway.nodes == {
        "wipy-1": {"id": "wipy-1", "name": "WiPy & MQTT", "position": {"lat": 48.7144507, "lng": 2.2058228}}
    }


async def test_a_device_says_what_its_resources_are(gateway: Gateway, server: Mosquitto) -> None:
    async with peer(server.port, "wipy", "gateway/wipy-1/#") as device:
        await device.told(
            "node/wipy-1/resources", '["id", "name", {"name": "mode", "writable": true, "choices": [1, "x"]}]'
        )
        await device.hears("gateway/wipy-1/discover", payload=b"values")
        await device.told("node/wipy-1/resources", '["id", {"name": "name", "title": "Name"}, "mode"]')
        await gateway.until(lambda: gateway.count("about") == 3)
    assert [entry[2:] for entry in gateway.log if entry[0] == "about"] == [
        ("mode", About(writable=True, choices=(1, "x"))),
        ("name", About(title="Name")),
        ("mode", About()),
    ]
    assert gateway.adapter.doors == (Door(scheme="mqtt", port=server.port),)


async def test_fw_8_firmware_that_never_subscribes(gateway: Gateway, server: Mosquitto) -> None:
    """The conversation of node_mqtt_bmx280, line by line; then with the number as id and bare values."""
    async with peer(server.port, "mqtt-sn", "gateway/#") as device:
        await device.told("node/check", '{"id": "mqtt-2"}')
        names = ["board", "mcu", "os", "name", "temperature", "pressure", "humidity"]
        await device.told("node/mqtt-2/resources", str(names).replace("'", '"'))
        for name in names:
            await device.told(f"node/mqtt-2/{name}", f'{{"value":"{name} 1"}}')
        await device.told("node/check", '{"id": "mqtt-2"}')
        await device.told("node/mqtt-2/temperature", '{"value":"23.1°C"}')
        await gateway.until(lambda: gateway.nodes.get("mqtt-2", {}).get("temperature") == "23.1°C")
        assert gateway.nodes["mqtt-2"] == {
            "id": "mqtt-2",
            **{name: f"{name} 1" for name in names},
            "temperature": "23.1°C",
        }
        await device.told("node/check", '{"id": 1}')
        await device.told("node/1/temperature", "21.5")
        await device.told("node/1/led", "0\0\0")
        await gateway.until(lambda: "led" in gateway.nodes.get("1", {}))
    assert gateway.nodes["1"] == {"id": "1", "temperature": 21.5, "led": 0}
    assert [entry[1] for entry in gateway.log if entry[0] == "new"] == ["mqtt-2", "1"]


async def test_fw_8_any_message_makes_a_node_known_whatever_the_order(gateway: Gateway, server: Mosquitto) -> None:
    async with peer(server.port, "device", "gateway/#") as device:
        await device.told("node/a/temperature", '{"value": 20, "unit": "Cel", "age": 3000}')
        await device.told("node/b/resources", '["led"]')
        await device.told("node/c/broken", '{"value"')
        await device.hears("gateway/b/discover", payload=b"values")
        await gateway.until(lambda: len(gateway.nodes) == 3)
        for uid in "abc":
            await device.hears(f"gateway/{uid}/discover", payload=b"resources")
    assert gateway.nodes == {"a": {"id": "a", "temperature": 20}, "b": {"id": "b"}, "c": {"id": "c"}}
    assert gateway.updates() == [("a", "temperature", 20, "Cel", 3000)]


async def test_py_mqtt_6_nodes_are_asked_to_check_in_at_once_and_again(
    server: Mosquitto, make_gateway: MakeGateway
) -> None:
    async with peer(server.port, "device", "gateway/#") as device:
        await make_gateway(server.port, check_s=0.05)
        await device.until(lambda: len(device.on("gateway/check")) >= 4)
        assert {(each.payload, each.retained) for each in device.on("gateway/check")} == {(b"", False)}


async def test_retained_messages_count_for_nothing_and_say_so_once(
    server: Mosquitto, make_gateway: MakeGateway, caplog: pytest.LogCaptureFixture
) -> None:
    async with peer(server.port, "dead") as device:
        for topic, payload in (
            ("node/dead/led", '{"value": 1}'),
            ("node/dead/name", '{"value": "x"}'),
            ("node/dead/resources", '["led"]'),
            ("node/dead/out", "x"),
            ("node/check", '{"id": "dead"}'),
        ):
            await device.told(topic, payload, retain=True)
        gateway = await make_gateway(server.port)
        counters = gateway.adapter.counters
        await device.told("node/live/led", "1")
        await gateway.until(gateway.updates)
        assert set(gateway.nodes) == {"live"}
        assert counters.retained >= 5
        said = [record.getMessage() for record in caplog.records if "retained" in record.getMessage()]
        assert len(said) == 4
        assert "without the retain flag" in said[0]
        # Taken back by an empty message, which says nothing of the device either.
        await device.told("node/dead/led", "", retain=True)
        await device.told("node/live/led", "2")
        await gateway.until(lambda: len(gateway.updates()) == 2)
        assert set(gateway.nodes) == {"live"}
        assert counters.empty == 1
        # What is published now counts, flag or not: the MQTT broker hands it on as a live message.
        await device.told("node/dead/led", "3", retain=True)
        await gateway.until(lambda: "dead" in gateway.nodes)


async def test_py_mqtt_7_a_will_takes_the_node_out_at_once_and_it_may_come_back(
    gateway: Gateway, server: Mosquitto
) -> None:
    async with peer(server.port, "observer") as other:
        async with peer(server.port, "device", will="node/a/out") as device:
            await device.told("node/a/led", "1")
            await gateway.until(lambda: "a" in gateway.nodes)
            await device.close(orderly=False)
        await gateway.until(lambda: "a" not in gateway.nodes)
        await other.told("node/a/led", "1")
        await other.told("node/never/out", "")
        await gateway.until(lambda: len(gateway.updates()) == 2)
    assert [entry[:2] for entry in gateway.log if entry[0] in ("new", "gone")] == [
        ("new", "a"),
        ("gone", "a"),
        ("new", "a"),
    ]


async def test_the_gateways_state_is_retained_and_offline_is_its_will_and_its_goodbye(
    server: Mosquitto, make_gateway: MakeGateway
) -> None:
    async with peer(server.port, "observer", "gateway/state") as observer:
        gateway = await make_gateway(server.port)
        await observer.hears("gateway/state", payload=b"online")
        async with peer(server.port, "gateway-under-test"):  # takes the session over: the gateway is cut off
            await observer.hears("gateway/state", payload=b"offline", after=1)
        await observer.hears("gateway/state", payload=b"online", after=2)
        await gateway.adapter.stop()
        await observer.hears("gateway/state", payload=b"offline", after=3)
    async with peer(server.port, "late", "gateway/state") as late:
        heard = await late.hears("gateway/state")
        assert (heard.payload, heard.retained) == (b"offline", True)


async def test_pb_34_pb_36_two_gateways_at_one_mqtt_broker_and_the_same_uid_at_both(
    server: Mosquitto, make_gateway: MakeGateway
) -> None:
    one = await make_gateway(server.port, client_id="pyaiot-a-00000000")
    two = await make_gateway(server.port, client_id="pyaiot-b-00000000")
    async with peer(server.port, "device") as device:
        for number in range(20):
            await device.told("node/n/count", str(number))
        for gateway in (one, two):
            await gateway.until(lambda gateway=gateway: len(gateway.updates()) == 20)
            assert set(gateway.nodes) == {"n"}
            assert gateway.adapter.counters.losses == 0


async def test_pb_35_names_that_cannot_be_are_refused_and_end_nothing(
    gateway: Gateway, server: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    async with peer(server.port, "device", "gateway/#") as device:
        await device.told("node/a b/led", "1")
        await device.told("node/é/led", "1")
        await device.told("node/" + "x" * 65 + "/resources", '["led"]')
        await device.told("node/a/b c", "1")
        await device.told("node/check", '{"id": "../x"}')
        await device.told("node/check", '{"ID": "a"}')
        await device.told("node/a/check", "1")
        await device.told("node/check/led", "2")
        await gateway.until(lambda: len(gateway.updates()) == 2)
        await device.hears("gateway/check/discover")
        told = {each.topic for each in device.heard} - {"gateway/state"}
        assert told == {"gateway/a/discover", "gateway/check/discover"}
    assert gateway.updates() == [("a", "check", 1), ("check", "led", 2)]
    assert set(gateway.nodes) == {"a", "check"}
    assert gateway.adapter.counters.bad_names == 3
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert any("node/a b/led" in line and "A-Z a-z 0-9" in line for line in said)
    assert any("node/check" in line and 'send {"id": "<node id>"}' in line for line in said)
    assert gateway.adapter.counters.internal_errors == 0


async def test_wrong_json_is_one_line_in_the_log_that_says_what_to_send(
    gateway: Gateway, server: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    async with peer(server.port, "device") as device:
        for _ in range(5):
            await device.told("node/a/led", "{'value': 1}")
        await device.told("node/a/ok", "1")
        await gateway.until(gateway.updates)
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == ['Refused a message on node/a/led: it is no JSON: send {"value": 21.5}, or the bare value']
    assert gateway.adapter.counters.bad_payloads == 5
    assert len([entry for entry in gateway.log if entry[:2] == ("seen", "a")]) >= 5, "it is alive nevertheless"


async def test_what_the_gateway_refuses_and_its_own_faults_end_nothing(
    gateway: Gateway, server: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.faults = {
        ("updated", "forbidden"): Refused("the node has too many resources"),
        ("updated", "fault"): ZeroDivisionError(),
    }
    async with peer(server.port, "device") as device:
        await device.told("node/a/forbidden", "1")
        await gateway.until(lambda: gateway.known("a"))
        gateway.full = True
        await device.told("node/a/fault", "1")
        await device.told("node/b/led", "1")
        await device.told("node/a/big", b"x" * 70_000)
        await device.told("node/a/led", "1")
        await gateway.until(gateway.updates)
    counters = gateway.adapter.counters
    assert (counters.refused, counters.oversized, counters.internal_errors, counters.losses) == (2, 1, 1, 0)
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert "node/a/forbidden: the node has too many resources" in said
    assert "node/b/led: the gateway is full" in said
    assert "node/a/big: it is longer than 64 KiB" in said
    assert "please report" in said


async def test_three_subscriptions_whatever_the_number_of_nodes(gateway: Gateway, server: Mosquitto) -> None:
    async with peer(server.port, "device") as device:
        for number in range(50):
            device.publish(f"node/n{number}/resources", '["led"]')
            device.publish(f"node/n{number}/led", "1")
        await gateway.until(lambda: len(gateway.updates()) == 50)
    assert len(gateway.nodes) == 50
    assert (gateway.adapter.counters.discoveries, gateway.adapter.counters.unsent) == (50, 0)
