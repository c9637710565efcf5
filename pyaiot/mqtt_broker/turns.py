# SPDX-License-Identifier: BSD-3-Clause
"""Whose turn it is: clients that have sent much are worked on by turns, a little of each, and never all at once.

However many clients send as much as they can, what one of the others sends is handled within a few milliseconds for
each hundred of them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyaiot.mqtt_broker.connection import Connection

#: Packets of one connection that are handled in one go, and turns in one round of the event loop.
PACKETS_A_TURN = 16
TURNS_A_ROUND = 16


class Turns:
    """Connections that have more to handle, in the order in which they came."""

    def __init__(self) -> None:
        self._queue: dict[Connection, None] = {}
        self._loop = asyncio.get_running_loop()
        self._is_scheduled = False

    def add(self, connection: Connection) -> None:
        """The connection's turn shall come; once, however often that is said."""
        self._queue[connection] = None
        self._schedule()

    def remove(self, connection: Connection) -> None:
        """The connection has nothing more to handle."""
        self._queue.pop(connection, None)

    def _schedule(self) -> None:
        if self._queue and not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._round)

    def _round(self) -> None:
        self._is_scheduled = False
        for _ in range(min(TURNS_A_ROUND, len(self._queue))):
            connection = next(iter(self._queue), None)
            if connection is None:  # they have ended one another
                break
            del self._queue[connection]
            connection.take_turn()
        self._schedule()
