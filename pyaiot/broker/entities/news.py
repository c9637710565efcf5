# SPDX-License-Identifier: BSD-3-Clause
"""What connections are told of entities unasked, and how much of it may wait for one that reads slowly. Pure.

A connection that keeps up is told everything, at once. One that is behind is told the newest of each topic when it can
take it, and how many came between.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, Protocol, TypeAlias

import msgspec

from pyaiot.broker.entries import Resource
from pyaiot.wire.messages import JSON

#: Topics that may wait for one connection; with more it is too far behind.
MAX_WAITING: Final = 2_048


class Published:
    """What entity ``id`` published; ``topic`` is None for the entity as a whole. ``frames``: encoded once for all."""

    __slots__ = ("content", "frames", "id", "topic")

    def __init__(self, id: str, topic: str | None, content: JSON) -> None:
        self.id = id
        self.topic = topic
        self.content = content
        self.frames: dict[Hashable, bytes] = {}

    @property
    def key(self) -> Hashable:
        """What of its kind is newest."""
        return self.id, self.topic


class Reported:
    """A new value of a device's resource: the resource itself, so that who is behind is told what it is by then."""

    __slots__ = ("frames", "resource")

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.frames: dict[Hashable, bytes] = {}

    @property
    def key(self) -> Hashable:
        """What of its kind is newest."""
        return self.resource.node.uid, self.resource.name

    @property
    def published(self) -> Published:
        """As what an entity publishes."""
        return Published(self.resource.node.uid, self.resource.name, self.resource.value)


class Registered(msgspec.Struct, frozen=True):
    """An entity is there, or is of another type now."""

    id: str
    type: str
    kind: str = "peer"

    @property
    def key(self) -> Hashable:
        """See Published: coming and going are of one kind."""
        return self.id


class Left(msgspec.Struct, frozen=True):
    """It is gone. ``was_heard``: this is for who subscribed to it, not for who watches registrations."""

    id: str
    was_heard: bool = False

    @property
    def key(self) -> Hashable:
        """See Registered."""
        return (self.id,) if self.was_heard else self.id


News: TypeAlias = Published | Reported | Registered | Left


class Encode(Protocol):
    """Makes frames of news, in the words of one protocol."""

    def __call__(self, news: News, skipped: int) -> bytes:
        """Whole WebSocket frames; b"" for what cannot be said there."""


class Newsbox:
    """What one connection is told; also a Source of it (see broker/rpc/caller.py).

    ``deliver`` writes frames unless the connection is behind; it says whether it did. If not, :meth:`take` is called
    when more can be written. ``give_up`` is called, once, when too much waits.
    """

    def __init__(self, encode: Encode, deliver: Callable[[bytes], bool], give_up: Callable[[], None]) -> None:
        self._encode = encode
        self._deliver = deliver
        self._give_up = give_up
        self._has_given_up = False
        self._waiting: dict[Hashable, tuple[News, int]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def tell(self, news: News) -> None:
        """Now, or when it can be taken."""
        if self._has_given_up:
            return
        if not self._waiting:
            frames = self._encode(news, 0)
            if not frames or self._deliver(frames):
                return
        _, skipped = self._waiting.pop(news.key, (None, -1))
        self._waiting[news.key] = news, skipped + 1
        if len(self._waiting) > MAX_WAITING:
            self._has_given_up = True
            self._waiting.clear()
            self._give_up()

    def forget(self, id: str) -> None:
        """What ``id`` published before it left is for nobody any more."""
        for key in [key for key, (news, _) in self._waiting.items() if _publisher(news) == id]:
            del self._waiting[key]

    def take(self, limit: int) -> bytes:
        """See Source: frames of what waits, the oldest first; b"" when nothing does."""
        frames, size = [], 0
        while self._waiting and size < limit:
            key = next(iter(self._waiting))
            news, skipped = self._waiting.pop(key)
            frames.append(self._encode(news, skipped))
            size += len(frames[-1])
        return b"".join(frames)


def _publisher(news: News) -> str | None:
    if isinstance(news, Published):
        return news.id
    return news.resource.node.uid if isinstance(news, Reported) else None
