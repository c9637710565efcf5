# SPDX-License-Identifier: BSD-3-Clause
"""Whatever happens to broker, network and tab: in the end the page shows what the broker knows, and no more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page

from tests.dashboard.fake_broker import FakeBroker
from tests.dashboard.watched_page import OpenPage
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

DEVICES = 12
#: What the cards say: of each device its state and its texts, by resource.
SHOWN = """() => Object.fromEntries([...document.querySelectorAll('article[data-uid]')].map(card => [card.dataset.uid, [
    card.className.match(/online|unreachable|gone/)?.[0] ?? null,
    Object.fromEntries([...card.querySelectorAll('li[data-resource]')].map(item =>
        [item.dataset.resource, item.querySelector('.body').innerText.trim()])),
]]))"""


async def shows_the_truth(page: Page, broker: FakeBroker, forgotten: dict[str, dict[str, str]] | None = None) -> None:
    """Wait until the page shows just what ``broker`` knows; else say what it shows instead.

    What the broker has ``forgotten`` stays, as gone, until somebody dismisses it: it was there when people last looked.
    """
    truth: dict[str, Any] = {uid: ["gone", texts] for uid, texts in (forgotten or {}).items()}
    for uid, values in broker.nodes.items():
        truth[uid] = ["online", {name: value["data"] for name, value in values.items() if name != "name"}]
    for uid, gone in broker.departed.items():
        texts = {name: value["data"] for name, value in gone["values"].items() if name != "name"}
        truth[uid] = ["gone", texts]
    shown = None
    for _ in range(int(10 * PATIENCE_S)):
        shown = await page.evaluate(SHOWN)
        if shown == truth:
            return
        await asyncio.sleep(0.1)
    assert shown == truth


async def changed_meanwhile(broker: FakeBroker, turn: str) -> None:
    """The world goes on while nobody watches: values, resources, devices that come and go."""
    names = sorted(broker.nodes)
    await broker.out(names[0], why="timeout")
    await broker.reset(names[1])
    await broker.update(names[1], "name", f"reset {turn}")
    await broker.update(names[1], "only", f"after {turn}")
    for uid in names[2:]:
        await broker.update(uid, "text", f"{turn} of {uid}")
    await broker.new(f"mqtt/new {turn}", name=f"new {turn}", text="just came")


async def test_ends_with_the_truth(broker: FakeBroker, serve, watch: OpenPage) -> None:  # type: ignore[no-untyped-def]
    for number in range(DEVICES):
        await broker.new(f"coap/{number}", name=f"Device {number}", text=f"first of {number}", other=f"other {number}")
    server = await serve(broker_url=broker.url)
    start = f"http://127.0.0.1:{server.port}/"
    # Tall: all cards are on the screen.
    watched = await watch("about:blank", start, broker.url, viewport={"width": 1280, "height": 4000})
    page = watched.page
    await page.clock.install()
    await page.goto(start)
    await shows_the_truth(page, broker)

    # The broker dies and comes back with another state.
    await broker.stop()
    await page.get_by_role("alert").wait_for()
    await changed_meanwhile(broker, "restart")
    del broker.nodes["coap/5"], broker.abouts["coap/5"], broker.paces["coap/5"]  # it has forgotten this one
    forgotten = {"coap/5": {"text": "first of 5", "other": "other 5"}}
    await broker.start()
    await page.clock.run_for(35_000)
    await shows_the_truth(page, broker, forgotten)

    # The network is cut for a minute, and everything goes on meanwhile.
    await page.context.set_offline(True)
    await broker.stop()
    await page.get_by_role("alert").wait_for()
    await page.clock.run_for(60_000)
    await changed_meanwhile(broker, "cut")
    await broker.start()
    await page.context.set_offline(False)
    await page.clock.run_for(35_000)
    await shows_the_truth(page, broker, forgotten)

    # The tab sleeps for ten minutes, with its connection gone and never told so.
    session = await page.context.new_cdp_session(page)
    await session.send("Page.setWebLifecycleState", {"state": "frozen"})
    await changed_meanwhile(broker, "sleep")
    await broker.gateway("coap", "connected")
    await broker.close_clients(1001, "too long without a word")
    await session.send("Page.setWebLifecycleState", {"state": "active"})
    await page.clock.fast_forward(600_000)
    await page.clock.run_for(35_000)
    await shows_the_truth(page, broker, forgotten)
    assert await page.get_by_role("alert").count() == 0
