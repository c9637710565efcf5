# SPDX-License-Identifier: BSD-3-Clause
"""A client that stops reading: it delays nobody, and costs the broker next to nothing."""

from __future__ import annotations

import asyncio
import signal
import statistics
import sys
import time
from pathlib import Path

from pyaiot.keys import Keys
from tests.process.feeders import feeding
from tests.process.processes import BROKER_LISTENS, Host
from tests.process.viewers import viewing

STILL_CLIENTS = 4
WARM_UP, ROUNDS = 20, 150
#: A broker that leaves them be: it parts with who answers no ping, which on a slow machine is before the last round.
PATIENT_BROKER = """
import sys
from pyaiot.broker import cli, server
server.PING_INTERVAL_S = server.PING_TIMEOUT_S = 600
sys.exit(cli.main())
"""
#: How the texts of the last round begin.
LAST = f"{WARM_UP + ROUNDS - 1:08d}"
#: In a round each resource of each device gets a text of this length.
TEXT_BYTES = 4096
DEVICES, RESOURCES = 5, 4
MAX_GROWTH_BYTES = 6 * 1024 * 1024


async def test_clients_that_do_not_read_delay_nobody_and_cost_little(host: Host, keys: Keys) -> None:
    """12 MB for each of them; the next round begins when the other client has all of the one before."""
    broker = await host.start_program(sys.executable, "-c", PATIENT_BROKER, "--broker-port", "0", name="aiot-broker")
    port = await broker.port(BROKER_LISTENS)
    async with feeding(keys, "coap", port, devices=DEVICES) as feeder, viewing(port) as viewer:

        async def one_round(number: int) -> float:
            text = f"{number:08d}" + "x" * (TEXT_BYTES - 8)
            for device in range(DEVICES):
                for resource in range(RESOURCES):
                    feeder.tell(f"n{device}", f"text{resource}", text)
            return await viewer.sees(feeder.truth)

        for number in range(WARM_UP):  # so that what the broker needs once it has
            await one_round(number)
        script = str(Path(__file__).with_name("still_client.py"))
        stills = [
            await host.start_program(
                sys.executable, script, str(port), LAST, str(RESOURCES * DEVICES), name="still client"
            )
            for _ in range(STILL_CLIENTS)
        ]
        await asyncio.gather(*(still.says("joined") for still in stills))
        before, heard = broker.resident_bytes(), len(viewer.heard)
        began = time.monotonic()
        times = sorted([await one_round(number) for number in range(WARM_UP, WARM_UP + ROUNDS)])
        growth = broker.resident_bytes() - before
        # Nothing was left out for the one that reads, and nothing came late because of those that do not.
        assert len(viewer.heard) - heard == ROUNDS * DEVICES * RESOURCES
        assert growth <= MAX_GROWTH_BYTES
        took = time.monotonic() - began
        # One that reads again is told the newest values, and not all that it missed.
        stills[0].send(signal.SIGCONT)
        read = int((await stills[0].says(r"newest values after (\d+) messages"))[1])
        assert read < ROUNDS * DEVICES * RESOURCES / 4
        assert await stills[0].ended() == 0
    total = ROUNDS * DEVICES * RESOURCES * TEXT_BYTES / 2**20
    print(f"{total:.0f} MiB for each of {STILL_CLIENTS} in {took:.1f} s; the broker grew by {growth / 2**20:.1f} MiB")
    print(f"one that reads again had the newest values after {read} messages")
    print(f"a round took {statistics.median(times) * 1000:.1f} ms, p99 {times[int(len(times) * 0.99)] * 1000:.1f} ms")
