# SPDX-License-Identifier: BSD-3-Clause
"""WebSocket devices: memory of idle ones and CPU of a message, beside a bare server of the same library; writes; drops.

The gateway is the real one, with a real broker behind it; the yardstick is the websockets library's own server on the
same loop, with compression off, which only decodes the JSON. Both run as processes of their own, take turns and get the
same bytes: ``python -m benchmarks ws``.
"""

from __future__ import annotations

import json
import resource
import selectors
import sys
import time
from collections.abc import Callable, Iterator

from benchmarks import processes
from benchmarks.figures import Figure, percentile
from benchmarks.processes import BIN, Process, Server, Site
from benchmarks.websocket import JOIN, RawWebSocket, connect, masked
from benchmarks.ws_devices import Devices
from pyaiot.simulation.ws import STEADY_S

ROUNDS = 5
RATE = 5_000
CONNECTIONS = 50
LISTENS = r"listening for WebSocket devices on port (\d+)"


def run(quick: bool) -> Iterator[Figure]:
    """The figures of this module."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 16_384)), hard))
    yield from idle(1_000 if quick else 5_000, 1 if quick else 3)
    yield from messages(1 if quick else ROUNDS, 2.0 if quick else 4.0)
    yield from writes(2.0 if quick else 10.0)
    yield from dropped(2_000, 1 if quick else 3)


def gateway(site: Site, broker_port: int) -> Server:
    """``aiot-ws-gateway`` on a free port of loopback, connected to the broker."""
    command = [str(BIN / "aiot-ws-gateway"), "--gateway-host", "127.0.0.1", "--gateway-port", "0"]
    command += ["--broker-host", "127.0.0.1", "--broker-port", str(broker_port), "--key-file", str(site.key_file)]
    command += ["--device-file", str(site.key_file.parent / "devices")]
    server = Server(command, LISTENS)
    server.expect("Connected to the broker")
    return server


def bare(decoder: str) -> Server:
    """The yardstick."""
    return Server([sys.executable, "-m", "benchmarks.ws_bare", decoder], r"^(\d+)$")


# Memory


def idle(count: int, rounds: int) -> Iterator[Figure]:
    """What idle devices take: those of the gateway have said four values, the bare ones nothing."""
    ours, theirs = [], []
    for _ in range(rounds):
        with processes.site("ws") as site, processes.broker(site) as broker, gateway(site, broker.port) as server:
            ours.append(growth(server, count) / count)
        with bare("json") as server:
            theirs.append(growth(server, count) / count)
    yield Figure(f"{count:,} idle WebSocket devices: memory each", ours, "bytes")
    yield Figure("  bare websockets connection", theirs, "bytes")
    yield Figure("  gateway / bare", [a / b for a, b in zip(ours, theirs, strict=True)], "×", at_most=1.3)


def growth(server: Server, count: int) -> int:
    """Bytes by which the server grows for ``count`` devices that have said their values once."""
    warm = [device(server.port, -1 - number) for number in range(20)]
    time.sleep(0.5)
    before = server.rss_bytes()
    sockets = [device(server.port, number) for number in range(count)]
    time.sleep(2)
    after = server.rss_bytes()
    for sock in warm + sockets:
        sock.close()
    return after - before


def device(port: int, number: int) -> RawWebSocket:
    """A device that has said what it has."""
    peer = RawWebSocket(port, f"/node?id=device{number}")
    values = {"name": f"Device {number}", "os": "riot", "led": "0", "temperature": 21.5}
    peer.send(json.dumps({"type": "update", "data": values}).encode())
    return peer


# CPU


def messages(rounds: int, seconds: float) -> Iterator[Figure]:
    """5,000 messages a second from 50 devices: CPU of the server for each."""
    figures: dict[str, list[float]] = {"gateway": [], "json": [], "msgspec": []}
    with (
        processes.site("ws") as site,
        processes.broker(site) as broker,
        gateway(site, broker.port) as ours,
        bare("json") as plain,
        bare("msgspec") as fast,
    ):
        servers = {"gateway": ours, "json": plain, "msgspec": fast}
        for turn in range(rounds + 1):
            for name, server in servers.items():
                cost = drive(server, seconds if turn else 1.0)
                if turn:  # the first is a warm-up
                    figures[name].append(cost)
    yield Figure(f"WebSocket message at {RATE:,}/s: CPU of the gateway", figures["gateway"], "µs")
    for name in ("json", "msgspec"):
        yield Figure(f"  bare websockets server and {name}", figures[name], "µs")
        ratios = [a / b for a, b in zip(figures["gateway"], figures[name], strict=True)]
        yield Figure(f"  gateway / bare with {name}", ratios, "×", at_most=1.5)


def drive(server: Server, seconds: float) -> float:
    """CPU of the server a message, in µs, at RATE from CONNECTIONS."""
    sockets = [connect(server.port, f"/node?id=busy{number}")[0] for number in range(CONNECTIONS)]
    frames = [
        masked(json.dumps({"type": "update", "data": {"temperature": round(15 + n % 173 / 10, 1)}}).encode())
        for n in range(997)
    ]
    time.sleep(0.3)
    used, begin, sent = server.cpu_s(), time.monotonic(), 0
    while (elapsed := time.monotonic() - begin) < seconds:
        while sent < elapsed * RATE:
            sockets[sent % CONNECTIONS].sendall(frames[sent % 997])
            sent += 1
        time.sleep(0.001)
    settle(server)
    cost = (server.cpu_s() - used) / sent * 1e6
    for sock in sockets:
        sock.close()
    time.sleep(0.2)
    return cost


def settle(server: Process) -> None:
    """Wait until it has nothing more to do."""
    before = server.cpu_s()
    while True:
        time.sleep(0.2)
        now = server.cpu_s()
        if now - before < 0.01:
            return
        before = now


# Writes


def writes(seconds: float, rate: int = 200, devices: int = 100) -> Iterator[Figure]:
    """How long a write takes from a client of the broker to its device."""
    with processes.site("ws") as site, processes.broker(site) as broker, gateway(site, broker.port) as server:
        poll = selectors.DefaultSelector()
        for number in range(devices):
            one = device(server.port, number)
            one.socket.settimeout(5)
            poll.register(one, selectors.EVENT_READ, one)
        client = RawWebSocket(broker.port, "/ws")
        client.send(JOIN)
        poll.register(client, selectors.EVENT_READ, None)
        sent_at: dict[str, float] = {}
        latencies: list[float] = []
        time.sleep(1)
        begin, sent = time.monotonic(), 0
        while (elapsed := time.monotonic() - begin) < seconds + 1:
            while elapsed < seconds and sent < elapsed * rate:
                data = {"uid": f"ws/device{sent % devices}", "endpoint": "led", "payload": f"w{sent}"}
                sent_at[f"w{sent}"] = time.perf_counter()
                client.send(json.dumps({"type": "update", "data": data}).encode())
                sent += 1
            for key, _ in poll.select(0.001):
                peer = client if key.data is None else key.data
                for text in peer.receive():
                    if peer is client:
                        continue
                    message = json.loads(text)
                    if (written := message.get("payload")) in sent_at:
                        latencies.append(time.perf_counter() - sent_at.pop(written))
                        peer.send(json.dumps({"type": "update", "data": {"led": written}}).encode())
        note = f"{len(latencies)} of {sent} came, worst {max(latencies) * 1e3:.1f} ms"
        yield Figure(f"write to a WebSocket device at {rate}/s, p50", [percentile(latencies, 0.5) * 1e3], "ms")
        yield Figure("  p99", [percentile(latencies, 0.99) * 1e3], "ms", at_most=25, note=note)


# All at once


#: Devices that are not dropped, how often each says something, and how long it is waited for the others.
OTHERS, BEAT_S, LONGEST_S = 20, 0.04, 60.0


def dropped(count: int, rounds: int) -> Iterator[Figure]:
    """How soon devices are back that lost their connections at one moment, and what others notice of it."""
    back_s: list[float] = []
    before_ms: list[float] = []
    during_ms: list[float] = []
    samples, worst = 0, 0.0
    with (
        processes.site("ws") as site,
        processes.broker(site) as broker,
        gateway(site, broker.port) as server,
        Devices(server.port, count) as devices,
    ):
        watch = Watch(server.port, broker.port)
        for _ in range(rounds):
            watch.begin()
            watch.until(lambda: watch.lasts_s > 3)
            before_ms.append(watch.worst_p99_s() * 1e3)
            watch.begin()
            devices.drop()
            watch.until(lambda: len(watch.back) == count)
            back_s.append(watch.lasts_s)
            during_ms.append(watch.worst_p99_s() * 1e3)
            samples += sum(map(len, watch.latencies))
            worst = max(worst, *map(max, watch.latencies))
            watch.until(lambda: watch.lasts_s > back_s[-1] + STEADY_S)
        note = f"{samples} updates, worst {worst * 1e3:.1f} ms; before: {max(before_ms):.1f} ms"
    yield Figure(f"{count:,} WebSocket devices dropped at once: all back", back_s, "s", at_most=20)
    yield Figure("  meanwhile, p99 of the other device with the worst", during_ms, "ms", at_most=100, note=note)


class Watch:
    """Devices that say something all the time, and a client of the broker who sees when it arrives, and who is back."""

    def __init__(self, port: int, broker_port: int) -> None:
        self._poll = selectors.DefaultSelector()
        self._devices = [RawWebSocket(port, f"/node?id=beat{number}") for number in range(OTHERS)]
        self._client = RawWebSocket(broker_port, "/ws")
        self._client.send(JOIN)
        for peer in (*self._devices, self._client):
            self._poll.register(peer, selectors.EVENT_READ, peer)
        self._sent = 0
        self._sent_at: dict[int, float] = {}
        self.begin()

    def begin(self) -> None:
        """Forget what was seen."""
        self._began = self._next = time.perf_counter()
        self.latencies: list[list[float]] = [[] for _ in self._devices]
        self.back: set[str] = set()
        self._sent_at.clear()

    @property
    def lasts_s(self) -> float:
        """How long ago it began."""
        return time.perf_counter() - self._began

    def worst_p99_s(self) -> float:
        """That of the other device for which it is worst."""
        return max(percentile(each, 0.99) for each in self.latencies)

    def until(self, condition: Callable[[], bool]) -> None:
        """Go on until ``condition`` is true."""
        while not condition():
            if self.lasts_s > LONGEST_S:
                raise TimeoutError(f"{len(self.back)} are back")
            now = time.perf_counter()
            while self._next <= now:
                self._sent_at[self._sent] = time.perf_counter()
                update = {"type": "update", "data": {"beat": self._sent}}
                self._devices[self._sent % OTHERS].send(json.dumps(update).encode())
                self._sent += 1
                self._next += BEAT_S / OTHERS
            for key, _ in self._poll.select(0.001):
                for text in key.data.receive():
                    if key.data is self._client:
                        self._see(text)

    def _see(self, text: bytes) -> None:
        if b'"beat"' in text:
            message = json.loads(text)
            sent_at = self._sent_at.pop(int(message["data"]), None)
            if sent_at is not None:
                self.latencies[int(message["data"]) % OTHERS].append(time.perf_counter() - sent_at)
        elif b'"led"' in text and b'"ws/d' in text:
            self.back.add(json.loads(text)["uid"])
