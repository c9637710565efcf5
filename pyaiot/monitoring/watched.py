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
