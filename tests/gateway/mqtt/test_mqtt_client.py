# SPDX-License-Identifier: BSD-3-Clause
"""The road to the MQTT broker: lost and found again, and MQTT brokers that do not do as they should."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable

import pytest

from pyaiot.gateway.mqtt import client, connection, in_flight, packets
from pyaiot.gateway.mqtt.packets import Control
from tests.gateway.mqtt.conftest import MakeGateway
from tests.gateway.mqtt.gateways import BrokerSession, Gateway, broker_by_hand
from tests.patience import PATIENCE_S, keeps_within
from tests.process.mosquitto import Mosquitto
from tests.process.mqtt_peers import peer

needs_mosquitto = pytest.mark.needs("mosquitto")


def told(caplog: pytest.LogCaptureFixture, level: int = logging.WARNING) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= level]


async def until(so: Callable[[], object]) -> None:
    """Wait for what no event tells."""
    async with asyncio.timeout(PATIENCE_S):
        while not so():
            await asyncio.sleep(0.01)


@needs_mosquitto
@pytest.mark.parametrize("hard", [False, True], ids=["stopped", "killed"])
async def test_what_mosquitto_acknowledged_while_the_gateway_was_away_comes_once_when_it_is_back(
    server: Mosquitto, make_gateway: MakeGateway, hard: bool
) -> None:
    first = await make_gateway(server.port)
    async with peer(server.port, "device") as device:
        await device.told("node/n/count", "0")
        await first.until(first.updates)
        await first.adapter.stop()
        for number in range(1, 101):
            await device.told("node/n/count", str(number))
    await (server.kill() if hard else server.stop())
    await server.start()
    second = await make_gateway(server.port)
    async with peer(server.port, "device") as device:
        await device.told("node/n/count", "101")
        await second.until(lambda: second.nodes.get("n", {}).get("count") == 101)
    numbers = [update[2] for update in second.updates()]
    # Mosquitto saves after each message; killed, it may not have come to the last.
    assert numbers == list(range(1, 102)) or (hard and numbers == [*range(1, 100), 101])


async def test_a_goodbye_is_heard_with_all_that_was_said_before_it(
    make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were the socket closed first, an answer to it would be met by a reset, which takes what is not read yet."""
    monkeypatch.setattr(connection, "CLOSE_S", PATIENCE_S)
    leaving = asyncio.Event()
    heard: list[packets.Packet] = []

    async def slow(session: BrokerSession) -> None:
        await session.admit()
        await leaving.wait()
        session.writer.write(b"\x40\x02\x00\x01")
        await session.writer.drain()
        while not (heard and isinstance(heard[-1], Control) and heard[-1].kind == 0xE0):
            heard.append(await session.next())

    async with broker_by_hand(slow) as port:
        gateway = await make_gateway(port)
        stopping = asyncio.create_task(gateway.adapter.stop())
        await asyncio.sleep(0.05)
        assert not stopping.done()
        leaving.set()
        await stopping
    assert [packet.topic for packet in heard if isinstance(packet, packets.Publish)][-1] == "gateway/state"


@needs_mosquitto
async def test_mosquitto_restarted_under_load_loses_nothing_and_nothing_comes_twice(
    gateway: Gateway, server: Mosquitto
) -> None:
    number = 0
    for _ in range(3):
        async with peer(server.port, "device") as device:
            for _ in range(300):
                number += 1
                device.publish("node/n/count", str(number))
            await device.until(lambda: len(device.acknowledged) == 300)
            await server.stop()
        await server.start()
    async with peer(server.port, "device") as device:
        await device.told("node/n/count", str(number + 1))
        await gateway.until(lambda: gateway.nodes["n"]["count"] == number + 1)
    assert [update[2] for update in gateway.updates()] == list(range(1, number + 2))
    assert gateway.adapter.counters.losses >= 1


