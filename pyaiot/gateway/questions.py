# SPDX-License-Identifier: BSD-3-Clause
"""Reads of devices that answer by reporting their values (PROTOCOL.md sections 1.2 and 1.3). Pure.

Such a device is asked for all its values at once, so that reads of it can share a question. The adapter that waits
brings its own clock and its own way to be woken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

#: How long a device may take to report what it was asked for, in seconds.
REPORT_S: Final = 5.0
#: A device that was asked is asked again at the next read: at once if it has reported anything since, as that may have
#: been its answer; else after so long, in seconds, as the question may have been lost.
ASK_AGAIN_S: Final = 1.0


class Questions:
    """The reads of one adapter that wait. How many there are is bounded by the core, which asks for them."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[tuple[str, Callable[[], None]]]] = {}
        #: When a device for which reads wait was last asked, if it has reported nothing since.
        self._asked_at: dict[str, float] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @contextmanager
    def waiting(self, uid: str, resource: str, now: float, told: Callable[[], None]) -> Iterator[bool]:
        """Wait for the device ``uid`` to report ``resource``; whether it is to be asked for its values now.

        To be entered before it is asked. ``told`` is called at each report from then on.
        """
        read = resource, told
        self._waiting.setdefault(uid, []).append(read)
        asked_at = self._asked_at.get(uid)
        is_to_be_asked = asked_at is None or now - asked_at >= ASK_AGAIN_S
        if is_to_be_asked:
            self._asked_at[uid] = now
        try:
            yield is_to_be_asked
        finally:
            waiting = self._waiting[uid]
            waiting.remove(read)
            if not waiting:
                del self._waiting[uid]
                self._asked_at.pop(uid, None)

    def reported(self, uid: str, resource: str) -> None:
        """The device reported a value, which the gateway has taken; call it for each, it costs next to nothing."""
        waiting = self._waiting.get(uid)
        if waiting is None:
            return
        self._asked_at.pop(uid, None)
        for wanted, told in waiting:
            if wanted == resource:
                told()
