# SPDX-License-Identifier: BSD-3-Clause
"""What MQTT 3.1.1 says that a broker does, over real sockets."""

from __future__ import annotations

import asyncio

import pytest

from pyaiot.mqtt_broker.admission import MAX_BEFORE_LOGIN
from pyaiot.mqtt_broker.delivery import WINDOW
from pyaiot.mqtt_broker.guard import FORGET_S
from pyaiot.mqtt_broker.session import MAX_SUBSCRIPTIONS
from tests.mqtt_broker.mqtt_client import (
    Client,
    Message,
    Running,
    connect_packet,
    packet,
    publish_packet,
    until,
)
from tests.patience import PATIENCE_S


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_a_message_reaches_the_gateway_at_the_lesser_qos(mqtt: Running, qos: int) -> None:
    gateway, device = await mqtt.client("gateway"), await mqtt.client("joe")
    assert await gateway.subscribe("node/+/+") == [1]
    await device.publish("node/joe/temperature", b'{"value": 21.5}', qos)
    assert await gateway.message() == Message(
        "node/joe/temperature", b'{"value": 21.5}', min(qos, 1), 1 if qos else 0, False
    )


async def test_a_subscription_at_qos_0_gets_qos_0(mqtt: Running) -> None:
    gateway, device = await mqtt.client("gateway"), await mqtt.client("joe")
    assert await gateway.subscribe("node/#", qos=0) == [0]
    await device.publish("node/joe/led", b"1", 1)
    assert (await gateway.message()).qos == 0


async def test_a_write_reaches_the_device_and_no_other(mqtt: Running) -> None:
    gateway, joe, ann = await mqtt.client("gateway"), await mqtt.client("joe"), await mqtt.client("ann")
    assert await joe.subscribe("gateway/joe/#", "gateway/check") == [1, 1]
    assert await ann.subscribe("gateway/ann/+/set", "gateway/check") == [1, 1]
    await gateway.publish("gateway/joe/led/set", b"1")
    await gateway.publish("gateway/ann/led/set", b"0")
    await gateway.publish("gateway/check", b"")
    assert [(m.topic, m.payload) for m in (await joe.message(), await joe.message())] == [
        ("gateway/joe/led/set", b"1"),
        ("gateway/check", b""),
    ]
    assert [m.topic for m in (await ann.message(), await ann.message())] == ["gateway/ann/led/set", "gateway/check"]


async def test_filters_that_overlap_bring_a_message_once(mqtt: Running) -> None:
    gateway, device = await mqtt.client("gateway"), await mqtt.client("joe")
    await gateway.subscribe("node/check", "node/+/resources", "node/+/+")
    await device.publish("node/joe/resources", b'["led"]')
    await device.publish("node/check", b'{"id": "joe"}')
    await device.publish("node/joe/led", b"1")
    topics = [(await gateway.message()).topic for _ in range(3)]
    assert topics == ["node/joe/resources", "node/check", "node/joe/led"]
    await gateway.ping()
    assert not gateway.messages


async def test_after_unsubscribe_nothing_comes(mqtt: Running) -> None:
    gateway, device = await mqtt.client("gateway"), await mqtt.client("joe")
    await gateway.subscribe("node/joe/led", "node/joe/name")
    await gateway.unsubscribe("node/joe/led", "node/joe/never")
    await device.publish("node/joe/led", b"1")
    await device.publish("node/joe/name", b"Joe")
    assert (await gateway.message()).topic == "node/joe/name"


async def test_subscribing_again_changes_the_qos(mqtt: Running) -> None:
    gateway, device = await mqtt.client("gateway"), await mqtt.client("joe")
    await gateway.subscribe("node/+/led", qos=0)
    await gateway.subscribe("node/+/led", qos=1)
    await device.publish("node/joe/led", b"1")
    assert (await gateway.message()).qos == 1


async def test_pings_are_answered(mqtt: Running) -> None:
    await (await mqtt.client()).ping()


async def test_a_will_is_published_when_a_client_vanishes_and_not_when_it_says_goodbye(mqtt: Running) -> None:
    gateway = await mqtt.client("gateway")
    await gateway.subscribe("node/+/out")
    name, password = mqtt.account("joe")
    for number, goodbye in enumerate((True, False)):
        device = await Client.open(mqtt.port)
        will = ("node/joe/out", b"%d" % number)
        device.send(connect_packet("x", name, password, will=will, will_flags=0x08))
        assert await device.packet() == (0x20, b"\0\0")
        if goodbye:
            device.disconnect()
            await until(lambda: len(mqtt.broker.guard.sessions) == 1)
        else:
            device.vanish()
    assert await gateway.message() == Message("node/joe/out", b"1", 1, 1, False)


