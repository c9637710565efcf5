# SPDX-License-Identifier: BSD-3-Clause
"""Tells every change to every live client: encoded once, many messages in one write a client.

On an idle link a change goes out at once, in the same turn of the event loop; under load all changes of
``INTERVAL_S`` go out together. A client that has not taken its last write when the next is due is behind: from then on
it has a bookmark in the directory instead of a place here, and catches up by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pyaiot.broker import client_codec
from pyaiot.broker.change_feed import ChangeKind
from pyaiot.broker.directory import Directory
from pyaiot.broker.entries import Node, Resource
from pyaiot.broker.framing import text_frame

#: The shortest time between two flushes.
INTERVAL_S = 0.004
#: A batch that grows to this goes out at once, so that what one client can have waiting is bounded.
MAX_BATCH_BYTES = 128 * 1024


class LiveClient(Protocol):
    """Somebody who gets every change."""

    def deliver(self, frames: bytes) -> None:
        """Take a batch of whole frames."""
        ...


class Fanout:
    """The live clients, and the batch of changes that they have not been sent yet.

    ``wake`` is called when a batch begins; its duty is to call :meth:`flush` after :meth:`delay`.
    """

    def __init__(self, directory: Directory, wake: Callable[[], None]) -> None:
        self._directory = directory
        self._wake = wake
        self._batch: list[bytes] = []
        self._bytes = 0
        self._last_flush = float("-inf")
        self._live: dict[LiveClient, None] = {}
        self.delivered = 0

    def __len__(self) -> int:
        return len(self._live)

    def join(self, client: LiveClient) -> None:
        """From now on ``client`` gets every change; it has been told the present state already."""
        self._send_batch()
        self._live[client] = None
        self._directory.feed.on_change = self.on_change

    def leave(self, client: LiveClient) -> None:
        """``client`` gets nothing any more; harmless when it was not live."""
        self._live.pop(client, None)
        if not self._live:
            self._directory.feed.on_change = None
            self._batch.clear()
            self._bytes = 0

    def on_change(self, kind: ChangeKind, node: Node, resource: Resource | None) -> None:
        """Take a change from the directory."""
        if resource is not None:
            message = client_codec.encode_update(resource)
        elif kind == "out" or kind == "reset":
            message = client_codec.encode_notice(kind, node.uid)
        else:
            message = client_codec.encode_entry(node)
        batch = self._batch
        if not batch:
            self._wake()
        frame = text_frame(message)
        batch.append(frame)
        self._bytes += len(frame)
        if self._bytes >= MAX_BATCH_BYTES:
            self._send_batch()

    def flush(self, now: float) -> None:
        """Send what has come; ``now`` in seconds."""
        self._last_flush = now
        self._send_batch()

    def delay(self, now: float) -> float:
        """How long from ``now`` the next flush must wait; 0 on an idle link."""
        return max(0.0, self._last_flush + INTERVAL_S - now)

    def _send_batch(self) -> None:
        if not self._batch:
            return
        frames, count = b"".join(self._batch), len(self._batch)
        self._batch.clear()
        self._bytes = 0
        self.delivered += count * len(self._live)
        for client in tuple(self._live):
            client.deliver(frames)