@needs_mosquitto
async def test_the_mqtt_broker_may_come_later_loud_once_and_quiet_after(
    server: Mosquitto, make_gateway: MakeGateway, caplog: pytest.LogCaptureFixture
) -> None:
    await server.stop()
    gateway = await make_gateway(server.port, connected=False)
    counters = gateway.adapter.counters
    await until(lambda: counters.losses >= 3)
    await server.start()
    await until(gateway.adapter.connected.is_set)
    await server.stop()
    await until(lambda: not gateway.adapter.connected.is_set())  # type: ignore[union-attr]
    before = counters.losses
    await until(lambda: counters.losses >= before + 2)
    await server.start()
    await until(gateway.adapter.connected.is_set)
    assert [line.split(" at ")[0] for line in told(caplog)] == ["Cannot reach the MQTT broker", "Lost the MQTT broker"]
    async with peer(server.port, "device") as device:
        await device.told("node/a/led", "1")
        await gateway.until(gateway.updates)


async def test_a_message_sent_again_is_acknowledged_and_not_reported_again(make_gateway: MakeGateway) -> None:
    acknowledged: list[bytes] = []
    said = packets.publish("node/a/led", b"1", 7)
    again = bytes((said[0] | 8,)) + said[1:]
    other = packets.publish("node/a/led", b"2", 7)

    async def first(session: BrokerSession) -> None:
        await session.admit()
        session.writer.write(said)
        acknowledged.append((await session.next_of(packets.PUBACK)).body)

    async def then(session: BrokerSession) -> None:
        await session.admit(kept=True)
        session.writer.write(again + bytes((other[0] | 8,)) + other[1:])
        for _ in range(2):
            acknowledged.append((await session.next_of(packets.PUBACK)).body)
        session.writer.write(said)
        acknowledged.append((await session.next_of(packets.PUBACK)).body)

    async def new_session(session: BrokerSession) -> None:
        await session.admit(kept=False)
        session.writer.write(bytes((said[0] | 8,)) + said[1:])
        acknowledged.append((await session.next_of(packets.PUBACK)).body)
        await session.next_of(packets.DISCONNECT[0])

    async with broker_by_hand(first, then, new_session) as port:
        gateway = await make_gateway(port)
        await until(lambda: len(acknowledged) == 5)
        assert acknowledged == [b"\0\7"] * 5
        assert [update[2] for update in gateway.updates()] == [1, 2, 1, 1]
        assert gateway.adapter.counters.duplicates == 1


async def test_nothing_is_acknowledged_before_it_was_taken_and_one_read_is_acknowledged_by_one_write(
    make_gateway: MakeGateway,
) -> None:
    taken: list[int] = []
    begun, done = asyncio.Event(), asyncio.Event()

    async def serve(session: BrokerSession) -> None:
        await session.admit()
        await begun.wait()
        session.writer.write(b"".join(packets.publish("node/a/n", b"%d" % each, each) for each in range(1, 101)))
        for each in range(1, 101):
            assert (await session.next_of(packets.PUBACK)).body == each.to_bytes(2, "big")
            taken.append(len(gateway.updates()))
        done.set()
        await session.next_of(packets.DISCONNECT[0])

    async with broker_by_hand(serve) as port:
        gateway = await make_gateway(port)
        begun.set()
        async with asyncio.timeout(PATIENCE_S):
            await done.wait()
    assert all(count >= number for number, count in enumerate(taken, 1))


