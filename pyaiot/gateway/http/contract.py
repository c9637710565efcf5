# SPDX-License-Identifier: BSD-3-Clause
"""What the requests of devices ask of the adapter."""

from __future__ import annotations

import asyncio
from typing import Protocol

from pyaiot.gateway.device_tokens.tokens import Grant
from pyaiot.gateway.http.access import Request
from pyaiot.gateway.http.commands import Command, Poll
from pyaiot.gateway.http.counters import Counters


class Host(Protocol):
    """Who knows devices and their commands. All but two return at once; those raise Refused when the gateway stops."""

    counters: Counters
    max_wait_s: float

    def check_sender(self, request: Request) -> None:
        """Raises Denied: no device sent that."""

    def let_in(self, request: Request, uid: str) -> Grant | None:
        """What the sender's token grants, if it came with one, which proves the id.

        Raises Denied: the sender may not speak for ``uid``.
        """

    def check_still(self, request: Request, uid: str, grant: Grant | None) -> None:
        """Raises Denied: the sender that was let in with ``grant`` some time ago may not speak for ``uid`` now."""

    @property
    def crowded(self) -> bool:
        """Whether devices should wait with what they have to say, for :meth:`room`."""

    async def room(self) -> None:
        """Wait until it is not crowded."""

    def report(
        self, uid: str, peer: str, grant: Grant | None, body: bytes, *, senml: bool
    ) -> tuple[int, dict[str, str]]:
        """How many values were taken, and why others were not, by resource.

        Raises BadPayload; Refused: the gateway has no room for another device; Denied: ``grant`` is not enough now.
        """

    def ask(self, uid: str, peer: str, grant: Grant | None) -> list[Command]:
        """The device asks for its commands, which are delivered by that. Raises Refused, Denied as :meth:`report`."""

    async def wait(self, uid: str, poll: Poll, woken: asyncio.Event, wait_s: float, grant: Grant | None) -> bool:
        """Wait for a command, after :meth:`ask` had none; false: ``poll`` is over, or ``grant`` is: it gets none."""

    def collect(self, uid: str) -> list[Command]:
        """As :meth:`ask`, after :meth:`wait`."""

    def deregister(self, uid: str, grant: Grant | None) -> bool:
        """The device says goodbye; whether it was known. Raises Refused, Denied as :meth:`report`."""
