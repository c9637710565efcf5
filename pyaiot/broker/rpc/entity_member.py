# SPDX-License-Identifier: BSD-3-Clause
"""Connections to ``/rpc`` as members of the broker's entities: they are called, and told, in JSON-RPC. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from pyaiot.broker.close_codes import CLOSE_REPLACED, CLOSE_TRY_LATER
from pyaiot.broker.entities.descriptions import MethodDescription
from pyaiot.broker.entities.exchange import Entities
from pyaiot.broker.entities.news import Left, News, Newsbox, Published, Registered, Reported
from pyaiot.broker.framing import text_frame
from pyaiot.broker.rpc.caller import Session
from pyaiot.rpc.encoding import encode_notification
from pyaiot.rpc.messages import Version
from pyaiot.wire.codec import encode
from pyaiot.wire.messages import JSON


class _Published(msgspec.Struct, omit_defaults=True):
    id: str
    content: JSON
    topic: str | None = None
    skipped: int | UnsetType = UNSET


class RpcMember:
    """One connection: an exchange.Member."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.newsbox = Newsbox(self._encode, self._deliver, self._give_up)

    @property
    def name(self) -> str:
        """See exchange.Member."""
        return self._session.name

    def call(
        self, method: MethodDescription, params: JSON, caller: str, timeout_s: float, done: Callable[[Any], None]
    ) -> None:
        """See exchange.Member. A peer of 1.0 takes parameters by position only."""
        given = method.positional(params) if self._session.version == 1 else params
        self._session.request(method.name, given, timeout_s, done)

    def replace(self) -> None:
        """See exchange.Member."""
        self._session.close(CLOSE_REPLACED, "replaced by a newer connection of the same entity")

    def _encode(self, news: News, skipped: int) -> bytes:
        version = self._session.version
        if isinstance(news, Registered):
            return _frame("entities.registered", encode(news), version)
        if isinstance(news, Left):
            return b"" if news.was_heard else _frame("entities.left", encode({"id": news.id}), version)
        if skipped:
            return _frame("entities.published", _params(news, skipped), version)
        frame = news.frames.get(version)
        if frame is None:
            frame = news.frames[version] = _frame("entities.published", _params(news, UNSET), version)
        return frame

    def _deliver(self, frames: bytes) -> bool:
        return self._session.tell(frames)

    def _give_up(self) -> None:
        self._session.close(CLOSE_TRY_LATER, "too far behind; connect again")


def _params(news: Published | Reported, skipped: int | UnsetType) -> bytes:
    published = news if isinstance(news, Published) else news.published
    return encode(_Published(published.id, published.content, published.topic, skipped))


def _frame(method: str, params: bytes, version: Version) -> bytes:
    return text_frame(encode_notification(method, params, version))


class Members:
    """Of each connection that has to do with entities, its member: from the first time until it ends."""

    def __init__(self, entities: Entities) -> None:
        self._entities = entities
        self._members: dict[Session, RpcMember] = {}

    def __len__(self) -> int:
        return len(self._members)

    def of(self, session: Session) -> RpcMember:
        """The member that ``session`` is."""
        member = self._members.get(session)
        if member is None:
            member = self._members[session] = RpcMember(session)
            session.add_source(member.newsbox)

            def end() -> None:
                del self._members[session]
                self._entities.leave(member)

            session.on_end.append(end)
        return member
