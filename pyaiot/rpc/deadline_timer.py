# SPDX-License-Identifier: BSD-3-Clause
"""The one timer of a conversation, on asyncio: armed for the earliest deadline of its requests."""

from __future__ import annotations

import asyncio

from pyaiot.rpc.conversation import Conversation


class DeadlineTimer:
    """Ends requests of ``conversation`` that nobody answers in time."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._timer: asyncio.TimerHandle | None = None

    def arm(self) -> None:
        """A request was made: see to it that the timer is not later than its deadline."""
        deadline = self._conversation.next_deadline()
        if deadline is None or (self._timer is not None and self._timer.when() <= deadline):
            return
        self.cancel()
        self._timer = asyncio.get_running_loop().call_at(deadline, self._expire)

    def cancel(self) -> None:
        """Nothing is due any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._timer = None
        self._conversation.expire(asyncio.get_running_loop().time())
        self.arm()
