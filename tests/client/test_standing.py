# SPDX-License-Identifier: BSD-3-Clause
"""What goes on over connections, against a broker of which each answer is given by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pyaiot.client import Client, Left, RpcError
from pyaiot.client.changes import NodeGone, NodeHere, Synced, Told, Value
from pyaiot.client.standing import Standing
from pyaiot.client.watching import Watch
from tests.patience import PATIENCE_S


class Broker:
    """In place of a peer: requests wait in ``asked``, for :meth:`answer`; what it is told is in ``told``."""

    def __init__(self) -> None:
        self.asked: dict[int, tuple[str, Any, asyncio.Future[Any]]] = {}
        self.told: list[tuple[str, Any]] = []

    async def request(self, method: str, params: Any = None) -> Any:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.asked[len(self.asked)] = (method, params, answer)
        return await answer

    async def notify(self, method: str, params: Any = None) -> None:
        self.told.append((method, params))

    async def answer(self, number: int, result: Any) -> None:
        """The ``number``-th request is answered, once it has come; what follows from it has happened then."""
        async with asyncio.timeout(PATIENCE_S):
            while number not in self.asked:
                await asyncio.sleep(0)
        answer = self.asked[number][2]
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)
        await settle()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def here(uid: str) -> NodeHere:
    return NodeHere(uid, "coap", "CoAP", 5)


def watching(number: int) -> dict[str, Any]:
    return {"watch": number, "resumed": False}


class Side:
    """A standing with a connection."""

    def __init__(self) -> None:
        self.standing = Standing()
        self.broker = Broker()

    def watch(self) -> Watch:
        made = Watch({}, self.standing.begin_watch, self.standing.end_watch)
        made._start()
        return made

    def change(self, watch: int, *changes: Told, synced: bool = True) -> None:
        self.standing.methods()["nodes.changed"](watch, 1, list(changes), synced)


@pytest.fixture
async def side() -> AsyncIterator[Side]:
    made = Side()
    await made.standing.restore(made.broker)  # type: ignore[arg-type]
    yield made
    await made.standing.close()


async def test_what_is_told_of_a_watch_before_its_number_is_read_is_kept(side: Side) -> None:
    watch = side.watch()
    await settle()
    side.change(7, here("coap/a"))
    await side.broker.answer(0, watching(7))
    assert set(watch.nodes) == {"coap/a"}


async def test_what_was_told_of_another_watch_meanwhile_is_not_kept_for_one_that_gets_its_number_later(
    side: Side,
) -> None:
    side.watch()
    await settle()
    side.change(8, here("coap/of-none"))
    await side.broker.answer(0, watching(7))
    later = side.watch()
    await side.broker.answer(1, watching(8))
    assert later.nodes == {}
    assert not later.view.synced


async def test_a_watch_that_is_ended_while_it_is_opened_is_ended_at_the_broker_too(side: Side) -> None:
    watch = side.watch()
    await settle()
    watch.close()
    await side.broker.answer(0, watching(7))
    assert side.broker.told == [("nodes.unwatch", {"watch": 7})]
    side.change(7, here("coap/a"))
    assert watch.nodes == {}


async def test_who_shares_a_subscription_does_not_end_it_for_the_other(side: Side) -> None:
    first, second, other = (
        side.standing.subscription(*each) for each in (("lamp", "on"), ("lamp", "on"), ("lamp", None))
    )
    starting = [asyncio.create_task(each.start()) for each in (first, second, other)]
    for number in range(3):
        await side.broker.answer(number, True)
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*starting)
    first.close()
    await settle()
    assert side.broker.told == []
    second.close()
    await settle()
    assert side.broker.told == [("entities.unsubscribe", {"id": "lamp", "topic": "on"})]


async def test_what_the_broker_refuses_is_not_asked_for_again(side: Side) -> None:
    wrong = [RpcError.invalid_params("no such gateway"), RpcError.of("busy", "too many watches")]
    watches = [side.watch(), side.watch()]
    streams = [side.standing.subscription("lamp", None), side.standing.registrations()]
    starting = [asyncio.create_task(each.start()) for each in streams]
    for number in range(4):
        await side.broker.answer(number, wrong[number % 2])
    for watch in watches:
        with pytest.raises(RpcError):
            await watch.synced()
    for task in starting:
        with pytest.raises(RpcError):
            await task
    side.standing.lost()
    again = Broker()
    async with asyncio.timeout(PATIENCE_S):
        await side.standing.restore(again)  # type: ignore[arg-type]
    assert again.asked == {}


async def test_a_watch_that_was_wrong_from_the_start_costs_no_connection() -> None:
    side = Side()
    wrong, right = side.watch(), side.watch()
    restoring = asyncio.create_task(side.standing.restore(side.broker))  # type: ignore[arg-type]
    await side.broker.answer(0, RpcError.invalid_params("no such condition"))
    await side.broker.answer(1, watching(7))
    async with asyncio.timeout(PATIENCE_S):
        await restoring
        with pytest.raises(RpcError, match="no such condition"):
            await wrong.synced()
        side.change(7)
        await right.synced()
    await side.standing.close()


async def test_a_watch_that_is_only_looked_at_keeps_nothing_but_the_present(side: Side) -> None:
    watch = side.watch()
    await side.broker.answer(0, watching(7))
    for number in range(1000):
        side.change(7, here(f"peer/{number}"), Value(f"peer/{number}", "x", 1, 1, 1), NodeGone(f"peer/{number}"))
        side.change(7, Value("peer/stays", "x", number, number, 1))
    assert watch._untaken is None
    assert watch.skipped == 0
    changes = watch.changes()
    last = Value("peer/stays", "x", 999, 999, 1)
    assert [await anext(changes), await anext(changes)] == [last, Synced()]
    side.change(7, NodeGone("peer/stays"))
    assert await anext(changes) == NodeGone("peer/stays")
    await changes.aclose()  # type: ignore[attr-defined]


@pytest.mark.parametrize("why", [None, RpcError.of("forbidden", "the token was revoked")])
async def test_what_begins_after_the_end_ends_at_once(why: RpcError | None) -> None:
    side = Side()
    waiting = asyncio.create_task(side.watch().synced())
    await settle()
    side.standing.end(why)
    name = "left" if why is None else "forbidden"
    begin = (
        lambda: waiting,
        side.watch().synced,
        side.standing.subscription("lamp", None).start,
        side.standing.registrations().start,
    )
    async with asyncio.timeout(PATIENCE_S):
        for each in begin:
            with pytest.raises(RpcError) as caught:
                await each()
            assert caught.value.name == name
        if why is None:
            assert [each async for each in side.watch()] == []
            assert [each async for each in side.standing.registrations()] == []


async def test_a_closed_client_says_so_at_once() -> None:
    client = Client("localhost:1", patience_s=0)
    with pytest.raises(RpcError):
        async with client:
            pass
    async with asyncio.timeout(PATIENCE_S):
        for each in (client.nodes, client.watch().__aenter__, client.subscribe("lamp").start):
            with pytest.raises(Left):
                await each()
