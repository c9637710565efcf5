# SPDX-License-Identifier: BSD-3-Clause
"""A service runs and ends the same, whatever becomes of its announcement; who announces nothing loads nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from pyaiot.announce.announcer import Announced
from pyaiot.announce.offers import Offer
from pyaiot.lifecycle import Ready, StartupError


class Waiting:
    """A service that is ready at once, unless it cannot start, and says when it ends."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.ended = False

    async def run(self, ready: Ready) -> None:
        if self.fault is not None:
            raise self.fault
        ready()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.ended = True


def broken() -> list[Offer]:
    raise RuntimeError("no offers")


@pytest.mark.parametrize("offers", [list, broken, lambda: [Offer("broker", "b", "no-such-host.invalid", 1)]])
async def test_a_service_runs_until_it_is_stopped(offers: object) -> None:
    service, is_ready = Waiting(), asyncio.Event()
    assert callable(offers)
    task = asyncio.create_task(Announced(service, "yes", offers).run(is_ready.set))
    await is_ready.wait()
    await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert service.ended


async def test_a_service_that_cannot_start_says_why() -> None:
    with pytest.raises(StartupError, match="a port is taken"):
        await Announced(Waiting(StartupError("a port is taken")), "yes", list).run(lambda: None)


def test_who_announces_nothing_imports_no_zeroconf() -> None:
    """A service on loopback, or on every address: the usual ones."""
    code = (
        "import asyncio, sys; from pyaiot.cli import up; from tests.announce.test_announcer import usual; "
        "asyncio.run(usual()); assert not {'zeroconf', 'ifaddr'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


async def usual() -> None:
    """What services with the settings that they have unless somebody changes them announce: nothing."""
    offers = [Offer("broker", "b", "localhost", 1), Offer("coap", "c", "::", 2, dual=True)]
    is_ready = asyncio.Event()
    task = asyncio.create_task(Announced(Waiting(), "auto", lambda: offers).run(is_ready.set))
    await is_ready.wait()
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait((task,))
