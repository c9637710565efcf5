# SPDX-License-Identifier: BSD-3-Clause
"""What no client should do, at the real socket: the broker stays up, and others notice nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pyaiot import devices
from pyaiot.devices import Credential
from pyaiot.lifecycle import started
from pyaiot.mqtt_broker import admission, broker, connection, room
from tests.mqtt_broker.mqtt_client import (
    Client,
    Running,
    connect_packet,
    packet,
    password_of,
    publish_packet,
    running,
    store,
    text,
    until,
)
from tests.patience import PATIENCE_S, processor_s

MUTANTS = 100_000
#: At once; the answer to a wrong password takes two seconds.
ATTACKERS = 40
FUZZ_S = 240.0

SOUND = [
    connect_packet("board", keepalive_s=60, will=("node/board/out", b"gone"), will_flags=0x28),
    connect_packet("", "joe", password_of("joe")),
    connect_packet("x"),
    publish_packet("node/fuzz/led", b"1", 1, 7),
    publish_packet("node/check", b'{"id": "fuzz"}', 0),
    publish_packet("node/fuzz/led", b"x", 2, 9),
    packet(0x82, b"\0\1" + text("gateway/fuzz/#") + b"\1" + text("gateway/check") + b"\2"),
    packet(0xA2, b"\0\2" + text("gateway/check")),
    packet(0x40, b"\0\1"),
    packet(0x50, b"\0\1"),
    packet(0x62, b"\0\1"),
    packet(0x70, b"\0\1"),
    packet(0xC0),
    packet(0xE0),
]


def mutate(chance: random.Random, raw: bytes) -> bytes:
    changed = bytearray(raw)
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        match chance.randrange(5):
            case 0 | 1:
                changed[chance.randrange(len(changed))] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
            case 2:
                at = chance.randrange(len(changed) + 1)
                changed[at:at] = chance.randbytes(chance.randrange(1, 8))
            case 3 if len(changed) > 2:
                del changed[chance.randrange(1, len(changed)) :]
            case _:
                at = chance.randrange(len(changed))
                changed[at : at + 1] = changed[at : at + 1] * chance.randrange(1, 4)
    return bytes(changed)


@asynccontextmanager
async def process(tmp_path: Path) -> AsyncIterator[tuple[int, int, list[str]]]:
    """``aiot-mqtt-broker`` in a process of its own: its port, its pid, and what it says."""
    store(tmp_path / "private" / "devices", "joe")
    running_process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import sys; from pyaiot.mqtt_broker.cli import main; sys.exit(main())",
        "--mqtt-port=0",
        f"--device-file={tmp_path / 'private' / 'devices'}",
        stderr=asyncio.subprocess.PIPE,
    )
    assert running_process.stderr is not None
    first = (await asyncio.wait_for(running_process.stderr.readline(), PATIENCE_S)).decode()
    found = re.search(r"MQTT broker listening on localhost port (\d+)", first)
    assert found, first
    lines: list[str] = []

    async def read() -> None:
        assert running_process.stderr is not None
        async for line in running_process.stderr:
            lines.append(line.decode())

    reading = asyncio.create_task(read())
    try:
        yield int(found[1]), running_process.pid, lines
        assert running_process.returncode is None, "".join(lines[-20:])
    finally:
        with contextlib.suppress(ProcessLookupError):
            running_process.terminate()
        assert await asyncio.wait_for(running_process.wait(), PATIENCE_S) == 0
        await reading
        assert "Traceback" not in "".join(lines), "".join(lines)


def add_gateway(mqtt: Running, user: str) -> None:
    """Give a gateway of another process a password."""
    known = devices.load(mqtt.device_file)
    known.accounts[user] = Credential.of("gateway", password_of(user).encode())
    mqtt.broker.guard.change_devices(known)


def resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])  # type: ignore[index]


async def test_mutated_packets_disturb_nobody(tmp_path: Path) -> None:
    """100,000 of them: before a login, after one, and in the middle of other packets."""
    chance = random.Random(2_026)
    slowest_s, exchanged = 0.0, 0
    async with process(tmp_path) as (port, pid, _):
        good = await Client.connect(port, "good", "joe", password_of("joe"))
        await good.subscribe("gateway/joe/#")

        async def attack(count: int) -> None:
            while count > 0:
                size = chance.choice((1, 2, 5, 10, 32))
                stream = [mutate(chance, chance.choice(SOUND)) for _ in range(size)]
                if chance.random() < 0.7:
                    stream.insert(0, connect_packet(f"c{chance.randrange(50)}"))
                count -= size
                with contextlib.suppress(OSError):
                    client = await Client.open(port)
                    for raw in stream:
                        client.send(raw)
                    if chance.random() < 0.9:
                        client.writer.write_eof()
                        async with asyncio.timeout(PATIENCE_S):
                            await client.reader.read(-1)
                    client.vanish()

        async with asyncio.timeout(FUZZ_S):
            await attack(MUTANTS // 50)  # so that everything has been used once
            before = resident_kib(pid)
            attacks = [asyncio.create_task(attack(MUTANTS // ATTACKERS)) for _ in range(ATTACKERS)]
            while not all(each.done() for each in attacks):
                at = processor_s(pid)
                await good.publish("node/joe/count", b"%d" % exchanged)
                slowest_s = max(slowest_s, processor_s(pid) - at)
                exchanged += 1
                await asyncio.sleep(0.01)
            for each in attacks:
                each.result()
        await good.ping()
        print(f"slowest {slowest_s:.3f} s of {exchanged}, {resident_kib(pid) - before} KiB more")
        assert exchanged > 50
        assert slowest_s < 1.0
        assert resident_kib(pid) - before < 20_000


async def test_a_packet_of_30_mb_is_refused_when_it_is_announced(
    mqtt: Running, caplog: pytest.LogCaptureFixture
) -> None:
    huge = packet(0x30, b"\0" * 30_000_000)
    stranger = await Client.open(mqtt.port)
    stranger.send(huge[:5])
    assert await stranger.closed() == b""
    assert "127.0.0.1 sent a packet of 30000000 bytes, where 1024 are the most; disconnected" in caplog.text
    device = await mqtt.client("joe")
    device.send(huge[:5])
    assert await device.closed() == b""
    assert mqtt.broker.counters.bad_packets == 2


async def test_a_packet_of_64_kib_arrives_and_a_byte_more_does_not(mqtt: Running) -> None:
    gateway, device = await mqtt.client("gateway"), await mqtt.client("joe")
    await gateway.subscribe("node/#")
    most = connection.MAX_PACKET_BYTES - len(text("node/joe/x")) - 2
    await device.publish("node/joe/x", b"x" * most)
    assert len((await gateway.message()).payload) == most
    device.send(publish_packet("node/joe/x", b"x" * (most + 1), 1))
    assert await device.closed() == b""


async def test_half_a_connect_is_waited_for_so_long(mqtt: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_S", 0.3)
    loop = asyncio.get_running_loop()
    began = loop.time()
    for start in (b"", b"\x10", connect_packet("x")[:-1]):
        stranger = await Client.open(mqtt.port)
        stranger.send(start)
        assert await stranger.closed() == b""
    assert loop.time() - began >= 0.9
    assert mqtt.broker.counters.no_connect == 3


async def test_a_connect_in_drops_does_not_prolong_its_time(mqtt: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_S", 0.3)
    stranger = await Client.open(mqtt.port)
    closing = asyncio.create_task(stranger.closed())
    for byte in connect_packet("x" * 100):
        if closing.done():
            break
        stranger.send(bytes((byte,)))
        await asyncio.wait((closing,), timeout=0.05)
    else:
        raise AssertionError("it was waited for all of it")
    assert await closing == b""


async def test_a_flood_of_connections_keeps_nobody_out(mqtt: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_BEFORE_LOGIN", 30)
    gateway = await mqtt.client("gateway")
    await gateway.subscribe("node/#")
    flood = [await Client.open(mqtt.port) for _ in range(100)]
    assert mqtt.broker.guard._admission.before_login == 30
    device = await mqtt.client("joe")
    await device.publish("node/joe/led", b"1")
    assert (await gateway.message()).payload == b"1"
    assert mqtt.broker.counters.crowded_out >= 70
    assert await flood[0].closed() == b""


async def test_idle_clients_without_a_name_keep_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(broker, "MAX_CONNECTIONS", 40)
    async with running(tmp_path) as mqtt:
        active = await mqtt.client(client_id="active")
        idle = []
        for number in range(60):
            idle.append(await mqtt.client(client_id=f"idle{number}"))
            await active.ping()
        assert len(mqtt.broker.guard.sessions) <= 18
        assert await idle[0].closed() == b""
        assert "a client without a name as 'idle0' at 127.0.0.1 was silent longest of 17 clients" in caplog.text
        assert mqtt.broker.counters.crowded_out == 60 - 16
        gateway, device = await mqtt.client("gateway"), await mqtt.client("joe")
        await gateway.subscribe("node/#")
        for each in (device, active):
            await each.publish("node/joe/led", b"1")
            assert (await gateway.message()).payload == b"1"


async def test_more_accounts_than_there_may_be_are_told_and_the_own_gateway_comes_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(broker, "MAX_CONNECTIONS", 8)
    async with running(tmp_path) as mqtt:
        crowd = [await mqtt.client("joe", f"x{number}") for number in range(6)]
        late = await Client.open(mqtt.port)
        late.send(connect_packet("late", "ann", password_of("ann")))
        assert await late.closed() == b"\x20\x02\0\x03", "server unavailable"
        assert "127.0.0.1 cannot connect: there are 6 clients already" in caplog.text
        own = await mqtt.client("gateway")
        await own.ping()
        crowd.pop().vanish()
        await until(lambda: len(mqtt.broker.guard.connections) == 6)
        await (await mqtt.client("ann")).ping()


async def test_a_device_that_does_not_read_is_disconnected_and_others_get_everything(
    mqtt: Running, caplog: pytest.LogCaptureFixture
) -> None:
    gateway, slow, good = await mqtt.client("gateway"), await mqtt.client("joe"), await mqtt.client("ann")
    await slow.subscribe("gateway/joe/#", "gateway/check")
    await good.subscribe("gateway/ann/#", "gateway/check")
    slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
    number = 0
    while not mqtt.broker.counters.too_slow:
        assert number < 5_000
        await gateway.publish("gateway/joe/js/set", b"x" * 10_000)
        if number % 10 == 0:
            await gateway.publish("gateway/ann/led/set", b"%d" % number)
            assert (await good.message()).payload == b"%d" % number
        number += 1
    assert "device joe at 127.0.0.1 reads too slowly" in caplog.text
    await gateway.publish("gateway/check", b"")
    assert (await good.message()).topic == "gateway/check"


async def test_a_device_that_acknowledges_nothing_is_disconnected(mqtt: Running) -> None:
    gateway, slow = await mqtt.client("gateway"), await mqtt.client("joe")
    await slow.subscribe("gateway/joe/#")
    reading = asyncio.create_task(slow.closed())
    number = 0
    while not reading.done():
        assert number < 10_000
        await gateway.publish("gateway/joe/led/set", b"%d" % number)
        number += 1
    assert mqtt.broker.counters.too_slow == 1


async def test_devices_wait_for_a_gateway_that_reads_slowly_and_nothing_is_lost(
    mqtt: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "GATEWAY_HIGH_BYTES", 200_000)
    monkeypatch.setattr(room, "GATEWAY_LOW_BYTES", 50_000)
    gateway, device = await mqtt.client("gateway"), await mqtt.client("joe")
    await gateway.subscribe("node/#")
    gateway.writer.transport.pause_reading()  # type: ignore[attr-defined]
    payload = b"x" * 5_000
    count = 1_500

    async def publish() -> None:
        for number in range(count):
            device.send(publish_packet("node/joe/x", b"%d " % number + payload, 1, number + 1))
            await device.writer.drain()

    publishing = asyncio.create_task(publish())
    await until(lambda: not mqtt.broker.guard.room.is_free)
    (session,) = mqtt.broker.guard.room.behind
    await asyncio.sleep(0.2)  # it could grow in this time
    assert session.unsent_bytes < 200_000 + 2 * 64 * 6_000
    assert not publishing.done() or mqtt.broker.counters.published < count
    gateway.writer.transport.resume_reading()  # type: ignore[attr-defined]
    async with asyncio.timeout(60):
        received = [int((await gateway.message()).payload.split()[0]) for _ in range(count)]
    assert received == list(range(count))
    await publishing
    assert mqtt.broker.guard.room.is_free


async def fill(mqtt: Running, device: Client, count: int = 600) -> None:
    """Publish until devices have to wait."""
    for number in range(count):
        device.send(publish_packet("node/joe/x", b"%d " % number + b"x" * 5_000, 1, number + 1))
    await until(lambda: not mqtt.broker.guard.room.is_free)


async def test_a_gateway_that_acknowledges_slowly_stays_and_loses_nothing(
    mqtt: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(room, "GATEWAY_HIGH_BYTES", 50_000)
    monkeypatch.setattr(room, "GATEWAY_LOW_BYTES", 20_000)
    monkeypatch.setattr(room, "GATEWAY_STUCK_S", 0.5)
    caplog.set_level("INFO")
    gateway, device = await mqtt.client("gateway"), await mqtt.client("joe")
    await gateway.subscribe("node/#")
    await fill(mqtt, device)
    received = set()
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() - began < 1.5:  # three times as long as it may take nothing
        received.add((await gateway.message()).payload)
        await asyncio.sleep(0.1)
    assert mqtt.broker.counters.too_slow == 0
    while len(received) < 600:
        received.add((await gateway.message()).payload)
    await until(lambda: mqtt.broker.guard.room.is_free)
    begin = "gateway @embedded at 127.0.0.1 reads too slowly: devices wait for it"
    assert [record.levelname for record in caplog.records if begin in record.getMessage()][:1] == ["WARNING"]
    end = "gateway @embedded at 127.0.0.1 has caught up: devices no longer wait for it"
    assert [record.levelname for record in caplog.records if end in record.getMessage()][:1] == ["INFO"]


@pytest.mark.parametrize("sign", [packet(0xC0), packet(0x40, b"\xff\xff")], ids=["PINGREQ", "PUBACK of nothing"])
async def test_a_gateway_that_only_says_that_it_is_there_stops_devices_for_so_long(
    mqtt: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, sign: bytes
) -> None:
    monkeypatch.setattr(room, "GATEWAY_HIGH_BYTES", 50_000)
    monkeypatch.setattr(room, "GATEWAY_STUCK_S", 0.5)
    gateway, device = await mqtt.client("gateway"), await mqtt.client("joe")
    await gateway.subscribe("node/#")
    await fill(mqtt, device)
    reading = asyncio.create_task(gateway.closed())
    async with asyncio.timeout(PATIENCE_S):
        while not reading.done():
            gateway.send(sign)
            await asyncio.wait((reading,), timeout=0.05)
    for _ in range(600):
        await device.expect(0x40)
    assert mqtt.broker.counters.too_slow == 1
    assert "gateway @embedded at 127.0.0.1 took nothing for 0 s, and devices waited; disconnected" in caplog.text


async def test_devices_do_not_wait_for_another_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is disconnected when it is over its bound; the gateway in the process gets everything."""
    monkeypatch.setattr(room, "GATEWAY_HIGH_BYTES", 200_000)
    monkeypatch.setattr(room, "MAX_OTHER_GATEWAY_UNSENT_BYTES", 500_000)
    async with running(tmp_path) as mqtt:
        add_gateway(mqtt, "other")
        other, own, device = await mqtt.client("other"), await mqtt.client("gateway"), await mqtt.client("joe")
        await other.subscribe("node/#")
        await own.subscribe("node/#")
        reading = asyncio.create_task(other.closed())  # reads, and acknowledges nothing
        for number in range(600):
            await device.publish("node/joe/x", b"%d " % number + b"x" * 5_000)
            assert mqtt.broker.guard.room.is_free
            assert int((await own.message()).payload.split()[0]) == number
        await reading
        assert mqtt.broker.counters.too_slow == 1


