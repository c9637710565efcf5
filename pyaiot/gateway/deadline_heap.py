# SPDX-License-Identifier: BSD-3-Clause
"""What is due when, where most of it is over before its time. Pure; times are seconds of any clock, given in.

What is over stays in the heap until it comes to the top, or until there is too much of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from typing import Final, Generic, TypeVar

T = TypeVar("T")

#: Entries of what is over stay until there are this many more than twice those that count.
MAX_STALE: Final = 1_000


class DeadlineHeap(Generic[T]):
    """Items by deadline, equal ones in the order in which they came. ``is_over`` says which count no more, for good."""

    def __init__(self, is_over: Callable[[T], bool]) -> None:
        self._is_over = is_over
        self._entries: list[tuple[float, int, T]] = []
        self._serial = 0

    def __len__(self) -> int:
        return len(self._entries)

    def push(self, item: T, deadline: float, counting: int) -> None:
        """Add ``item``; ``counting`` is how many are not over, this one included."""
        self._serial += 1
        heappush(self._entries, (deadline, self._serial, item))
        if len(self._entries) > 2 * counting + MAX_STALE:
            self._entries = [entry for entry in self._entries if not self._is_over(entry[2])]
            heapify(self._entries)

    def next(self) -> float | None:
        """The earliest deadline; None where there is none."""
        while self._entries and self._is_over(self._entries[0][2]):
            heappop(self._entries)
        return self._entries[0][0] if self._entries else None

    def due(self, now: float) -> Iterator[T]:
        """Take out, earliest first, what is due and not over; no more than is asked for."""
        while self._entries and self._entries[0][0] <= now:
            item = heappop(self._entries)[2]
            if not self._is_over(item):
                yield item
