# SPDX-License-Identifier: BSD-3-Clause
"""Telling the broker everything again: after each welcome, and when the outbox had to drop something.

``new`` and the newest values of each node, then ``sync`` with the uids of all (PROTOCOL.md section 2). 100,000 nodes
make 700,000 messages, more than the outbox holds: so they are made one by one while the outbox has room, between
what happens meanwhile. A node's values are read when its turn comes: an old one never follows a newer one.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET

from pyaiot.gateway.details import Details
from pyaiot.gateway.orders import Counters
from pyaiot.gateway.outbox import MAX_FORGOTTEN, MAX_MESSAGE_BYTES, Kind, Outbox
from pyaiot.nodes.node import ACCOUNT, Node
from pyaiot.nodes.registry import Registry
from pyaiot.wire.codec import encode
from pyaiot.wire.messages import New, Reset, Sync

#: Nothing is told again while this many messages wait (what is in flight does not count: a long link has much of it),
#: or while the outbox holds this many bytes.
RESYNC_WINDOW = 4096
RESYNC_WINDOW_BYTES = 4 * 1024 * 1024
#: What a uid takes in a list at most: 64 characters, two quotes, a comma.
_UID_BYTES = 67
_SYNC_OVERHEAD = 64
MAX_SYNC_UIDS = (MAX_MESSAGE_BYTES - _SYNC_OVERHEAD) // _UID_BYTES


class Resync:
    """At most one run of telling everything again."""

    def __init__(
        self,
        registry: Registry,
        outbox: Outbox,
        protocol: str,
        counters: Counters,
        details: Details,
        *,
        window: int = RESYNC_WINDOW,
        max_sync_uids: int = MAX_SYNC_UIDS,
    ) -> None:
        self._registry = registry
        self._outbox = outbox
        self._protocol = protocol
        self._counters = counters
        self._details = details
        self._window = window
        self._max_sync_uids = max_sync_uids
        self._in_session = False
        self._at = 0
        self._run: Iterator[None] | None = None
        # Nodes of which a ``reset`` or ``out`` was dropped untold: what the broker has of their values may be of an
        # earlier life. Kept until a sync is acknowledged.
        self._void: set[str] = set()
        self._all_void = False
        self._sync_told = False

    def restart(self) -> None:
        """A session begins: tell everything, from the start."""
        self._in_session = True
        self._begin()

    def stop(self) -> None:
        """The session is over, and with it what was left to tell."""
        self._in_session = False
        self._run = None

    def refill(self, at: int) -> None:
        """Add messages to the outbox until as many wait as the window allows, or all is told."""
        outbox = self._outbox
        if self._run is None:
            if not self._in_session:
                return
            if self._sync_told and not outbox.holds(Kind.SYNC):
                self._void.clear()
                self._all_void = self._sync_told = False
            if not outbox.resync_due or not self._has_room():
                return
            self._begin()
        assert self._run is not None
        self._at = at
        while self._has_room():
            try:
                next(self._run)
            except StopIteration:
                self._run = None
                return

    def tell_node(self, node: Node, at: int) -> None:
        """Add ``new`` and the details; ``reset`` where the broker may have values of an earlier life of the node."""
        outbox, uid = self._outbox, node.uid
        account = node.attributes.get(ACCOUNT, UNSET)
        outbox.append(encode(New(uid=uid, protocol=self._protocol, account=account, at=node.born_at)), Kind.STATE, uid)
        if self._all_void or uid in self._void or outbox.forgot_all or uid in outbox.forgotten:
            outbox.append(encode(Reset(uid=uid, at=at)), Kind.STATE, uid)
        self._details.tell_node(node)

    def _has_room(self) -> bool:
        return self._outbox.waiting < self._window and self._outbox.stored_bytes < RESYNC_WINDOW_BYTES

    def _begin(self) -> None:
        outbox = self._outbox
        self._counters.resyncs += 1
        self._sync_told = False
        self._void |= outbox.forgotten
        self._all_void |= outbox.forgot_all or len(self._void) > MAX_FORGOTTEN
        if self._all_void:
            self._void.clear()
        outbox.forgotten.clear()
        outbox.forgot_all = outbox.resync_due = False
        self._run = self._tell_all()

    def _tell_all(self) -> Iterator[None]:
        """Add one node's messages a step, then all parts of the sync in one."""
        nodes = self._registry.nodes
        for uid in list(nodes):
            node = nodes.get(uid)
            if node is None:
                continue  # out meanwhile, which was told
            self.tell_node(node, self._at)
            for message in node.values.values():
                self._outbox.append(message, Kind.VALUE)
            yield
        # In one step, so that no node comes or goes between two parts.
        uids = list(nodes)
        size = self._max_sync_uids
        for start in range(0, len(uids) or 1, size):
            more = start + size < len(uids)
            sync = Sync(uids=uids[start : start + size], more=True if more else UNSET)
            self._outbox.append(encode(sync), Kind.SYNC)
        self._sync_told = True
