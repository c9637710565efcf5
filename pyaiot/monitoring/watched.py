# SPDX-License-Identifier: BSD-3-Clause
"""What a service does so that it can be watched over. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from pyaiot.monitoring.families import Family
from pyaiot.monitoring.health import Health


@runtime_checkable
class Watched(Protocol):
    """A service, or a part of one. Both are asked in its event loop, at any time from its start to its end."""

    def families(self) -> Iterable[Family]:
        """What it has counted."""
        ...

    def health(self) -> Health:
        """Whether it can do its work."""
        ...


def watched_in(service: object) -> Watched | None:
    """``service``, or the one that it runs, its ``inner``; None where neither can be watched over."""
    while not isinstance(service, Watched):
        service = getattr(service, "inner", None)
        if service is None:
            return None
    return service
