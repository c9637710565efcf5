# SPDX-License-Identifier: BSD-3-Clause
"""From the command ``aiot up --demo`` to a device's first value: at a ``/ws`` client, and on the page in Chromium."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from benchmarks.demo import demo
from benchmarks.figures import Figure
from benchmarks.processes import program
from benchmarks.websocket import JOIN, RawWebSocket

#: A value of one of the demo's sensors, as both data and page spell it.
ON_PAGE = r"() => /\d[.,\d]*\s*(°C|hPa|lx|ppm)/.test(document.body.innerText)"


def run(quick: bool) -> Iterator[Figure]:
    """The figures of this module."""
    rounds = 1 if quick else 5
    found = [at_client() for _ in range(rounds)]
    yield Figure("aiot up --demo: first value at a /ws client after", [each[0] for each in found], "s", at_most=5)
    yield Figure("  first value of a sensor", [each[1] for each in found], "s")
    yield Figure("  CPU until then", [each[2] for each in found], "s")
    on_page = [took for took in (in_browser() for _ in range(1 if quick else 3)) if took is not None]
    if on_page:
        yield Figure("  on the page, in a Chromium that runs already", on_page, "s", at_most=5)


def at_client() -> tuple[float, float, float]:
    """Seconds from the command to the first update of any kind, and of a sensor; CPU seconds until then."""
    with demo() as process:
        client = RawWebSocket(process.broker_port, "/ws")
        client.send(JOIN)
        first = 0.0
        while True:
            for message in client.receive():
                if b'"type":"update"' not in message:
                    continue
                first = first or time.perf_counter() - process.begin
                if b'"unit":"Cel"' in message:
                    sensor, cpu_s = time.perf_counter() - process.begin, process.cpu_s()
                    client.close()
                    return first, sensor, cpu_s


def in_browser() -> float | None:
    """Seconds from the command to a sensor's value on the page; None without playwright or Chromium."""
    path = program("chromium")
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        return None
    if path is None:
        return None
    with sync_playwright() as playwright, contextlib.ExitStack() as stack:
        # A person's browser runs already.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        stack.callback(browser.close)
        page = browser.new_page()
        process = stack.enter_context(demo())
        page.goto(process.wait_for_page())
        try:
            page.wait_for_function(ON_PAGE, timeout=20_000)
        except Error as error:
            raise RuntimeError(f"no value on the page: {str(error).splitlines()[0]}") from None
        return time.perf_counter() - process.begin
