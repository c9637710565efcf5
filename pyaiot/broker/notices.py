# SPDX-License-Identifier: BSD-3-Clause
"""What is remembered of things that are no more: departures, resets, dismissals, former units. Pure.

Of each kind the newest of a node, up to bounds. What was forgotten ends at a *version*: whoever was told less than that
has missed it for good, and is told the whole state instead.
"""

from __future__ import annotations

from itertools import islice
from typing import Literal

from pyaiot.broker.entries import Notice, NoticeKind, Retyping

#: How many are remembered while there are clients that have not been told them …
MAX_PENDING_NOTICES = 100_000
#: … and for clients that may come back.
MAX_REMEMBERED_NOTICES = 20_000
#: The oldest are forgotten so many at a time: each time costs a walk over those that went before.
FORGOTTEN_AT_ONCE = 2_000


class Notices:
    """See the module. ``forgotten``: what was up to this version may be forgotten; at first ``first_version``."""

    def __init__(self, first_version: int = 0) -> None:
        self.forgotten = first_version
        self._kept: dict[tuple[NoticeKind | Literal["retyped"], str], Notice | Retyping] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, notice: Notice | Retyping, *, is_awaited: bool) -> bool:
        """Keep it; older ones that go for it leave the list of changes. ``is_awaited``: some have not been told them.

        Whether too much was awaited, so that all of it was forgotten: they have to start over.
        """
        kept = len(self._kept)
        is_too_much = is_awaited and kept >= MAX_PENDING_NOTICES
        if is_too_much:
            self._forget(kept)
        elif not is_awaited and kept >= MAX_REMEMBERED_NOTICES + FORGOTTEN_AT_ONCE:
            self._forget(kept - MAX_REMEMBERED_NOTICES)
        key = ("retyped" if isinstance(notice, Retyping) else notice.kind), notice.uid
        older = self._kept.pop(key, None)
        if older is not None:
            older.unlink()
        self._kept[key] = notice
        return is_too_much

    def trim(self) -> None:
        """Nobody awaits any of them."""
        if len(self._kept) > MAX_REMEMBERED_NOTICES:
            self._forget(len(self._kept) - MAX_REMEMBERED_NOTICES)

    def _forget(self, count: int) -> None:
        for key in list(islice(self._kept, count)):
            notice = self._kept.pop(key)
            self.forgotten = notice.version
            notice.unlink()
