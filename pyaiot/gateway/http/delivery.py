# SPDX-License-Identifier: BSD-3-Clause
"""A write on its way to a device that only asks: it waits to be fetched, then for the device's own word."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from contextlib import ExitStack
from typing import Final

from pyaiot.gateway.adapter import WriteFailed
from pyaiot.gateway.confirmation import CONFIRM_S, Confirmations, Expectation
from pyaiot.gateway.http.commands import Command, Commands, Poll
from pyaiot.gateway.http.counters import Counters
from pyaiot.gateway.http.report import Reading
from pyaiot.wire.messages import JSON

#: How long a write may take in all: the broker gives it 10 s, and we know better what became of it.
WRITE_S: Final = 9.5


class Delivery:
    """All writes of one adapter, and the polls of devices for them."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._commands = Commands()
        self._confirmations = Confirmations()
        self._ids = itertools.count(1 + secrets.randbelow(2**31))  # so that no id is used by two runs

    async def write(self, uid: str, resource: str, data: JSON) -> None:
        """Have the device fetch ``data``, and wait until it reports it. Raises WriteFailed. Takes WRITE_S at most."""
        if self._commands.asked_at(uid) is None:
            raise WriteFailed("offline", f"the device does not fetch commands (GET /v1/nodes/{uid})")
        loop = asyncio.get_running_loop()
        began = loop.time()
        told = asyncio.Event()
        fetched: asyncio.Future[Expectation] = loop.create_future()
        with ExitStack() as stack:

            def handed_out() -> None:
                # Before the answer is on its way, so that the device cannot be quicker than our expectation.
                expectation = self._confirmations.expecting(uid, resource, data, told.set)
                fetched.set_result(stack.enter_context(expectation))

            command = Command(next(self._ids), resource, data, handed_out)
            stack.enter_context(self._commands.waiting(uid, command))
            try:
                await asyncio.wait((fetched,), timeout=WRITE_S)
            except asyncio.CancelledError:
                if fetched.done():
                    raise
                # It ends as it would have, cancelled; and that it never left, nobody else knows.
                raise WriteFailed("offline", "the device had not fetched it") from None
            if not fetched.done():
                raise WriteFailed("offline", self._not_fetched(uid, loop.time()))
            left = began + WRITE_S - loop.time()
            expectation = fetched.result()
            try:
                async with asyncio.timeout(min(left, CONFIRM_S)):
                    await told.wait()
            except TimeoutError:
                if left < CONFIRM_S and expectation.other is None:
                    late = f"the device fetched it after {WRITE_S - left:.1f} s, and has not reported {resource} since"
                    raise WriteFailed("timeout", late) from None
                raise expectation.failure() from None

    def _not_fetched(self, uid: str, now: float) -> str:
        asked_at = self._commands.asked_at(uid)
        ago = "" if asked_at is None else f"; it last asked for commands {now - asked_at:.0f} s ago"
        return f"the device did not fetch it within {WRITE_S:g} s{ago}"

    def take(self, uid: str) -> list[Command]:
        """The device asks: all that waits for it. It is delivered by that, whatever becomes of the answer."""
        commands = self._commands.take(uid, asyncio.get_running_loop().time())
        self._counters.commands += len(commands)
        return commands

    async def wait(self, uid: str, poll: Poll, woken: asyncio.Event, wait_s: float) -> bool:
        """Wait until there is something to :meth:`take`, which the device did before; false: ``poll`` is over."""
        if self._commands.begin(uid, poll):
            self._counters.replaced += 1
        try:
            async with asyncio.timeout(wait_s):
                await woken.wait()
        except TimeoutError:
            pass
        finally:
            self._commands.end(uid, poll, asyncio.get_running_loop().time())
        return not poll.over

    def reported(self, uid: str, reading: Reading) -> None:
        """The device reported a value, which confirms nothing if it was measured before the command was fetched."""
        handed_out_at = self._commands.handed_out_at(uid)
        if handed_out_at is None or not self._confirmations:
            return
        if reading.age_ms <= (asyncio.get_running_loop().time() - handed_out_at) * 1000:
            self._confirmations.reported(uid, reading.resource.removeprefix("/"), reading.data)

    def forget(self, uid: str) -> None:
        """The node is out: its poll is over, and nothing waits for it."""
        self._commands.forget(uid)

    def close(self) -> None:
        """All polls are over."""
        self._commands.close()
