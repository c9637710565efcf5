# SPDX-License-Identifier: BSD-3-Clause
"""What the WebSockets of all clients have in common, at ``/ws``, ``/rpc`` and ``/arip``: who may connect, and bounds.

PROTOCOL.md section 3.2.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from typing import Final

from pyaiot.broker.authorisation import Request
from pyaiot.broker.client_codec import MAX_MESSAGE_BYTES
from pyaiot.broker.hub import Hub
from pyaiot.broker.websocket import Peer

log = logging.getLogger("pyaiot.broker")

#: How much a client that catches up is sent at a time.
CHUNK_BYTES: Final = 64 * 1024
#: What the kernel may hold for a client besides (it doubles the figure).
KERNEL_BUFFER_BYTES: Final = 64 * 1024
#: How long a client may say nothing before its first ``new``, or show no token where it needs one.
JOIN_TIMEOUT_S: Final = 10.0


class ClientConnection(Peer):
    """The WebSocket of one client, a peers.ClientPeer. Its ``initialize`` sets ``_hub``."""

    _hub: Hub
    #: What is known of the client before it says anything; from :meth:`prepare` on.
    _request: Request

    def prepare(self) -> None:
        """Host and Origin are judged before any upgrade."""
        self._request = Request.of(str(self.request.remote_ip), self.request.headers)
        refusal = self._hub.gatekeeper.refusal(self._request)
        if refusal is not None:
            log.warning("%s: client refused: %s", self.name, refusal)
            self._hub.counters.clients_refused += 1
            self.set_status(403)
            self.finish(refusal)

    def open(self, *args: str, **kwargs: str) -> None:
        """Connected: the hub knows, and the kernel holds little."""
        super().open()
        self._hub.connected(self)
        self._hub.client_arrived(self)
        self.limit_kernel_buffer(KERNEL_BUFFER_BYTES)

    def on_close(self) -> None:
        """The connection ended, however: the hub knows."""
        self._hub.client_left(self)
        self._hub.disconnected(self)

    @abstractmethod
    def goodbye(self) -> None:
        """See peers.Peer."""

    @abstractmethod
    def evict(self) -> None:
        """See peers.Peer."""

    @abstractmethod
    def reconsider(self) -> bool:
        """See peers.ClientPeer."""

    def check_origin(self, origin: str) -> bool:
        """Judged in ``prepare`` already."""
        return True

    @property
    def max_message_size(self) -> int:
        """Bytes in a message of a client."""
        return MAX_MESSAGE_BYTES
