# SPDX-License-Identifier: BSD-3-Clause
"""How fast one service may ask, and how much at once, so that its calls cost only itself. Pure: ``now`` in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

from pyaiot.broker.writes import MAX_PENDING_PER_CLIENT

#: Requests a second of one service, after a burst of as many.
MAX_REQUESTS_PER_S: Final = 200
BURST: Final = 200
#: Writes of one service that are under way at once: as many as of any other client.
MAX_WRITES_AT_ONCE: Final = MAX_PENDING_PER_CLIENT
#: Idle services that are remembered.
MAX_REMEMBERED: Final = 1_024


@dataclass(slots=True)
class _Service:
    #: When its burst is whole again.
    whole_at: float = 0.0
    writes: int = 0


class ServicePace:
    """All services of one broker, by what they are known by."""

    def __init__(self) -> None:
        self._services: dict[bytes | None, _Service] = {}

    def __len__(self) -> int:
        return len(self._services)

    def ask(self, service: bytes | None, now: float) -> int | None:
        """A request comes: None when it may, else after how many seconds it may."""
        if service not in self._services and len(self._services) >= MAX_REMEMBERED:
            self._services = {key: each for key, each in self._services.items() if each.writes or each.whole_at > now}
        known = self._services.setdefault(service, _Service())
        whole_at = max(known.whole_at, now)
        used = (whole_at - now) * MAX_REQUESTS_PER_S
        if used > BURST - 0.5:  # half a one, as floating point is not exact
            return ceil((used - BURST + 1) / MAX_REQUESTS_PER_S)
        known.whole_at = whole_at + 1 / MAX_REQUESTS_PER_S
        return None

    def begin(self, service: bytes | None, writes: int) -> bool:
        """So many ``writes`` begin; whether they may. If so, the caller's duty is to call :meth:`end` with as many."""
        known = self._services.setdefault(service, _Service())
        if known.writes + writes > MAX_WRITES_AT_ONCE:
            return False
        known.writes += writes
        return True

    def end(self, service: bytes | None, writes: int) -> None:
        """Those that began are over."""
        self._services[service].writes -= writes
