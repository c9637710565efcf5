# SPDX-License-Identifier: BSD-3-Clause
"""Writes and reads that clients asked for, until their outcome is known. Pure: ``now`` comes in, in seconds.

============  ==========================================================================================
code          what it tells whoever asked
============  ==========================================================================================
(none)        the device confirmed it; it told the value
unknown       no such node
offline       its gateway is away, or the gateway has no way to it
refused       the device said no
timeout       nobody answered in time: whether it happened is not known
busy          too many writes are under way
expired       its turn at the gateway did not come in time: it was not tried
failed        a fault of the gateway's own
unsupported   what was asked for cannot be said in the device's protocol
forbidden     the client may only read
============  ==========================================================================================

An outcome is told exactly once. A gateway whose link is lost may still tell it after it is back.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

from pyaiot.wire.messages import Result

#: How long a gateway may take to carry out a write; it is never done later than this.
TTL_S = 10.0
#: How much longer the broker waits for the word of it.
MARGIN_S = 1.0
#: Of one gateway; or of one entity: each is a connection of its own, and fills no other's room.
MAX_PENDING_PER_GATEWAY = 1024
MAX_PENDING_PER_CLIENT = 64
#: Deadlines of those that ended are kept until they outnumber the others, and this.
MAX_IDLE_DEADLINES = 1024
#: What outcomes are counted by. A gateway may give another code, to whoever asked; that counts as ``other``.
COUNTED = (
    *("ok", "unknown", "offline", "refused", "timeout", "busy", "expired", "failed", "unsupported", "forbidden"),
    "other",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a write or read ended: confirmed (``code`` is None), or not, and why."""

    code: str | None = None
    reason: str | None = None


Tell = Callable[[Outcome], None]


class PendingWrites:
    """The writes and reads under way, by the id they have on the link. ``first_id`` is random, so that a result meant
    for an earlier run of the broker is not taken for one of ours."""

    def __init__(self, first_id: int) -> None:
        self._next_id = first_id
        self._pending: dict[int, tuple[str, Tell, dict[str, int]]] = {}
        self._per_gateway: dict[str, int] = {}
        self._deadlines: list[tuple[float, int]] = []
        #: How many writes ended how, since the start; and reads.
        self.outcomes: dict[str, int] = {}
        self.read_outcomes: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def begin(self, gateway: str, now: float, tell: Tell, ttl_s: float = TTL_S, *, is_read: bool = False) -> int | None:
        """A write (or read) for ``gateway``, or for the entity of that uid, begins; it may carry it out for ``ttl_s``.

        Its id on the link, or None when too many are under way.
        """
        if self._per_gateway.get(gateway, 0) >= MAX_PENDING_PER_GATEWAY:
            return None
        id = self._next_id
        self._next_id += 1
        self._pending[id] = (gateway, tell, self.read_outcomes if is_read else self.outcomes)
        self._per_gateway[gateway] = self._per_gateway.get(gateway, 0) + 1
        heapq.heappush(self._deadlines, (now + ttl_s + MARGIN_S, id))
        if len(self._deadlines) > 2 * len(self._pending) + MAX_IDLE_DEADLINES:
            self._deadlines = [entry for entry in self._deadlines if entry[1] in self._pending]
            heapq.heapify(self._deadlines)
        return id

    def finish(self, gateway: str, result: Result) -> None:
        """Who it was for told the outcome; one that nobody waits for (any more) is ignored."""
        pending = self._pending.get(result.id)
        if pending is None or pending[0] != gateway:
            return
        if result.ok:
            self._end(result.id, Outcome())
        else:
            self._end(result.id, Outcome(result.code or "refused", result.reason or "the gateway gave no reason"))

    def next_deadline(self) -> float | None:
        """When :meth:`expire` has something to do."""
        while self._deadlines and self._deadlines[0][1] not in self._pending:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def expire(self, now: float) -> None:
        """Writes of which nothing was heard in time have an outcome, too."""
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            _, id = heapq.heappop(self._deadlines)
            self._end(id, Outcome("timeout", "no answer: whether the device did it is not known"))

    def _end(self, id: int, outcome: Outcome) -> None:
        gateway, tell, outcomes = self._pending.pop(id)
        self._per_gateway[gateway] -= 1
        if not self._per_gateway[gateway]:
            del self._per_gateway[gateway]
        _count(outcome, outcomes)
        tell(outcome)

    def count(self, outcome: Outcome, *, is_read: bool = False) -> None:
        """Count an outcome of a write or read that never got as far as a gateway."""
        _count(outcome, self.read_outcomes if is_read else self.outcomes)


def _count(outcome: Outcome, outcomes: dict[str, int]) -> None:
    label = outcome.code or "ok"
    label = label if label in COUNTED else "other"
    outcomes[label] = outcomes.get(label, 0) + 1
