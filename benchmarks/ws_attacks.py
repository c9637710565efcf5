# SPDX-License-Identifier: BSD-3-Clause
"""Peers that speak too much to a WebSocket gateway, and what a device that behaves notices of them.

``python -m benchmarks.ws_attacks PORT ATTACK SOURCE``: attacks from that address until its input ends, and says
``attacking`` when it has begun.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import re
import selectors
import sys
import time
from collections.abc import Awaitable, Callable, Iterator

import uvloop

from benchmarks.figures import Figure, percentile
from benchmarks.processes import Process
from benchmarks.websocket import JOIN, PING, RawWebSocket, masked

KEYS = 1_000
#: How often the device says a value, and asks for a pong.
BEAT_S = 0.05

UPGRADE = (
    "GET /node?id={} HTTP/1.1\r\nHost: gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
_numbers = itertools.count()
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Open = Callable[[], Awaitable[Streams]]


def many_keys(number: int = 0, keys: int = KEYS) -> bytes:
    """An update of as many values."""
    return masked(json.dumps({"type": "update", "data": {f"k{n}": number for n in range(keys)}}).encode())


def fragments() -> bytes:
    """A message that means nothing, in as many frames as one may have."""
    text = b'{"type":"out"}'
    first, last = bytearray(masked(text[:1])), bytearray(masked(text[1:], 0))
    first[0] &= 0x7F
    empty = bytearray(masked(b"", 0))
    empty[0] &= 0x7F
    return bytes(first + empty * 62 + last)


#: What is sent without an end, each by how many connections.
FLOODS: dict[str, tuple[int, Callable[[], bytes]]] = {
    "1,000 keys a message, 20 connections": (20, lambda: b"".join(map(many_keys, range(8)))),
    "1,000 keys a message, 200 connections": (200, lambda: b"".join(map(many_keys, range(4)))),
    "50 keys a message, 50 connections": (50, lambda: b"".join(many_keys(number, 50) for number in range(20))),
    "pings": (20, lambda: masked(b"", PING) * 4_000),
    "empty fragments": (20, lambda: fragments() * 64),
    "tiny texts": (20, lambda: masked(b'{"type":"out"}') * 2_000),
}


async def flood(opened: Open, data: bytes) -> None:
    """Say it for ever; read what comes, and throw it away."""
    reader, writer = await opened()
    writer.write(UPGRADE.format(f"flood{next(_numbers)}").encode())

    async def drain() -> None:
        while await reader.read(262_144):
            pass

    draining = asyncio.create_task(drain())
    try:
        while not draining.done():
            writer.write(data)
            await writer.drain()
    finally:
        draining.cancel()
        writer.transport.abort()


async def change_ids(opened: Open, data: bytes) -> None:
    """Connect as somebody new, say it once, and go."""
    reader, writer = await opened()
    writer.write(UPGRADE.format(f"id{next(_numbers) % 1_000}").encode())
    await reader.readuntil(b"\r\n\r\n")
    writer.write(data * 2)
    await asyncio.wait_for(reader.read(64), 1)
    writer.close()


async def handshakes(opened: Open, data: bytes) -> None:
    """Connect, and go."""
    reader, writer = await opened()
    writer.write(UPGRADE.format(f"shake{next(_numbers) % 1_000}").encode())
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()


async def slow_requests(opened: Open, data: bytes) -> None:
    """Never come to the end of the request."""
    reader, writer = await opened()
    try:
        for byte in UPGRADE.format("slow").encode()[:-1]:
            writer.write(bytes((byte,)))
            await asyncio.wait_for(reader.read(1), 0.05)
            return
    finally:
        writer.transport.abort()


async def unread(opened: Open, data: bytes) -> None:
    """Ask for answers, and read none, until disconnected."""
    _, writer = await opened()
    writer.write(UPGRADE.format(f"deaf{next(_numbers) % 1_000}").encode())
    ping = masked(b"x" * 125, PING) * 100
    while True:
        writer.write(ping)
        await writer.drain()
        if writer.is_closing():
            return


#: What is done again and again, each by how many at a time.
REPEATED: dict[str, tuple[int, Callable[[Open, bytes], Awaitable[None]]]] = {
    "another id each time": (20, change_ids),
    "handshakes": (50, handshakes),
    "slow requests": (1_000, slow_requests),
    "unread answers": (20, unread),
}
ATTACKS = (*FLOODS, *REPEATED)


async def attack(port: int, name: str, source: str) -> None:
    """Attack until the input ends."""

    async def opened() -> Streams:
        return await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0), limit=65_536)

    async def again(act: Callable[[Open, bytes], Awaitable[None]], data: bytes) -> None:
        while True:
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                await act(opened, data)

    if name in FLOODS:
        count, make = FLOODS[name]
        act, data = flood, make()
    else:
        count, act = REPEATED[name]
        data = many_keys()
    tasks = [asyncio.create_task(again(act, data)) for _ in range(count)]
    await asyncio.sleep(1)
    print("attacking", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()


class Attack(Process):
    """Such a process."""

    def __init__(self, port: int, name: str, source: str) -> None:
        super().__init__([sys.executable, "-m", "benchmarks.ws_attacks", str(port), name, source], stdin=True)
        self.expect("^attacking$", timeout_s=60)


class Victim:
    """A device that says a value and asks for a pong all the time, and a client of the broker who sees the values."""

    def __init__(self, port: int, broker_port: int) -> None:
        self._device = RawWebSocket(port, "/node?id=victim")
        self._client = RawWebSocket(broker_port, "/ws")
        self._client.send(JOIN)
        self._poll = selectors.DefaultSelector()
        self._poll.register(self._device, selectors.EVENT_READ)
        self._poll.register(self._client, selectors.EVENT_READ)
        self._sent = 0
        self._tail = b""
        self._seen = re.compile(rb'"beat"[^{}]*"data":"?(\d+)')

    def suffer(self, seconds: float) -> tuple[list[float], list[float]]:
        """How long pongs and values took, in seconds; what has not come in time counts as it stands at the end."""
        begin = following = time.perf_counter()
        sent_at: dict[int, float] = {}
        asked_at: dict[int, float] = {}
        pongs: list[float] = []
        values: list[float] = []
        while (now := time.perf_counter()) < begin + seconds or ((sent_at or asked_at) and now < begin + seconds + 3):
            while following <= now < begin + seconds:
                self._sent += 1
                sent_at[self._sent] = asked_at[self._sent] = time.perf_counter()
                update = {"type": "update", "data": {"beat": self._sent}}
                self._device.socket.sendall(masked(b"%d" % self._sent, PING) + masked(json.dumps(update).encode()))
                following += BEAT_S
            for key, _ in self._poll.select(0.001):
                chunk = key.fileobj.socket.recv(1 << 20)  # type: ignore[union-attr]
                now = time.perf_counter()
                if not chunk:
                    raise ConnectionError("closed")
                if key.fileobj is self._device:
                    for number in [n for n in asked_at if b"\x8a%c%d" % (len(str(n)), n) in chunk]:
                        pongs.append(now - asked_at.pop(number))
                else:
                    text = self._tail + chunk
                    for match in self._seen.finditer(text):
                        if (at := sent_at.pop(int(match[1]), None)) is not None:
                            values.append(now - at)
                    self._tail = text[-200:]
        late = time.perf_counter()
        return pongs + [late - at for at in asked_at.values()], values + [late - at for at in sent_at.values()]

    def close(self) -> None:
        """Go."""
        self._device.close()
        self._client.close()


def attacked(port: int, broker_port: int, seconds: float, sources: tuple[str, ...]) -> Iterator[Figure]:
    """What the victim notices: of nothing, then of one attack after another."""
    for name in ("nothing", *ATTACKS):
        for source in sources if name != "nothing" else sources[:1]:
            victim = Victim(port, broker_port)
            with contextlib.ExitStack() as stack:
                if name != "nothing":
                    stack.enter_context(Attack(port, name, source))
                try:
                    pongs, values = victim.suffer(seconds)
                except OSError:  # that is how bad it is
                    pongs = values = [float("inf")]
            victim.close()
            note = "" if name == "nothing" else "from its own address" if source == "127.0.0.1" else "from elsewhere"
            for kind, times in (("pong", pongs), ("value", values)):
                p50, p99 = percentile(times, 0.5) * 1e3, percentile(times, 0.99) * 1e3
                yield Figure(f"{name}: {kind} of a victim, p99", [p99], "ms", note=f"p50 {p50:.1f} ms {note}")
            time.sleep(1)


def main() -> None:
    """Be the attackers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("attack", choices=ATTACKS)
    parser.add_argument("source")
    options = parser.parse_args()
    os.nice(10)  # attackers have processors of their own
    uvloop.run(attack(options.port, options.attack, options.source))


if __name__ == "__main__":
    main()
