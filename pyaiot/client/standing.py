# SPDX-License-Identifier: BSD-3-Clause
"""What a client has asked for that goes on: watches, subscriptions, its registration. Each connection is given it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from pyaiot.client.changes import Told
from pyaiot.client.errors import Ended, typed
from pyaiot.client.subscribing import EntityLeft, Published, Registered, Stream
from pyaiot.client.watching import Watch
from pyaiot.rpc.errors import INVALID_PARAMS, RpcError
from pyaiot.rpc.peer import Peer
from pyaiot.wire.messages import JSON

log = logging.getLogger("pyaiot.client")

Subscription = tuple[str, str | None]


class Standing:
    """See the module. Must be made and used in one event loop."""

    def __init__(self) -> None:
        #: The parameters of ``entities.register``, once we are an entity.
        self.registration: dict[str, JSON] | None = None
        self._watches: dict[Watch, None] = {}
        self._by_number: dict[int, Watch] = {}
        # The broker may tell of a watch before we have read its number.
        self._opening = 0
        self._early: dict[int, list[tuple[int, list[Told], bool]]] = {}
        self._subscriptions: dict[Stream[Published], Subscription] = {}
        self._registrations: dict[Stream[Registered | EntityLeft], None] = {}
        self._peer: Peer | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        #: Why there will be no connection any more.
        self._ending: Exception | None = None

    # The connection

    def begin(self) -> None:
        """There will be connections, from now on or again."""
        self._ending = None

    async def restore(self, peer: Peer) -> None:
        """Make a new connection what the last one was. Raises RpcError."""
        # From here on what the program begins is asked for at once.
        watches, subscriptions = tuple(self._watches), tuple(self._subscriptions.items())
        registrations = tuple(self._registrations)
        self._peer = peer
        if self.registration is not None:
            try:
                await peer.request("entities.register", self.registration)
            except RpcError as error:
                if error.name != "taken":
                    raise
                log.warning("The id %s was taken by another meanwhile", self.registration["id"])
                self.registration = None
        for watch in watches:
            if watch in self._watches:
                await self._open_watch(watch, peer)
        for stream, subscription in subscriptions:
            if stream in self._subscriptions:
                await self._open(stream, peer, "entities.subscribe", _named(subscription))
        for each in registrations:
            if each in self._registrations:
                await self._open(each, peer, "entities.watchRegistrations", {"watch": True})

    def lost(self) -> None:
        """The connection is gone."""
        self._peer = None
        self._by_number.clear()
        self._early.clear()
        for watch in self._watches:
            watch.number = None
        self._unconfirm()

    def replaced(self) -> None:
        """Another took our id over. It is not asked for again, or the two would take it from each other for ever."""
        if self.registration is not None:
            log.warning(
                "The id %s was taken over by another with its token; not registered any more", self.registration["id"]
            )
            self.registration = None

    def end(self, why: Exception | None) -> None:
        """There will be no connection any more: by an error, or because nobody wants one."""
        self._ending = Ended() if why is None else why
        for watch in tuple(self._watches):
            watch.close() if why is None else watch.fail(why)
        for subscription in tuple(self._subscriptions):
            subscription.close() if why is None else subscription.fail(why)
        for each in tuple(self._registrations):
            each.close() if why is None else each.fail(why)

    async def close(self) -> None:
        """Leave."""
        self.end(None)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def methods(self) -> dict[str, Callable[..., Any]]:
        """What the broker tells."""
        return {
            "nodes.changed": self._changed,
            "entities.published": self._published,
            "entities.registered": self._registered,
            "entities.left": self._left,
        }

    # Watches

    def begin_watch(self, watch: Watch) -> None:
        """The program wants it from now on."""
        if self._ending is not None:
            watch.fail(self._ending)
            return
        self._watches[watch] = None
        if self._peer is not None:
            self._do(self._open_watch(watch, self._peer), partial(self._watch_failed, watch))

    def end_watch(self, watch: Watch) -> None:
        """It does not any more."""
        self._watches.pop(watch, None)
        number, watch.number = watch.number, None
        if number is not None:
            self._by_number.pop(number, None)
            self._tell("nodes.unwatch", {"watch": number})

    def _watch_failed(self, watch: Watch, why: Exception) -> None:
        self._watches.pop(watch, None)
        watch.fail(why)

    async def _open_watch(self, watch: Watch, peer: Peer) -> None:
        self._opening += 1
        try:
            await watch.open(peer)
        except RpcError as error:
            # That it is wrong is this watch's trouble, and not the connection's.
            if error.code != INVALID_PARAMS:
                raise
            self._watch_failed(watch, typed(error))
            return
        finally:
            self._opening -= 1
        if watch.number is None:
            return
        early = self._early.pop(watch.number, [])
        if not self._opening:
            self._early.clear()
        if watch not in self._watches:
            self._tell("nodes.unwatch", {"watch": watch.number})
            return
        self._by_number[watch.number] = watch
        for batch in early:
            watch.take(*batch)

    def _changed(self, watch: int, version: int, changes: list[Told], synced: bool = False) -> None:
        found = self._by_number.get(watch)
        if found is not None:
            found.take(version, changes, synced)
        elif self._opening:
            self._early.setdefault(watch, []).append((version, changes, synced))

    # Subscriptions

    def subscription(self, id: str, topic: str | None) -> Stream[Published]:
        """What ``id`` publishes."""

        def begin(stream: Stream[Published]) -> None:
            if self._ending is not None:
                stream.fail(self._ending)
                return
            self._subscriptions[stream] = id, topic
            if self._peer is not None:
                opening = self._open(stream, self._peer, "entities.subscribe", _named((id, topic)))
                self._do(opening, partial(self._stream_failed, stream))

        def end(stream: Stream[Published]) -> None:
            self._subscriptions.pop(stream, None)
            if (id, topic) not in self._subscriptions.values():
                self._tell("entities.unsubscribe", _named((id, topic)))

        return Stream(begin, end)

    def _published(self, id: str, content: JSON, topic: str | None = None, skipped: int = 0) -> None:
        told = Published(id, content, topic, skipped)
        for stream, (wanted, wanted_topic) in tuple(self._subscriptions.items()):
            if wanted == id and wanted_topic in (None, topic):
                stream.take(told)

    def registrations(self) -> Stream[Registered | EntityLeft]:
        """Which entities come and go."""

        def begin(stream: Stream[Registered | EntityLeft]) -> None:
            if self._ending is not None:
                stream.fail(self._ending)
                return
            self._registrations[stream] = None
            if self._peer is not None:
                opening = self._open(stream, self._peer, "entities.watchRegistrations", {"watch": True})
                self._do(opening, partial(self._stream_failed, stream))

        def end(stream: Stream[Registered | EntityLeft]) -> None:
            self._registrations.pop(stream, None)
            if not self._registrations:
                self._tell("entities.watchRegistrations", {"watch": False})

        return Stream(begin, end)

    def _registered(self, id: str, type: str, kind: str) -> None:
        for stream in tuple(self._registrations):
            stream.take(Registered(id, type, kind))

    def _left(self, id: str) -> None:
        for stream in tuple(self._registrations):
            stream.take(EntityLeft(id))

    async def _open(self, stream: Stream[Any], peer: Peer, method: str, params: JSON) -> None:
        try:
            await peer.request(method, params)
        except RpcError as error:
            if error.code != INVALID_PARAMS:
                raise
            self._stream_failed(stream, typed(error))
            return
        stream.confirm()

    def _stream_failed(self, stream: Stream[Any], why: Exception) -> None:
        self._subscriptions.pop(stream, None)
        self._registrations.pop(stream, None)
        stream.fail(why)

    def _unconfirm(self) -> None:
        for stream in self._subscriptions:
            stream.confirmed.clear()
        for each in self._registrations:
            each.confirmed.clear()

    # Tasks

    def _do(self, doing: Any, failed: Callable[[Exception], None]) -> None:
        """Ask for something while connected. When the connection is lost meanwhile the next one asks for it."""

        async def run() -> None:
            try:
                await doing
            except RpcError as error:
                if error.name != "left":
                    failed(typed(error))

        self._track(run())

    def _tell(self, method: str, params: JSON) -> None:
        """Say that something is not wanted any more, if there is a connection; nobody waits for the answer."""
        peer = self._peer
        if peer is None:
            return

        async def run() -> None:
            try:
                await peer.notify(method, params)
            except RpcError:
                pass  # then there is nothing to end

        self._track(run())

    def _track(self, doing: Any) -> None:
        task = asyncio.get_running_loop().create_task(doing, name="aiot client: request")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _named(subscription: Subscription) -> dict[str, JSON]:
    id, topic = subscription
    return {"id": id} if topic is None else {"id": id, "topic": topic}