@needs_mosquitto
async def test_while_the_gateway_is_crowded_nothing_is_read_and_nothing_is_lost(
    gateway: Gateway, server: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    counters = gateway.adapter.counters
    gateway.crowded_at = 50
    async with peer(server.port, "device") as device:
        for number in range(500):
            device.publish("node/n/count", str(number))
        await device.until(lambda: len(device.acknowledged) == 500)  # Mosquitto has them all
        await gateway.until(lambda: gateway.crowded)
        held = len(gateway.updates())
        # What comes with one read is taken; of a quick Mosquitto that is more than its max_inflight_messages.
        assert held < 500, "the rest is left with Mosquitto"
        assert counters.pauses == 1
        await device.told("node/n/count", "500")
        assert len(gateway.updates()) == held
        gateway.relieve()
        await gateway.until(lambda: len(gateway.updates()) == 501)
    assert [update[2] for update in gateway.updates()] == list(range(501))
    assert counters.losses == 0


async def test_what_comes_before_suback_may_crowd_the_gateway_for_longer_than_an_answer_may_take(
    make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long backlog comes as soon as the session is resumed; SUBACK is behind it, and unread while it is crowded."""
    monkeypatch.setattr(connection, "ANSWER_S", 0.2)

    async def serve(session: BrokerSession) -> None:
        await session.next_of(0x10)
        session.writer.write(b"\x20\2\1\0" + packets.publish("node/a/led", b"1", 1))
        await session.next_of(packets.PUBACK)
        subscribe = await session.next_of(0x82)
        await asyncio.sleep(0.5)  # more than ANSWER_S
        session.writer.write(b"\x90\5" + subscribe.body[:2] + b"\1\1\1")
        while True:
            await session.next()

    async with broker_by_hand(serve) as port:
        gateway = await make_gateway(port, connected=False)
        gateway.crowded_at = 1
        await gateway.until(gateway.updates)
        counters = gateway.adapter.counters
        await asyncio.sleep(0.6)
        assert (counters.connections, counters.losses) == (0, 0)
        gateway.relieve()
        async with asyncio.timeout(PATIENCE_S):
            await gateway.adapter.connected.wait()
        assert counters.losses == 0


async def test_a_pause_is_no_silence_and_silence_is_noticed(
    make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With the times of the link shortened: a gateway that is crowded for long keeps its connection, as it pings on."""
    monkeypatch.setattr(connection, "PING_S", 0.05)
    monkeypatch.setattr(connection, "SILENCE_S", 1.5)
    pings = 0

    async def serve(session: BrokerSession) -> None:
        nonlocal pings
        await session.admit()
        session.writer.write(packets.publish("node/a/led", b"1", 1))
        while True:
            packet = await session.next()
            if isinstance(packet, packets.Control) and packet.kind == 0xC0:
                pings += 1
                if pings < 50:
                    session.writer.write(b"\xd0\0")

    async with broker_by_hand(serve) as port:
        gateway = await make_gateway(port)
        gateway.crowded_at = 1
        counters = gateway.adapter.counters
        await until(lambda: pings >= 40)
        assert (counters.pauses, counters.losses) == (1, 0)
        gateway.relieve()
        await until(lambda: counters.losses)
        assert pings >= 50
    assert any("it has said nothing for" in line for line in told(caplog))


@needs_mosquitto
async def test_a_retained_command_is_told_and_the_gateway_hears_no_others(
    server: Mosquitto, make_gateway: MakeGateway, caplog: pytest.LogCaptureFixture
) -> None:
    async with peer(server.port, "somebody") as other:
        for node in range(30):  # more than Mosquitto has under way at QoS 1
            await other.told(f"gateway/n{node}/led/set", "1", retain=True)
        gateway = await make_gateway(server.port)
        counters = gateway.adapter.counters
        await until(lambda: counters.retained_commands == 30)
        said = [line for line in told(caplog) if line.startswith("A command is retained on gateway/n7/led/set")]
        assert len(said) == 1
        assert "mosquitto_pub -r -n -t gateway/n7/led/set" in said[0]
        for number in range(50):  # it takes a moment until it has unsubscribed
            before = counters.messages
            await other.told("gateway/n1/led/set", "0")
            await other.told("node/live/count", str(number))
            await gateway.until(lambda number=number: len(gateway.updates()) == number + 1)
            if counters.messages == before + 1:
                break
        else:
            raise AssertionError("it hears commands to devices")
        assert set(gateway.nodes) == {"live"}


@needs_mosquitto
async def test_pb_34_a_client_id_used_twice_is_told_in_one_line(
    server: Mosquitto, make_gateway: MakeGateway, caplog: pytest.LogCaptureFixture
) -> None:
    one = await make_gateway(server.port, client_id="same")
    two = await make_gateway(server.port, client_id="same", connected=False)
    line = (
        "Another client at the MQTT broker seems to use the client id same: "
        "give each gateway its own (--mqtt-client-id)"
    )
    async with asyncio.timeout(PATIENCE_S):
        while line not in told(caplog, logging.ERROR):
            await asyncio.sleep(0.02)
    assert told(caplog, logging.ERROR).count(line) <= 2
    for gateway in (one, two):
        assert gateway.adapter.counters.connections < 20, "they do not fight on"


@needs_mosquitto
async def test_a_wrong_password_is_told_once_and_tried_on_until_it_is_right(
    server: Mosquitto, make_gateway: MakeGateway, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.anonymous = False
    server.add_user("gateway", "right")
    await server.stop()
    await server.start()
    nobody = await make_gateway(server.port, connected=False)
    await until(lambda: nobody.adapter.counters.losses >= 2)  # type: ignore[union-attr]
    await nobody.adapter.stop()
    assert len(told(caplog)) == 1
    assert "does not admit this gateway: it wants a user and a password" in told(caplog)[0]
    caplog.clear()
    gateway = await make_gateway(server.port, connected=False, user="gateway", password=b"wrong")
    await until(lambda: gateway.adapter.counters.losses >= 2)  # type: ignore[union-attr]
    [line] = told(caplog)
    assert "wrong password for the user gateway (--mqtt-user, --mqtt-password-file)" in line
    server.add_user("gateway", "wrong")
    await server.reload()
    await until(gateway.adapter.connected.is_set)


@pytest.mark.parametrize(
    ("stream", "line"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "it does not speak MQTT 3.1.1"),
        (b"\x20\2\0\1", "it refused CONNECT with code 1"),
        (b"\x20\2\0\2", "it does not take the client id gateway-under-test (--mqtt-client-id)"),
        (b"\x20\2\0\3", "it is not available"),
        (b"\x20\3\0\0\0", "CONNACK is not 4 bytes long"),
        (b"\x20\2\0\0\x90\5\0\1\1\1\x80", "subscribe to node/+/+; change its access list"),
        (b"\x20\2\0\0\x90\4\0\1\1\1", "it does not speak MQTT 3.1.1 (SUBACK is not what was asked for)"),
        (b"\x20\2\0\0\x90\5\0\1\1\1\1\x36\5\0\1a\0\1", "it does not speak MQTT 3.1.1"),
        (b"", "does it want TLS (--mqtt-ssl)?"),
    ],
)
async def test_an_mqtt_broker_that_is_none_or_refuses_is_told_in_one_line(
    make_gateway: MakeGateway, caplog: pytest.LogCaptureFixture, stream: bytes, line: str
) -> None:
    async def serve(session: BrokerSession) -> None:
        connack, suback, codes = stream.partition(b"\x90")
        await session.next()
        session.writer.write(connack)
        if suback:
            await session.next_of(0x82)
            session.writer.write(suback + codes)
        if stream:
            await session.next_of(0xE0)  # until it goes

    async with broker_by_hand(serve) as port:
        gateway = await make_gateway(port, connected=False)
        await until(lambda: gateway.adapter.counters.losses >= 2)  # type: ignore[union-attr]
        assert [each for each in told(caplog) if line in each] == told(caplog)[:1]
        assert len(told(caplog)) == 1


async def test_an_mqtt_broker_that_grants_less_than_was_asked_for_is_told(
    make_gateway: MakeGateway, caplog: pytest.LogCaptureFixture
) -> None:
    async def serve(session: BrokerSession) -> None:
        await session.next_of(0x10)
        session.writer.write(b"\x20\2\0\0")
        await session.next_of(0x82)
        session.writer.write(b"\x90\5\0\1\1\1\0")
        while True:
            await session.next()

    async with broker_by_hand(serve) as port:
        await make_gateway(port)
        assert told(caplog) == ["The MQTT broker grants only QoS 0 on node/+/+: messages may be lost"]


async def test_an_mqtt_broker_that_answers_nothing_holds_up_neither_tries_nor_the_end(
    make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection, "ANSWER_S", 0.05)

    async def serve(session: BrokerSession) -> None:
        await asyncio.Event().wait()

    async with broker_by_hand(serve) as port:

        async def stops() -> float:
            gateway = await make_gateway(port, connected=False)
            await until(lambda: gateway.adapter.counters.losses >= 2)  # type: ignore[union-attr]
            began = asyncio.get_running_loop().time()
            await gateway.adapter.stop()
            return asyncio.get_running_loop().time() - began

        await keeps_within(1.0, stops)


async def test_who_reads_nothing_does_not_keep_the_gateway_from_ending_within_a_second(
    make_gateway: MakeGateway,
) -> None:
    async def serve(session: BrokerSession) -> None:
        await session.admit()
        await asyncio.Event().wait()

    async with broker_by_hand(serve) as port:

        async def stops() -> float:
            gateway = await make_gateway(port)
            for _ in range(1_000):
                gateway.adapter._client.publish("gateway/a/led/set", bytes(16_384))
            began = asyncio.get_running_loop().time()
            await gateway.adapter.stop()
            return asyncio.get_running_loop().time() - began

        await keeps_within(1.0, stops)


async def test_what_the_mqtt_broker_does_not_acknowledge_is_bounded(
    make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "MAX_IN_FLIGHT", 10)

    async def serve(session: BrokerSession) -> None:
        await session.admit()
        while True:
            await session.next()

    async with broker_by_hand(serve) as port:
        gateway = await make_gateway(port)
        results = [gateway.adapter._client.publish("gateway/check", b"") for _ in range(20)]
        assert [each.done() for each in results].count(True) == 20 - (10 - 2)  # state and check are under way
        assert gateway.adapter.counters.unsent == 12


def test_the_times_fit_together() -> None:
    assert connection.PING_S < connection.KEEPALIVE_S, "or the MQTT broker ends the connection"
    assert connection.SILENCE_S <= 25
    assert client.PROVED_AFTER_S <= client.SHORT_S


async def test_what_the_mqtt_broker_had_sent_before_it_was_killed_is_taken(make_gateway: MakeGateway) -> None:
    """It had acknowledged it to the devices, and not saved it. Our own writing notices first that it is gone."""
    begun, killed = asyncio.Event(), asyncio.Event()

    async def first(session: BrokerSession) -> None:
        await session.admit()
        await begun.wait()
        session.writer.write(packets.publish("node/a/n", b"0", 1))
        await session.next_of(packets.PUBACK)  # and reads no more for now
        session.writer.write(b"".join(packets.publish("node/a/n", b"%d" % each, each + 1) for each in range(1, 500)))
        await session.writer.drain()
        raw = session.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        session.writer.transport.abort()
        await asyncio.sleep(0)
        killed.set()

    async def then(session: BrokerSession) -> None:
        await session.admit(kept=True)
        again = packets.publish("node/a/n", b"499", 500)
        session.writer.write(bytes((again[0] | 8,)) + again[1:])
        session.writer.write(packets.publish("node/a/n", b"500", 501))
        while True:
            await session.next()

    async with broker_by_hand(first, then) as port:
        gateway = await make_gateway(port)
        gateway.crowded_at = 1
        begun.set()
        async with asyncio.timeout(PATIENCE_S):
            await killed.wait()
        while len(gateway.updates()) < 500 and gateway.adapter.counters.connections == 1:
            gateway.relieve()
            gateway.adapter._client.publish("gateway/check", b"")
            await asyncio.sleep(0)
        await gateway.until(lambda: gateway.nodes["a"]["n"] == 500)
    assert [update[2] for update in gateway.updates()] == list(range(501))
