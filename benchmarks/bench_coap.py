# SPDX-License-Identifier: BSD-3-Clause
"""What a ``POST /server`` costs the CoAP gateway, beside a bare aiocoap resource, and how far a flood makes it grow.

Both servers run as processes of their own, take turns (A B A B …) and get the same requests: confirmable, 24
bytes of payload, from many ports on loopback, a few under way at a time. CPU is the server's own user and system
time. The flood is non-confirmable, from 1,000 ports, faster than any device; memory is the server's peak.

    python benchmarks/bench_coap.py [--requests 10000] [--rounds 5] [--flood-seconds 10]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.figures import Figure

PORTS = 50
WINDOW = 16
FLOOD_PORTS = 1000
FLOOD_RATE = 10_000
PAYLOAD = "temperature:23.4°C".encode()
LIMIT_RATIO = 0.5
LIMIT_GROWTH_MIB = 64.0


# The servers.


async def serve_gateway() -> None:
    """The adapter of this project, the gateway's real core, and a broker that acknowledges at once what it is told."""
    from pyaiot.gateway.coap.adapter import CoapAdapter
    from pyaiot.testing.recorder import Recorder

    class Events(Recorder):
        """Keeps nothing, and has nobody discovered."""

        def _note(self, *entry: object) -> None:
            self.core.orders.clear()
            if len(self._outbox) >= 256:
                self._acknowledge()

    adapter = CoapAdapter(port=0)
    await adapter.start(Events(CoapAdapter.protocol, CoapAdapter.title))
    await report(adapter.port, lambda: adapter.counters.datagrams)
    await adapter.stop()


async def serve_bare() -> None:
    """aiocoap as it comes: a site, a resource, its own UDP transport, dual stack as well."""
    import aiocoap
    import aiocoap.resource

    class Server(aiocoap.resource.Resource):
        async def render_post(self, request: aiocoap.Message) -> aiocoap.Message:
            return aiocoap.Message(code=aiocoap.CHANGED, payload=b"Received '" + request.payload + b"'")

    site = aiocoap.resource.Site()
    site.add_resource(["server"], Server())
    site.add_resource(["alive"], Server())
    context = await aiocoap.Context.create_server_context(site, bind=("::", 0), transports=["udp6"])
    await report(context.request_interfaces[0].token_interface.message_interface._local_port())
    await context.shutdown()


