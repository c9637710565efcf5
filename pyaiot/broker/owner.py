# SPDX-License-Identifier: BSD-3-Clause
"""What the directory knows of one gateway. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyaiot.broker.entries import Gateway, Node, Why
from pyaiot.wire.messages import Door


@dataclass(slots=True)
class Owner:
    """What is known of one gateway: its nodes by its own uids, and how far its outbox has been applied."""

    gateway: Gateway
    nodes: dict[str, Node] = field(default_factory=dict)
    connected: bool = False
    epoch: str = ""
    ack: int = 0
    #: Uids told so far by a sync in parts, with those told as new meanwhile; None when none is under way.
    listed: set[str] | None = None
    #: It goes on from where an earlier run of the broker was: until its next sync it may speak of nodes that only
    #: that run was told of.
    resumed: bool = False
    lost_at: float = 0.0
    #: Where its devices come in, and the address of its host, if that is another than the broker's.
    doors: tuple[Door, ...] = ()
    address: str | None = None


@dataclass(slots=True)
class Leaving:
    """Nodes that are gone, by the gateway's own uids, and wait to be taken out."""

    why: Why
    uids: dict[str, None]
