# SPDX-License-Identifier: BSD-3-Clause
"""What the broker's methods know of who calls, and how they answer later. Pure.

A method is ``def handler(caller: Caller, …) -> JSON | msgspec.Raw | Later``; it raises RpcError.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import msgspec

from pyaiot.broker.authorisation import MAY, Action
from pyaiot.keys import Role
from pyaiot.rpc.errors import RpcError
from pyaiot.rpc.messages import Version
from pyaiot.wire.messages import JSON

#: How a call ended: what was answered, or why not.
Ending: TypeAlias = Any  # JSON | msgspec.Raw | RpcError


class Source(Protocol):
    """Something to tell a session, at the session's own pace: a watch, for example."""

    def take(self, limit: int) -> bytes:
        """The next whole WebSocket frames of what is untold, about ``limit`` bytes; b"" when there is nothing now."""


class Session(Protocol):
    """The connection of a caller.

    It asks its sources in turn, and only once its last write was taken, so that one that reads slowly costs no more
    than some 64 KiB of frames, its bounded answers and the kernel's buffer.
    """

    #: Called once, in this order, when the connection is gone.
    on_end: list[Callable[[], None]]

    @property
    def name(self) -> str:
        """Its address, for the log."""

    @property
    def version(self) -> Version:
        """Of JSON-RPC, 1 or 2: that of the peer's last request."""

    def notify(self, method: str, params: bytes) -> None:
        """Tell something once; ``params`` is an encoded object. Bounded: whoever does not read is cut off."""

    def request(
        self, method: str, params: JSON, deadline_s: float, done: Callable[[msgspec.Raw | RpcError], None]
    ) -> None:
        """Call the peer, in its version; ``deadline_s`` is how long it may take.

        ``done`` is called exactly once, now or later: with the result as JSON, what the peer answered as its error,
        ``timeout``, ``busy``, or ``left``.
        """

    def tell(self, frames: bytes) -> bool:
        """Write whole text frames soon, together with others; False, and not taken, of one that ``is_behind``."""

    @property
    def is_behind(self) -> bool:
        """Whether it has not taken the last write yet. Then it asks its sources, and nothing can be delivered."""

    def deliver(self, frames: bytes) -> bool:
        """Write whole text frames now. False: the session is behind, and takes from its sources when it can again.

        Of one that ``is_behind`` already the frames are not taken; of one that only gets behind by them they are.
        """

    def add_source(self, source: Source) -> None:
        """From now on ``source`` is asked, too; at once, if the session is not behind."""

    def remove_source(self, source: Source) -> None:
        """It is asked no more; harmless when it was not."""

    def wake(self) -> None:
        """A source has something to take again."""

    def close(self, code: int, reason: str) -> None:
        """End the connection (PROTOCOL.md section 3.2 has the codes)."""


class Caller:
    """Who calls: by its connection, or by one HTTP request (``session`` is None)."""

    def __init__(self, name: str, role: Role | None, session: Session | None = None) -> None:
        self.name = name
        self.role = role
        self.session = session
        #: Shows a token; the role that it gives, or None. Whoever serves the connection sets it.
        self.authenticate: Callable[[str], Role | None] | None = None

    def may(self, action: Action) -> bool:
        """Whether its role allows that."""
        return self.role is not None and action in MAY[self.role]

    def need_session(self) -> Session:
        """Its connection; raises RpcError ``unsupported`` over HTTP."""
        if self.session is None:
            raise RpcError.of("unsupported", "this needs a connection: call it over the WebSocket /rpc")
        return self.session


class Later:
    """An answer that comes later. No task waits for it: whoever serves the caller hangs itself on it."""

    __slots__ = ("_done", "_ending", "_has_ended")

    def __init__(self) -> None:
        self._done: Callable[[Ending], None] | None = None
        self._ending: Ending = None
        self._has_ended = False

    def resolve(self, result: JSON | msgspec.Raw) -> None:
        """The answer; only the first of all answers counts."""
        self._end(result)

    def reject(self, error: RpcError) -> None:
        """Why there is none."""
        self._end(error)

    def when_ended(self, done: Callable[[Ending], None]) -> None:
        """Hand ``done`` what was answered, now or later, once."""
        if self._has_ended:
            done(self._ending)
        else:
            self._done = done

    def _end(self, ending: Ending) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        done, self._done = self._done, None
        if done is None:
            self._ending = ending
        else:
            done(ending)
