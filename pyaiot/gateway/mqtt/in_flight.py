# SPDX-License-Identifier: BSD-3-Clause
"""Our messages that the MQTT broker has not acknowledged, by packet id (MQTT 3.1.1 section 2.3.1). Pure."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

T = TypeVar("T")

#: Messages of ours that the MQTT broker has not acknowledged, at most.
MAX_IN_FLIGHT = 10_000

_MAX_PACKET_ID: Final = 65_535


class InFlight(Generic[T]):
    """Keeps for each message ``T``, whoever waits for its acknowledgement."""

    def __init__(self) -> None:
        self._waiting: dict[int, T] = {}
        self._last_id = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether no more may be added."""
        return len(self._waiting) >= MAX_IN_FLIGHT

    def next_id(self) -> int:
        """A packet id that no message in flight has; after 65,535 they begin anew."""
        while True:
            self._last_id = self._last_id % _MAX_PACKET_ID + 1
            if self._last_id not in self._waiting:
                return self._last_id

    def add(self, waiting: T) -> int:
        """Another message goes out; the packet id for it. Not to be called where it is full."""
        packet_id = self.next_id()
        self._waiting[packet_id] = waiting
        return packet_id

    def acknowledged(self, packet_id: int) -> T | None:
        """Who waited for that; None where nobody does."""
        return self._waiting.pop(packet_id, None)

    def take_all(self) -> list[T]:
        """The connection is over: all who wait in vain."""
        waiting = list(self._waiting.values())
        self._waiting.clear()
        return waiting
