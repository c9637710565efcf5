# SPDX-License-Identifier: BSD-3-Clause
"""A call that comes again and again on the event loop, and says itself when: one timer, which no fault stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

#: When the next call comes after one that failed, in seconds.
AFTER_FAULT_S: Final = 1.0


class RecurringCall:
    """``call`` returns after how many seconds it is to be called again. What it raises is the event loop's to tell."""

    def __init__(self, call: Callable[[], float]) -> None:
        self._call = call
        #: The next one, or the one that is going on; None: there is none any more.
        self._timer: asyncio.TimerHandle | None = None

    @property
    def runs(self) -> bool:
        """Whether it was started, and not stopped since."""
        return self._timer is not None

    def start(self, after_s: float) -> None:
        """The first call comes after so many seconds."""
        self._arm(after_s)

    def hasten(self, after_s: float) -> None:
        """The next one comes after so many seconds, if it runs."""
        if self._timer is not None:
            self._arm(after_s)

    def stop(self) -> None:
        """There are no more calls; it may be told twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, after_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(after_s, self._ring)

    def _ring(self) -> None:
        after_s = AFTER_FAULT_S
        try:
            after_s = self._call()
        finally:
            self.hasten(after_s)  # unless the call has stopped it
