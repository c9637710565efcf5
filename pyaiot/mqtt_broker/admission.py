# SPDX-License-Identifier: BSD-3-Clause
"""How many connections there may be: of one address, of one account, without a name, and before the login. Pure.

Who floods must not keep others out. When too many have not logged in yet, the oldest goes of the address that has
most of them: a client that sends its CONNECT at once is in before its turn comes. When too many have no name, the
one goes that has been silent longest. What these two may not have is there for those with a password, and one place
always for the gateway in this process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from typing import Literal

from pyaiot.addresses import group_of, is_loopback

MAX_CONNECTIONS = 4_096
#: Of one address (IPv6: of one /64) that is not this host's own.
MAX_PER_ADDRESS = 1_024
#: Of all that have not logged in yet.
MAX_BEFORE_LOGIN = 512
#: Of those without a name; at most half of all that have logged in.
MAX_ANONYMOUS = 1_024
#: Of one account, each with another client id.
MAX_PER_ACCOUNT = 16

#: Who logs in: without a name, with one, or the gateway in this process.
Kind = Literal["anonymous", "account", "own"]


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
        #: All that have logged in, but for the gateway in this process.
        self._counted: set[int] = set()
        self._anonymous: set[int] = set()

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def before_login(self) -> int:
        """How many have not logged in yet."""
        return self._waiting

    @property
    def anonymous(self) -> Set[int]:
        """Those who have logged in without a name."""
        return self._anonymous

    @property
    def max_before_login(self) -> int:
        """How many may wait to log in."""
        return min(MAX_BEFORE_LOGIN, max(self._max_connections // 8, 1))

    @property
    def max_logged_in(self) -> int:
        """How many may have logged in, beside the gateway in this process."""
        return max(self._max_connections - self.max_before_login - 1, 1)

    @property
    def max_anonymous(self) -> int:
        """How many of these may be without a name."""
        return min(MAX_ANONYMOUS, max(self.max_logged_in // 2, 1))

    def arrived(self, number: int, address: str) -> int | None:
        """Connection ``number`` came; another, that has not logged in, to be dropped for it. Raises Full."""
        group = group_of(address)
        if self._sizes[group] >= MAX_PER_ADDRESS and not is_loopback(address):
            raise Full(f"{MAX_PER_ADDRESS} connections of one address")
        self._groups[number] = group
        self._sizes[group] += 1
        self._before_login.setdefault(group, {})[number] = None
        self._waiting += 1
        if self._waiting <= self.max_before_login:
            return None
        fullest = max(self._before_login, key=lambda each: len(self._before_login[each]))
        return next(iter(self._before_login[fullest]))

    def logged_in(self, number: int, kind: Kind) -> None:
        """Connection ``number`` has. Raises Full; where those without a name are too many, let one go before."""
        if number not in self._groups:
            return
        if kind == "anonymous" and len(self._anonymous) >= self.max_anonymous:
            raise Full(f"{len(self._anonymous)} clients without a name")
        if kind != "own" and len(self._counted) >= self.max_logged_in:
            raise Full(f"{len(self._counted)} clients")
        self._no_longer_waits(number)
        if kind == "own":
            return
        self._counted.add(number)
        if kind == "anonymous":
            self._anonymous.add(number)

    def _no_longer_waits(self, number: int) -> None:
        group = self._groups.get(number, "")
        waiting = self._before_login.get(group, {})
        if number in waiting:
            del waiting[number]
            self._waiting -= 1
            if not waiting:
                del self._before_login[group]

    def left(self, number: int) -> None:
        """Connection ``number`` is gone; may be said twice."""
        self._no_longer_waits(number)
        self._counted.discard(number)
        self._anonymous.discard(number)
        group = self._groups.pop(number, None)
        if group is not None:
            self._sizes[group] -= 1
            if not self._sizes[group]:
                del self._sizes[group]