async def test_devices_wait_for_every_gateway_where_none_is_in_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "GATEWAY_HIGH_BYTES", 50_000)
    monkeypatch.setattr(room, "GATEWAY_STUCK_S", 0.5)
    async with running(tmp_path, alone=True) as mqtt:
        add_gateway(mqtt, "other")
        other, device = await mqtt.client("other"), await mqtt.client("joe")
        await other.subscribe("node/#")
        await fill(mqtt, device)
        await other.closed()
        for _ in range(600):
            await device.expect(0x40)
        assert mqtt.broker.counters.too_slow == 1


async def test_a_gateway_that_is_stuck_is_disconnected(mqtt: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "GATEWAY_HIGH_BYTES", 50_000)
    monkeypatch.setattr(room, "GATEWAY_STUCK_S", 0.5)
    gateway, device = await mqtt.client("gateway"), await mqtt.client("joe")
    await gateway.subscribe("node/#")
    gateway.writer.transport.pause_reading()  # type: ignore[attr-defined]
    for number in range(600):
        device.send(publish_packet("node/joe/x", b"x" * 5_000, 1, number + 1))
    await until(lambda: mqtt.broker.counters.too_slow == 1)
    await until(lambda: mqtt.broker.guard.room.is_free)
    for _ in range(600):
        await device.expect(0x40)
    await device.ping()


