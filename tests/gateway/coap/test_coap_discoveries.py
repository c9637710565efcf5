# SPDX-License-Identifier: BSD-3-Clause
"""How many discoveries we begin by ourselves, and that none outlives the rest. With devices: test_coap_adapter.py."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from pyaiot.gateway.coap import discoveries
from pyaiot.gateway.coap.contacts import Contacts
from pyaiot.gateway.coap.discoveries import MAX_LOOKS_PER_ADDRESS, Discoveries
from pyaiot.gateway.coap.discovery import Discovery


class Asked:
    """Stands for the discovery of a device that answers once, when it is told to."""

    def __init__(self) -> None:
        self.retry_at: float | None = None
        self.is_answered = True
        self.runs = 0
        self.answer = asyncio.Event()
        self.closed = False

    def is_due(self) -> bool:
        return self.retry_at is not None

    def postpone(self) -> None:
        self.retry_at = 0.0

    def close(self) -> list[asyncio.Task[None]]:
        self.closed = True
        return []

    async def run(self) -> None:
        self.runs += 1
        self.retry_at = None
        await self.answer.wait()


class World:
    def __init__(self, uids: dict[str, str]) -> None:
        """``uids`` are where: by address."""
        self.contacts = Contacts()
        self.devices: dict[str, Asked] = {}
        self.discoveries = Discoveries(self.contacts, self._begin)
        for port, (uid, host) in enumerate(uids.items()):
            self.contacts.bind(uid, (host, 40_000 + port, 0, 0))

    def _begin(self, uid: str) -> Discovery:
        self.devices[uid] = Asked()
        return cast(Discovery, self.devices[uid])

    def runs(self) -> list[int]:
        return [device.runs for device in self.devices.values()]


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_address_has_so_many_looks_at_once_and_who_was_left_out_gets_its_turn() -> None:
    world = World({f"d{number}": "fd00::1" for number in range(MAX_LOOKS_PER_ADDRESS + 1)} | {"other": "fd00::2"})
    for uid in ("d0", *world.contacts._devices):
        world.discoveries.look_again(uid, moved=True)
    await turns()
    assert world.runs() == [1] * MAX_LOOKS_PER_ADDRESS + [0, 1]
    last = f"d{MAX_LOOKS_PER_ADDRESS}"
    assert world.discoveries.has_failed(last)
    world.devices["d0"].answer.set()
    await turns()
    world.discoveries.look_again(last)
    world.discoveries.look_again("d1")  # nothing is wrong with it
    await turns()
    assert world.runs() == [1] * (MAX_LOOKS_PER_ADDRESS + 2)
    await world.discoveries.close()


async def test_all_addresses_together_have_a_bound_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discoveries, "MAX_LOOKS", 2)
    world = World({"a": "fd00::1", "b": "fd00::2", "c": "fd00::3"})
    for uid in "abc":
        world.discoveries.look_again(uid, moved=True)
    await turns()
    assert world.runs() == [1, 1, 0]
    await world.discoveries.close()


async def test_after_the_end_nothing_is_under_way_and_nothing_begins() -> None:
    world = World({"a": "fd00::1", "b": "fd00::2"})
    before = asyncio.all_tasks()
    world.discoveries.look_again("a", moved=True)
    await turns()
    await world.discoveries.close()
    assert world.devices["a"].closed
    assert asyncio.all_tasks() == before
    world.discoveries.look_again("b", moved=True)
    await world.discoveries.discover("a")
    assert asyncio.all_tasks() == before
    assert world.runs() == [1]
