# SPDX-License-Identifier: BSD-3-Clause
"""What one request of a device reports, once it is read. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from pyaiot.wire.messages import JSON


class BadPayload(ValueError):
    """A body that cannot be read; ``str()`` is one sentence that says what is wrong, fit to send to the device."""


class Reading(NamedTuple):
    """A value of a resource, as the device gave it; its unit as RFC 8428 spells it, if it said one; how old it is."""

    resource: str
    data: JSON
    unit: str | None = None
    age_ms: int = 0


@dataclass(slots=True)
class Report:
    """Readings in the order in which they are to be told, and by resource why others were not taken."""

    readings: list[Reading] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
