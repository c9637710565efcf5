# SPDX-License-Identifier: BSD-3-Clause
"""A client that joins 10,000 nodes: how long until it has all, and what the others feel of it meanwhile."""

from __future__ import annotations

import re
import selectors
import sys
import time
from collections.abc import Iterator

from benchmarks import processes
from benchmarks.figures import Figure, latencies
from benchmarks.link import Link
from benchmarks.load import RESOURCES, numbered, population
from benchmarks.processes import Process
from benchmarks.websocket import JOIN, RawWebSocket

NODES = 10_000
MESSAGES = NODES * (1 + len(RESOURCES))
UPDATES_PER_S = 200
NUMBER = re.compile(rb'"data":"(\d+)ppm"')


def run(quick: bool) -> Iterator[Figure]:
    """The figures of this module."""
    with processes.site("north") as site, processes.broker(site) as broker:
        link = Link(broker.port, site, "north")
        link.tell(population(NODES, len(RESOURCES)))
        watcher = RawWebSocket(broker.port, "/ws")
        watcher.send(JOIN)
        seen = 0
        while seen < MESSAGES:
            seen += len(watcher.receive())
        number = 1_000_000  # unlike any value of the population
        quiet, number = watch(link, watcher, number, seconds=2)
        alone, meanwhile, cpu = [], [], []
        for _ in range(3 if quick else 10):
            used = broker.cpu_s()
            with Joiner(broker.port) as joiner:
                found, number = watch(link, watcher, number, until=joiner)
                alone.append(joiner.took_s)
            cpu.append(broker.cpu_s() - used)
            meanwhile.append(found)
        yield Figure(f"join: {NODES} nodes × {len(RESOURCES)} resources, all there after", alone, "s", at_most=2)
        yield Figure("  CPU of the broker meanwhile", cpu, "s")
        yield Figure("  messages to the gateway besides acknowledgements", [len(link.told)], "", at_most=0)
        yield from latencies(f"  others' latency meanwhile, {UPDATES_PER_S} updates/s", join(meanwhile), None, 50)
        yield from latencies("  their latency else", [quiet], None, None)
        link.close()
        watcher.close()


def join(rounds: list[list[float]]) -> list[list[float]]:
    """One round has too few samples for a 99th percentile: two rounds of what was found in all, by turns."""
    found = [each for one in rounds for each in one]
    return [found[: len(found) // 2], found[len(found) // 2 :]]


class Joiner(Process):
    """A process that joins and counts; ``took_s`` is known once it has said so."""

    def __init__(self, port: int) -> None:
        super().__init__([sys.executable, "-m", "benchmarks.bench_join", str(port)])
        self.took_s = 0.0

    def done(self) -> bool:
        """Whether it has everything."""
        line = self.said()
        if line is not None:
            self.took_s = float(line)
        return self.took_s > 0


def watch(
    link: Link, watcher: RawWebSocket, number: int, *, seconds: float = 60, until: Joiner | None = None
) -> tuple[list[float], int]:
    """Send updates at a steady rate; seconds from frame to client of each, and the next number."""
    selector = selectors.DefaultSelector()
    selector.register(link, selectors.EVENT_READ)
    selector.register(watcher, selectors.EVENT_READ)
    sent: dict[int, float] = {}
    found: list[float] = []
    begin = due = time.perf_counter()
    while True:
        now = time.perf_counter()
        over = now > begin + seconds or (until is not None and until.done())
        if over and not sent:
            break
        if now >= due and not over:
            due += 1 / UPDATES_PER_S
            sent[number] = time.perf_counter()
            link.socket.sendall(link.seal([numbered(number % NODES, number)]))
            number += 1
        for key, _ in selector.select(max(0.0, min(due - time.perf_counter(), 0.05))):
            if key.fileobj is link:
                link.take()
                continue
            now = time.perf_counter()
            for message in watcher.receive():
                if (match := NUMBER.search(message)) and int(match[1]) in sent:
                    found.append(now - sent.pop(int(match[1])))
        if now > begin + seconds + 20:
            raise TimeoutError(f"{len(sent)} updates never came")
    selector.close()
    return found, number


def main(port: int) -> None:
    """The process that joins."""
    client = RawWebSocket(port, "/ws")
    begin = time.perf_counter()
    client.send(JOIN)
    seen = 0
    while seen < MESSAGES:
        seen += len(client.receive())
    print(time.perf_counter() - begin, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