async def report(port: int, datagrams: Callable[[], int] = lambda: 0) -> None:
    """Tell the port, then CPU and memory for each line asked, until the input ends."""
    loop = asyncio.get_running_loop()
    print(port, flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        usage = resource.getrusage(resource.RUSAGE_SELF)
        cpu_s = usage.ru_utime + usage.ru_stime
        said = {"cpu_s": cpu_s, "peak_mib": usage.ru_maxrss / 1024, "datagrams": datagrams()}
        print(json.dumps(said), flush=True)


class Server:
    """A server in a process of its own."""

    def __init__(self, kind: str, loop: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve", kind, "--loop", loop],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.port = int(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def usage(self) -> dict[str, float]:
        """CPU seconds so far, and the peak of its memory."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        usage: dict[str, float] = json.loads(self._line())
        return usage

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


# The load.


def post(kind: int, mid: int, path: bytes, payload: bytes) -> bytes:
    """A POST with a token of two bytes: kind 0 is confirmable, 1 is not."""
    head = bytes((0x42 | kind << 4, 2, mid >> 8 & 255, mid & 255, mid & 255, mid >> 8 & 255))
    return head + bytes((0xB0 | len(path),)) + path + b"\xff" + payload


def register(sockets: list[socket.socket], base: int) -> None:
    """Make each socket a device, and wait until each is."""
    for number, sock in enumerate(sockets):
        sock.settimeout(0.5)
        for attempt in range(20):
            sock.send(post(0, base + attempt, b"alive", f"alive:device{number}".encode()))
            try:
                sock.recv(2048)
            except TimeoutError:
                continue
            break
        else:
            raise SystemExit("the server does not answer")


def sockets_to(port: int, count: int, *, buffer: int | None = None) -> list[socket.socket]:
    found = []
    for _ in range(count):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        sock.connect(("127.0.0.1", port))
        found.append(sock)
    return found


def drive(server: Server, sockets: list[socket.socket], requests: int, mid: int) -> float:
    """Send the requests, a window at a time, each answered; CPU of the server a request in µs."""
    poll = select.epoll()
    by_fd = {sock.fileno(): sock for sock in sockets}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    before = server.usage()["cpu_s"]
    sent = answered = 0
    while answered < requests:
        while sent < requests and sent - answered < WINDOW:
            sockets[sent % len(sockets)].send(post(0, mid + sent // len(sockets), b"server", PAYLOAD))
            sent += 1
        ready = poll.poll(2)
        if not ready:
            raise SystemExit(f"an answer is missing: {answered} of {sent}")
        for fd, _ in ready:
            answer = by_fd[fd].recv(2048)
            if answer[1] != 68:
                raise SystemExit(f"the answer is {answer[1] >> 5}.{answer[1] & 31:02}")
            answered += 1
    cpu_s = server.usage()["cpu_s"] - before
    poll.close()
    return cpu_s / requests * 1e6


def flood(seconds: float, loop: str) -> tuple[float, float, float, float]:
    """Growth of the gateway in MiB, its CPU as a share of a core, the rate sent, and the share of it that it read."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, FLOOD_PORTS + 200)), hard))
    server = Server("gateway", loop)
    sockets = sockets_to(server.port, FLOOD_PORTS, buffer=2304)
    register(sockets, 60000)
    before = server.usage()
    begin = time.monotonic()
    sent = 0
    while (elapsed := time.monotonic() - begin) < seconds:
        while sent < elapsed * FLOOD_RATE:
            sockets[sent % FLOOD_PORTS].send(post(1, sent // FLOOD_PORTS, b"server", PAYLOAD))
            sent += 1
        time.sleep(0.002)
    after = server.usage()
    took_s = time.monotonic() - begin
    for sock in sockets:
        sock.close()
    server.close()
    read = (after["datagrams"] - before["datagrams"]) / sent
    return after["peak_mib"] - before["peak_mib"], (after["cpu_s"] - before["cpu_s"]) / took_s, sent / took_s, read


CONTESTANTS = {
    "aiocoap as it comes": ("bare", "asyncio"),
    "aiocoap on uvloop": ("bare", "uvloop"),
    "gateway on asyncio": ("gateway", "asyncio"),
    "gateway on uvloop": ("gateway", "uvloop"),
}


def compare(requests: int, rounds: int) -> dict[str, list[float]]:
    """CPU a request in µs, of each server in each round; they take turns."""
    servers = {name: Server(*how) for name, how in CONTESTANTS.items()}
    sockets = {name: sockets_to(server.port, PORTS) for name, server in servers.items()}
    for group in sockets.values():
        register(group, 65000)
    figures: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    step = requests // PORTS + 1
    for turn in range(rounds + 1):
        for name, server in servers.items():
            cost = drive(server, sockets[name], requests, turn * step)
            if turn:  # the first is a warm-up
                figures[name].append(cost)
    for server in servers.values():
        server.close()
    return figures


def run(quick: bool) -> Iterator[Figure]:
    """The figures of this module, for ``python -m benchmarks``."""
    from benchmarks.figures import Figure

    figures = compare(3_000 if quick else 10_000, 1 if quick else 3)
    for name, costs in figures.items():
        yield Figure(f"POST /server: {name}", costs, "µs")
    ratios = [
        ours / bare for ours, bare in zip(figures["gateway on uvloop"], figures["aiocoap as it comes"], strict=True)
    ]
    yield Figure("POST /server: gateway / aiocoap as it comes", ratios, "×", LIMIT_RATIO)
    growth, share, rate, read = flood(3 if quick else 60, "uvloop")
    yield Figure(
        f"flood of {rate:,.0f} datagrams/s from {FLOOD_PORTS:,} ports: growth", [growth], "MiB", LIMIT_GROWTH_MIB
    )
    yield Figure("flood: share of a core", [share * 100], "%", note=f"{read:.0%} of the datagrams were read")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000, help="a round and server")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--flood-seconds", type=float, default=10.0, help="0: no flood")
    parser.add_argument("--serve", choices=("gateway", "bare"), help=argparse.SUPPRESS)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        run = asyncio.run
        if options.loop == "uvloop":
            import uvloop

            run = uvloop.run
        run(serve_gateway() if options.serve == "gateway" else serve_bare())
        return 0
    if not 1 <= options.requests <= 60_000 * PORTS // max(1, options.rounds) or options.flood_seconds > 600:
        parser.error("message ids would repeat, or it would take hours")

    figures = compare(options.requests, options.rounds)
    medians = {name: statistics.median(costs) for name, costs in figures.items()}
    print(f"POST /server, CPU a request, median of {options.rounds} rounds of {options.requests}:")
    for name, median in medians.items():
        spread = f"{min(figures[name]):.1f}–{max(figures[name]):.1f}"
        print(f"  {name:22} {median:7.1f} µs ({spread}), {median / medians['aiocoap as it comes']:.2f} ×")
    ratio = medians["gateway on uvloop"] / medians["aiocoap as it comes"]
    good = ratio <= LIMIT_RATIO
    print(f"ratio {ratio:.2f}, limit {LIMIT_RATIO}: {'good' if good else 'TOO MUCH'}")
    if options.flood_seconds:
        growth, share, rate, read = flood(options.flood_seconds, "uvloop")
        good = good and growth <= LIMIT_GROWTH_MIB
        print(
            f"flood of {rate:.0f} datagrams/s from {FLOOD_PORTS} ports for {options.flood_seconds:.0f} s: "
            f"{growth:+.1f} MiB (limit {LIMIT_GROWTH_MIB:.0f}), {share:.0%} of a core, {read:.0%} read"
        )
    return 0 if good else 1


if __name__ == "__main__":
    os.environ.setdefault("AIOCOAP_REUSE_PORT", "0")
    sys.exit(main())