async def test_a_gateways_state_is_kept_and_its_will_replaces_it(mqtt: Running) -> None:
    gateway = await Client.open(mqtt.port)
    gateway.send(connect_packet("gw", *mqtt.broker.account, will=("gateway/state", b"offline"), will_flags=0x20 | 0x08))
    assert await gateway.packet() == (0x20, b"\0\0")
    early = await mqtt.client("joe", "early")
    await early.subscribe("gateway/state")
    await gateway.publish("gateway/state", b"online", retain=True)
    seen = await early.message()
    assert (seen.payload, seen.retain) == (b"online", False)
    late = await mqtt.client("joe", "late")
    await late.subscribe("gateway/joe/#", "gateway/state")
    kept = await late.message()
    assert (kept.payload, kept.retain, kept.qos) == (b"online", True, 1)
    gateway.vanish()
    assert (await early.message()).payload == b"offline"
    third = await mqtt.client()
    await third.subscribe("gateway/#")
    assert await third.message() == Message("gateway/state", b"offline", 1, 1, True)


async def test_devices_can_store_nothing(mqtt: Running) -> None:
    gateway, device = await mqtt.client("gateway"), await mqtt.client("joe")
    await device.publish("node/joe/led", b"1", retain=True)
    await gateway.publish("gateway/joe/led/set", b"1", retain=True)
    await gateway.subscribe("node/#")
    await device.subscribe("gateway/joe/#")
    await gateway.ping()
    await device.ping()
    assert not gateway.messages
    assert not device.messages


async def test_sessions_are_always_clean(mqtt: Running) -> None:
    name, password = mqtt.account("joe")
    gateway = await mqtt.client("gateway")
    for _ in range(2):
        device = await Client.open(mqtt.port)
        device.send(connect_packet("same", name, password, clean=False))
        assert await device.packet() == (0x20, b"\0\0"), "no session present"
        await device.ping()
        assert not device.messages
        await device.subscribe("gateway/joe/#")
        device.disconnect()
        await until(lambda: len(mqtt.broker.guard.sessions) == 1)
        await gateway.publish("gateway/joe/led/set", b"1")


async def test_the_newer_of_two_connections_of_one_client_wins(mqtt: Running, caplog: pytest.LogCaptureFixture) -> None:
    gateway, old = await mqtt.client("gateway"), await mqtt.client("joe", "board")
    other = await mqtt.client("ann", "board")
    await old.subscribe("gateway/joe/#")
    new = await mqtt.client("joe", "board")
    await new.subscribe("gateway/joe/#")
    assert await old.closed() == b""
    assert "device joe as 'board' at 127.0.0.1 is replaced by a new connection from 127.0.0.1" in caplog.text
    await gateway.publish("gateway/joe/led/set", b"1")
    assert (await new.message()).payload == b"1"
    await other.ping()
    assert mqtt.broker.counters.replaced == 1


async def test_the_will_of_a_replaced_connection_comes_before_what_the_new_one_says(mqtt: Running) -> None:
    gateway = await mqtt.client("gateway")
    await gateway.subscribe("node/+/+")
    name, password = mqtt.account("joe")
    for number in range(20):
        device = await Client.open(mqtt.port)
        device.send(
            connect_packet("b", name, password, will=("node/joe/out", b"%d" % number))
            + publish_packet("node/joe/boot", b"%d" % number)
        )
    said = [(m.topic, int(m.payload)) for m in [await gateway.message() for _ in range(39)]]
    assert said == sorted(said, key=lambda each: (each[1] + (each[0] == "node/joe/out"), each[0] == "node/joe/boot"))


async def test_what_is_said_right_before_goodbye_arrives(mqtt: Running) -> None:
    """amqtt alone loses all but one of these."""
    gateway = await mqtt.client("gateway")
    await gateway.subscribe("node/#")
    device = await Client.open(mqtt.port)
    messages = b"".join(publish_packet("node/hurry/count", b"%d" % n, 1, n + 1) for n in range(300))
    device.send(connect_packet("hurry") + messages + packet(0xE0))
    await device.writer.drain()
    device.writer.close()
    assert [int((await gateway.message()).payload) for _ in range(300)] == list(range(300))


async def test_a_message_at_qos_2_is_passed_on_once(mqtt: Running) -> None:
    gateway, device = await mqtt.client("gateway"), await mqtt.client("joe")
    await gateway.subscribe("node/#")
    for again in (0, 8):
        twice = bytearray(publish_packet("node/joe/count", b"1", 2, 7))
        twice[0] |= again
        device.send(bytes(twice))
        assert await device.expect(0x50) == b"\0\x07"
    device.send(packet(0x62, b"\0\x07"))
    assert await device.expect(0x70) == b"\0\x07"
    device.send(publish_packet("node/joe/count", b"2", 2, 7))
    assert [(await gateway.message()).payload for _ in range(2)] == [b"1", b"2"]


