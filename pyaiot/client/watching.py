# SPDX-License-Identifier: BSD-3-Clause
"""A watch, as a program sees it: one stream of changes over any number of connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from pyaiot.client.changes import Change, Told, Value
from pyaiot.client.errors import Ended, ended
from pyaiot.client.lag import Untaken
from pyaiot.client.view import Node, View
from pyaiot.rpc.errors import RpcError
from pyaiot.rpc.peer import Peer
from pyaiot.wire.messages import JSON


class Watch:
    """``async for value in watch`` gives each new value; :meth:`changes` gives nodes that come and go, too.

    The state comes first, then what changes. Whoever is slower than the devices gets the newest value of each
    resource, and holds up nobody. :attr:`view` is what is known, and may be read at any time.
    """

    def __init__(self, filter: dict[str, JSON], begin: Callable[[Watch], None], end: Callable[[Watch], None]) -> None:
        self.view = View()
        self._filter = filter
        self._begin = begin
        self._end = end
        self._begun = False
        #: What :meth:`changes` has still to give; None while nobody has asked for them.
        self._untaken: Untaken | None = None
        self._news = asyncio.Event()
        self._ending: Exception | None = None
        self._version: int | None = None
        #: The broker's clock minus ours, in ms, when it last answered; 0 before.
        self.clock_offset_ms = 0
        #: Its number at the broker, on the present connection.
        self.number: int | None = None

    @property
    def nodes(self) -> dict[str, Node]:
        """The nodes that are known, by uid."""
        return self.view.nodes

    @property
    def skipped(self) -> int:
        """Values that were not taken in time, because newer ones came."""
        return 0 if self._untaken is None else self._untaken.skipped

    async def __aenter__(self) -> Watch:
        """Begin, and wait until the whole state is known. Raises RpcError as :meth:`synced`."""
        await self.synced()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> AsyncIterator[Value]:
        return self._values()

    async def _values(self) -> AsyncIterator[Value]:
        async for change in self.changes():
            if isinstance(change, Value):
                yield change

    async def changes(self) -> AsyncIterator[Change]:
        """What is known when it is first asked for; then everything that is told, in order.

        Raises RpcError: the broker does not let us any more.
        """
        self._start()
        if self._untaken is None:
            self._untaken = Untaken()
            self._untaken.add(self.view.present())
        try:
            while True:
                change = self._untaken.take()
                if change is not None:
                    yield change
                    continue
                if self._ending is not None:
                    if isinstance(self._ending, Ended):
                        return
                    raise self._ending
                self._news.clear()
                await self._news.wait()
        finally:
            self.close()

    async def synced(self) -> None:
        """Wait until the whole state is known. Raises RpcError as :meth:`changes`, and ``Left``: it has ended."""
        self._start()
        while not self.view.synced:
            if self._ending is not None:
                raise ended(self._ending)
            self._news.clear()
            await self._news.wait()

    def close(self) -> None:
        """End it; harmless when it has ended."""
        if self._ending is None:
            self.fail(Ended())
            self._end(self)

    def _start(self) -> None:
        if not self._begun:
            self._begun = True
            self._begin(self)

    # The client's side

    async def open(self, peer: Peer) -> None:
        """Ask for it on a new connection, from where the last one was. Raises RpcError."""
        params = dict(self._filter)
        if self._version is not None:
            params["since"] = self._version
        answer = await peer.request("nodes.watch", params)
        if "now" in answer:
            self.clock_offset_ms = answer["now"] - time.time_ns() // 1_000_000
        if not answer["resumed"]:
            self.view.restart()
        self.number = answer["watch"]

    def take(self, version: int, changes: list[Told], synced: bool) -> None:
        """The broker told something."""
        self._version = version
        news = self.view.apply(changes, synced=synced)
        if self._untaken is not None:
            self._untaken.add(news)
        self._news.set()

    def fail(self, why: Exception) -> None:
        """Nothing more will come."""
        if self._ending is None:
            self._ending = why if isinstance(why, RpcError | Ended) else Ended()
            self._news.set()
