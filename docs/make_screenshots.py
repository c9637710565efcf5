# SPDX-License-Identifier: BSD-3-Clause
"""Takes the pictures of the documents from a dashboard that runs: ``make run``, and in another shell
``.venv/bin/python docs/make_screenshots.py``. Needs what ``make test`` installs, and Chromium.

All pages are opened at once and watched for a while, so that their charts have something to show.
"""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, Page, async_playwright

FOLDER = Path(__file__).parent
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
#: A picture that is larger does not belong into a repository.
MAX_BYTES = 250_000
#: As long as the shortest chart.
WATCHED_S = 60


@dataclass(frozen=True)
class Shot:
    """One picture: what is opened, and what must be seen before it counts as open."""

    file: str
    width: int
    height: int
    seen: str
    route: str = "#/"
    scheme: Literal["light", "dark"] = "light"


SHOTS = (
    Shot("dashboard.png", 1280, 860, "article canvas"),
    Shot("dashboard-dark.png", 1280, 860, "article canvas", scheme="dark"),
    Shot("dashboard-phone.png", 390, 844, "article canvas"),
    Shot("device-page.png", 1280, 960, "[data-chart] canvas", "#/device/coap/weather-station"),
    Shot("map.png", 1280, 720, "main svg", "#/map"),
)


async def opened(browser: Browser, address: str, shot: Shot) -> Page:
    context = await browser.new_context(
        viewport={"width": shot.width, "height": shot.height}, color_scheme=shot.scheme, locale="en-GB"
    )
    page = await context.new_page()
    await page.goto(address + shot.route)
    await page.locator(shot.seen).first.wait_for()
    return page


async def take(address: str, watched_s: float) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        pages = [(shot, await opened(browser, address, shot)) for shot in SHOTS]
        await asyncio.sleep(watched_s)
        for shot, page in pages:
            await page.bring_to_front()
            if "device" in shot.route:
                await page.get_by_role("button", name="1 min", exact=True).click()
            picture = await page.screenshot(animations="disabled")
            if len(picture) > MAX_BYTES:
                raise SystemExit(f"{shot.file}: {len(picture):,} bytes are more than {MAX_BYTES:,}")
            (FOLDER / shot.file).write_bytes(picture)
            print(f"{shot.file}: {len(picture):,} bytes")
        await browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", nargs="?", default="http://localhost:8080/", help="where the dashboard is")
    parser.add_argument("--seconds", type=float, default=WATCHED_S, help="how long the pages are watched before")
    given = parser.parse_args()
    asyncio.run(take(given.address, given.seconds))
