# SPDX-License-Identifier: BSD-3-Clause
"""The whole gateway between an adapter and a broker that the test conducts, over real sockets."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest

from pyaiot.gateway.adapter import MAX_AGE_MS, DeviceEvents, Refused, WriteFailed
from pyaiot.gateway.dial import BrokerAddress, Identity, LinkTimes
from pyaiot.gateway.errands import MAX_DISCOVERIES, MAX_DISCOVERIES_PER_ADDRESS
from pyaiot.gateway.service import CROWDED, DRAIN_S, GatewayService
from pyaiot.lifecycle import STOP_TIMEOUT_S, StartupError, find_configuration_error
from pyaiot.wire.messages import JSON, Write
from tests.gateway.broker_by_hand import GATEWAY_KEY, KEY, BrokerByHand, BrokerSession, broker
from tests.patience import PATIENCE_S, is_within

#: A time that no test outlasts: what would wait for it does not end.
NEVER_S = 60 * PATIENCE_S


class FakeAdapter:
    """Devices that the test conducts: for doubles of hardware there is no other way."""

    protocol: ClassVar[str] = "fake"
    title: ClassVar[str] = "Fake"

    def __init__(self) -> None:
        self.events: DeviceEvents
        self.did: list[str] = []
        self.failure: BaseException | None = None
        self.hold = asyncio.Event()
        self.hold.set()
        self.value: JSON | None = None
        self.running = 0
        self.most_running = 0
        self.changed = asyncio.Event()

    async def start(self, events: DeviceEvents) -> None:
        self.events = events
        self.note("start")
        if isinstance(self.failure, StartupError):
            raise self.failure

    async def stop(self) -> None:
        self.note("stop")
        self.fail()

    async def discover(self, uid: str) -> None:
        await self.perform(f"discover {uid}")

    async def write(self, uid: str, resource: str, data: JSON) -> JSON | None:
        await self.perform(f"write {uid} {resource} {data}")
        return self.value

    def forget(self, uid: str) -> None:
        self.note(f"forget {uid}")
        self.fail()

    async def perform(self, what: str) -> None:
        self.note(what)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await self.hold.wait()
            self.fail()
            self.note(f"{what}: done")
        except asyncio.CancelledError:
            self.note(f"{what}: cancelled")
            raise
        finally:
            self.running -= 1

    def fail(self) -> None:
        if self.failure is not None:
            raise self.failure

    def note(self, what: str) -> None:
        self.did.append(what)
        self.changed.set()

    async def has(self, what: str, times: int = 1) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.did.count(what) < times:
                self.changed.clear()
                await self.changed.wait()


class Running:
    def __init__(self, service: GatewayService, adapter: FakeAdapter) -> None:
        self.service = service
        self.adapter = adapter
        self.task: asyncio.Task[None]

    @property
    def events(self) -> DeviceEvents:
        return self.adapter.events

    async def stop(self) -> float:
        """Cancel, as SIGTERM does; how long it took."""
        began = time.monotonic()
        self.task.cancel()
        done, _ = await asyncio.wait((self.task,), timeout=PATIENCE_S)
        assert done, "it does not end"
        assert self.task.cancelled() or self.task.exception() is None
        return time.monotonic() - began


@asynccontextmanager
async def gateway(url: str, *, adapter: FakeAdapter | None = None, timeout_s: float = 120.0) -> AsyncIterator[Running]:
    """A gateway that is ready; nothing may reach the loop's exception handler meanwhile."""
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: faults.append(context))
    adapter = adapter or FakeAdapter()
    service = GatewayService(
        adapter,
        Identity("greenhouse", GATEWAY_KEY, KEY.public),
        BrokerAddress(url, times=LinkTimes(close_s=0.5)),
        timeout_s=timeout_s,
    )
    running = Running(service, adapter)
    ready = asyncio.Event()
    running.task = asyncio.create_task(service.run(ready.set))
    async with asyncio.timeout(PATIENCE_S):
        await ready.wait()
    try:
        yield running
    finally:
        if not running.task.done():
            await running.stop()
    assert faults == []


def has(kind: str, times: int = 1) -> Callable[[list[Any]], bool]:
    return lambda messages: sum(message["type"] == kind for message in messages) >= times


def write(number: int, data: Any = "1", *, uid: str = "n1", resource: str = "led", ttl_ms: int = 10_000) -> Write:
    return Write(id=number, uid=uid, resource=resource, data=data, ttl_ms=ttl_ms)


def results(session: BrokerSession) -> list[tuple[int, str]]:
    return [(told["id"], told.get("code", "ok")) for _, told in session.messages if told["type"] == "result"]


