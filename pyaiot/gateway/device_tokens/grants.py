# SPDX-License-Identifier: BSD-3-Clause
"""The tokens of devices that are connected, until they end: by their time, or with the key that signed them. Pure.

Times are Unix seconds, as tokens say them: this is the one thing here that the wall clock decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Protocol

from pyaiot.gateway.deadline_heap import DeadlineHeap
from pyaiot.gateway.device_tokens.tokens import Grant


class Holder(Protocol):
    """A session with a grant."""

    def revoked(self, why: str) -> None:
        """The grant is over; whoever calls this has taken it away already."""


class Grants:
    """Who holds which grant: one each, the last one given."""

    def __init__(self) -> None:
        self._grants: dict[Holder, Grant] = {}
        self._ends: DeadlineHeap[tuple[Holder, Grant]] = DeadlineHeap(self._is_over)

    def __len__(self) -> int:
        return len(self._grants)

    def hold(self, holder: Holder, grant: Grant) -> None:
        """``holder`` has ``grant`` from now on, in the place of an earlier one."""
        self._grants[holder] = grant
        self._ends.push((holder, grant), grant.expires_at, len(self._grants))

    def release(self, holder: Holder) -> None:
        """``holder`` has none any more."""
        self._grants.pop(holder, None)

    def take_expired(self, now: float, limit: int) -> list[Holder]:
        """At most ``limit`` of those whose time is over at ``now``, earliest first; they have none any more."""
        found: list[Holder] = []
        for holder, _ in islice(self._ends.due(now), limit):
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

    def _is_over(self, held: tuple[Holder, Grant]) -> bool:
        return self._grants.get(held[0]) is not held[1]
