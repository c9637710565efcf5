# SPDX-License-Identifier: BSD-3-Clause
"""What was told, and not yet taken by a program that is slower than its devices. Pure.

Of each thing the newest only, in the order of its last change: so it holds no more than there are nodes and resources,
and whoever has taken everything knows what is true now.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyaiot.client.changes import Change, GatewayState, NodeReset, Synced, Value


class Untaken:
    """Changes that wait to be taken."""

    def __init__(self) -> None:
        self._changes: dict[tuple[str, ...], Change] = {}
        #: Values that were never taken because a newer one came.
        self.skipped = 0

    def __len__(self) -> int:
        return len(self._changes)

    def add(self, changes: Iterable[Change]) -> None:
        """More was told."""
        for change in changes:
            if isinstance(change, NodeReset):
                for key in [key for key in self._changes if key[0] == "value" and key[1] == change.uid]:
                    del self._changes[key]
            key = _key(change)
            if self._changes.pop(key, None) is not None and key[0] == "value":
                self.skipped += 1
            self._changes[key] = change

    def take(self) -> Change | None:
        """The oldest; None when there is nothing."""
        if not self._changes:
            return None
        return self._changes.pop(next(iter(self._changes)))


def _key(change: Change) -> tuple[str, ...]:
    if isinstance(change, Value):
        return "value", change.uid, change.resource
    if isinstance(change, GatewayState):
        return "gateway", change.gateway
    if isinstance(change, Synced):
        return ("synced",)
    return type(change).__name__, change.uid
