# SPDX-License-Identifier: BSD-3-Clause
"""One browser for all tests; a broker, a dashboard and a watched page for each."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from pyaiot.dashboard.config import DashboardConfig
from pyaiot.dashboard.server import DashboardServer
from tests.dashboard.fake_broker import FakeBroker
from tests.dashboard.watched_page import CHROMIUM, FLAGS, ROOT, OpenPage, Watched, watched_page

sys.path.insert(0, str(ROOT / "build_backend"))

import front_end


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
        watched = await watched_page(browser, **settings)
        await watched.page.goto(url)
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
