# SPDX-License-Identifier: BSD-3-Clause
"""What it costs the broker to tell changes to programs that watch by ``/rpc``, and how late they hear under load.

``python -m benchmarks.bench_rpc_watch PORT KEYFILE SECONDS RATE`` is the load, as a process of its own: RATE updates a
second, or as many as are taken (0).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import processes
from benchmarks.bench_fanout import through_broker, through_relay
from benchmarks.bench_ingest import GATEWAYS, NODES, busy_links, ratios
from benchmarks.crowd import Crowd
from benchmarks.figures import Figure, latencies
from benchmarks.link import Link, pump
from benchmarks.load import new, numbered, updates
from benchmarks.processes import Process, Server, Site
from benchmarks.websocket import RawWebSocket
from pyaiot import keys

CLIENTS = 100
MANY = 1_000
ROUNDS = 3
PROBE = "probe"
PROBE_PAUSE_S = 0.03
#: How often the load is sent that is not as much as the broker takes.
TURN_S = 0.01


def run(quick: bool) -> Iterator[Figure]:
    """The figures of this module."""
    with processes.site(*GATEWAYS, PROBE) as site:
        with processes.broker(site) as broker, processes.yardstick("relay") as relay:
            yield from shared(site, broker, relay, quick)
        with processes.broker(site) as broker:
            yield from apart(site, broker, frames=15 if quick else 60)
        with processes.broker(site) as broker:
            yield from lateness(site, broker, seconds=5 if quick else 15)


def shared(site: Site, broker: Server, relay: Server, quick: bool) -> Iterator[Figure]:
    """Everybody watches everything."""
    frames = 15 if quick else 60
    ours, share, rate, plain = [], [], [], []
    for turn in range(ROUNDS + 1):  # the first warms up
        cost, delivered, took = through_broker(site, broker, "rpc", CLIENTS, frames, turn)
        bare = through_relay(relay, 300 if quick else 600)
        if turn:
            ours.append(cost)
            share.append(delivered / (frames * 256 * len(GATEWAYS) * CLIENTS) * 100)
            rate.append(delivered / took)
            plain.append(bare)
    yield Figure(f"changes to {CLIENTS} watching clients: CPU a delivery", ours, "µs")
    yield Figure("  delivered, all clients together", rate, "chg/s")
    yield Figure("  not superseded by a newer value on the way", share, "%")
    yield Figure("  bare Tornado relay, write_message a change", plain, "µs")
    yield Figure("  broker / bare relay", ratios(ours, plain), "×", at_most=1 / 10)


def apart(site: Site, broker: Server, frames: int) -> Iterator[Figure]:
    """Everybody watches something else, and each change is for one client: as much is told, however many they are."""
    nobody, few, many = [], [], []
    for turn in range(ROUNDS + 1):
        idle = ingest_only(site, broker, frames, 3 * turn) / (frames * 256 * len(GATEWAYS)) * 1e6
        some, _, _ = through_broker(site, broker, "rpc-apart", CLIENTS, frames, 3 * turn + 1)
        most, _, _ = through_broker(site, broker, "rpc-apart", MANY, frames, 3 * turn + 2)
        if turn:
            nobody.append(idle)
            few.append(some)
            many.append(most)
    yield Figure("each change for one client: CPU, if there were none", nobody, "µs")
    yield Figure(f"  {CLIENTS} clients with {CLIENTS} filters", few, "µs")
    yield Figure(f"  {MANY} clients with {MANY} filters", many, "µs")
    yield Figure(f"  {MANY} / {CLIENTS} clients", ratios(many, few), "×")


def ingest_only(site: Site, broker: Server, frames: int, turn: int) -> float:
    """CPU seconds for the same updates when nobody watches."""
    links, sealed = busy_links(site, broker, frames, turn * frames * 256)
    used = broker.cpu_s()
    pump(links, sealed)
    cost = broker.cpu_s() - used
    for link in links:
        link.close()
    return cost


def lateness(site: Site, broker: Server, seconds: float) -> Iterator[Figure]:
    """From a gateway's frame to a watching client, while others do as much as the broker takes, and half of that."""
    link, client = Link(broker.port, site, PROBE), RawWebSocket(broker.port, "/rpc")
    link.tell(new(node) for node in range(10))
    client.send(b'{"jsonrpc":"2.0","id":1,"method":"nodes.watch","params":{"gateway":"probe","resource":"eco2"}}')
    with Crowd("rpc", broker.port, CLIENTS) as crowd:
        full, rate = under_load(site, broker, crowd, link, client, seconds, 0)
        half, half_rate = under_load(site, broker, crowd, link, client, seconds, int(rate / CLIENTS / 2))
    yield Figure(f"as much as it takes, {CLIENTS} watching clients: delivered", [rate], "chg/s")
    yield from latencies("  a change meanwhile, frame → watching client", full, None, None)
    yield Figure("half as much: delivered", [half_rate], "chg/s")
    yield from latencies("  a change meanwhile, frame → watching client", half, None, 50)
    link.close()
    client.close()


def under_load(
    site: Site, broker: Server, crowd: Crowd, link: Link, client: RawWebSocket, seconds: float, per_s: int
) -> tuple[list[list[float]], float]:
    """Rounds of seconds from frame to client, and the changes that all clients together got in a second."""
    command = [sys.executable, "-m", "benchmarks.bench_rpc_watch"]
    command += [str(broker.port), str(site.key_file), str(seconds + 2), str(per_s)]
    found: list[list[float]] = [[] for _ in range(ROUNDS)]
    with Process(command) as load:
        load.expect("^under load$", 60)
        time.sleep(1)
        before, begin = crowd.count()[0], time.perf_counter()
        while (passed := time.perf_counter() - begin) < seconds:
            number = link.last  # each another one
            frame = link.seal([numbered(number % 10, number)])
            sent = time.perf_counter()
            link.socket.sendall(frame)
            while not any(b'"%dppm"' % number in message for message in client.receive()):
                pass
            found[int(passed / seconds * ROUNDS)].append(time.perf_counter() - sent)
            link.settle()
            time.sleep(PROBE_PAUSE_S)
        rate = (crowd.count()[0] - before) / (time.perf_counter() - begin)
    return found, rate


class KnownSite(Site):
    """One that another process made."""

    def __init__(self, key_file: Path) -> None:
        self.key_file = key_file
        self.keys = keys.load(str(key_file))


def main() -> None:
    """The load, for some time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("key_file", type=Path)
    parser.add_argument("seconds", type=float)
    parser.add_argument("per_s", type=int)
    options = parser.parse_args()
    site = KnownSite(options.key_file)
    links = [Link(options.port, site, name) for name in GATEWAYS]
    for link in links:
        link.tell(new(node) for node in range(NODES))
    print("under load", flush=True)
    begin = time.monotonic()
    at = turn = 0
    while (passed := time.monotonic() - begin) < options.seconds:
        turn += 1
        if not options.per_s:
            pump(
                links,
                [
                    [link.seal(list(updates(NODES, 256, (4 * turn + part) * 256))) for part in range(4)]
                    for link in links
                ],
            )
            continue
        due = int(passed * options.per_s / len(links)) - at
        if due > 0:
            pump(links, [[link.seal(list(updates(NODES, due, at)))] for link in links])
            at += due
        time.sleep(TURN_S)


if __name__ == "__main__":
    main()
