# SPDX-License-Identifier: BSD-3-Clause
"""Connections and a hub by hand, for tests of what decides: no socket, and time is a number."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import msgspec

from pyaiot.broker.directory import Directory
from pyaiot.broker.entities.descriptions import MethodDescription
from pyaiot.broker.entities.exchange import Entities
from pyaiot.broker.entities.news import Left, News, Newsbox, Published, Registered, Reported
from pyaiot.wire.messages import Result

Done = Callable[[Any], None]


class Desk:
    """What entities need of the hub."""

    def __init__(self) -> None:
        self.directory = Directory()
        self.now = 1_000.0
        self.results: list[Result] = []
        self.armed: list[float] = []

    def arm_for(self, deadline: float) -> None:
        self.armed.append(deadline)

    def write_ended(self, gateway: str, result: Result) -> None:
        assert gateway.startswith("peer/")
        self.results.append(result)


class Member:
    """A connection that answers when the test says so, and reads when it is let."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.reads = True
        self.is_cut_off = False
        self.is_replaced = False
        self.told: list[tuple[Any, int]] = []
        self.asked: list[tuple[str, Any, str, Done]] = []
        self.newsbox = Newsbox(self.encode, self.deliver, self.cut_off)

    def encode(self, news: News, skipped: int) -> bytes:
        return msgspec.json.encode((plain(news), skipped)) + b"\n"

    def deliver(self, frames: bytes) -> bool:
        if self.reads:
            self._hear(frames)
        return self.reads

    def read(self, limit: int = 100_000) -> bool:
        """Take what waits, as a connection that is not behind any more; whether there was something."""
        frames = self.newsbox.take(limit)
        self._hear(frames)
        return bool(frames)

    def _hear(self, frames: bytes) -> None:
        self.told += map(msgspec.json.Decoder(tuple[Any, int]).decode, frames.splitlines())

    def cut_off(self) -> None:
        self.is_cut_off = True

    def call(self, method: MethodDescription, params: Any, caller: str, timeout_s: float, done: Done) -> None:
        self.asked.append((method.name, params, caller, done))

    def replace(self) -> None:
        self.is_replaced = True


def plain(news: News) -> Any:
    """What it says, as literals."""
    match news:
        case Published():
            return [news.id, news.topic, news.content]
        case Reported():
            return [news.resource.node.uid, news.resource.name, news.resource.value]
        case Registered():
            return ["registered", news.id, news.type]
        case Left():
            return ["heard no more" if news.was_heard else "left", news.id]


def make_entities() -> tuple[Desk, Entities]:
    """A broker's entities, and what is around them."""
    desk = Desk()
    ids, tokens, clock = itertools.count(1), itertools.count(1), itertools.count(1_700_000_000_000)
    entities = Entities(desk, lambda: f"fresh{next(ids)}", lambda: f"token-{next(tokens)}", lambda: next(clock))
    desk.directory.feed.on_presence = entities.presence
    return desk, entities
