# SPDX-License-Identifier: BSD-3-Clause
"""One session with the broker (PROTOCOL.md section 2), after ``dial``: frames both ways, ping, the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from pyaiot.gateway.dial import BrokerAddress, Identity, LinkLost, dial, loss_of, shake_hands, text_of
from pyaiot.gateway.outbox import MAX_FRAME_MESSAGES, Outbox
from pyaiot.wire.codec import decode_broker_frame, encode_gateway_frame
from pyaiot.wire.errors import HandshakeFailed, WireError
from pyaiot.wire.handshake import CLOSE_BAD_FRAME, CLOSE_GOING_AWAY, CLOSE_NOT_AUTHENTICATED, Answer
from pyaiot.wire.messages import BrokerMessage
from pyaiot.wire.signing import Opener, Sealer

#: Messages sent and not acknowledged, at most.
MAX_IN_FLIGHT = 8192
#: A frame of fewer messages than this was a small one: the link is busy, but not very.
SMALL_FRAME_MESSAGES = 16


class Host(Protocol):
    """What a link does for: the gateway. Nothing of it may raise."""

    def session_began(self, features: frozenset[str]) -> None:
        """The broker said welcome, and takes ``features`` besides (messages.ABOUT …); the outbox was resumed."""

    def session_ended(self) -> None:
        """It is over; called once for each ``session_began``."""

    def refill(self) -> None:
        """Add to the outbox what only waited for room in it."""

    def broker_says(self, message: BrokerMessage) -> None:
        """A message of the broker."""


class Link:
    """A session from its connecting to its end."""

    def __init__(self, broker: BrokerAddress, identity: Identity, outbox: Outbox, host: Host) -> None:
        self._broker = broker
        self._times = broker.times
        self._identity = identity
        self._outbox = outbox
        self._host = host
        self._waiter: asyncio.Future[None] | None = None
        self._enough = 1
        self._heard_at = 0.0
        self._progress_at = 0.0
        self._drained = asyncio.Event()
        self._ending = False
        self._over = False
        #: The broker acknowledged something: it is not just letting us in and throwing us out.
        self.proved = False

    async def run(self, established: Callable[[], None]) -> None:
        """Connect and serve, calling ``established`` after the welcome; ends by raising LinkLost, or when cancelled."""
        connection = await dial(self._broker)
        code, reason = CLOSE_GOING_AWAY, "the gateway stops"
        try:
            async with asyncio.timeout(self._times.handshake_s):
                answer, welcome = await shake_hands(connection, self._identity, self._outbox.epoch)
            self._outbox.resume(welcome.ack)
            self._heard_at = self._progress_at = asyncio.get_running_loop().time()
            self._host.session_began(frozenset(welcome.features))
            try:
                established()
                await self._serve(connection, answer)
            finally:
                self._over = True
                self._drained.set()
                self._host.session_ended()
        except TimeoutError:
            code, reason = CLOSE_GOING_AWAY, "the handshake took too long"
            late = f"the broker did not finish the handshake in {self._times.handshake_s:g} s"
            raise LinkLost("lost", late) from None
        except ConnectionClosed as closed:
            raise loss_of(closed, admitted=self._over) from None
        except HandshakeFailed as error:
            code, reason = CLOSE_NOT_AUTHENTICATED, "not authenticated"
            raise LinkLost("stranger", str(error)) from None
        except WireError as error:
            code, reason = CLOSE_BAD_FRAME, "bad frame"
            raise LinkLost("fault", f"the broker sent a bad frame: {error}") from None
        finally:
            await self._close(connection, code, reason)

    def wake(self) -> None:
        """There is more in the outbox."""
        waits = self._waiter is not None
        if waits and self._outbox.waiting >= self._enough and self._outbox.in_flight < MAX_IN_FLIGHT:
            self._release()

    async def drain(self) -> None:
        """Wait until the broker has acknowledged everything, or the session is over. Nothing more is told again."""
        self._ending = True
        self._enough = 1
        self.wake()
        while self._outbox and not self._over:
            self._drained.clear()
            await self._drained.wait()

    async def _serve(self, connection: ClientConnection, answer: Answer) -> None:
        """Until the first of our tasks fails; raises what it failed of.

        Not a TaskGroup: one of Python 3.11 whose task fails in the turn in which it is cancelled itself tells only of
        the failure, and we would go on to the next session when we were to stop.
        """
        loop = asyncio.get_running_loop()
        tasks = (
            loop.create_task(self._send(connection, answer.sealer), name="link: send"),
            loop.create_task(self._receive(connection, answer.opener), name="link: receive"),
            loop.create_task(self._watch(connection), name="link: watch"),
        )
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _send(self, connection: ClientConnection, sealer: Sealer) -> None:
        """An idle link sends at once; a busy one when its pause is over, or as soon as a frame is full."""
        outbox, times = self._outbox, self._times
        loop = asyncio.get_running_loop()
        while True:
            if not self._ending:
                self._host.refill()
            if not outbox.in_flight:
                self._progress_at = loop.time()
            frame = outbox.next_frame(MAX_IN_FLIGHT)
            if frame is None:
                await self._wait(1, None)
                continue
            first, messages = frame
            await connection.send(sealer.seal(encode_gateway_frame(first, messages)))
            if outbox.waiting >= MAX_FRAME_MESSAGES:
                await asyncio.sleep(0)  # a long backlog must not keep the loop for itself
            elif len(messages) < SMALL_FRAME_MESSAGES:
                await self._wait(MAX_FRAME_MESSAGES, times.small_pause_s)
            else:
                await self._wait(MAX_FRAME_MESSAGES, times.busy_pause_s)

    async def _wait(self, enough: int, pause_s: float | None) -> None:
        """Until ``enough`` messages wait (and may be sent), or ``pause_s`` is over, or something was acknowledged."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiter, self._enough = waiter, enough
        timer = None if pause_s is None else loop.call_later(pause_s, self._release)
        try:
            await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def _release(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():  # cancelled, when the session has just ended
            waiter.set_result(None)

    async def _receive(self, connection: ClientConnection, opener: Opener) -> None:
        outbox, host = self._outbox, self._host
        loop = asyncio.get_running_loop()
        while True:
            frame = decode_broker_frame(opener.open(text_of(await connection.recv())))
            self._heard_at = loop.time()
            if frame.ack is not None:
                before = outbox.acknowledged
                outbox.acknowledge(frame.ack)
                if outbox.acknowledged > before:
                    self.proved = True
                    self._progress_at = self._heard_at
                if not outbox:
                    self._drained.set()
                if self._enough == 1:
                    self._release()  # there may be room for what is to be told again
            for message in frame.messages:
                host.broker_says(message)

    async def _watch(self, connection: ClientConnection) -> None:
        """Notice a broker that is silent, or takes everything and acknowledges nothing.

        Not the library's own keepalive: that waits for the write buffer before it waits for the pong, and so never
        finds a peer that has stopped reading.
        """
        times = self._times
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(times.ping_interval_s)
            asked_at = loop.time()
            try:
                async with asyncio.timeout(times.ping_timeout_s):
                    await (await connection.ping())
            except TimeoutError:
                if self._heard_at < asked_at:
                    raise LinkLost("lost", f"the broker was silent for {times.ping_timeout_s:g} s") from None
            if self._outbox.in_flight and loop.time() - self._progress_at > times.acknowledge_s:
                raise LinkLost("lost", f"the broker acknowledged nothing for {times.acknowledge_s:g} s")

    async def _close(self, connection: ClientConnection, code: int, reason: str) -> None:
        """Take leave, politely if the broker still reads. Never raises, and takes ``close_s`` at most."""
        try:
            async with asyncio.timeout(self._times.close_s):
                await connection.close(code, reason)
        except (TimeoutError, ConnectionClosed, OSError):
            pass
        finally:
            with contextlib.suppress(Exception):
                connection.transport.abort()
