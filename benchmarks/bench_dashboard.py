# SPDX-License-Identifier: BSD-3-Clause
"""What the dashboard's page costs in a real browser: to load, to keep up with many devices, and to leave open.

The yardstick is ``bare_page.html``, written by hand, which shows the same values and does nothing else.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser

from benchmarks.chromium import LONG_TASK_MS, Cost, MeasuredPage, chromium
from benchmarks.figures import Figure
from benchmarks.processes import BIN, Server
from pyaiot.dashboard.config import DashboardConfig

FEW, MANY, LEFT_OPEN = 500, 5_000, 50
UPDATES_PER_S = 5
KB = 1000
BARE = Path(__file__).with_name("bare_page.html")


def run(quick: bool) -> Iterator[Figure]:
    """The figures of this module."""
    yield from sizes()
    with chromium() as browser, served() as (broker, ours, bare):
        yield from loading(browser, broker, ours, rounds=2 if quick else 5)
        pages = {"page": ours, "bare": bare}
        yield from busy(browser, broker, pages, rounds=1 if quick else 3, seconds=8 if quick else 20)
        yield from crowded(browser, broker, pages, rounds=1 if quick else 3)
        yield from left_open(browser, broker, ours)


def sizes() -> Iterator[Figure]:
    """What is loaded before the first paint, and what is when it is first shown, compressed."""
    static = DashboardConfig().static_path
    first = set(re.findall(r'(?:src|href)="\./(assets/[^"]+\.(?:js|css))"', (static / "index.html").read_text()))
    total = sum((static / f"{name}.gz").stat().st_size for name in first)
    yield Figure("script and style before the first paint, gzip", [total / KB], "KB", at_most=100)
    later = [path for path in (static / "assets").glob("*.gz") if f"assets/{path.stem}" not in first]
    largest = sorted(later, key=lambda path: path.stat().st_size, reverse=True)[:6]
    for path in largest:
        yield Figure(f"  later: {path.stem}", [path.stat().st_size / KB], "KB")


@contextmanager
def served() -> Iterator[tuple[Server, str, str]]:
    """A broker, a dashboard, and the addresses of the page and the bare one."""
    with Server([sys.executable, "-m", "benchmarks.page_broker"], r"^(\d+)$", stdin=True) as broker:
        url = f"ws://127.0.0.1:{broker.port}/rpc"
        command = [str(BIN / "aiot-dashboard"), "--web-host", "127.0.0.1", "--web-port", "0", "--broker-url", url]
        with Server(command, r"listening on port (\d+)") as dashboard:
            ours = f"http://127.0.0.1:{dashboard.port}/"
            yield broker, ours, f"{BARE.as_uri()}?{quote(url)}"


def loading(browser: Browser, broker: Server, url: str, rounds: int) -> Iterator[Figure]:
    """A first visit: nothing is in the browser's cache."""
    broker.ask(f"devices {LEFT_OPEN}")
    found = []
    for turn in range(rounds + 1):  # the first warms up the server
        with MeasuredPage(browser) as measured:
            at_ms = measured.open(url, LEFT_OPEN)
            if turn:
                found.append(at_ms)
    yield Figure("first paint after", [each["paint"] / 1000 for each in found], "s", at_most=1)
    yield Figure("  first value", [each["value"] / 1000 for each in found], "s", at_most=1)


def busy(browser: Browser, broker: Server, pages: dict[str, str], rounds: int, seconds: float) -> Iterator[Figure]:
    """FEW devices that tell UPDATES_PER_S values each."""
    broker.ask(f"devices {FEW}")
    found: dict[str, list[Cost]] = {name: [] for name in pages}
    for _ in range(rounds):
        for name, url in pages.items():
            found[name].append(under_load(browser, broker, url, seconds))
    ours, bare = found["page"], found["bare"]
    yield Figure(
        f"{FEW} devices × {UPDATES_PER_S}/s: script, of one core", [100 * each.script for each in ours], "%", at_most=30
    )
    yield Figure("  bare page", [100 * each.script for each in bare], "%")
    yield Figure("  all of the main thread", [100 * each.main_thread for each in ours], "%")
    yield Figure("  bare page", [100 * each.main_thread for each in bare], "%")
    yield Figure("  longest task, CPU", [each.tasks_ms[0] for each in ours], "ms", at_most=LONG_TASK_MS)
    yield Figure("  bare page", [each.tasks_ms[0] for each in bare], "ms")
    for name, costs in (("", ours), (", bare page", bare)):
        yield Figure(
            f"  tasks over {LONG_TASK_MS} ms by the wall{name}", [len(each.long_tasks_ms) for each in costs], ""
        )


def under_load(browser: Browser, broker: Server, url: str, seconds: float) -> Cost:
    """What a page costs while values come."""
    with MeasuredPage(browser) as measured:
        measured.open(url, FEW)
        broker.ask(f"flow {FEW * UPDATES_PER_S}")
        measured.settle()
        cost = measured.cost(seconds)
        broker.ask("flow 0")
        return cost


def crowded(browser: Browser, broker: Server, pages: dict[str, str], rounds: int) -> Iterator[Figure]:
    """MANY devices with six resources."""
    broker.ask(f"devices {MANY}")
    first, everything, heap, slow, bare_slow = [], [], [], [], []
    for _ in range(rounds):
        with MeasuredPage(browser) as measured:
            at_ms = measured.open(pages["page"], MANY)
            first.append(at_ms["value"] / 1000)
            everything.append(at_ms["all"] / 1000)
            measured.settle()
            heap.append(measured.heap_mb())
            slow.append(slow_frames(measured))
        with MeasuredPage(browser) as measured:
            measured.open(pages["bare"], MANY)
            measured.settle()
            bare_slow.append(slow_frames(measured))
    yield Figure(f"{MANY:,} devices × 6 resources: first view", first, "s", at_most=2)
    yield Figure("  all of them known", everything, "s")
    yield Figure("  heap", heap, "MB", at_most=150)
    yield Figure(f"  frames over {LONG_TASK_MS} ms while scrolling", slow, "%")
    yield Figure("  bare page", bare_slow, "%")


def slow_frames(measured: MeasuredPage) -> float:
    """The share of frames, %, that took too long while the page was scrolled."""
    frames = measured.scroll(120)
    return 100 * sum(ms > LONG_TASK_MS for ms in frames) / max(len(frames), 1)


def left_open(browser: Browser, broker: Server, url: str) -> Iterator[Figure]:
    """Eight hours of values, told as fast as the page takes them."""
    broker.ask(f"devices {LEFT_OPEN}")
    heap = {}
    with MeasuredPage(browser) as measured:
        measured.open(url, LEFT_OPEN)
        done = 0
        for hours in (2, 4, 8):
            broker.ask(f"hours {8 - done} {hours - done}", 600)
            done = hours
            measured.settle()
            heap[hours] = measured.heap_mb()
    # Before that the charts fill: 600 values are 1 h 40 min.
    yield Figure(f"{LEFT_OPEN} devices, a value per 10 s: heap after 2 h", [heap[2]], "MB")
    yield Figure("  after 4 h / 2 h", [heap[4] / heap[2]], "×", at_most=1.05)
    yield Figure("  after 8 h / 2 h", [heap[8] / heap[2]], "×", at_most=1.05)
