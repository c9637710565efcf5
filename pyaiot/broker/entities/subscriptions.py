# SPDX-License-Identifier: BSD-3-Clause
"""Who wants to hear whom: an entity, or one topic of it (PROTOCOL.md section 3.5). Pure.

A subscription is to an id, and lasts until it is ended or its subscriber leaves: whoever has the id again after an
absence is heard again.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Final, Generic, TypeVar

from pyaiot.rpc.errors import RpcError

#: Of one connection.
MAX_SUBSCRIPTIONS: Final = 256

S = TypeVar("S", bound=Hashable)


class Subscriptions(Generic[S]):
    """By id, and by subscriber. A topic that is None stands for everything of an entity."""

    def __init__(self) -> None:
        self._topics: dict[str, dict[S, dict[str | None, None]]] = {}
        self._ids: dict[S, dict[str, None]] = {}
        self._counts: dict[S, int] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is kept."""
        return not (self._topics or self._ids or self._counts)

    def __contains__(self, id: str) -> bool:
        return id in self._topics

    def subscribe(self, subscriber: S, id: str, topic: str | None) -> None:
        """Harmless when it is subscribed already. Raises RpcError ``busy``."""
        topics = self._topics.get(id, {}).get(subscriber, {})
        if topic in topics:
            return
        if self._counts.get(subscriber, 0) >= MAX_SUBSCRIPTIONS:
            raise RpcError.of("busy", f"more than {MAX_SUBSCRIPTIONS} subscriptions of this connection")
        self._counts[subscriber] = self._counts.get(subscriber, 0) + 1
        self._topics.setdefault(id, {}).setdefault(subscriber, {})[topic] = None
        self._ids.setdefault(subscriber, {})[id] = None

    def unsubscribe(self, subscriber: S, id: str, topic: str | None) -> bool:
        """Whether there was such a subscription; None ends that to the entity, and leaves those to single topics."""
        subscribers = self._topics.get(id, {})
        topics = subscribers.get(subscriber, {})
        if topic not in topics:
            return False
        del topics[topic]
        self._counts[subscriber] -= 1
        if not topics:
            del subscribers[subscriber], self._ids[subscriber][id]
        if not subscribers:
            del self._topics[id]
        if not self._counts[subscriber]:
            del self._counts[subscriber], self._ids[subscriber]
        return True

    def leave(self, subscriber: S) -> None:
        """It hears nobody any more."""
        for id in self._ids.pop(subscriber, ()):
            subscribers = self._topics[id]
            del subscribers[subscriber]
            if not subscribers:
                del self._topics[id]
        self._counts.pop(subscriber, None)

    def to(self, id: str) -> list[S]:
        """Who hears anything of ``id``."""
        return list(self._topics.get(id, ()))

    def hearing(self, id: str, topic: str | None) -> Iterator[S]:
        """Who hears ``topic`` of ``id``; None: what is of the entity as a whole."""
        for subscriber, topics in self._topics.get(id, {}).items():
            if None in topics or (topic is not None and topic in topics):
                yield subscriber
