# SPDX-License-Identifier: BSD-3-Clause
"""From a device to a client: CoAP datagram → aiot-coap-gateway → aiot-broker → ``/ws``, all real processes."""

from __future__ import annotations

import re
import selectors
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from benchmarks import processes
from benchmarks.coap import Device, udp_port
from benchmarks.figures import Figure, latencies, percentile
from benchmarks.processes import BIN, Process, Server, Site
from benchmarks.websocket import JOIN, RawWebSocket

DEVICES = 50
UPDATES_PER_S = 500
ROUNDS = 3
NUMBER = re.compile(rb'"data":"(\d+)ppm"')


class Sensor(Protocol):
    """A device of any protocol."""

    def fileno(self) -> int: ...

    def tell(self, resource: bytes, data: bytes) -> None: ...

    def receive(self) -> bytes: ...


class Client(Protocol):
    """What hears of the values, as messages with ``"data":"<number>ppm"``."""

    def fileno(self) -> int: ...

    def receive(self) -> list[bytes]: ...


def run(quick: bool) -> Iterator[Figure]:
    """The figures of this module."""
    seconds = 2 if quick else 6
    with processes.site("coap") as site, processes.broker(site) as broker, gateway(site, broker) as (process, port):
        devices = [Device(port, f"device-{number:02d}") for number in range(DEVICES)]
        for device in devices:
            device.register()
        client = RawWebSocket(broker.port, "/ws")
        client.send(JOIN)
        drive(devices, client, 0, seconds=2)  # warms up; discoveries end
        rounds, busy, late, number = [], [], [], 100_000
        for _ in range(ROUNDS):
            used = process.cpu_s() + broker.cpu_s()
            found, lateness = drive(devices, client, number, seconds)
            rounds.append(found)
            late.append(percentile(lateness, 0.99) * 1e3)
            busy.append((process.cpu_s() + broker.cpu_s() - used) / seconds * 100)
            number += 100_000
        yield from latencies(f"device → client at {UPDATES_PER_S} updates/s", rounds, 10, 50)
        yield Figure("  this machine's own: how late the load was sent, p99", late, "ms")
        yield Figure("  CPU of gateway and broker meanwhile", busy, "% core")
        yield from latencies("device → client, one update now and then", [lone(devices, client, number)], None, None)
        for device in devices:
            device.close()
        client.close()


@contextmanager
def gateway(site: Site, broker: Server) -> Iterator[tuple[Process, int]]:
    """``aiot-coap-gateway`` on a free port, connected to the broker."""
    command = [str(BIN / "aiot-coap-gateway"), "--broker-host", "127.0.0.1", "--broker-port", str(broker.port)]
    command += ["--key-file", str(site.key_file), "--coap-host", "127.0.0.1", "--coap-port", "0"]
    with Process(command) as process:
        process.expect("Connected to the broker")
        for _ in range(100):
            port = udp_port(process.pid)
            if port is not None:
                break
            time.sleep(0.05)
        else:
            raise TimeoutError("the gateway opened no UDP port")
        yield process, port


def drive(
    devices: Sequence[Sensor], client: Client, number: int, seconds: float, per_s: int = UPDATES_PER_S
) -> tuple[list[float], list[float]]:
    """Tell values at a steady rate, in turn; seconds from device to client of each, and how late each was sent."""
    selector = selectors.DefaultSelector()
    for each in (client, *devices):
        selector.register(each, selectors.EVENT_READ, each)
    sent: dict[int, float] = {}
    found: list[float] = []
    late: list[float] = []
    begin = due = time.perf_counter()
    total = int(seconds * per_s)
    posted = 0
    while posted < total or sent:
        if posted < total and time.perf_counter() >= due:
            sent[number] = time.perf_counter()
            late.append(sent[number] - due)
            due += 1 / per_s
            devices[number % len(devices)].tell(b"eco2", b"%dppm" % number)
            posted, number = posted + 1, number + 1
        for key, _ in selector.select(max(0.0, min(due - time.perf_counter(), 0.05)) if posted < total else 0.05):
            if key.data is not client:
                key.data.receive()
                continue
            messages, now = client.receive(), time.perf_counter()
            for message in messages:
                if (match := NUMBER.search(message)) and int(match[1]) in sent:
                    found.append(now - sent.pop(int(match[1])))
        if time.perf_counter() > begin + seconds + 10:
            raise TimeoutError(f"{len(sent)} of {total} updates never came")
    selector.close()
    return found, late


def lone(devices: Sequence[Sensor], client: Client, number: int) -> list[float]:
    """Seconds from device to client of values that come one at a time."""
    found = []
    for turn in range(number, number + 50):
        begin = time.perf_counter()
        device = devices[turn % len(devices)]
        device.tell(b"eco2", b"%dppm" % turn)
        wanted = b'"%dppm"' % turn
        while not any(wanted in message for message in client.receive()):
            pass
        found.append(time.perf_counter() - begin)
        time.sleep(0.04)
    return found
