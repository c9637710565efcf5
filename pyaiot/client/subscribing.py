# SPDX-License-Identifier: BSD-3-Clause
"""What entities publish, and which come and go, as a program sees it: streams over any number of connections."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final, Generic, TypeVar

import msgspec

from pyaiot.client.errors import Ended, ended
from pyaiot.rpc.errors import RpcError
from pyaiot.wire.messages import JSON

#: What waits to be taken; with more, the oldest goes.
MAX_WAITING: Final = 1_024


class Published(msgspec.Struct, frozen=True):
    """An entity published ``content``; ``topic`` is None for all of it. ``skipped``: so many came between."""

    id: str
    content: JSON
    topic: str | None = None
    skipped: int = 0


class Registered(msgspec.Struct, frozen=True):
    """An entity is there; ``kind`` is ``peer`` or ``device``."""

    id: str
    type: str
    kind: str


class EntityLeft(msgspec.Struct, frozen=True):
    """An entity is gone."""

    id: str


T = TypeVar("T")


class Stream(Generic[T]):
    """``async for each in stream``. It begins when it is first waited for, or at :meth:`start`."""

    def __init__(self, begin: Callable[[Stream[T]], None], end: Callable[[Stream[T]], None]) -> None:
        self._begin = begin
        self._end = end
        self._waiting: deque[T] = deque()
        self._news = asyncio.Event()
        self._ending: Exception | None = None
        self._begun = False
        #: What was not taken in time.
        self.dropped = 0
        #: The broker has answered that it will tell, on the present connection.
        self.confirmed = asyncio.Event()

    async def start(self) -> None:
        """Begin, and wait until the broker has confirmed. Raises RpcError: not let, or ``Left``: it has ended."""
        self._start()
        await self.confirmed.wait()
        if self._ending is not None:
            raise ended(self._ending)

    def _start(self) -> None:
        if not self._begun:
            self._begun = True
            self._begin(self)

    async def __aiter__(self) -> AsyncIterator[T]:
        self._start()
        try:
            while True:
                if self._waiting:
                    yield self._waiting.popleft()
                    continue
                if isinstance(self._ending, RpcError):
                    raise self._ending
                if self._ending is not None:
                    return
                self._news.clear()
                await self._news.wait()
        finally:
            self.close()

    def close(self) -> None:
        """End it; harmless when it has ended."""
        if self._ending is None:
            self.fail(Ended())
            self._end(self)

    # The client's side

    def take(self, each: T) -> None:
        """The broker told something."""
        self._waiting.append(each)
        if len(self._waiting) > MAX_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._news.set()

    def confirm(self) -> None:
        """The broker will tell."""
        self.confirmed.set()

    def fail(self, why: Exception) -> None:
        """Nothing more will come."""
        if self._ending is None:
            self._ending = why
            self._news.set()
            self.confirmed.set()