async def settled(by_hand: BrokerByHand) -> BrokerSession:
    """The session, once its first sync is there."""
    session = await by_hand.session()
    await session.has(has("sync"))
    return session


async def test_from_device_to_broker_and_back() -> None:
    async with broker() as by_hand, gateway(by_hand.url) as running:
        session = await settled(by_hand)
        assert running.events.seen("n1", attributes={"ip": "fd00::1"})
        assert running.events.known("n1")
        assert not running.events.known("n2")
        await running.adapter.has("discover n1: done")
        running.events.updated("n1", "led", "0")
        told = await session.has(has("update", 3))
        assert [message["type"] for message in told] == ["sync", "new", "update", "update", "update"]
        assert told[1]["protocol"] == "fake"
        assert abs(told[1]["at"] - time.time() * 1000) < 10_000
        running.adapter.value = "1"
        await session.say(write(9))
        told = await session.has(has("result"))
        assert [message["type"] for message in told[-2:]] == ["update", "result"]
        assert told[-2]["data"] == "1"
        assert "write n1 led 1" in running.adapter.did
        running.events.gone("n1", "closed")
        assert running.adapter.did[-1] == "forget n1"
        await session.has(has("out"))


async def test_a_value_that_the_device_kept_has_the_time_at_which_it_was_measured() -> None:
    async with broker() as by_hand, gateway(by_hand.url) as running:
        session = await settled(by_hand)
        running.events.seen("n1")
        for age_ms in (0, 90_000, -5, 10**15):
            running.events.updated("n1", "temperature", 21.5, unit="Cel", age_ms=age_ms)
        told = await session.has(has("update", 5))
        now = time.time() * 1000
        ages = [now - message["at"] for message in told if message.get("endpoint") == "temperature"]
        for age, expected in zip(ages, (0, 90_000, 0, MAX_AGE_MS), strict=True):
            assert expected - 5 <= age <= expected + 10_000
        assert told[-1]["unit"] == "Cel"


async def test_who_can_wait_is_told_to_while_the_broker_takes_too_little() -> None:
    async def slow(session: BrokerSession) -> None:
        await session.begin()
        await session.serve(acknowledge=False)

    async with broker(slow) as by_hand, gateway(by_hand.url) as running:
        session = await settled(by_hand)
        events, outbox = running.events, running.service.outbox
        assert not events.crowded
        await events.room()
        events.seen("n1")
        for number in range(CROWDED + 10_000):
            events.updated("n1", "count", number)
        assert events.crowded
        waiting = [asyncio.create_task(events.room()) for _ in range(2)]
        await session.has(lambda messages: len(messages) > 8_000)
        assert not any(each.done() for each in waiting)
        while len(outbox):
            await session.acknowledge(session.messages[-1][0])
            await asyncio.sleep(0.002)
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*waiting)
        assert not events.crowded