async def test_more_than_a_window_of_messages_arrives_in_order(mqtt: Running) -> None:
    gateway, device = await mqtt.client("gateway"), await mqtt.client("joe")
    await gateway.subscribe("node/#")
    count = 2 * WINDOW + 10
    for number in range(count):
        device.send(publish_packet("node/joe/count", b"%d" % number, 1, number + 1))
    first = [await gateway.message(acknowledge=False) for _ in range(WINDOW)]
    await gateway.ping()
    assert not gateway.messages, "more than a window is not sent"
    for message in first:
        gateway.send(packet(0x40, message.packet_id.to_bytes(2, "big")))
    rest = [await gateway.message() for _ in range(count - WINDOW)]
    assert [int(m.payload) for m in first + rest] == list(range(count))


async def test_four_hundred_that_connect_at_once_are_all_served(mqtt: Running) -> None:
    """amqtt alone drops a quarter: "dictionary changed size during iteration"."""
    assert MAX_BEFORE_LOGIN >= 400
    gateway = await mqtt.client("gateway")
    await gateway.subscribe("node/#")
    await gateway.publish("gateway/state", b"online", retain=True)

    async def come(number: int) -> Client:
        device = await mqtt.client(client_id=f"c{number}")
        assert await device.subscribe(f"gateway/{number}/#", "gateway/state") == [1, 1]
        assert (await device.message()).payload == b"online"
        await device.publish(f"node/{number}/led", b"0")
        return device

    async with asyncio.timeout(PATIENCE_S):
        crowd = await asyncio.gather(*map(come, range(400)))
    assert {(await gateway.message()).topic for _ in range(400)} == {f"node/{number}/led" for number in range(400)}
    for device in crowd:
        device.vanish()
    await until(lambda: len(mqtt.broker.guard.sessions) == 1)
    await gateway.ping()


async def test_nothing_is_left_of_those_who_are_gone(mqtt: Running) -> None:
    """amqtt alone keeps a filter for ever once it was used."""
    from pyaiot.mqtt_broker.routing import AmqttRouter

    router = mqtt.broker.guard._router
    assert isinstance(router, AmqttRouter)
    (service,) = (each for each in asyncio.all_tasks() if each.get_name() == "MQTT broker")
    for number in range(5):
        device = await mqtt.client("joe", f"x{number}")
        for round_ in range(3):
            await device.subscribe(*(f"gateway/joe/{round_}/{n}" for n in range(10)))
            await device.unsubscribe(*(f"gateway/joe/{round_}/{n}" for n in range(10)))
        await device.subscribe("gateway/joe/#", "gateway/check")
        device.vanish()
    hurried = await Client.open(mqtt.port)  # amqtt alone never sees it go
    hurried.send(connect_packet("hurried") + packet(0xE0))
    await until(lambda: mqtt.broker.counters.logins == 6 and not mqtt.broker.guard.sessions)
    await until(lambda: not any("MQTT" in each.get_name() for each in asyncio.all_tasks() - {service}), FORGET_S / 2)
    assert not router._subscriptions
    assert not router._subscriptions._wild
    assert not router._sessions
    assert not router._outlets
    guard = mqtt.broker.guard
    assert not guard.connections
    assert not guard._accounts
    assert not guard.room.routed_bytes
    assert not len(guard._admission)


async def test_subscriptions_of_one_client_are_bounded(mqtt: Running) -> None:
    device = await mqtt.client("joe")
    for number in range(MAX_SUBSCRIPTIONS):
        assert await device.subscribe(f"gateway/joe/{number}") == [1]
    assert await device.subscribe("gateway/joe/more", "gateway/joe/0") == [0x80, 1]


async def test_who_is_silent_for_one_and_a_half_keepalives_is_gone(
    mqtt: Running, caplog: pytest.LogCaptureFixture
) -> None:
    gateway, device, pinging = await mqtt.client("gateway"), await Client.open(mqtt.port), await Client.open(mqtt.port)
    await gateway.subscribe("node/#")
    loop = asyncio.get_running_loop()
    device.send(connect_packet("silent", keepalive_s=1, will=("node/silent/out", b"")))
    pinging.send(connect_packet("pinging", keepalive_s=1))
    assert await device.packet() == await pinging.packet() == (0x20, b"\0\0")
    began = loop.time()
    closing = asyncio.create_task(device.closed())
    while not closing.done():
        await pinging.ping()
        await asyncio.wait((closing,), timeout=0.4)
    assert loop.time() - began >= 1.3
    assert (await gateway.message()).topic == "node/silent/out"
    assert "a client without a name as 'silent' at 127.0.0.1 was silent for 2 s; disconnected" in caplog.text
    await pinging.ping()
