# SPDX-License-Identifier: BSD-3-Clause
"""Who is served when more is asked for than can be done at once: everybody, a little at a time. Pure.

In each turn of the event loop at most ``TURN_S`` goes to what clients of ``/rpc`` ask for, and one piece of work more.
What is left waits in line, a connection behind the other, and gateways, keepalives and newcomers come in between. So
whoever asks for much delays others by some milliseconds, whatever it asks for, provided that each piece is short.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

#: What one turn of the event loop has for the clients of ``/rpc``.
TURN_S: Final = 0.004

T = TypeVar("T")


class Turns:
    """``call_soon`` is the event loop's, and ``clock`` gives monotonic seconds."""

    def __init__(self, call_soon: Callable[[Callable[[], None]], None], clock: Callable[[], float]) -> None:
        self.call_soon = call_soon
        self._clock = clock
        self._line: deque[Callable[[], None]] = deque()
        #: None: nothing was done in this turn of the event loop.
        self._ends_at: float | None = None

    def __len__(self) -> int:
        """How many wait in line."""
        return len(self._line)

    def wait(self, work: Callable[[], None]) -> None:
        """Do ``work`` when its turn comes, never at once. Whoever has more to do then waits again."""
        self._line.append(work)
        if self._ends_at is None:
            self._begin()

    @property
    def is_over(self) -> bool:
        """Whether the time of this turn is spent: who is at work now leaves the rest for another turn."""
        return self._ends_at is not None and self._clock() >= self._ends_at

    def may_go_first(self) -> bool:
        """Whether nobody waits, and there is time left: then something may be done now, without waiting."""
        if self._line:
            return False
        if self._ends_at is None:
            self._begin()
        return not self.is_over

    def serve_all(self, items: deque[T], serve: Callable[[T], None], done: Callable[[], None]) -> bool:
        """``serve`` the items, taken out one by one, as turns allow. True: that is over; else ``done`` is called."""
        while items and self.may_go_first():
            serve(items.popleft())
        if not items:
            return True

        def go_on() -> None:
            while items:
                serve(items.popleft())
                if items and self.is_over:
                    self.wait(go_on)
                    return
            done()

        self.wait(go_on)
        return False

    def _begin(self) -> None:
        self._ends_at = self._clock() + TURN_S
        self.call_soon(self._next)

    def _next(self) -> None:
        """A turn of the event loop later."""
        if not self._line:
            self._ends_at = None
            return
        self._begin()
        while self._line:
            self._line.popleft()()
            if self.is_over:
                return
