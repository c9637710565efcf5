# SPDX-License-Identifier: BSD-3-Clause
"""What was told, and not yet taken by a program that is slower than its devices. Pure.

Of each thing the newest only, in the order of its last change, and nothing of what came and went meanwhile: so it holds
no more than there are nodes and resources, and whoever has taken everything knows what is true now.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from pyaiot.client.changes import Change, Described, GatewayState, NodeGone, NodeReset, Synced, Value

Key = tuple[str, ...]


class Untaken:
    """Changes that wait to be taken."""

    def __init__(self) -> None:
        #: A dict would find its first by a walk over all that were taken before.
        self._changes: OrderedDict[Key, Change] = OrderedDict()
        #: The keys of what is about a node, by its uid.
        self._about: dict[str, dict[Key, None]] = {}
        #: The nodes that whoever takes has heard of.
        self._known: set[str] = set()
        #: Values that were never taken because a newer one came.
        self.skipped = 0

    def __len__(self) -> int:
        return len(self._changes)

    def add(self, changes: Iterable[Change]) -> None:
        """More was told."""
        for change in changes:
            key = _key(change)
            if isinstance(change, NodeGone):
                self._drop(tuple(self._about.get(change.uid, ())))
                if change.uid not in self._known:
                    continue
            elif isinstance(change, NodeReset):
                self._drop([key for key in self._about.get(change.uid, ()) if key[0] in ("value", "about")])
            if key in self._changes:
                self._drop((key,))
                self.skipped += key[0] == "value"
            self._changes[key] = change
            if not isinstance(change, GatewayState | Synced):
                self._about.setdefault(change.uid, {})[key] = None

    def take(self) -> Change | None:
        """The oldest; None when there is nothing."""
        if not self._changes:
            return None
        key = next(iter(self._changes))
        change = self._changes[key]
        self._drop((key,))
        if isinstance(change, NodeGone):
            self._known.discard(change.uid)
        elif not isinstance(change, GatewayState | Synced):
            self._known.add(change.uid)
        return change

    def _drop(self, keys: Iterable[Key]) -> None:
        for key in keys:
            change = self._changes.pop(key)
            if isinstance(change, GatewayState | Synced):
                continue
            about = self._about[change.uid]
            del about[key]
            if not about:
                del self._about[change.uid]


def _key(change: Change) -> Key:
    if isinstance(change, Value):
        return "value", change.uid, change.resource
    if isinstance(change, Described):
        return "about", change.uid, change.resource
    if isinstance(change, GatewayState):
        return "gateway", change.gateway
    if isinstance(change, Synced):
        return ("synced",)
    return type(change).__name__, change.uid
