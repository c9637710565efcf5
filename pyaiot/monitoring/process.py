# SPDX-License-Identifier: BSD-3-Clause
"""What is told of every process: memory, CPU, files, how late its event loop is, what it has logged.

The names are those of all Prometheus' client libraries. prometheus-client's own collector tells nothing where
``/proc/stat`` is hidden, as it is from our units (``ProcSubset=pid``).
"""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pyaiot import __version__
from pyaiot.log_limit import LEVELS, LogCounts
from pyaiot.monitoring.families import Family, Sample, counter, gauge
from pyaiot.monitoring.vitals import LAG_INTERVAL_S, Lag, log_families

#: Of this process, as there is one log and one event loop.
LAG = Lag()
LOG_COUNTS = LogCounts()


async def measure_lag() -> None:
    """Measure how late the event loop is, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_INTERVAL_S
        await asyncio.sleep(LAG_INTERVAL_S)
        LAG.observe(loop.time() - due)


def families(program: str) -> Iterator[Family]:
    """All of them; ``program`` is the service's command, such as ``aiot-broker``."""
    info = Sample(1, (("service", program), ("version", __version__)))
    yield Family("aiot_build_info", "gauge", "What runs: always 1", (info,))
    yield LAG.family()
    counts = (LOG_COUNTS.logged, LOG_COUNTS.suppressed)
    yield from log_families(*({level: each[level] for level in LEVELS} for each in counts))
    yield from _usage()


def _usage() -> Iterator[Family]:
    """As far as the system tells."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield gauge("process_max_fds", "Maximum number of open file descriptors", soft)
    try:
        stat = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace")
        fds = len(os.listdir("/proc/self/fd"))
    except OSError:
        return
    fields = stat.rpartition(")")[2].split()  # from the third on, see proc(5)
    ticks = os.sysconf("SC_CLK_TCK")
    yield counter(
        "process_cpu_seconds_total",
        "Total user and system CPU time spent in seconds",
        (int(fields[11]) + int(fields[12])) / ticks,
    )
    yield gauge("process_virtual_memory_bytes", "Virtual memory size in bytes", int(fields[20]))
    yield gauge(
        "process_resident_memory_bytes", "Resident memory size in bytes", int(fields[21]) * resource.getpagesize()
    )
    yield gauge("process_open_fds", "Number of open file descriptors", fds)
    started_s = _unix_of(int(fields[19]) / ticks)
    yield gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds", started_s)


@cache
def _unix_of(since_boot_s: float) -> float:
    """Unix time of a moment after the boot: always the same, as another means a restart."""
    return round(time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + since_boot_s, 2)
