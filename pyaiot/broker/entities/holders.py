# SPDX-License-Identifier: BSD-3-Clause
"""Whose an id stays when its entity has left (PROTOCOL.md section 3.5). Pure: ``now`` comes in, in seconds."""

from __future__ import annotations

import hmac
from typing import Final

#: How long an id is kept for its holder, and how many; with one more, who left first is forgotten first.
KEPT_S: Final = 24 * 3600.0
MAX_KEPT: Final = 10_000


class Holders:
    """Ids of entities that left, with digests of the tokens that they are kept for. Tokens themselves never are."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[bytes, float]] = {}  # in the order of leaving, so of being forgotten

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, id: str, digest: bytes, now: float) -> None:
        """The entity left: ``id`` is for the holder of that token alone, for KEPT_S."""
        self._forget(now)
        self._kept.pop(id, None)
        self._kept[id] = digest, now + KEPT_S
        if len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]

    def admits(self, id: str, digest: bytes | None, now: float) -> bool:
        """Whether who shows a token with ``digest`` (None: shows none) may have ``id``."""
        self._forget(now)
        kept = self._kept.get(id)
        return kept is None or (digest is not None and hmac.compare_digest(kept[0], digest))

    def release(self, id: str) -> None:
        """The id is in use again, or given up."""
        self._kept.pop(id, None)

    def _forget(self, now: float) -> None:
        while self._kept:
            id, (_, until) = next(iter(self._kept.items()))
            if until > now:
                break
            del self._kept[id]
