# SPDX-License-Identifier: BSD-3-Clause
"""How a request becomes a WebSocket: websockets' Sans-I/O protocol, with our choice of sub-protocol."""

from __future__ import annotations

from collections.abc import Sequence

from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from pyaiot.gateway.ws.echo import SUBPROTOCOL

_ECHO = Subprotocol(SUBPROTOCOL)


class DeviceProtocol(ServerProtocol):
    """Selects the one sub-protocol that there is; who offers others or none is admitted by the path."""

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """See websockets.server.ServerProtocol."""
        return _ECHO if _ECHO in subprotocols else None
