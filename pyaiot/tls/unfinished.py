# SPDX-License-Identifier: BSD-3-Clause
"""How many handshakes may be under way at one port, and which gives way. Pure.

Each takes some 50 KB, before anybody has said who he is. When there are too many, the oldest goes of the address that
has most of them: so who begins and ends none shuts out only himself.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

#: Handshakes under way at one port.
MAX_HANDSHAKES: Final = 512

T = TypeVar("T")


class Unfinished(Generic[T]):
    """Handshakes under way; ``group`` is where one comes from (see addresses.group_of)."""

    def __init__(self, most: int = MAX_HANDSHAKES) -> None:
        self._most = most
        self._groups: dict[str, dict[T, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def begin(self, one: T, group: str) -> T | None:
        """One more; another that has to give way for it, and is not counted from now on, or None."""
        self._groups.setdefault(group, {})[one] = None
        self._count += 1
        if self._count <= self._most:
            return None
        # At once: many may begin before the event loop tells that one has ended.
        fullest = max(self._groups, key=lambda name: len(self._groups[name]))
        gives_way = next(iter(self._groups[fullest]))
        self.end(gives_way, fullest)
        return gives_way

    def end(self, one: T, group: str) -> None:
        """It is done, or given up; may be said twice."""
        members = self._groups.get(group)
        if members is None or one not in members:
            return
        del members[one]
        self._count -= 1
        if not members:
            del self._groups[group]