async def test_who_sends_too_fast_is_read_more_slowly_and_loses_nothing(
    mqtt: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MESSAGES_PER_S", 100)
    gateway, fast, calm = await mqtt.client("gateway"), await mqtt.client("joe"), await mqtt.client("ann")
    await gateway.subscribe("node/joe/#")
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(400):
        fast.send(publish_packet("node/joe/count", b"%d" % number, 0))
    await calm.publish("node/ann/led", b"1")
    assert mqtt.broker.counters.published < 400, "it was not waited for"
    assert [int((await gateway.message()).payload) for _ in range(400)] == list(range(400))
    assert loop.time() - began > 1.6, "200 at once, and 100 a second"


async def test_many_who_send_at_once_delay_nobody_else(tmp_path: Path) -> None:
    """Each may send 2,000 packets at once; 400 of them are worked on by turns."""
    async with process(tmp_path) as (port, pid, _):
        calm = await Client.connect(port, "calm", "joe", password_of("joe"))
        crowd = [await Client.connect(port, f"x{number}") for number in range(400)]
        slowest_s = 0.0
        for each in crowd:
            each.writer.transport.pause_reading()  # type: ignore[attr-defined]
            each.send(packet(0xC0) * 128 * 1024)
        for number in range(40):
            at = processor_s(pid)
            await calm.publish("node/joe/count", b"%d" % number)
            slowest_s = max(slowest_s, processor_s(pid) - at)
            await asyncio.sleep(0.02)
        for each in crowd:
            each.vanish()
        print(f"slowest {slowest_s:.3f} s")
        assert slowest_s < 0.5


async def test_who_asks_and_does_not_read_the_answers_is_disconnected(
    mqtt: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MAX_UNSENT_BYTES", 10_000)
    monkeypatch.setattr(connection, "MESSAGES_PER_S", 1_000_000)
    device = await mqtt.client("joe")
    device.writer.transport.pause_reading()  # type: ignore[attr-defined]
    device.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    (served,) = mqtt.broker.guard.connections.values()
    served._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2_048)
    async with asyncio.timeout(PATIENCE_S):
        while not mqtt.broker.counters.too_slow:
            device.send(packet(0xC0) * 4_000)
            await asyncio.sleep(0)
    assert not mqtt.broker.guard.connections


@pytest.mark.parametrize(
    "raw",
    [
        connect_packet("again"),
        packet(0x20, b"\0\0"),
        packet(0x90, b"\0\1\1"),
        packet(0xD0),
        packet(0x30, b"\0\2a+"),
        packet(0x82, b"\0\1"),
        packet(0x80, b"\0\1" + text("a") + b"\0"),
        packet(0x36, text("node/joe/x") + b"\0\1"),
        packet(0x40, b"\0\0"),
        b"\xff",
    ],
)
async def test_a_packet_that_is_out_of_place_ends_the_connection(mqtt: Running, raw: bytes) -> None:
    device = await mqtt.client("joe")
    device.send(raw)
    assert await device.closed() == b""
    assert mqtt.broker.counters.bad_packets == 1


async def test_messages_at_qos_2_that_are_never_released_are_bounded(mqtt: Running) -> None:
    device = await mqtt.client("joe")
    for number in range(300):
        device.send(publish_packet("node/joe/x", b"", 2, number + 1))
    await device.closed()
    assert mqtt.broker.counters.bad_packets == 1


async def test_open_files_are_closed_again(mqtt: Running) -> None:
    def files() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = files()
    for _ in range(20):
        several = [await Client.open(mqtt.port) for _ in range(20)]
        for number, device in enumerate(several):
            device.send((connect_packet(f"x{number}"), b"\x10", b"", b"\0")[number % 4])
            device.vanish()
    await until(lambda: not mqtt.broker.guard.connections)
    await until(lambda: files() <= before + 2)


async def test_a_fault_of_ours_ends_one_client_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There should be none; but if there is, no other message is lost."""
    from pyaiot.mqtt_broker.session import Session

    real = Session.deliver

    def fails(self: Session, topic: str, *rest: object, **more: bool) -> None:
        if self.client_id == "unlucky":
            raise RuntimeError("a fault")
        real(self, topic, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Session, "deliver", fails)
    store(tmp_path / "devices", "joe", "ann")
    service = broker.MqttBroker(host="localhost", port=0, device_file=tmp_path / "devices")
    async with started(service, "MQTT broker"):
        mqtt = Running(service, tmp_path / "devices")
        unlucky, gateway = await mqtt.client("gateway", "unlucky"), await mqtt.client("gateway", "lucky")
        device = await mqtt.client("joe")
        for one in (unlucky, gateway):
            await one.subscribe("node/#")
        for number in range(3):
            await device.publish("node/joe/count", b"%d" % number)
        assert [(await gateway.message()).payload for _ in range(3)] == [b"0", b"1", b"2"]
        assert await unlucky.closed() == b""
        assert service.counters.internal_errors == 1
