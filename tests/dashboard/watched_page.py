# SPDX-License-Identifier: BSD-3-Clause
"""A page in a browser, and everything it did that a test may have an opinion on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, ConsoleMessage, Locator, Page, expect

from tests.patience import PATIENCE_S

expect.set_options(timeout=1000 * PATIENCE_S)

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# The service worker has a test of its own; elsewhere it would only take time.
SETTINGS = {"viewport": {"width": 1200, "height": 900}, "service_workers": "block"}
# Runs before the page's own script: collects what the browser's policy refused, and what a hostile text managed to do.
WATCH = """
window.violations = [];
window.executed = [];
document.addEventListener('securitypolicyviolation',
    event => violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


@dataclass
class Watched:
    """A page with its requests (WebSockets too) and what the browser complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def hosts(self) -> set[str]:
        return {urlsplit(url).netloc for url in self.requests if not url.startswith("data:")}

    async def violations(self) -> list[str]:
        refused: list[str] = await self.page.evaluate("window.violations")
        return refused

    def card(self, uid: str) -> Locator:
        return self.page.locator(f'article[data-uid="{uid}"]')


OpenPage = Callable[..., Awaitable[Watched]]


async def watched_page(browser: Browser, **settings: Any) -> Watched:
    """Open an empty page in a profile of its own and begin to watch it."""
    context = await browser.new_context(**{**SETTINGS, **settings})
    page = await context.new_page()
    page.set_default_timeout(1000 * PATIENCE_S)
    watched = Watched(page)
    page.on("request", lambda request: watched.requests.append(request.url))
    page.on("websocket", lambda socket: watched.requests.append(socket.url))
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    page.on("console", lambda message: watched.errors.append(message.text) if is_fault(message) else None)
    await page.add_init_script(WATCH)
    return watched


def is_fault(message: ConsoleMessage) -> bool:
    """Tell what the browser complains of, but for broken connections, tests that read pixels, and software 3D."""
    meant = ("WebSocket connection to", "willReadFrequently", "GPU stall", "Service Worker registration blocked")
    return message.type in ("error", "warning") and not any(part in message.text for part in meant)
