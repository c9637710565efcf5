# SPDX-License-Identifier: BSD-3-Clause
"""What is counted of a process, whatever service it is: how late its event loop is, what it has logged. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Final

from pyaiot.monitoring.families import Family, Sample, by_label

#: How often the event loop's lag is measured, in seconds.
LAG_INTERVAL_S: Final = 1.0
#: Upper ends of the histogram's buckets, in seconds.
LAG_BUCKETS_S: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)


class Lag:
    """How much later than due a timer fired, again and again."""

    def __init__(self) -> None:
        self._counts = [0] * (len(LAG_BUCKETS_S) + 1)
        self._sum_s = 0.0

    def observe(self, late_s: float) -> None:
        """One measurement."""
        self._counts[bisect_left(LAG_BUCKETS_S, late_s)] += 1
        self._sum_s += max(late_s, 0.0)

    def family(self) -> Family:
        """As a histogram."""
        samples, total = [], 0
        for end, count in zip((*map(str, LAG_BUCKETS_S), "+Inf"), self._counts, strict=True):
            total += count
            samples.append(Sample(total, (("le", end),), "_bucket"))
        samples += [Sample(total, suffix="_count"), Sample(self._sum_s, suffix="_sum")]
        return Family(
            "aiot_event_loop_lag_seconds",
            "histogram",
            "How much later than due the event loop came to a timer, measured once a second",
            tuple(samples),
        )


def log_families(logged: Mapping[str, int], suppressed: Mapping[str, int]) -> Iterator[Family]:
    """What was logged, and what was not as there were too many of a kind, by level from ``warning`` on."""
    yield by_label("aiot_log_records_total", "counter", "Records logged, by level", "level", logged)
    yield by_label(
        "aiot_log_records_suppressed_total",
        "counter",
        "Records not logged because there were too many of their kind, by level",
        "level",
        suppressed,
    )
