# SPDX-License-Identifier: BSD-3-Clause
"""What the author of an adapter supplies: how to make one, and how to be a device of it.

A device speaks the real protocol over a real socket on loopback, and knows nothing of the adapter but its address.
"""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

from pyaiot.gateway.adapter import Adapter
from pyaiot.wire.messages import JSON

#: How long is waited for what must come, in seconds.
WAIT_S = 60.0

#: What a device makes of a write: it takes it and says so, says no (or another value), or says nothing. It says nothing
#: when it is asked for a value, either, in the last of these manners.
Manner = Literal["confirm", "refuse", "ignore"]


class Device(ABC):
    """One device called ``uid``, which nobody knows yet and which is not connected.

    Whatever the gateway answers, no method raises because of it. A device whose gateway has stopped raises OSError, or
    nothing.
    """

    def __init__(self, uid: str) -> None:
        self.uid = uid
        #: How it takes the writes that come from now on.
        self.manner: Manner = "confirm"
        #: The writes that arrived, as (resource, text).
        self.written: list[tuple[str, str]] = []
        #: What it says when it is asked for its values; for adapters that can read.
        self.values: dict[str, str] = {}
        #: How often it was asked.
        self.questions = 0
        self._arrived = asyncio.Event()

    @abstractmethod
    async def hello(self) -> None:
        """Show itself, connecting before that where it is not connected. From now on it takes writes."""

    @abstractmethod
    async def report(self, resource: str, text: str) -> None:
        """Say that ``resource`` is ``text``. The device has said hello."""

    @abstractmethod
    async def leave(self) -> None:
        """Say goodbye, in the protocol's own way, and end."""

    @abstractmethod
    async def vanish(self) -> None:
        """End without a word: close its sockets, end its tasks. Does nothing where it has ended."""

    async def reboot(self) -> None:
        """Begin anew, and say so; for protocols in which a device can (:attr:`World.can_reboot`)."""
        raise NotImplementedError

    def took(self, resource: str, text: str) -> None:
        """To be called by the device when a write arrives, before it answers."""
        self.written.append((resource, text))
        self._arrived.set()

    def asked(self) -> dict[str, str]:
        """To be called by the device when it is asked for values, of whatever resources; what it says of them."""
        self.questions += 1
        self._arrived.set()
        return {} if self.manner == "ignore" else self.values

    async def until_asked(self, count: int) -> None:
        """Wait until it was asked so often in all."""
        async with asyncio.timeout(WAIT_S):
            while self.questions < count:
                self._arrived.clear()
                await self._arrived.wait()

    async def until_written(self, count: int = 1) -> None:
        """Wait until so many writes have arrived in all."""
        async with asyncio.timeout(WAIT_S):
            while len(self.written) < count:
                self._arrived.clear()
                await self._arrived.wait()


class World(ABC):
    """The surroundings of an adapter. Made anew for each test; opened before its adapter starts, closed at the end."""

    #: The adapter listens on a port of its own, so that the port can be taken.
    listens: ClassVar[bool] = True
    #: A device can say that it has rebooted, which the adapter tells by ``reset``.
    can_reboot: ClassVar[bool] = False
    #: What cannot be written in this protocol; empty where everything that JSON can say can be.
    unsupported: ClassVar[Sequence[JSON]] = ()

    async def open(self) -> None:
        """Start what the adapter needs (an MQTT broker); nothing for most."""

    async def close(self) -> None:
        """End what :meth:`open` started."""

    @abstractmethod
    def adapter(self, port: int = 0) -> Adapter:
        """A new adapter for ``port`` of loopback, not started; 0: any free one, or that of what ``open`` started.

        One that remembers the last thousands of something needs small bounds here: else it seems to grow without end.
        """

    @abstractmethod
    def port(self, adapter: Adapter) -> int:
        """The port that a started adapter listens on."""

    @abstractmethod
    def device(self, adapter: Adapter, uid: str) -> Device:
        """A device for a started adapter. ``uid`` may be one that the protocol or the gateway has to refuse."""

    @abstractmethod
    async def noise(self, adapter: Adapter, chance: random.Random, count: int) -> None:
        """Send ``count`` inputs that no device should: damaged, endless, cut short, out of place. Close all sockets."""

    async def ready(self, adapter: Adapter) -> None:
        """Wait until an adapter that has started can hear devices; most can at once."""

    def internal_errors(self, adapter: Adapter) -> int:
        """How many faults of its own the adapter has counted, where it counts them."""
        return 0
