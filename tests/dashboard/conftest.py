# SPDX-License-Identifier: BSD-3-Clause
"""One browser for all tests; a broker, a dashboard and a watched page for each."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from fake_broker import FakeBroker
from playwright.async_api import Browser, Page, async_playwright

from pyaiot.dashboard.config import DashboardConfig
from pyaiot.dashboard.server import DashboardServer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "build_backend"))

import front_end  # noqa: E402

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Runs before the page's own script: collects what the browser's policy refused, and what a hostile text managed to do.
WATCH = """
window.violations = [];
window.executed = [];
document.addEventListener('securitypolicyviolation',
    event => violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


@dataclass
class Watched:
    """A page and everything it did that a test may have an opinion on."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def hosts(self) -> set[str]:
        return {urlsplit(url).netloc for url in self.requests if not url.startswith("data:")}

    async def violations(self) -> list[str]:
        refused: list[str] = await self.page.evaluate("window.violations")
        return refused

    async def card(self, uid: str) -> Any:
        return self.page.locator(f'article[data-uid="{uid}"]')


OpenPage = Callable[..., Awaitable[Watched]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if not front_end.is_current():
        pytest.fail("the page is not built of these sources: run `make front-end` first", pytrace=False)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="session")
async def broker() -> AsyncIterator[FakeBroker]:
    fake = FakeBroker()
    await fake.start()
    yield fake
    await fake.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def serve() -> AsyncIterator[Callable[..., Awaitable[DashboardServer]]]:
    """Starts dashboards; all are stopped at the end."""
    servers: list[DashboardServer] = []

    async def start(**settings: Any) -> DashboardServer:
        server = DashboardServer(DashboardConfig(**settings), "127.0.0.1", 0)
        await server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        await server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def watch(browser: Browser) -> AsyncIterator[OpenPage]:
    """Opens pages that are watched. At the end of the test each must have kept to the rules:

    no script error, nothing refused by the content security policy, no request to a host that was not named.
    """
    opened: list[tuple[Watched, set[str]]] = []

    async def open_page(url: str, *allowed: str, **settings: Any) -> Watched:
        context = await browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **settings})
        page = await context.new_page()
        page.set_default_timeout(10_000)
        watched = Watched(page)
        page.on("request", lambda request: watched.requests.append(request.url))
        page.on("websocket", lambda socket: watched.requests.append(socket.url))
        page.on("pageerror", lambda error: watched.errors.append(str(error)))
        page.on("console", lambda message: watched.errors.append(message.text) if is_fault(message) else None)
        await page.add_init_script(WATCH)
        await page.goto(url)
        opened.append((watched, {urlsplit(address).netloc for address in (url, *allowed)}))
        return watched

    yield open_page
    for watched, hosts in opened:
        violations = await watched.violations()
        executed = await watched.page.evaluate("window.executed")
        await watched.page.context.close()
        assert watched.errors == []
        assert violations == []
        assert executed == []
        assert watched.hosts() <= hosts


@pytest_asyncio.fixture(loop_scope="session")
async def page(
    broker: FakeBroker, serve: Callable[..., Awaitable[DashboardServer]], watch: OpenPage
) -> AsyncIterator[Watched]:
    """A page that is connected to ``broker``."""
    server = await serve(broker_url=broker.url)
    watched = await watch(f"http://127.0.0.1:{server.port}/", broker.url)
    await watched.page.get_by_text("No devices yet").wait_for()
    yield watched


def is_fault(message: Any) -> bool:
    """Tell what the browser complains of, but for broken connections and tests that read a chart's pixels."""
    meant = ("WebSocket connection to", "willReadFrequently")
    return message.type in ("error", "warning") and not any(part in message.text for part in meant)
