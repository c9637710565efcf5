# SPDX-License-Identifier: BSD-3-Clause
"""Many simulated WebSocket devices in one process, which all lose their connections when they are told to.

``python -m benchmarks.ws_devices PORT COUNT``: says ``ready`` when all have been connected for a while; then has all
lose their connections at each line of its input, and answers ``dropped``. They connect again as simulated devices do,
each after a time of its own. It ends with its input.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import resource
import sys

import uvloop

from benchmarks.processes import Process
from pyaiot.simulation.ws import STEADY_S, SimulatedWsDevice

#: Devices that begin at once.
BATCH = 100
BATCH_S = 0.25


class Devices(Process):
    """Such a process."""

    def __init__(self, port: int, count: int) -> None:
        command = [sys.executable, "-m", "benchmarks.ws_devices", str(port), str(count)]
        super().__init__(command, stdin=True)
        self.expect("^ready$", timeout_s=60)

    def drop(self) -> None:
        """Have all lose their connections."""
        answer = self.ask("drop")
        if answer != "dropped":
            raise RuntimeError(answer)


async def run(port: int, count: int) -> None:
    """Be the devices until the input ends."""
    devices = [
        SimulatedWsDevice(f"d{number}", "127.0.0.1", port, resources=("led",), seed=number) for number in range(count)
    ]
    for number, device in enumerate(devices, 1):
        await device.start()
        if number % BATCH == 0:
            await asyncio.sleep(BATCH_S)
    for device in devices:
        while not device.connected:  # noqa: ASYNC110 - it happens once
            await asyncio.sleep(0.1)
    await asyncio.sleep(STEADY_S)  # until they have forgotten earlier failures
    print("ready", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        for device in devices:
            device.lose_connection()
        print("dropped", flush=True)


def main() -> None:
    """Be that process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int)
    options = parser.parse_args()
    os.nice(10)  # real devices have processors of their own
    logging.disable(logging.CRITICAL)  # two thousand complaints
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 16_384)), hard))
    uvloop.run(run(options.port, options.count))


if __name__ == "__main__":
    main()
