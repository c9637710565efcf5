# SPDX-License-Identifier: BSD-3-Clause
"""The whole gateway is asked for values by a broker that the test conducts, over real sockets."""

from __future__ import annotations

from typing import ClassVar

import pytest

from pyaiot.gateway.adapter import WriteFailed, can_read
from pyaiot.wire.messages import READ, Read
from tests.gateway.broker_by_hand import BrokerSession, broker
from tests.gateway.test_service import FakeAdapter, gateway, has, results, settled, write


class AskableAdapter(FakeAdapter):
    """Devices that can be asked."""

    can_read: ClassVar[bool] = True

    async def read(self, uid: str, resource: str) -> None:
        await self.perform(f"read {uid} {resource}")
        if self.value is not None:
            self.events.updated(uid, resource, self.value)


def read(number: int, *, uid: str = "n1", resource: str = "t", ttl_ms: int = 10_000) -> Read:
    return Read(id=number, uid=uid, resource=resource, ttl_ms=ttl_ms)


def features(session: BrokerSession) -> frozenset[str]:
    assert session.session is not None
    return session.session.features


async def test_a_gateway_that_can_ask_says_so_and_tells_the_value_before_the_result() -> None:
    adapter = AskableAdapter()
    assert can_read(adapter)
    async with broker() as by_hand, gateway(by_hand.url, adapter=adapter) as running:
        session = await settled(by_hand)
        assert features(session) == {READ}
        running.events.seen("n1")
        await adapter.has("discover n1: done")
        adapter.value = 21.5
        await session.say(read(1))
        told = await session.has(has("result"))
        assert [message["type"] for message in told[-2:]] == ["update", "result"]
        assert (told[-2]["data"], told[-1]["ok"]) == (21.5, True)
        adapter.value = None
        await session.say(read(2))  # it says that it has read, and has told nothing
        await session.has(has("result", 2))
        adapter.failure = WriteFailed("offline", "nobody there")
        await session.say(read(3))
        await session.has(has("result", 3))
        assert results(session) == [(1, "ok"), (2, "failed"), (3, "offline")]


async def test_a_gateway_that_cannot_ask_says_nothing_of_it_and_answers_who_asks_all_the_same() -> None:
    async with broker() as by_hand, gateway(by_hand.url) as running:
        session = await settled(by_hand)
        assert features(session) == frozenset()
        running.events.seen("n1")
        await session.say(read(1), write(2))
        await session.has(has("result", 2))
        assert results(session) == [(1, "unsupported"), (2, "ok")]


async def test_a_read_that_hangs_fails_or_outlives_the_gateway_is_answered(caplog: pytest.LogCaptureFixture) -> None:
    adapter = AskableAdapter()
    async with broker() as by_hand, gateway(by_hand.url, adapter=adapter) as running:
        session = await settled(by_hand)
        running.events.seen("n1")
        running.events.seen("n2")
        await adapter.has("discover n2: done")
        adapter.failure = ZeroDivisionError("a fault of the adapter")
        await session.say(read(1))
        await session.has(has("result", 1))
        assert "a fault of the adapter" in caplog.text
        adapter.failure = None
        adapter.hold.clear()
        await session.say(read(2, ttl_ms=300))
        await adapter.has("read n1 t: cancelled")
        await session.has(has("result", 2))
        await session.say(read(3))
        await adapter.has("read n1 t", 3)
        running.events.gone("n1", "closed")
        await adapter.has("read n1 t: cancelled", 2)
        await session.say(read(4, uid="n2"))
        await adapter.has("read n2 t")
        await running.stop()
        assert results(session) == [(1, "failed"), (2, "timeout"), (3, "offline"), (4, "offline")]
        assert running.service.core.counters.adapter_faults == 1
