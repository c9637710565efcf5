# SPDX-License-Identifier: BSD-3-Clause
"""What a service counts of those who come to it by TLS. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from pyaiot.monitoring.families import Family, counted


@dataclass(slots=True)
class Counters:
    """Each only grows. All ports of a process that show one certificate share them."""

    #: Handshakes that failed: who spoke no TLS, or did not trust us; and that gave way, as there were too many.
    handshakes_failed: int = 0
    handshakes_crowded_out: int = 0
    #: Connections ended because what came was not what TLS had to be.
    bad_records: int = 0

    #: What each is called among the metrics.
    HELP: ClassVar[Mapping[str, str]] = {
        "handshakes_failed": "Handshakes that failed",
        "handshakes_crowded_out": "Handshakes dropped for another one, as there were too many",
        "bad_records": "Connections ended by a bad TLS record",
    }


def families(counters: Counters) -> Iterator[Family]:
    """Their metrics."""
    return counted("aiot_tls", counters)
