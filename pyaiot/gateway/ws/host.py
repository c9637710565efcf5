# SPDX-License-Identifier: BSD-3-Clause
"""What a connection asks of the server that it belongs to, and tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from websockets.http11 import Request

from pyaiot.gateway.ws.counters import Counters
from pyaiot.gateway.ws.fair_queue import Group
from pyaiot.gateway.ws.pace import Paces
from pyaiot.gateway.ws.sessions.contract import Session
from pyaiot.gateway.ws.turns import WorkTurns

if TYPE_CHECKING:
    from pyaiot.gateway.ws.connection import Connection
    from pyaiot.gateway.ws.stream import Stream


class Host(Protocol):
    """The server that a connection belongs to."""

    counters: Counters
    #: Room to read into; all connections share it, as nothing stays there.
    buffer: memoryview
    #: Where everything that a device makes work waits for its turn.
    turns: WorkTurns
    #: What those who left have left of their pace.
    paces: Paces

    def made(self, connection: Connection) -> Group | None:
        """A connection was made: what it belongs to; None: there is no place for it."""

    def lost(self, connection: Connection) -> None:
        """It is over; called once for each ``made`` that was not None."""

    def admit(self, request: Request, connection: Connection) -> Session:
        """The session for a request. Raises NotAdmitted."""

    def asked(self, connection: Connection) -> None:
        """Its request has come in whole. That it then waits for its turn is not its device's doing."""

    def opened(self, connection: Connection) -> None:
        """It is a WebSocket now."""

    def settled(self, connection: Connection) -> None:
        """Its device has said who it is."""

    def closing(self, connection: Connection) -> None:
        """It will be over soon; the peer has some time to agree."""

    @property
    def crowded(self) -> bool:
        """Whether nothing should be read that can wait."""

    def hold(self, stream: Stream) -> None:
        """Call :meth:`Stream.go_on` when there is room again."""
