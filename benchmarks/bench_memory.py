# SPDX-License-Identifier: BSD-3-Clause
"""Memory of a node in broker and gateway, and what ``aiot up --demo`` takes while nobody does anything with it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from benchmarks import processes
from benchmarks.demo import demo
from benchmarks.figures import Figure
from benchmarks.link import Link
from benchmarks.load import RESOURCES, population, reading, uid
from benchmarks.processes import Process
from benchmarks.websocket import JOIN, RawWebSocket

MIB = 1024 * 1024


def run(quick: bool) -> Iterator[Figure]:
    """The figures of this module."""
    nodes = 20_000 if quick else 100_000
    yield Figure(
        f"broker: memory a node with {len(RESOURCES)} resources, {nodes:,} nodes", [broker(nodes)], "bytes", 3072
    )
    with Process([sys.executable, "-m", "benchmarks.bench_memory", str(nodes)]) as core:
        grown = float(core.expect(r"^[\d.]+$", 120)[0])
    yield Figure("gateway: the same", [grown], "bytes", 3072)
    yield from idle(4 if quick else 20)


def broker(nodes: int) -> float:
    """Bytes by which the broker grows for a node."""
    with processes.site("north") as site, processes.broker(site) as server:
        link = Link(server.port, site, "north")
        link.tell(population(100, len(RESOURCES)))
        before = server.rss_bytes()
        link.tell(population(nodes, len(RESOURCES)))
        grown = server.rss_bytes() - before
        link.close()
        return grown / (nodes - 100)


def idle(seconds: float) -> Iterator[Figure]:
    """The demo, with twelve simulated devices and its logging on: without a client, and with one."""
    with demo() as process:
        process.wait_for_page()
        time.sleep(2)
        before = process.cpu_s()
        time.sleep(seconds)
        alone = (process.cpu_s() - before) / seconds * 100
        client = RawWebSocket(process.broker_port, "/ws")
        client.send(JOIN)
        before, end = process.cpu_s(), time.monotonic() + seconds
        client.socket.settimeout(0.5)
        while time.monotonic() < end:
            try:
                client.receive()
            except TimeoutError:
                continue
        watched = (process.cpu_s() - before) / seconds * 100
        yield Figure("aiot up --demo, idle: resident memory", [process.rss_bytes() / MIB], "MiB", 120)
        yield Figure("  CPU without a client", [alone], "% core", 5)
        yield Figure("  CPU with a client of /ws", [watched], "% core", 5)
        client.close()


def grow_gateway(nodes: int) -> float:
    """Bytes by which a gateway's core grows for a node, its outbox being taken as fast as it fills."""
    from pyaiot.gateway.core import GatewayCore
    from pyaiot.gateway.outbox import Outbox

    outbox = Outbox("0" * 16)
    core = GatewayCore(outbox, protocol="coap", title="CoAP", timeout_s=120.0)
    before = 0
    for node in range(nodes):
        if node == 100:
            before = own_rss_bytes()
        core.seen(uid(node), 1.0, 1)
        # The core itself reports the protocol: the sixth.
        for resource in range(len(RESOURCES) - 1):
            data = reading(resource, node * 7 + resource)[0]
            core.updated(uid(node), RESOURCES[resource], data, 1.0, 1)
        while (frame := outbox.next_frame(8192)) is not None:
            outbox.acknowledge(frame[0] + len(frame[1]) - 1)
        core.orders.clear()
    return (own_rss_bytes() - before) / (nodes - 100)


def own_rss_bytes() -> int:
    """Resident memory of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


if __name__ == "__main__":
    print(grow_gateway(int(sys.argv[1])), flush=True)
