# SPDX-License-Identifier: BSD-3-Clause
"""Who is connected to a broker, as far as the others see them; and what is counted of all. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pyaiot.wire.messages import BrokerMessage
from pyaiot.wire.signing import PublicKey


@dataclass(slots=True)
class Counters:
    """What happened, since the start."""

    gateway_sessions: int = 0
    gateways_refused: int = 0
    frames: int = 0
    frames_bad: int = 0
    evicted: int = 0
    clients: int = 0
    clients_refused: int = 0
    clients_fallen_behind: int = 0
    client_messages_malformed: int = 0
    rpc_clients_cut_off: int = 0
    arip_malformed: int = 0


class Peer(Protocol):
    """Somebody connected by WebSocket."""

    @property
    def name(self) -> str:
        """Its address, for the log."""

    def goodbye(self) -> None:
        """The broker stops: end the session in order."""

    def evict(self) -> None:
        """Drop the connection at once: others need the room."""


class ClientPeer(Peer, Protocol):
    """A client, as far as the others see it."""

    def reconsider(self) -> bool:
        """The keys changed: whether it may still do something; it is closed if not."""


class GatewayPeer(Peer, Protocol):
    """A gateway, as far as the others see it."""

    @property
    def key(self) -> PublicKey | None:
        """The key that it authenticated with."""

    def can(self, feature: str) -> bool:
        """Whether it can do that besides (see wire.messages.Auth)."""

    def send(self, message: BrokerMessage) -> None:
        """Send it one message."""

    def replace(self) -> None:
        """A newer session of the same gateway is there."""

    def revoke(self) -> None:
        """It is no longer admitted."""
