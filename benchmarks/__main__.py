# SPDX-License-Identifier: BSD-3-Clause
"""``python -m benchmarks [--quick] [name …]``: measure, and print a table. See the package for what it means."""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.figures import HEAD, Figure, row, table

NAMES = (
    "ingest",
    "fanout",
    "rpc_watch",
    "rpc_calls",
    "join",
    "latency",
    "memory",
    "start",
    "services",
    "liveness",
    "mqtt",
    "mqtt_broker",
    "ws",
    "coap",
    "dashboard",
)
#: This one has a table of its own, which is shown as it is: options for a default run, and for a quick one.
COAP = (
    ("--requests", "10000", "--rounds", "3", "--flood-seconds", "10"),
    ("--requests", "3000", "--rounds", "1", "--flood-seconds", "3"),
)


def measure(name: str, quick: bool) -> list[Figure]:
    """Measure one thing, showing each figure as it is found."""
    module = importlib.import_module(f"benchmarks.bench_{name}")
    figures = []
    for figure in module.run(quick):
        print(row(figure), flush=True)
        figures.append(figure)
    return figures


def measure_coap(quick: bool) -> None:
    """The CoAP side, which also runs by itself."""
    script = Path(__file__).with_name("bench_coap.py")
    subprocess.run([sys.executable, str(script), *COAP[quick]], check=False)


def main() -> int:
    """Measure what is named, or everything; the exit code is 1 only when something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(NAMES)}; all, where none is given")
    parser.add_argument("--quick", action="store_true", help="shorter, and less to be relied on")
    options = parser.parse_args()
    unknown = set(options.names) - set(NAMES)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    begin = time.monotonic()
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f}, Python {sys.version.split()[0]}\n\n{HEAD}", flush=True)
    figures: list[Figure] = []
    broken = []
    for name in options.names or NAMES:
        print(f"{name}:", flush=True)
        try:
            if name == "coap":
                measure_coap(options.quick)
            else:
                figures += measure(name, options.quick)
        except Exception as error:  # the others can be measured all the same
            broken.append(name)
            print(f"could not be measured: {type(error).__name__}: {error}", flush=True)
    missed = [figure for figure in figures if figure.verdict == "MISSED"]
    met = sum(figure.verdict == "met" for figure in figures)
    print(f"\n{met} targets met, {len(missed)} missed, in {time.monotonic() - begin:.0f} s")
    if missed:
        print(table(missed))
    if broken:
        print(f"not measured: {', '.join(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
