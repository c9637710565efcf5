# SPDX-License-Identifier: BSD-3-Clause
"""What every session has that speaks for a node: from when it has said who it is, until it does so no more. Pure."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable

from pyaiot.gateway.adapter import Refused
from pyaiot.gateway.ws.residents import Proof, Residents
from pyaiot.gateway.ws.sessions.contract import Code, Peer
from pyaiot.wire.messages import JSON

logger = logging.getLogger("pyaiot.gateway.ws")


class Speaker(ABC):
    """One device on one connection; the common part of contract.Session and residents.Resident."""

    __slots__ = ("_complained", "_peer", "_residents", "_uid", "proof")

    def __init__(self, peer: Peer, residents: Residents) -> None:
        self._peer = peer
        self._residents = residents
        #: The node that it speaks for.
        self._uid: str | None = None
        self.proof: Proof | None = None
        self._complained = False

    @property
    def settled(self) -> bool:
        """See contract.Session."""
        return self._uid is not None

    def alive(self, mark: int = 0) -> None:
        """See contract.Session."""
        if self._uid is not None and self._residents.events is not None:
            self._residents.events.seen(self._uid)

    @abstractmethod
    def write(self, resource: str, data: JSON, arrived: Callable[[], None]) -> bool:
        """See contract.Session."""

    @abstractmethod
    def discover(self) -> None:
        """See contract.Session."""

    @abstractmethod
    def ask(self) -> None:
        """See contract.Session."""

    def ended(self) -> None:
        """See contract.Session."""
        uid, self._uid = self._uid, None
        if uid is not None:
            self._residents.leave(uid, self)

    def replaced(self) -> None:
        """See residents.Resident."""
        logger.info("node %s: a newer connection took the place of the one from %s", self._uid, self._peer.address)
        self._uid = None
        self._peer.close(Code.NORMAL, "replaced by a newer connection with this id")

    def evicted(self) -> None:
        """See residents.Resident."""
        if self._uid is not None:
            self._uid = None
            self._peer.close(Code.TRY_AGAIN, "the node is out: connect again")

    def revoked(self, why: str) -> None:
        """See residents.Resident."""
        if self._uid is not None:
            self._residents.counters.revoked += 1
            logger.info("node %s: disconnected, as %s", self._uid, why)
            self._take_leave()
            self._peer.close(Code.NOT_ADMITTED, why)

    def _take_leave(self) -> None:
        """Say what there is to say before the connection is closed, as the right to it is gone; here nothing."""
        return

    def _refused(self, uid: str, resource: str, error: Refused) -> bool:
        """A value was not taken; the device is told nothing (it could not help it), its owner once a connection."""
        if not self._complained:
            self._complained = True
            logger.warning("node %s: %s is not taken: %s", uid, resource, error)
        return self._uid is not None
