# SPDX-License-Identifier: BSD-3-Clause
"""A page in headless Chromium, and what the browser says of its cost. Needs playwright and Chromium."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.processes import program

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
VIEWPORT = {"width": 1280, "height": 900}
#: Runs before the page's own script: notes long tasks, slow frames, and when the first number is there.
WATCH = """
window.longTasks = [];
new PerformanceObserver(list => list.getEntries().forEach(({duration}) => longTasks.push(duration)))
    .observe({type: 'longtask', buffered: true});
window.frames_ = [];
{
    let last = 0;
    const frame = now => { frames_.push(now - last); last = now; requestAnimationFrame(frame) };
    window.watchFrames = () => { last = performance.now(); requestAnimationFrame(frame) };
}
new MutationObserver((_, observer) => {
    if (document.querySelector('article .number, article p span') === null) return;
    observer.disconnect();
    requestAnimationFrame(() => window.firstValueMs = performance.now());
}).observe(document, {subtree: true, childList: true});
"""
#: The page says how many devices it knows; the bare one shows each.
KNOWN = """count => {
    const told = document.querySelector('.summary .total')?.textContent ?? '';
    return told.split('·')[0].replace(/\\D/g, '') === count
        || document.querySelectorAll('body > main > article').length === Number(count);
}"""
LONG_TASK_MS = 50


@dataclass(frozen=True)
class Cost:
    """Of one core: what scripts took, and all work of the page's main thread.

    Tasks by the time that the thread ran, longest first; and the long ones by the wall's clock, which on a shared
    machine tells of its other users, too.
    """

    script: float
    main_thread: float
    tasks_ms: list[float]
    long_tasks_ms: list[float]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with a profile of its own."""
    path = program("chromium")
    if path is None:
        raise RuntimeError("needs Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


class MeasuredPage:
    """A page in a profile of its own. A context manager: closed on the way out."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._context = browser.new_context(viewport=VIEWPORT, service_workers="block")  # type: ignore[arg-type]
        self.page: Page = self._context.new_page()
        self.page.add_init_script(WATCH)
        self._cdp = self._context.new_cdp_session(self.page)
        # The time that the thread ran, not that it waited for others on a shared machine.
        self._cdp.send("Performance.enable", {"timeDomain": "threadTicks"})

    def open(self, url: str, devices: int) -> dict[str, float]:
        """Go there; ms until the first paint, the first number, and all devices are shown or known."""
        self.page.goto(url)
        self.page.wait_for_function(KNOWN, arg=str(devices))
        all_ms = self.page.evaluate("performance.now()")
        self.page.wait_for_function("() => window.firstValueMs !== undefined")
        told: dict[str, float] = self.page.evaluate(
            "({paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0, value: firstValueMs})"
        )
        return {**told, "all": all_ms}

    def settle(self) -> None:
        """Wait until the page has nothing to do: a second without a long task."""
        self.page.wait_for_function(
            """() => new Promise(done => {
                const before = longTasks.length;
                setTimeout(() => done(longTasks.length === before), 1000);
            })"""
        )

    def cost(self, seconds: float) -> Cost:
        """What the page costs for so long."""
        self.page.evaluate("longTasks.length = 0")
        self._browser.start_tracing(page=self.page, categories=["toplevel"])
        before, begin = self._metrics(), time.perf_counter()
        self.page.wait_for_timeout(seconds * 1000)
        after, took = self._metrics(), time.perf_counter() - begin
        script, task = (after[name] - before[name] for name in ("ScriptDuration", "TaskDuration"))
        tasks_ms = tasks(json.loads(self._browser.stop_tracing()))
        return Cost(script / took, task / took, tasks_ms, self.page.evaluate("longTasks"))

    def scroll(self, turns: int) -> list[float]:
        """Lengths of the frames, ms, while a wheel turns: down and up again."""
        self.page.mouse.move(VIEWPORT["width"] / 2, VIEWPORT["height"] / 2)
        self.page.evaluate("frames_.length = 0; watchFrames()")
        for turn in range(turns):
            self.page.mouse.wheel(0, 400 if turn < turns * 0.7 else -400)
            self.page.wait_for_timeout(16)
        frames: list[float] = self.page.evaluate("frames_")
        return frames

    def heap_mb(self) -> float:
        """The heap after a collection of garbage, with what array buffers hold."""
        for _ in range(2):
            self._cdp.send("HeapProfiler.collectGarbage")
        used = self._cdp.send("Runtime.getHeapUsage")
        return float(used["usedSize"] + used.get("backingStorageSize", 0)) / 1e6

    def _metrics(self) -> dict[str, float]:
        told: list[dict[str, Any]] = self._cdp.send("Performance.getMetrics")["metrics"]
        return {each["name"]: each["value"] for each in told}

    def __enter__(self) -> MeasuredPage:
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()


def tasks(trace: dict[str, Any]) -> list[float]:
    """How long the tasks of a page's main thread ran, ms, longest first; of what the browser traced."""
    events = trace["traceEvents"]
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    found = [
        event["tdur"] / 1000
        for event in events
        if event["name"] == "ThreadControllerImpl::RunTask"
        and (event["pid"], event["tid"]) in mains
        and "tdur" in event
    ]
    if not found:
        raise RuntimeError("the browser traced no task")
    return sorted(found, reverse=True)
