# SPDX-License-Identifier: BSD-3-Clause
"""The embedded MQTT broker beside Mosquitto: what a message of QoS 1 costs, how many go through, and how late they are.

Many devices publish, one gateway subscribes, as in the field: the embedded one reads no more than 1,000 messages a
second of one device. Each is alone in its process.
"""

from __future__ import annotations

import selectors
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench_latency import drive
from benchmarks.bench_mqtt import GATEWAY_FILTER, MqttClient, MqttSensor, mosquitto, ratios
from benchmarks.figures import Figure, latencies
from benchmarks.mqtt import Publisher, Subscriber
from benchmarks.processes import BIN, Process, Server
from pyaiot import devices
from pyaiot.devices import Credential, Devices

#: Each with its own connection, in one process; 1,000 messages a second each are more than both MQTT brokers take.
PUBLISHERS = 50
ROUNDS = 5
#: Messages on their way to the MQTT broker, of one device.
WINDOW = 8
UPDATES_PER_S = 100
LATENCY_ROUNDS = 3
PAYLOAD = '{"value": "21.5°C"}'.encode()
GATEWAY = ("bench", "a password of the benchmark only")


def run(quick: bool) -> Iterator[Figure]:
    """The figures of this module."""
    with mosquitto() as (process, port), embedded() as server:
        yardstick = Contestant(process, port)
        ours = Contestant(server, server.port)
        yield from throughput(ours, yardstick, 4_000 if quick else 20_000)
        yield from lateness(ours, yardstick, 3 if quick else 10)


@contextmanager
def embedded() -> Iterator[Server]:
    """``aiot-mqtt-broker`` on a free port of loopback, with an account for a gateway."""
    with tempfile.TemporaryDirectory(prefix="pyaiot-bench-") as folder:
        path = Path(folder) / "devices"
        devices.store(path, Devices({GATEWAY[0]: Credential.of("gateway", GATEWAY[1].encode())}))
        command = [str(BIN / "aiot-mqtt-broker"), "--mqtt-host", "127.0.0.1", "--mqtt-port", "0"]
        with Server([*command, "--device-file", str(path)], r"MQTT broker listening on \S+ port (\d+)") as server:
            yield server


@dataclass
class Contestant:
    """An MQTT broker."""

    process: Process
    port: int

    def carry(self, count: int) -> tuple[float, float]:
        """Messages a second from all publishers to one subscriber, and the CPU of each in µs."""
        publishers = [Publisher(self.port, f"publisher-{number}") for number in range(PUBLISHERS)]
        with Subscriber(self.port, GATEWAY_FILTER, GATEWAY) as subscriber:
            used, begin = self.process.cpu_s(), time.perf_counter()
            pump_all(publishers, count)
            quiet = subscriber.wait_for(count)
            took = time.perf_counter() - begin - quiet
            cost = (self.process.cpu_s() - used) / count * 1e6
        for publisher in publishers:
            publisher.close()
        return count / took, cost

    def delays(self, number: int, seconds: float) -> list[float]:
        """Seconds from device to subscriber, at a steady rate."""
        sensors = [MqttSensor(self.port, f"device-{each}") for each in range(10)]
        client = MqttClient(self.port, GATEWAY)
        found, _ = drive(sensors, client, number, seconds, per_s=UPDATES_PER_S)
        client.close()
        for sensor in sensors:
            sensor.close()
        return found


def pump_all(publishers: Sequence[Publisher], count: int) -> None:
    """Publish ``count`` messages, of all publishers in turn, each with a few on their way."""
    selector = selectors.DefaultSelector()
    for number, publisher in enumerate(publishers):
        selector.register(publisher, selectors.EVENT_READ, (b"node/device-%d/temperature" % number, publisher))
    left = count
    for key in list(selector.get_map().values()):
        topic, publisher = key.data
        first = min(WINDOW, left)
        publisher.publish_all([(topic, PAYLOAD)] * first)
        left -= first
    while sum(publisher.acknowledged for publisher in publishers) < count:
        for key, _ in selector.select(30):
            topic, publisher = key.data
            publisher.receive()
            more = min(left, WINDOW - (publisher.published - publisher.acknowledged))
            if more:
                publisher.publish_all([(topic, PAYLOAD)] * more)
                left -= more
    selector.close()


def throughput(ours: Contestant, yardstick: Contestant, count: int) -> Iterator[Figure]:
    """As many as go through."""
    rate, cost, their_rate, their_cost = [], [], [], []
    for turn in range(ROUNDS + 1):  # the first warms up
        a, b = ours.carry(count), yardstick.carry(count)
        if turn:
            rate.append(a[0])
            cost.append(a[1])
            their_rate.append(b[0])
            their_cost.append(b[1])
    yield Figure("embedded MQTT broker, QoS 1, many → one", rate, "msg/s")
    yield Figure("  Mosquitto", their_rate, "msg/s")
    yield Figure("  CPU a message: embedded MQTT broker", cost, "µs")
    yield Figure("  CPU a message: Mosquitto", their_cost, "µs")
    yield Figure("  embedded MQTT broker / Mosquitto", ratios(cost, their_cost), "×")


def lateness(ours: Contestant, yardstick: Contestant, seconds: float) -> Iterator[Figure]:
    """How late messages are at a rate that both bear."""
    rounds, theirs = [], []
    for turn in range(LATENCY_ROUNDS):
        rounds.append(ours.delays(turn * 100_000, seconds))
        theirs.append(yardstick.delays(turn * 100_000, seconds))
    yield from latencies(f"embedded MQTT broker, {UPDATES_PER_S} messages/s", rounds, None, None)
    yield from latencies("  Mosquitto", theirs, None, None)
