# SPDX-License-Identifier: BSD-3-Clause
"""What it costs the broker to deliver an update to 100 clients of ``/ws``, beside other brokers; a lone one's way."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from benchmarks import mqtt, processes
from benchmarks.bench_ingest import GATEWAYS, NODES, busy_links, ratios
from benchmarks.crowd import Crowd
from benchmarks.figures import Figure, latencies
from benchmarks.link import Link, pump
from benchmarks.load import AT, new, numbered
from benchmarks.processes import Process, Server, Site
from benchmarks.websocket import JOIN, RawWebSocket
from pyaiot.wire import codec

CLIENTS = 100
ROUNDS = 3
#: As long as what our broker sends for the updates of ``load``.
MESSAGE = codec.encode(
    {
        "type": "update",
        "uid": "north/sensor-000123",
        "endpoint": "temperature",
        "data": "Weather station 12",
        "dst": "all",
        "value": 23.4,
        "unit": "Cel",
        "at": AT,
    }
)


def run(quick: bool) -> Iterator[Figure]:
    """The figures of this module."""
    with processes.site(*GATEWAYS) as site:
        with (
            processes.broker(site) as broker,
            processes.yardstick("relay") as relay,
            mqtt.mosquitto() as mosquitto,
        ):
            yield from full_load(site, broker, relay, mosquitto, quick)
        with processes.broker(site) as broker:
            yield from idle_link(site, broker, count=60 if quick else 300)


def full_load(
    site: Site, broker: Server, relay: Server, mosquitto: tuple[Process, int] | None, quick: bool
) -> Iterator[Figure]:
    """As much as each of them takes."""
    frames = 15 if quick else 60
    ours, share, rate, plain, other = [], [], [], [], []
    for turn in range(ROUNDS + 1):  # the first warms up
        cost, delivered, took = through_broker(site, broker, "ws", CLIENTS, frames, turn)
        bare = through_relay(relay, 300 if quick else 600)
        third = through_mosquitto(*mosquitto, 2_000 if quick else 5_000) if mosquitto else 0.0
        if turn:
            ours.append(cost)
            share.append(delivered / (frames * 256 * len(GATEWAYS) * CLIENTS) * 100)
            rate.append(delivered / took)
            plain.append(bare)
            other.append(third)
    yield Figure(f"fan-out of {len(MESSAGE)} bytes to {CLIENTS} clients: CPU a delivery", ours, "µs")
    yield Figure("  delivered, all clients together", rate, "msg/s")
    yield Figure("  not superseded by a newer value on the way", share, "%")
    yield Figure("  bare Tornado relay, write_message a client", plain, "µs")
    yield Figure("  broker / bare relay", ratios(ours, plain), "×", at_most=1 / 8)
    if mosquitto:
        yield Figure("  mosquitto, QoS 0", other, "µs")
        yield Figure("  broker / mosquitto", ratios(ours, other), "×", at_most=1)


def through_broker(
    site: Site, broker: Server, kind: str, clients: int, frames: int, turn: int
) -> tuple[float, int, float]:
    """CPU of a delivered message in µs, how many were delivered, and in how many seconds."""
    links, sealed = busy_links(site, broker, frames, turn * frames * 256)
    with Crowd(kind, broker.port, clients) as crowd:
        before = crowd.settled()
        used, started = broker.cpu_s(), time.perf_counter()
        pump(links, sealed)
        delivered = crowd.settled() - before
        took = time.perf_counter() - started - crowd.count()[1]
        cost = (broker.cpu_s() - used) / delivered * 1e6
    for link in links:
        link.close()
    return cost, delivered, took


def through_relay(relay: Server, count: int) -> float:
    """CPU of a delivered message in µs."""
    publisher = RawWebSocket(relay.port, "/publish")
    with Crowd("ws", relay.port, CLIENTS) as crowd:
        used = relay.cpu_s()
        for _ in range(count):
            publisher.send(MESSAGE)
        publisher.send(b"{}")
        publisher.next()
        delivered = crowd.settled()
        cost = (relay.cpu_s() - used) / delivered * 1e6
    publisher.close()
    return cost


def through_mosquitto(process: Process, port: int, count: int) -> float:
    """CPU of a delivered message in µs."""
    with Crowd("mqtt", port, CLIENTS) as crowd:
        publisher = mqtt.connect(port, "publisher")
        used = process.cpu_s()
        burst = mqtt.publish(MESSAGE) * 10
        for _ in range(count // 10):
            publisher.sendall(burst)
        delivered = crowd.settled()
        cost = (process.cpu_s() - used) / delivered * 1e6
        publisher.close()
    return cost


def idle_link(site: Site, broker: Server, count: int) -> Iterator[Figure]:
    """One update now and then: it goes out at once."""
    link, client = Link(broker.port, site, GATEWAYS[0]), RawWebSocket(broker.port, "/ws")
    link.tell(new(node) for node in range(NODES))
    client.send(JOIN)
    seen = 0
    while seen < NODES:
        seen += len(client.receive())
    found: list[list[float]] = [[] for _ in range(ROUNDS)]
    for number in range(count):
        frame = link.seal([numbered(number % NODES, number)])
        begin = time.perf_counter()
        link.socket.sendall(frame)
        while not any(re.search(rb'"data":"%dppm"' % number, message) for message in client.receive()):
            pass
        found[number * ROUNDS // count].append(time.perf_counter() - begin)
        link.settle()
        time.sleep(0.01)
    yield from latencies("a lone update, frame → /ws client", found, 3, None)
    link.close()
    client.close()
