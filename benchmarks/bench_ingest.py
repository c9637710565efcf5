# SPDX-License-Identifier: BSD-3-Clause
"""What an update costs the broker: from three busy gateways, and in a frame of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from benchmarks import processes
from benchmarks.crowd import GATEWAYS, NODES
from benchmarks.figures import Figure
from benchmarks.link import Link, pump
from benchmarks.load import in_frames, new, update, updates
from benchmarks.processes import Server, Site
from benchmarks.websocket import RawWebSocket, masked
from pyaiot.keys import new_private_key
from pyaiot.wire import codec
from pyaiot.wire.signing import SIGNATURE_CHARACTERS

ROUNDS = 5
LONE_PAUSE_S = 0.03


def run(quick: bool) -> Iterator[Figure]:
    """The figures of this module."""
    with processes.site(*GATEWAYS) as site, processes.broker(site) as broker:
        with processes.yardstick("sink") as sink:
            yield from batched(site, broker, sink, frames=60 if quick else 200)
        yield from lone(site, broker, frames=500 if quick else 2000, idle=30 if quick else 150)


def busy_links(site: Site, broker: Server, frames: int, begin: int) -> tuple[list[Link], list[list[bytes]]]:
    """Links whose nodes are known, and ``frames`` signed frames of updates for each."""
    links = [Link(broker.port, site, name) for name in GATEWAYS]
    for link in links:
        link.tell(new(node) for node in range(NODES))
    batches = list(in_frames(updates(NODES, frames * 256, begin)))
    return links, [[link.seal(batch) for batch in batches] for link in links]


def batched(site: Site, broker: Server, sink: Server, frames: int) -> Iterator[Figure]:
    """Full frames, as fast as they are taken."""
    count = frames * 256 * len(GATEWAYS)
    rate, ours, plain, untyped = [], [], [], []
    for turn in range(ROUNDS + 1):  # the first warms up
        links, sealed = busy_links(site, broker, frames, turn * frames * 256)
        used, begin = broker.cpu_s(), time.perf_counter()
        pump(links, sealed)
        took = time.perf_counter() - begin
        cost = (broker.cpu_s() - used) / count * 1e6
        bodies = [masked(frame[SIGNATURE_CHARACTERS + 9 :]) for each in sealed for frame in each]
        for link in links:
            link.close()
        if turn:
            rate.append(count / took)
            ours.append(cost)
            plain.append(into_sink(sink, "/json", bodies) / count * 1e6)
            untyped.append(into_sink(sink, "/msgspec", bodies) / count * 1e6)
    yield Figure("ingest from 3 gateways, no client", rate, "upd/s", at_least=20_000)
    yield Figure("  CPU an update: broker", ours, "µs")
    yield Figure("  CPU an update: bare sink, json.loads", plain, "µs")
    yield Figure("  broker / bare sink", ratios(ours, plain), "×", at_most=3)
    yield Figure("  broker / bare sink that uses msgspec", ratios(ours, untyped), "×")


def into_sink(sink: Server, path: str, messages: list[bytes]) -> float:
    """CPU seconds of the sink for reading the messages."""
    client = RawWebSocket(sink.port, path)
    used = sink.cpu_s()
    for message in messages:
        client.socket.sendall(message)
    client.send(b"{}")
    client.next()
    cost = sink.cpu_s() - used
    client.close()
    return cost


def lone(site: Site, broker: Server, frames: int, idle: int) -> Iterator[Figure]:
    """Frames of one update each: one behind the other, and on an idle link, where each is acknowledged by itself."""
    rounds = []
    for turn in range(ROUNDS):
        link = Link(broker.port, site, GATEWAYS[0])
        link.tell(new(node) for node in range(NODES))
        sealed = [link.seal([update(number % NODES, 0, turn * 100_000 + number)]) for number in range(frames)]
        used = broker.cpu_s()
        pump([link], [sealed])
        busy = (broker.cpu_s() - used) / frames * 1e6
        used = broker.cpu_s()
        for number in range(idle):
            link.socket.sendall(link.seal([update(number % NODES, 1, turn * 100_000 + number)]))
            time.sleep(LONE_PAUSE_S)
        link.settle()
        apart = (broker.cpu_s() - used) / idle * 1e6
        link.close()
        rounds.append((busy, verification(300), apart, verification(idle // 3, LONE_PAUSE_S)))
    busy_us, hot_us, apart_us, cold_us = zip(*rounds, strict=True)
    yield Figure("lone frames, one after the other: CPU a frame", busy_us, "µs")
    yield Figure("  a bare Ed25519 verification", hot_us, "µs")
    yield Figure("  frame / verification", ratios(busy_us, hot_us), "×", at_most=1.5)
    # An idle processor is slow at first, so the yardstick pauses as well.
    yield Figure(f"  one every {LONE_PAUSE_S * 1e3:.0f} ms, on an idle link", apart_us, "µs")
    yield Figure("  a bare verification after the same pause", cold_us, "µs")
    yield Figure("  frame / verification", ratios(apart_us, cold_us), "×")


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours by theirs, each with its neighbour in time."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def verification(count: int, pause_s: float = 0.0) -> float:
    """CPU of checking one signature over a lone frame with pycryptodome, in µs."""
    key = new_private_key()
    message = b"\0" * 57 + codec.encode_gateway_frame(123_456, [update(1, 0, 1)])
    signature = key.sign(message)
    check = key.public.verify
    spent = 0.0
    for _ in range(count):
        time.sleep(pause_s)
        begin = time.thread_time()
        check(message, signature)
        spent += time.thread_time() - begin
    return spent / count * 1e6
