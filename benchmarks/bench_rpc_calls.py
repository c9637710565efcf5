# SPDX-License-Identifier: BSD-3-Clause
"""Calls from one program to another through the broker, beside two bare WebSocket hops through a Tornado server."""

from __future__ import annotations

import re
import selectors
import time
from collections.abc import Iterator

from benchmarks import processes
from benchmarks.figures import Figure, latencies
from benchmarks.processes import Process
from benchmarks.websocket import RawWebSocket

CALLS_PER_S = 1_000
CONCURRENT = 1_000
#: Calls under way at once where CPU is measured: both sides are read in batches then, as under load.
WINDOW = 64
ROUNDS = 5
ID = re.compile(rb'"id":(\d+)')
REGISTER = b'{"jsonrpc":"2.0","id":0,"method":"entities.register","params":["calc","t",[{"name":"add"}]]}'
CALL = b'{"jsonrpc":"2.0","id":%d,"method":"entities.call","params":["calc","add",[1.5,2.25]]}'
ANSWER = b'{"jsonrpc":"2.0","result":3.75,"id":%d}'


def run(quick: bool) -> Iterator[Figure]:
    """The figures of this module."""
    calls = 5_000 if quick else 20_000
    with processes.site() as site, processes.broker(site) as broker, processes.yardstick("pair") as bare:
        caller, callee = RawWebSocket(broker.port, "/rpc"), RawWebSocket(broker.port, "/rpc")
        callee.send(REGISTER)
        callee.next()
        left, right = RawWebSocket(bare.port, "/left"), RawWebSocket(bare.port, "/right")
        costs: list[float] = []
        floors: list[float] = []
        for _ in range(2 if quick else ROUNDS):
            costs.append(cpu_of(broker, caller, callee, calls))
            floors.append(cpu_of(bare, left, right, calls))
        ratios = [cost / floor for cost, floor in zip(costs, floors, strict=True)]
        yield Figure("call program → broker → program and back: CPU", [cost * 1e6 for cost in costs], "µs")
        yield Figure("  two bare hops and back, by write_message", [floor * 1e6 for floor in floors], "µs")
        yield Figure("  ratio", ratios, "×", at_most=3)
        seconds = 2 if quick else 5
        rounds = [drive(caller, callee, seconds) for _ in range(1 if quick else 3)]
        yield from latencies(f"call at {CALLS_PER_S} calls/s", rounds, None, 20)
        begin = time.perf_counter()
        exchange(caller, callee, CONCURRENT, CONCURRENT)  # before the two are idle so long that pings go unanswered
        took = time.perf_counter() - begin
        floor = [drive(left, right, seconds) for _ in rounds]
        yield from latencies("  the same by two bare hops and back", floor, None, None)
        yield Figure(f"{CONCURRENT} calls at once on one connection, all answered", [took * 1e3], "ms")
        for each in (caller, callee, left, right):
            each.close()


def cpu_of(server: Process, caller: RawWebSocket, callee: RawWebSocket, calls: int) -> float:
    """Seconds of the server's CPU that a call takes, with WINDOW of them under way."""
    exchange(caller, callee, WINDOW, 500)
    used = server.cpu_s()
    exchange(caller, callee, WINDOW, calls)
    return (server.cpu_s() - used) / calls


def exchange(caller: RawWebSocket, callee: RawWebSocket, window: int, calls: int) -> None:
    """Make so many calls, ``window`` at a time; the callee answers each."""
    selector = selectors.DefaultSelector()
    for each in (caller, callee):
        selector.register(each, selectors.EVENT_READ, each)
    sent = answered = 0
    deadline = time.perf_counter() + 120
    while answered < calls:
        while sent < calls and sent - answered < window:
            sent += 1
            caller.send(CALL % sent)
        for key, _ in selector.select(1):
            messages = key.data.receive()
            if key.data is callee:
                for message in messages:
                    callee.send(ANSWER % number_of(message))
            else:
                answered += len(messages)
        if time.perf_counter() > deadline:
            raise TimeoutError(f"{calls - answered} of {calls} calls were not answered")
    selector.close()


def drive(caller: RawWebSocket, callee: RawWebSocket, seconds: float) -> list[float]:
    """Call at a steady rate; seconds from call to answer of each."""
    selector = selectors.DefaultSelector()
    for each in (caller, callee):
        selector.register(each, selectors.EVENT_READ, each)
    sent: dict[int, float] = {}
    found: list[float] = []
    total, posted = int(seconds * CALLS_PER_S), 0
    begin = due = time.perf_counter()
    while len(found) < total:
        if posted < total and time.perf_counter() >= due:
            posted += 1
            sent[posted] = time.perf_counter()
            caller.send(CALL % posted)
            due += 1 / CALLS_PER_S
        for key, _ in selector.select(max(0.0, due - time.perf_counter()) if posted < total else 0.05):
            messages, now = key.data.receive(), time.perf_counter()
            for message in messages:
                if key.data is callee:
                    callee.send(ANSWER % number_of(message))
                else:
                    found.append(now - sent.pop(number_of(message)))
        if time.perf_counter() > begin + seconds + 20:
            raise TimeoutError(f"{len(sent)} of {total} calls were not answered")
    selector.close()
    return found


def number_of(message: bytes) -> int:
    """The id in it."""
    match = ID.search(message)
    if match is None:
        raise ValueError(f"no id in {message!r}")
    return int(match[1])
