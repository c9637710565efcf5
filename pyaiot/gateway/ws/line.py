# SPDX-License-Identifier: BSD-3-Clause
"""What a crowd asks for at one moment, done a little at each turn of the event loop: in between, others have theirs.

When thousands of devices lose their network at once, and come back together, each costs little and all of them much:
done as it comes, that would hold everybody else up for as long.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

#: How long it may take of one turn, in seconds; at least one thing is done in each.
TURN_S = 0.004

Work = Callable[[], None]


class Line:
    """First come, first served. Who adds bounds how much there can be: here, some for each connection."""

    def __init__(self) -> None:
        self._works: deque[Work] = deque()
        self._turn: asyncio.Handle | None = None

    def __len__(self) -> int:
        return len(self._works)

    def add(self, work: Work) -> None:
        """Have ``work`` done in a turn to come; what it raises goes to the loop's exception handler."""
        self._works.append(work)
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._take_turn)

    def finish(self) -> None:
        """Do all of it now."""
        while self._works:
            self._works.popleft()()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _take_turn(self) -> None:
        end = time.monotonic() + TURN_S
        try:
            while self._works:
                self._works.popleft()()
                if time.monotonic() >= end:
                    break
        finally:  # a fault of one is not to be that of all behind it
            self._turn = asyncio.get_running_loop().call_soon(self._take_turn) if self._works else None
