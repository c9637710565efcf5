# SPDX-License-Identifier: BSD-3-Clause
"""Peers that are connected and have not said who they are: so many, and who has been silent for longest goes. Pure.

Whoever means it says so at once; so those who say nothing keep nobody out.
"""

from __future__ import annotations

import logging
from typing import Generic, TypeVar

from pyaiot.broker.peers import Counters, Peer

log = logging.getLogger("pyaiot.broker")

P = TypeVar("P", bound=Peer)


class WaitingRoom(Generic[P]):
    """Room for ``places`` peers of one kind; who goes is counted in ``counters``."""

    def __init__(self, places: int, counters: Counters) -> None:
        self.places = places
        self._counters = counters
        #: Who came first is first.
        self._waiting: dict[P, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, peer: P) -> None:
        """``peer`` has connected; one more than there are places, and the oldest is cut off."""
        self._waiting[peer] = None
        if len(self._waiting) > self.places:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            self._counters.evicted += 1
            log.warning("%s: cut off, having said nothing yet, to make room for others", oldest.name)
            oldest.evict()

    def leave(self, peer: P) -> None:
        """``peer`` has said who it is, or is gone; harmless when it did not wait."""
        self._waiting.pop(peer, None)
