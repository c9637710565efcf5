# SPDX-License-Identifier: BSD-3-Clause
"""What it costs a gateway to watch 100,000 nodes: while nothing happens, for a sign of life, and when all go out."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator

from benchmarks.figures import Figure
from benchmarks.load import uid
from benchmarks.processes import Process

NODES = 100_000


def run(quick: bool) -> Iterator[Figure]:
    """The figures of this module."""
    nodes = 20_000 if quick else NODES
    idle, few, sign, out, stall = [], [], [], [], []
    for _ in range(1 if quick else 3):
        with Process([sys.executable, "-m", "benchmarks.bench_liveness", str(nodes)]) as gateway:
            words = gateway.expect(r"^figures (.*)$", 120)[1].split()
        for samples, word in zip((idle, few, sign, out, stall), words, strict=True):
            samples.append(float(word))
    yield Figure(f"gateway with {nodes:,} silent nodes: CPU", idle, "% core", at_most=0.5)
    yield Figure("  gateway without nodes: CPU", few, "% core")
    yield Figure("  CPU of a sign of life", sign, "µs")
    yield Figure("  CPU of a node that goes out", out, "µs")
    yield Figure("  longest stall of the loop while all go out", stall, "ms")


class Nobody:
    """An adapter without devices."""

    protocol = "coap"
    title = "CoAP"
    discovered = 0

    async def start(self, events: object) -> None: ...

    async def stop(self) -> None: ...

    async def discover(self, uid: str) -> None:
        self.discovered += 1

    async def write(self, uid: str, resource: str, data: object) -> None: ...

    def forget(self, uid: str) -> None: ...


async def cpu_share(seconds: float) -> float:
    """Per cent of a core that this process uses while nobody asks anything of it."""
    before = time.process_time()
    await asyncio.sleep(seconds)
    return (time.process_time() - before) / seconds * 100


async def measure(nodes: int) -> list[float]:
    """The gateway's service with its own timer, and no broker; the outbox keeps what it would say."""
    from pyaiot.gateway.dial import BrokerAddress, Identity
    from pyaiot.gateway.service import GatewayService
    from pyaiot.keys import new_private_key

    key, adapter = new_private_key(), Nobody()
    nobody = BrokerAddress("ws://127.0.0.1:9/gw")
    service = GatewayService(adapter, Identity("coap", key, key.public), nobody, timeout_s=60.0)
    ready = asyncio.Event()
    running = asyncio.create_task(service.run(ready.set), name="gateway")
    await ready.wait()
    few = await cpu_share(2)
    for number in range(nodes):
        service.seen(uid(number))
    while adapter.discovered < nodes:
        await cpu_share(0.2)
    idle = await cpu_share(4)
    before = time.process_time()
    for number in range(nodes):
        service.seen(uid(number))
    sign = (time.process_time() - before) / nodes * 1e6
    for number in range(nodes):
        service.seen(uid(number), timeout_s=1.0)
    before, stall = time.process_time(), 0.0
    while service.core.registry.nodes:
        begin = time.perf_counter()
        await asyncio.sleep(0)
        stall = max(stall, time.perf_counter() - begin)
        if stall < 0.0005:
            await asyncio.sleep(0.001)
    out = (time.process_time() - before) / nodes * 1e6
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return [idle, few, sign, out, stall * 1e3]


def main(nodes: int) -> None:
    """The process of the gateway."""
    import logging

    import uvloop

    logging.disable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print("figures", *runner.run(measure(nodes)), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
