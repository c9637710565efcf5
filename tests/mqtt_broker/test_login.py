# SPDX-License-Identifier: BSD-3-Clause
"""Who gets in, who does not, and that a stranger cannot touch those who are in."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import pytest

from pyaiot.devices import Devices
from pyaiot.mqtt_broker import broker, guard, login
from pyaiot.mqtt_broker.admission import MAX_PER_ACCOUNT
from tests.mqtt_broker.mqtt_client import (
    Client,
    Running,
    connect_packet,
    password_of,
    publish_packet,
    running,
    store,
    until,
)
from tests.patience import PATIENCE_S


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Penalties are short, where a test pays for many."""
    monkeypatch.setattr(guard, "PENALTY_S", 0.01)


async def answer(port: int, raw: bytes, host: str = "127.0.0.1") -> bytes:
    """All that the broker says to ``raw`` until it closes."""
    client = await Client.open(port, host)
    client.send(raw)
    return await client.closed()


@pytest.mark.usefixtures("hurried")
async def test_a_wrong_password_costs_the_victim_nothing(mqtt: Running, caplog: pytest.LogCaptureFixture) -> None:
    """With the victim's client id, 200 times, while it exchanges messages."""
    gateway, victim = await mqtt.client("gateway"), await mqtt.client("joe", "board")
    await gateway.subscribe("node/#")
    await victim.subscribe("gateway/joe/#")
    done = asyncio.Event()
    slowest_s, exchanged = 0.0, 0

    async def attack() -> None:
        for number in range(200):
            user = ("joe", "joe", "nobody")[number % 3]
            assert await answer(mqtt.port, connect_packet("board", user, f"guess {number}")) == login.connack(4)
        done.set()

    attacking = asyncio.create_task(attack())
    while not done.is_set() or exchanged < 50:
        at = time.process_time()
        await victim.publish("node/joe/count", b"%d" % exchanged)
        assert (await gateway.message()).payload == b"%d" % exchanged
        await gateway.publish("gateway/joe/led/set", b"%d" % exchanged)
        assert (await victim.message()).payload == b"%d" % exchanged
        slowest_s = max(slowest_s, time.process_time() - at)
        exchanged += 1
    await attacking
    assert slowest_s < 0.5
    assert mqtt.broker.counters.wrong_passwords == 200
    assert mqtt.broker.counters.replaced == 0
    assert "127.0.0.1 gave a wrong user name or password (user 'joe')" in caplog.text
    assert "guess" not in caplog.text


async def test_a_wrong_password_waits_for_its_answer_and_others_do_not(mqtt: Running) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    waiting = asyncio.create_task(answer(mqtt.port, connect_packet("x", "joe", "wrong")))
    await (await mqtt.client("joe")).ping()
    assert loop.time() - began < guard.PENALTY_S / 2
    assert await waiting == login.connack(4)
    assert loop.time() - began >= guard.PENALTY_S


async def test_those_who_wait_for_a_penalty_are_bounded(mqtt: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MAX_PENALTIES", 3)
    wrong = connect_packet("x", "joe", "wrong")
    answers = await asyncio.gather(*(answer(mqtt.port, wrong) for _ in range(10)))
    assert sorted(answers) == [b""] * 7 + [login.connack(4)] * 3


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (connect_packet("x", "joe", ""), 4),
        (connect_packet("x", "joe"), 4),
        (connect_packet("x", "", ""), 4),
        (connect_packet("x", "joe", password_of("ann")), 4),
        (connect_packet("x", "@embedded", "x"), 4),
        (connect_packet("x", "joe", password_of("joe"), will=("node/ann/out", b"")), 5),
        (connect_packet("x", "joe", password_of("joe"), will=("gateway/state", b"offline")), 5),
        (connect_packet("x", will=("node/out", b"")), 5),
        (connect_packet("x", level=5), 1),
        (connect_packet("x", level=3), 1),
        (connect_packet("x", level=131), 1),
        (b"\x10\x0f\0\x06MQIsdp\x03\x02\0\0\0\x01x", 1),
        (connect_packet("", clean=False), 2),
        (connect_packet("x" * 129), 2),
    ],
)
@pytest.mark.usefixtures("hurried")
async def test_a_connect_that_is_refused_is_told_why(mqtt: Running, raw: bytes, code: int) -> None:
    assert await answer(mqtt.port, raw) == bytes((0x20, 2, 0, code))
    assert not mqtt.broker.guard.sessions


async def test_without_a_name_nobody_gets_in_where_passwords_are_required(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path, require_password=True) as mqtt:
        assert await answer(mqtt.port, connect_packet("x")) == login.connack(5)
        assert "127.0.0.1 cannot connect: it needs a user name and a password (aiot device add ID)" in caplog.text
        await (await mqtt.client("joe")).ping()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
async def test_without_a_name_nobody_gets_in_on_a_public_address(tmp_path: Path, host: str) -> None:
    async with running(tmp_path, host=host) as mqtt:
        here = "::1" if host == "::" else "127.0.0.1"
        assert await answer(mqtt.port, connect_packet("x"), here) == login.connack(5)


async def test_localhost_is_every_address_that_the_system_calls_so(mqtt: Running) -> None:
    """IPv4 and IPv6 where there are both."""
    found = {str(entry[4][0]) for entry in socket.getaddrinfo("localhost", mqtt.port, type=socket.SOCK_STREAM)}
    assert found
    for host in found:
        device = await Client.open(mqtt.port, host)
        device.send(connect_packet("x"))
        assert await device.packet() == (0x20, b"\0\0")


async def test_a_public_broker_without_devices_says_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.mqtt_broker.mqtt_client.store", lambda *_: None)
    async with running(tmp_path, host="0.0.0.0"):
        assert caplog.text.count("aiot device add ID") == 1


