# SPDX-License-Identifier: BSD-3-Clause
"""The bytes of one connection, in bounds both ways: what is not read for a while, and what the device leaves unread.

What they mean, and when they are looked at, is connection's matter.
"""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod

from pyaiot.gateway.ws.fair_queue import NEVER, Group
from pyaiot.gateway.ws.hang_up import Presence, presence
from pyaiot.gateway.ws.host import Host
from pyaiot.gateway.ws.outgoing import MAX_UNREAD_BYTES, Outgoing
from pyaiot.gateway.ws.pace import Pace
from pyaiot.gateway.ws.sessions.contract import Code

logger = logging.getLogger("pyaiot.gateway.ws")


class Stream(asyncio.BufferedProtocol, ABC):
    """A connection of the event loop's; fulfils contract.Peer, and turns.Worker but for the work."""

    __slots__ = (
        "_closing", "_finished", "_host", "_left", "_outgoing", "_pace", "_resting", "_timer", "_transport", "address",
        "awaited", "group", "held", "served_until", "took_s", "waiting",
    )  # fmt: skip

    def __init__(self, host: Host) -> None:
        self._host = host
        self._transport: asyncio.Transport
        #: From when the request is answered.
        self._outgoing: Outgoing | None = None
        #: From when it is a WebSocket until it closes.
        self._pace: Pace | None = None
        self._closing = False
        #: The device has hung up: there is no more than what has come.
        self._left = False
        #: The same, seen at one time while nothing was read.
        self._finished = False
        #: It waits for time to pass, or for room at the broker.
        self._resting = False
        self._timer: asyncio.TimerHandle | None = None
        self.group: Group
        self.served_until = NEVER
        self.took_s = 0.0
        self.waiting = False
        self.address = ""
        #: A ping was sent, and nothing has come since.
        self.awaited = False
        #: Nothing is read for a while.
        self.held = False

    @abstractmethod
    def work(self) -> bool:
        """See turns.Worker."""

    @abstractmethod
    def _there(self) -> None:
        """The device is there, though nothing is read of it."""

    @abstractmethod
    def _begin_closing(self) -> None:
        """Nothing that the device sends counts any more. It may be told twice."""

    # How fast

    def _account(self, updates: int) -> None:
        """So many were taken: if they were too many, it rests; if they closed it, the next one takes its pace over."""
        if self._pace is not None and (pause_s := self._pace.take(updates, time.monotonic())):
            self._rest(pause_s)
        if self._closing:
            self._leave_pace()

    def _leave_pace(self) -> None:
        pace, self._pace = self._pace, None
        if pace is not None:
            self._host.paces.end(self.address, pace, time.monotonic())

    def _may_speak(self) -> bool:
        """Whether something may be taken of it now; if not, it rests, or has gone."""
        pace = self._pace
        if pace is None or not pace.is_new:
            return True
        now = time.monotonic()
        if now >= pace.settles_at:
            there = self._presence() if pace.has_waited else Presence.THERE
            if there is Presence.THERE:
                pace.settle()
                return True
            if there is Presence.GONE:
                self._host.counters.hung_up += 1
                self.abort()
                return False
            pace.enter_again(now)
        pause_s = pace.wait(now)
        if pause_s:
            self._rest(pause_s)
        return not pause_s

    # In

    def _rest(self, pause_s: float) -> None:
        """Read nothing for so long, or, if that is 0, until there is room at the broker."""
        if self._closing:
            return
        self._resting = True
        if self._left or self._transport.is_closing():
            return
        self._stop_reading()
        if pause_s:
            self._host.counters.paced += 1
            self._timer = asyncio.get_running_loop().call_later(pause_s, self.go_on)
        else:
            self._host.counters.held += 1
            self._host.hold(self)

    def go_on(self) -> None:
        """The rest is over."""
        self._timer = None
        self._resting = False
        if not self._closing:
            self._host.turns.add(self)

    def _stop_reading(self) -> None:
        if not (self.held or self._left or self._transport.is_closing()):
            self.held = True
            self._transport.pause_reading()

    def _read_on(self) -> None:
        if self.held:
            self.held = self._finished = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    def look(self) -> bool:
        """The device is held back by us: that it says nothing proves nothing. Whether it is to stay.

        Who has hung up may still have said something, and has the time until it is looked for again to be heard.
        """
        there = self._presence()
        if there is Presence.THERE:
            self._there()
            return True
        was_finished, self._finished = self._finished, True
        return there is Presence.FINISHED and not was_finished

    def _presence(self) -> Presence:
        return presence(self._transport.get_extra_info("socket").fileno())

    # Out

    def send(self, message: bytes) -> bool:
        """See contract.Peer."""
        return self._outgoing is not None and self._outgoing.text(message) and self._flush()

    def mark(self) -> int:
        """See contract.Peer."""
        if self._outgoing is None:
            return 0
        mark = self._outgoing.mark()
        self._flush()
        return mark

    def close(self, code: Code, reason: str) -> None:
        """See contract.Peer. Nothing that the device sends is read any more."""
        if self._outgoing is not None and not self._closing:
            self._outgoing.close(code, reason)
            self._flush()
        self._begin_closing()

    def ping(self) -> None:
        """Ask for a sign of life."""
        if self._outgoing is not None:
            self.awaited = True
            self._outgoing.ping()
            self._flush()

    def _flush(self) -> bool:
        """Send what there is to send; false: the device reads too slowly, and is disconnected, or it has gone."""
        outgoing = self._outgoing
        if outgoing is None or not outgoing.flush():
            return False
        if outgoing.unread_bytes <= MAX_UNREAD_BYTES:
            return True
        self._host.counters.slow += 1
        logger.info("a device at %s is disconnected: it does not read what is sent to it", self.address)
        self.abort()
        return False

    def abort(self) -> None:
        """End it at once."""
        self._transport.abort()
        self._begin_closing()