async def test_nobody_waits_for_a_broker_that_is_not_there() -> None:
    async def slow(session: BrokerSession) -> None:
        await session.begin()
        await session.serve(acknowledge=False)

    async with broker(slow) as by_hand, gateway(by_hand.url) as running:
        session = await settled(by_hand)
        running.events.seen("n1")
        for number in range(2 * CROWDED):
            running.events.updated("n1", "count", number)
        assert running.events.crowded
        waiting = asyncio.create_task(running.events.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        await by_hand.stop()
        session.connection.transport.abort()
        async with asyncio.timeout(PATIENCE_S):
            await waiting
        assert not running.events.crowded


async def test_PY_GW_1_after_a_reconnect_everything_is_told_again_and_then_the_list() -> None:
    async with broker() as by_hand, gateway(by_hand.url) as running:
        first = await settled(by_hand)
        running.events.seen("n1")
        running.events.updated("n1", "led", "0")
        running.events.seen("n2")
        await first.has(has("update", 3))
        before = [told for _, told in first.messages if told["type"] != "sync"]
        while len(running.service.outbox):
            await asyncio.sleep(0.002)
        first.connection.transport.abort()
        # A broker that lost its memory: it has kept nothing of this epoch.
        second = await by_hand.session()
        told = await second.has(has("sync"))
        assert sorted(told[:-1], key=str) == sorted(before, key=str), "with the times of the first telling"
        assert told[-1] == {"type": "sync", "uids": ["n1", "n2"]}


async def test_PB_03_PB_04_a_write_that_the_adapter_cannot_do_is_answered(caplog: pytest.LogCaptureFixture) -> None:
    async with broker() as by_hand, gateway(by_hand.url) as running:
        session = await settled(by_hand)
        running.events.seen("n1")
        await running.adapter.has("discover n1: done")
        running.adapter.failure = WriteFailed("refused", "4.05 Method Not Allowed")
        await session.say(write(1))
        await session.has(has("result", 1))
        running.adapter.failure = TypeError("a fault of the adapter")
        await session.say(write(2))
        await session.has(has("result", 2))
        running.adapter.failure = asyncio.CancelledError()
        await session.say(write(3))
        await session.has(has("result", 3))
        running.adapter.failure = None
        await session.say(write(4), write(5, uid="nobody"), write(6, resource="//"))
        await session.has(has("result", 6))
    assert sorted(results(session)) == [
        (1, "refused"),
        (2, "failed"),
        (3, "failed"),
        (4, "ok"),
        (5, "unknown"),
        (6, "unsupported"),
    ]
    assert running.service.core.counters.adapter_faults == 1
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info is not None
    assert "a fault of the adapter" in caplog.text


async def test_no_fault_of_an_adapter_ends_the_gateway(caplog: pytest.LogCaptureFixture) -> None:
    async with broker() as by_hand, gateway(by_hand.url) as running:
        session = await settled(by_hand)
        running.adapter.failure = ZeroDivisionError("discover")
        running.events.seen("n1")
        await running.adapter.has("discover n1")
        running.events.gone("n1", "closed")
        running.adapter.failure = None
        running.events.seen("n2")
        await session.has(has("out"))
        running.adapter.failure = ZeroDivisionError("stop")
        await running.stop()
    assert running.service.core.counters.adapter_faults == 3
    assert caplog.text.count("ZeroDivisionError") == 3


async def test_a_write_that_the_device_may_have_when_its_node_goes_is_answered_as_timed_out() -> None:
    async with broker() as by_hand, gateway(by_hand.url) as running:
        session = await settled(by_hand)
        running.events.seen("n1")
        running.adapter.hold.clear()
        await session.say(write(1))
        await running.adapter.has("write n1 led 1")
        await session.say(write(2))  # behind the first
        await session.say(write(3, resource="a b"))
        await session.has(lambda _: (3, "unsupported") in results(session))
        running.events.gone("n1", "closed")
        await session.has(lambda _: len(results(session)) == 3)
        assert sorted(results(session)) == [(1, "timeout"), (2, "offline"), (3, "unsupported")]


async def test_a_write_that_hangs_is_answered_in_time_and_cancelled() -> None:
    async with broker() as by_hand, gateway(by_hand.url) as running:
        session = await settled(by_hand)
        running.events.seen("n1")
        await running.adapter.has("discover n1: done")
        running.adapter.hold.clear()
        began = time.monotonic()
        await session.say(write(1, ttl_ms=500))
        await running.adapter.has("write n1 led 1: cancelled")
        await session.has(has("result"))
        assert time.monotonic() - began >= 0.5
        assert results(session) == [(1, "timeout")]


async def test_a_write_that_ends_just_after_its_time_is_answered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The core then orders to stop what is not running any more."""
    monkeypatch.setattr("pyaiot.gateway.service.TIMER_GRAIN_S", 60.0)
    async with broker() as by_hand, gateway(by_hand.url) as running:
        session = await settled(by_hand)
        running.events.seen("n1")
        await running.adapter.has("discover n1: done")
        running.adapter.hold.clear()
        running.adapter.value = "1"
        await session.say(write(1, ttl_ms=50))
        await running.adapter.has("write n1 led 1")
        await asyncio.sleep(0.06)  # time itself is what is waited for
        running.adapter.hold.set()
        told = await session.has(has("update", 2))
        assert results(session) == [(1, "timeout")]
        assert told[-1]["data"] == "1"


async def test_discoveries_are_bounded_one_a_node_and_the_newest_counts() -> None:
    async with broker() as by_hand, gateway(by_hand.url) as running:
        adapter = running.adapter
        adapter.hold.clear()
        count = MAX_DISCOVERIES + 20
        for number in range(count):
            running.events.seen(f"n{number}")
        await adapter.has(f"discover n{MAX_DISCOVERIES - 1}")
        assert adapter.most_running == MAX_DISCOVERIES
        running.events.reset("n0")  # starts over
        await adapter.has("discover n0: cancelled")
        running.events.gone("n1", "closed")  # is not discovered any more
        await adapter.has("discover n1: cancelled")
        running.events.gone(f"n{count - 1}", "closed")  # never begins
        adapter.hold.set()
        await adapter.has("discover n0: done")
        await adapter.has(f"discover n{count - 2}: done")
    assert adapter.most_running == MAX_DISCOVERIES
    assert sum(what.endswith(": done") for what in adapter.did) == count - 2
    assert f"discover n{count - 1}" not in adapter.did
    assert adapter.did.count("discover n1") == 1


async def test_discoveries_of_one_address_do_not_hold_up_those_of_another() -> None:
    async with broker() as by_hand, gateway(by_hand.url) as running:
        adapter = running.adapter
        adapter.hold.clear()
        for number in range(MAX_DISCOVERIES + 20):
            running.events.seen(f"n{number}", attributes={"ip": "192.0.2.1"})
        running.events.seen("other", attributes={"ip": "192.0.2.2"})
        await adapter.has("discover other")
        assert adapter.running == MAX_DISCOVERIES_PER_ADDRESS + 1
        adapter.hold.set()
        await adapter.has(f"discover n{MAX_DISCOVERIES + 19}: done")
    assert adapter.most_running <= MAX_DISCOVERIES_PER_ADDRESS + 1


async def test_a_silent_node_is_out_and_the_timer_is_armed_for_the_earliest() -> None:
    async with broker() as by_hand, gateway(by_hand.url, timeout_s=100.0) as running:
        session = await settled(by_hand)
        running.events.seen("patient")
        running.events.seen("n1", timeout_s=1.0)
        began = time.monotonic()
        told = await session.has(has("out"))
        assert time.monotonic() - began >= 0.9
        assert [(message["uid"], message["why"]) for message in told if message["type"] == "out"] == [("n1", "timeout")]
        assert running.adapter.did[-1] == "forget n1"
        assert running.events.known("patient")


async def test_PB_32_nothing_that_a_device_does_fails_while_the_broker_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyaiot.gateway.service.DRAIN_S", NEVER_S)
    async with gateway("ws://127.0.0.1:1/gw", timeout_s=0.3) as running:
        running.events.seen("n1")
        running.events.updated("n1", "led", "0")
        running.events.reset("n1")
        with pytest.raises(Refused):
            running.events.updated("n1", "no name", "0")
        running.events.gone("n1", "deregistered")
        running.events.seen("n2")
        await running.adapter.has("forget n2")  # by the timer
        assert len(running.service.outbox) > 0
        await running.stop()


async def test_PY_CLI_10_PB_33_at_the_end_devices_go_first_and_the_broker_gets_all_that_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pyaiot.gateway.service.DRAIN_S", NEVER_S)
    async with broker() as by_hand, gateway(by_hand.url) as running:
        session = await settled(by_hand)
        running.events.seen("n1")
        await running.adapter.has("discover n1: done")
        running.adapter.hold.clear()
        await session.say(write(1))
        await running.adapter.has("write n1 led 1")
        for number in range(1000):
            running.events.updated("n1", "led", number)
        await running.stop()
        assert running.adapter.did[-2:] == ["stop", "write n1 led 1: cancelled"]
        assert await session.closed() == 1001
        told = [message for _, message in session.messages]
        assert told[-2]["data"] == 999
        assert results(session) == [(1, "timeout")], "the device may have it"
        assert len(running.service.outbox) == 0


async def test_the_end_does_not_wait_long_for_a_broker_that_takes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def stuck(session: BrokerSession) -> None:
        await session.begin()
        await session.serve(acknowledge=False)

    async with broker(stuck) as by_hand, gateway(by_hand.url) as running:
        session = await by_hand.session()
        await session.has(has("sync"))
        running.events.seen("n1")
        took = await running.stop()
        assert took >= DRAIN_S
        assert is_within(took, STOP_TIMEOUT_S)
    assert "messages that the broker has not acknowledged" in caplog.text


async def test_a_gateway_that_cannot_start_says_why_and_does_not_disturb_one_that_runs() -> None:
    async with broker() as by_hand:
        adapter = FakeAdapter()
        adapter.failure = StartupError("UDP port 5683 is taken")
        identity = Identity("greenhouse", GATEWAY_KEY, KEY.public)
        service = GatewayService(adapter, identity, BrokerAddress(by_hand.url))
        with pytest.raises(BaseExceptionGroup) as raised:
            await service.run(lambda: pytest.fail("ready"))
        assert find_configuration_error(raised.value) is not None
        assert adapter.did == ["start", "stop"]
        assert by_hand._sessions.empty()


async def test_many_nodes_that_go_out_at_once_do_not_hold_up_the_rest() -> None:
    async with broker() as by_hand, gateway(by_hand.url, timeout_s=0.5) as running:
        session = await settled(by_hand)
        count = 5_000
        for number in range(count):
            running.events.seen(f"n{number}")
        longest = 0.0
        last = time.process_time()
        while running.service.core.counters.out["timeout"] < count:
            await asyncio.sleep(0)
            longest, last = max(longest, time.process_time() - last), time.process_time()
        assert longest < 0.5
        await session.has(has("out", count))