async def test_a_password_that_is_removed_ends_its_connections_within_seconds(
    mqtt: Running, caplog: pytest.LogCaptureFixture
) -> None:
    joe, ann, anybody, gateway = [await mqtt.client(user) for user in ("joe", "ann", None, "gateway")]
    anns = mqtt.device_file.read_text()
    store(mqtt.device_file, "ann", "new")  # ann's is a new one, too: another salt
    async with asyncio.timeout(PATIENCE_S):
        assert await joe.closed() == await ann.closed() == b""
    assert mqtt.broker.counters.revoked == 2
    assert "device joe at 127.0.0.1 is disconnected: its password is no longer good" in caplog.text
    for other in (await mqtt.client("new"), anybody, gateway):
        await other.ping()
    assert anns != mqtt.device_file.read_text()


async def test_a_device_file_that_cannot_be_reached_changes_nothing(
    mqtt: Running, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again, and told once; only a file that is gone has no accounts."""
    monkeypatch.setattr(broker, "DEVICE_FILE_INTERVAL_S", 0.02)
    joe = await mqtt.client("joe")
    away = mqtt.device_file.with_name("away")
    mqtt.device_file.rename(away)
    mqtt.device_file.symlink_to(mqtt.device_file)
    await until(lambda: "the passwords that were read before stay in force" in caplog.text)
    await asyncio.sleep(0.2)  # ten more looks
    assert caplog.text.count("cannot be read") == 1
    mqtt.device_file.unlink()
    away.rename(mqtt.device_file)
    await (await mqtt.client("ann")).ping()
    await joe.ping()


async def test_a_device_file_that_is_broken_changes_nothing(mqtt: Running, caplog: pytest.LogCaptureFixture) -> None:
    joe = await mqtt.client("joe")
    mqtt.device_file.write_text("[nonsense]\n")
    await until(lambda: "the passwords that were read before stay in force" in caplog.text)
    await joe.ping()
    await (await mqtt.client("ann")).ping()


async def test_others_who_keep_a_password_are_not_disturbed_by_a_change(mqtt: Running) -> None:
    from pyaiot import devices

    joe = await mqtt.client("joe")
    known = devices.load(mqtt.device_file)
    del known.accounts["ann"]
    devices.store(mqtt.device_file, known)
    await until(lambda: "ann" not in mqtt.broker.guard._devices.accounts)
    await joe.ping()


async def test_connections_of_one_account_are_bounded(mqtt: Running) -> None:
    crowd = [await mqtt.client("joe", f"x{number}") for number in range(MAX_PER_ACCOUNT)]
    late = await Client.open(mqtt.port)
    late.send(connect_packet("late", *mqtt.account("joe")))
    assert await late.closed() == login.connack(3)
    await (await mqtt.client("joe", "x0")).ping()
    await (await mqtt.client("ann")).ping()
    await crowd[1].ping()


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("joe", "node/ann/led"),
        ("joe", "node/joe"),
        ("joe", "node/joe2/led"),
        ("joe", "gateway/joe/led/set"),
        ("joe", "gateway/state"),
        ("joe", "$SYS/broker"),
        ("joe", "/node/joe/led"),
        (None, "gateway/check"),
        (None, "node/a b/led"),
        (None, "$SYS/x"),
        ("gateway", "node/joe/led"),
        ("gateway", "$SYS/x"),
    ],
)
async def test_who_publishes_what_is_not_its_own_is_disconnected(
    mqtt: Running, user: str | None, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    gateway, device = await mqtt.client("gateway"), await mqtt.client(user)
    await gateway.subscribe("node/#")
    device.send(publish_packet(topic, b"1", 1))
    assert await device.closed() == b""
    assert f"may not publish to {topic!r}; disconnected" in caplog.text
    await gateway.ping()
    assert not gateway.messages
    assert mqtt.broker.counters.forbidden_publishes == 1


async def test_a_device_checks_in_for_itself_only(mqtt: Running) -> None:
    gateway, joe = await mqtt.client("gateway"), await mqtt.client("joe")
    await gateway.subscribe("node/check")
    await joe.publish("node/check", b'{"id": "joe"}\0')
    assert (await gateway.message()).payload == b'{"id": "joe"}\0'
    joe.send(publish_packet("node/check", b'{"id": "ann"}'))
    assert await joe.closed() == b""
    await (await mqtt.client()).publish("node/check", b'{"id": "ann"}')
    assert (await gateway.message()).payload == b'{"id": "ann"}'


async def test_a_filter_that_reaches_too_far_is_refused(mqtt: Running, caplog: pytest.LogCaptureFixture) -> None:
    joe = await mqtt.client("joe")
    filters = ("#", "+/joe/#", "gateway/#", "gateway/+/led/set", "gateway/joe/#", "node/joe/#", "$SYS/#")
    assert await joe.subscribe(*filters) == [0x80] * 4 + [1] + [0x80] * 2
    assert await joe.subscribe("gateway/ann/#") == [0x80]
    assert "device joe at 127.0.0.1 may not subscribe to 'gateway/#'" in caplog.text
    gateway = await mqtt.client("gateway")
    assert await gateway.subscribe("#", "gateway/#", "node/#", "node/+/+", "+/check") == [0x80, 1, 1, 1, 0x80]
    await joe.ping()


async def test_a_password_that_is_removed_during_the_login_is_no_good(
    mqtt: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def removed_meanwhile(self: guard.Guard, *_: object) -> None:
        self.change_devices(Devices())

    monkeypatch.setattr(guard.Guard, "_replace", removed_meanwhile)
    assert await answer(mqtt.port, connect_packet("x", *mqtt.account("joe"))) == login.connack(4)
    assert not mqtt.broker.guard.sessions
