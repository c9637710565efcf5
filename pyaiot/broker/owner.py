# SPDX-License-Identifier: BSD-3-Clause
"""What the directory knows of one gateway: its nodes, and how far its outbox has been applied. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyaiot.broker.entries import Gateway, Node, NodeState
from pyaiot.wire.messages import Door, GatewayMessage, Sync


@dataclass(slots=True)
class Owner:
    """A gateway. ``nodes``: by its own uids; ``ack``: the highest message id applied of the outbox ``epoch``, or 0."""

    gateway: Gateway
    nodes: dict[str, Node] = field(default_factory=dict)
    connected: bool = False
    epoch: str = ""
    ack: int = 0
    #: Nodes told so far by a sync in parts, with those told as new meanwhile; None when none is under way. Only such as
    #: are among ``nodes``, however many it names.
    listed: set[str] | None = None
    #: It goes on from where an earlier run of the broker was: until its next sync it may speak of nodes that only
    #: that run was told of.
    resumed: bool = False
    #: Where its devices come in, and the address of its host, if that is another than the broker's.
    doors: tuple[Door, ...] = ()
    address: str | None = None

    def begin_session(self, epoch: str, doors: tuple[Door, ...], address: str | None) -> bool:
        """Whether it is of the same process as the last one, which has its nodes still: else they are awaited."""
        self.connected = True
        self.doors, self.address = doors, address
        self.listed = None
        if self.epoch == epoch:
            self._see_nodes("online")
            return True
        self.epoch, self.ack, self.resumed = epoch, 0, False
        self._see_nodes("unreachable")
        return False

    def end_session(self) -> None:
        """None replaced it."""
        self.connected = False
        self._see_nodes("unreachable")

    def _see_nodes(self, state: NodeState) -> None:
        for node in self.nodes.values():
            node.state = state

    def unapplied(self, first: int, messages: list[GatewayMessage]) -> list[GatewayMessage]:
        """Those of a frame that have not been applied in this epoch; its messages have the ids from ``first`` on."""
        if first <= self.ack:
            return messages[self.ack + 1 - first :]
        if self.ack == 0 and first > 1:
            self.resumed = True
        return messages

    def take_sync(self, message: Sync) -> set[str] | None:
        """Our nodes in a sync once its last part is there, with those told as new meanwhile; None: there is more."""
        listed = self.listed if self.listed is not None else set()
        listed.update(self.nodes.keys() & message.uids)
        if message.more is True:
            self.listed = listed
            return None
        self.listed = None
        self.resumed = False
        return listed
