# SPDX-License-Identifier: BSD-3-Clause
"""The tokens of devices that are connected, until they end: by their time, or with the key that signed them. Pure.

Times are Unix seconds, as tokens say them: this is the one thing here that the wall clock decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Protocol

from pyaiot.gateway.device_tokens.tokens import Grant

#: Entries of released grants stay in the heap until there are this many more than grants.
MAX_STALE = 1_000


class Holder(Protocol):
    """A session with a grant."""

    def revoked(self, why: str) -> None:
        """The grant is over; whoever calls this has taken it away already."""


class Grants:
    """Who holds which grant: one each, the last one given."""

    def __init__(self) -> None:
        self._grants: dict[Holder, Grant] = {}
        self._ends: list[tuple[float, int, Holder, Grant]] = []
        self._serial = 0

    def __len__(self) -> int:
        return len(self._grants)

    def hold(self, holder: Holder, grant: Grant) -> None:
        """``holder`` has ``grant`` from now on, in the place of an earlier one."""
        self._grants[holder] = grant
        self._serial += 1
        heappush(self._ends, (grant.expires_at, self._serial, holder, grant))
        if len(self._ends) > 2 * len(self._grants) + MAX_STALE:
            self._ends = [end for end in self._ends if self._grants.get(end[2]) is end[3]]
            heapify(self._ends)

    def release(self, holder: Holder) -> None:
        """``holder`` has none any more."""
        self._grants.pop(holder, None)

    def take_expired(self, now: float, limit: int) -> list[Holder]:
        """At most ``limit`` of those whose time is over at ``now``, earliest first; they have none any more."""
        found: list[Holder] = []
        while self._ends and self._ends[0][0] <= now and len(found) < limit:
            _, _, holder, grant = heappop(self._ends)
            if self._grants.get(holder) is grant:
                del self._grants[holder]
                found.append(holder)
        return found

    def take_untrusted(self, trusted: Iterable[bytes]) -> list[Holder]:
        """Those whose key is not among ``trusted`` (digests of keys); they have none any more."""
        digests = frozenset(trusted)
        found = [holder for holder, grant in self._grants.items() if grant.key_digest not in digests]
        for holder in found:
            del self._grants[holder]
        return found
