# SPDX-License-Identifier: BSD-3-Clause
"""MQTT: from Mosquitto through ``aiot-mqtt-gateway``, beside a subscriber that only counts.

Mosquitto is told to hold back nothing (max_inflight_messages 0, max_queued_messages 0): as it comes it has 20 messages
on their way to a subscriber, keeps 1,000 more, and throws away the rest, acknowledged or not.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks import mqtt, processes
from benchmarks.bench_latency import drive, lone
from benchmarks.figures import Figure, latencies, percentile
from benchmarks.load import RESOURCES, reading
from benchmarks.mqtt import Publisher, Subscriber
from benchmarks.processes import BIN, Process, Site
from benchmarks.sink import Sink
from benchmarks.websocket import JOIN, RawWebSocket

NODES = 1_000
MANY_NODES = 10_000
ROUNDS = 5
#: Resources that a node tells, of those in ``load``; the gateway itself reports its id and protocol.
TOLD = 5
DEVICES = 50
UPDATES_PER_S = 500
GATEWAY_FILTER = b"node/+/+"
LATENCY_ROUNDS = 3


def run(quick: bool) -> Iterator[Figure]:
    """The figures of this module."""
    yield from throughput(10_000 if quick else 50_000)
    yield from memory(MANY_NODES)
    yield from end_to_end(2 if quick else 6)


@contextmanager
def mosquitto() -> Iterator[tuple[Process, int]]:
    """A Mosquitto that holds back nothing, and its port. Raises FileNotFoundError."""
    with mqtt.mosquitto("max_inflight_messages 0", "max_queued_messages 0") as found:
        if found is None:
            raise FileNotFoundError("there is no mosquitto on this machine")
        yield found


@contextmanager
def gateway(site: Site, broker_port: int, mqtt_port: int) -> Iterator[Process]:
    """``aiot-mqtt-gateway``, connected to the broker; whether to Mosquitto too is for :func:`wait_until_heard`."""
    command = [str(BIN / "aiot-mqtt-gateway"), "--broker-host", "127.0.0.1", "--broker-port", str(broker_port)]
    command += ["--key-file", str(site.key_file), "--mqtt-host", "127.0.0.1", "--mqtt-port", str(mqtt_port)]
    with Process(command) as process:
        process.expect("Connected to the broker")
        yield process


def wait_until_heard(publisher: Publisher, sink: Sink) -> None:
    """Publish until something arrives at the sink."""
    for turn in range(200):
        publisher.pump([(b"node/probe/turn", b"%d" % turn)])
        if sink.count():
            return
        time.sleep(0.05)
    raise TimeoutError("the gateway hears nothing")


def values(nodes: int, count: int, begin: int) -> Iterator[tuple[bytes, bytes]]:
    """Topic and payload of ``count`` values that go round all nodes; ``begin`` is how many were made before."""
    for turn in range(begin, begin + count):
        resource = turn // nodes % TOLD
        payload = json.dumps({"value": reading(resource, turn)[0]}, ensure_ascii=False)
        yield f"node/sensor-{turn % nodes:06d}/{RESOURCES[resource]}".encode(), payload.encode()


@dataclass
class Reader:
    """A process that reads from a Mosquitto of its own; ``counter`` knows how far it is."""

    process: Process
    server: Process
    publisher: Publisher
    counter: Sink | Subscriber

    def read(self, messages: list[tuple[bytes, bytes]], *, piled: bool = False) -> tuple[float, float, float]:
        """Seconds until it has read all messages, its CPU a message, and that of Mosquitto, in µs.

        ``piled``: it is stopped until Mosquitto has all of them, so that its reads are as large as they can be.
        """
        goal = self.counter.settled() + len(messages)
        if piled:
            os.kill(self.process.pid, signal.SIGSTOP)
        used, server_used, begin = self.process.cpu_s(), self.server.cpu_s(), time.perf_counter()
        self.publisher.pump(messages)
        if piled:
            begin = time.perf_counter()
            os.kill(self.process.pid, signal.SIGCONT)
        quiet = self.counter.wait_for(goal)
        took = time.perf_counter() - begin - quiet
        each = 1e6 / len(messages)
        return took, (self.process.cpu_s() - used) * each, (self.server.cpu_s() - server_used) * each


@contextmanager
def contestants() -> Iterator[tuple[Reader, Reader]]:
    """The gateway, with a sink for its frames, and a bare subscriber; each with its Mosquitto."""
    with (
        processes.site("mqtt") as site,
        Sink(site) as sink,
        mosquitto() as (ours, our_port),
        mosquitto() as (theirs, their_port),
        gateway(site, sink.port, our_port) as process,
        Subscriber(their_port, GATEWAY_FILTER) as subscriber,
    ):
        publisher, other = Publisher(our_port, "load"), Publisher(their_port, "load")
        wait_until_heard(publisher, sink)
        yield (
            Reader(process, ours, publisher, sink),
            Reader(subscriber, theirs, other, subscriber),
        )
        publisher.close()
        other.close()


def throughput(count: int) -> Iterator[Figure]:
    """As fast as they come; then what has piled up at Mosquitto."""
    rate, costs, bare, server, piled_rate, piled, piled_bare = [], [], [], [], [], [], []
    with contestants() as (ours, yardstick):
        ours.read(list(values(NODES, NODES * TOLD, 0)))  # nodes are new, and are asked what they have
        for turn in range(ROUNDS + 1):  # the first warms up
            batch = list(values(NODES, count, turn * count))
            took, cost, of_server = ours.read(batch)
            _, bare_cost, _ = yardstick.read(batch)
            piled_took, piled_cost, _ = ours.read(batch, piled=True)
            _, piled_bare_cost, _ = yardstick.read(batch, piled=True)
            if turn:
                rate.append(count / took)
                costs.append(cost)
                bare.append(bare_cost)
                server.append(of_server)
                piled_rate.append(count / piled_took)
                piled.append(piled_cost)
                piled_bare.append(piled_bare_cost)
    yield Figure("QoS 1 messages from Mosquitto → signed frames", rate, "msg/s", at_least=15_000)
    yield Figure("  CPU a message: gateway", costs, "µs")
    yield Figure("  CPU a message: bare subscriber", bare, "µs")
    yield Figure("  gateway / bare subscriber", ratios(costs, bare), "×", at_most=10)
    yield Figure("  CPU a message: Mosquitto", server, "µs")
    # No yardstick for the target: a bare subscriber that finds it all there reads hundreds of messages a system call.
    yield Figure("  what had piled up at Mosquitto", piled_rate, "msg/s")
    yield Figure("  CPU a message: gateway", piled, "µs")
    yield Figure("  gateway / bare subscriber", ratios(piled, piled_bare), "×")


def memory(nodes: int) -> Iterator[Figure]:
    """Bytes by which the gateway grows for a node, when many come at once."""
    with (
        processes.site("mqtt") as site,
        Sink(site) as sink,
        mosquitto() as (_, port),
        gateway(site, sink.port, port) as process,
    ):
        publisher = Publisher(port, "load")
        wait_until_heard(publisher, sink)
        told = sink.count() + 100 * TOLD
        publisher.pump(values(100, 100 * TOLD, 0))
        sink.wait_for(told)
        told = sink.settled() + nodes * TOLD
        before = process.rss_bytes()
        publisher.pump(values(nodes, nodes * TOLD, 0))
        sink.wait_for(told)
        sink.settled()
        grown = process.rss_bytes() - before
        publisher.close()
    name = f"gateway: memory a node with {TOLD + 2} resources, {nodes:,} nodes"
    yield Figure(name, [grown / (nodes - 100)], "bytes", at_most=4096)


# From a device to a client.


class MqttSensor:
    """A device of :func:`benchmarks.bench_latency.drive`."""

    def __init__(self, port: int, name: str) -> None:
        self.name = name.encode()
        self.publisher = Publisher(port, name)
        self.fileno = self.publisher.fileno
        self.receive = self.publisher.receive
        self.close = self.publisher.close

    def tell(self, resource: bytes, data: bytes) -> None:
        """Publish a value."""
        self.publisher.publish(b"node/" + self.name + b"/" + resource, b'{"value":"' + data + b'"}')


class MqttClient:
    """A client that hears of values from Mosquitto itself: as if it were one of ``/ws``, for the same loop."""

    def __init__(self, port: int, account: tuple[str, str] | None = None) -> None:
        self._socket = mqtt.subscribe(port, "floor", GATEWAY_FILTER, 1, account)
        self.fileno = self._socket.fileno
        self.close = self._socket.close
        self._rest = b""

    def receive(self) -> list[bytes]:
        """The values that came, as an update of the broker has them."""
        answers, payloads, self._rest = mqtt.acknowledge_all(self._rest + self._socket.recv(65_536))
        self._socket.sendall(b"".join(answers))
        return [payload.replace(b'"value":', b'"data":') for payload in payloads]


def end_to_end(seconds: float) -> Iterator[Figure]:
    """Device → Mosquitto → gateway → broker → client of ``/ws``, beside device → Mosquitto → client of Mosquitto."""
    with (
        processes.site("mqtt") as site,
        processes.broker(site) as broker,
        mosquitto() as (_, port),
        gateway(site, broker.port, port) as process,
    ):
        devices = [MqttSensor(port, f"device-{number:02d}") for number in range(DEVICES)]
        client = RawWebSocket(broker.port, "/ws")
        client.send(JOIN)
        wait_until_told(devices[0], client)
        drive(devices, client, 1_000, 2)  # warms up; discoveries end
        rounds, floor, busy, late, number = [], [], [], [], 100_000
        for _ in range(LATENCY_ROUNDS):
            used = process.cpu_s() + broker.cpu_s()
            found, lateness = drive(devices, client, number, seconds)
            busy.append((process.cpu_s() + broker.cpu_s() - used) / seconds * 100)
            rounds.append(found)
            late.append(percentile(lateness, 0.99) * 1e3)
            other = MqttClient(port)
            # The gateway goes on; the loads are the same, and only who is waited for is another.
            floor.append(drive(devices, other, number + 50_000, seconds)[0])
            other.close()
            number += 100_000
        yield from latencies(f"device → client at {UPDATES_PER_S} updates/s", rounds, None, 50)
        yield from latencies("  device → client of Mosquitto, the same load", floor, None, None)
        yield Figure("  this machine's own: how late the load was sent, p99", late, "ms")
        yield Figure("  CPU of gateway and broker meanwhile", busy, "% core")
        yield from latencies("device → client, one update now and then", [lone(devices, client, number)], None, None)
        for device in devices:
            device.close()
        client.close()


def wait_until_told(device: MqttSensor, client: RawWebSocket) -> None:
    """Publish until something arrives at the client."""
    client.socket.settimeout(0.1)
    for turn in range(200):
        device.tell(b"turn", b"%d" % turn)
        try:
            while not client.receive():
                pass
        except TimeoutError:
            continue
        client.socket.settimeout(20)
        return
    raise TimeoutError("nothing arrives at the client")


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours by theirs, each with its neighbour in time."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]
