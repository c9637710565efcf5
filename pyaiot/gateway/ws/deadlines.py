# SPDX-License-Identifier: BSD-3-Clause
"""Who waits for the end of one and the same span of time; without a timer each. Pure: ``now`` is monotonic seconds."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Deadlines(Generic[T]):
    """All wait equally long, so who began first is due first: nothing is ever sorted or searched."""

    def __init__(self, span_s: float) -> None:
        self.span_s = span_s
        self._ends: dict[T, float] = {}

    def __len__(self) -> int:
        return len(self._ends)

    def begin(self, who: T, now: float) -> None:
        """``who`` is due after the span, from now; also if it waited already."""
        self._ends.pop(who, None)
        self._ends[who] = now + self.span_s

    def end(self, who: T) -> None:
        """``who`` waits no more."""
        self._ends.pop(who, None)

    def next(self) -> float | None:
        """When the first is due."""
        return next(iter(self._ends.values()), None)

    def due(self, now: float, limit: int) -> list[T]:
        """At most ``limit`` of those who are due, oldest first; they wait no more."""
        found: list[T] = []
        for who, end in self._ends.items():
            if end > now or len(found) >= limit:
                break
            found.append(who)
        for who in found:
            del self._ends[who]
        return found
