# SPDX-License-Identifier: BSD-3-Clause
"""A client of ``/arip`` as a member of the broker's entities: it is called, and told, in arip's words. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from pyaiot.broker.arip import translation
from pyaiot.broker.close_codes import CLOSE_REPLACED, CLOSE_TRY_LATER
from pyaiot.broker.entities.calls import MAX_PER_CALLEE
from pyaiot.broker.entities.descriptions import MethodDescription
from pyaiot.broker.entities.news import News, Newsbox, Published, Reported
from pyaiot.broker.framing import text_frame
from pyaiot.rpc.errors import RpcError
from pyaiot.wire import codec
from pyaiot.wire.messages import JSON

#: Calls that it may yet answer, those of callers that have left among them; one more is ``busy``.
MAX_UNANSWERED: Final = 2 * MAX_PER_CALLEE
#: Deadlines of calls that were answered are swept out once they are more than those of the others, and than this.
MAX_IDLE_DEADLINES: Final = 1_024
#: Frames of one news are the same for all clients of arip.
_FRAMES: Final = "arip"


class Line(Protocol):
    """The connection."""

    @property
    def name(self) -> str:
        """Its address, for the log."""

    @property
    def now(self) -> float:
        """Monotonic seconds."""

    def say(self, text: bytes) -> None:
        """Send one message."""

    def has_room(self) -> bool:
        """Whether there is room for a message that could be left out."""

    def deliver(self, frames: bytes) -> bool:
        """See Newsbox."""

    def end(self, code: int, reason: str) -> None:
        """Close it."""


class AripMember:
    """One connection: an exchange.Member."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._asked: dict[str, Callable[[Any], None]] = {}
        self._deadlines: list[tuple[float, str]] = []
        self._last_id = 0
        self.newsbox = Newsbox(self._encode, line.deliver, self._give_up)

    @property
    def name(self) -> str:
        """See exchange.Member."""
        return self._line.name

    def call(
        self, method: MethodDescription, params: JSON, caller: str, timeout_s: float, done: Callable[[Any], None]
    ) -> None:
        """See exchange.Member. The ``req_id`` is ours: those of several callers are alike, and of the client's own."""
        self._expire()
        if len(self._asked) >= MAX_UNANSWERED:
            done(RpcError.of("busy", f"who is called has not answered {MAX_UNANSWERED} calls"))
            return
        if not self._line.has_room():
            done(RpcError.of("busy", "who is called does not read what it is sent"))
            return
        self._last_id += 1
        req_id = f"call-{self._last_id}"
        self._asked[req_id] = done
        heapq.heappush(self._deadlines, (self._line.now + timeout_s, req_id))
        self._line.say(translation.encode_call(method.name, method.positional(params), req_id, caller))

    def answered(self, req_id: JSON, content: JSON) -> bool:
        """The client's result of the call ``req_id``; false when there is none that *this* client was asked (AR-B6)."""
        done = self._asked.pop(req_id, None) if isinstance(req_id, str) else None
        if done is None:
            return False
        done(msgspec.Raw(codec.encode(content)))
        return True

    def _expire(self) -> None:
        """Forget calls that are over. (Nobody is told here: the broker's own deadline is the same.)"""
        if len(self._deadlines) > 2 * len(self._asked) + MAX_IDLE_DEADLINES:
            self._deadlines = [each for each in self._deadlines if each[1] in self._asked]
            heapq.heapify(self._deadlines)
        while self._deadlines and self._deadlines[0][0] <= self._line.now:
            self._asked.pop(heapq.heappop(self._deadlines)[1], None)

    def replace(self) -> None:
        """See exchange.Member."""
        self._line.end(CLOSE_REPLACED, "replaced by a newer connection of the same entity")

    def _encode(self, news: News, skipped: int) -> bytes:
        if skipped or not isinstance(news, Published | Reported):
            text = translation.encode_news(news, skipped)
            return text_frame(text) if text else b""
        frame = news.frames.get(_FRAMES)
        if frame is None:
            frame = news.frames[_FRAMES] = text_frame(translation.encode_news(news))
        return frame

    def _give_up(self) -> None:
        self._line.end(CLOSE_TRY_LATER, "too far behind; connect again")
