# SPDX-License-Identifier: BSD-3-Clause
"""How many connections there may be: in all, of one address, of one account, and before they have logged in. Pure.

Who floods must not keep others out: when too many have not logged in yet, the oldest goes of the address that has
most of them. A client that sends its CONNECT at once is in before its turn comes.
"""

from __future__ import annotations

from collections import Counter

from pyaiot.addresses import group_of, is_loopback

MAX_CONNECTIONS = 4_096
#: Of one address (IPv6: of one /64) that is not this host's own.
MAX_PER_ADDRESS = 1_024
#: Of all that have not logged in yet.
MAX_BEFORE_LOGIN = 512
#: Of one account, each with another client id.
MAX_PER_ACCOUNT = 16


class Full(Exception):
    """A connection is not taken; ``str()`` says which bound is met."""


class Admission:
    """Counts connections, which the caller names by number."""

    def __init__(self, max_connections: int) -> None:
        self._max_connections = max_connections
        self._groups: dict[int, str] = {}
        self._sizes: Counter[str] = Counter()
        self._before_login: dict[str, dict[int, None]] = {}
        self._waiting = 0

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def before_login(self) -> int:
        """How many have not logged in yet."""
        return self._waiting

    def arrived(self, number: int, address: str) -> int | None:
        """Connection ``number`` came; another, that has not logged in, to be dropped for it. Raises Full."""
        group = group_of(address)
        if len(self._groups) >= self._max_connections:
            raise Full(f"{self._max_connections} connections")
        if self._sizes[group] >= MAX_PER_ADDRESS and not is_loopback(address):
            raise Full(f"{MAX_PER_ADDRESS} connections of one address")
        self._groups[number] = group
        self._sizes[group] += 1
        self._before_login.setdefault(group, {})[number] = None
        self._waiting += 1
        if self._waiting <= MAX_BEFORE_LOGIN:
            return None
        fullest = max(self._before_login, key=lambda each: len(self._before_login[each]))
        return next(iter(self._before_login[fullest]))

    def logged_in(self, number: int) -> None:
        """Connection ``number`` has."""
        group = self._groups.get(number, "")
        waiting = self._before_login.get(group, {})
        if number in waiting:
            del waiting[number]
            self._waiting -= 1
            if not waiting:
                del self._before_login[group]

    def left(self, number: int) -> None:
        """Connection ``number`` is gone; may be said twice."""
        self.logged_in(number)
        group = self._groups.pop(number, None)
        if group is not None:
            self._sizes[group] -= 1
            if not self._sizes[group]:
                del self._sizes[group]
