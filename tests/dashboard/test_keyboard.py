# SPDX-License-Identifier: BSD-3-Clause
"""All of it without a mouse: find a device, switch it, take it back, go through the list, and choose settings."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Locator, Page, expect

from tests.dashboard.fake_broker import FakeBroker
from tests.dashboard.watched_page import Watched
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

#: Nothing on the pages of this test is further away.
MOST_TABS = 40
#: That something has the focus is seen: itself, or, of what is hidden in its label, the label.
SEEN = """element => {
    const {top, bottom} = (element.closest('label') ?? element).getBoundingClientRect();
    return element.matches(':focus-visible') && top >= 0 && bottom <= innerHeight;
}"""


async def tab_to(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Press Tab until ``wanted`` has the focus."""
    await expect(wanted).to_have_count(1)
    for _ in range(MOST_TABS):
        await page.keyboard.press(key)
        if await wanted.evaluate("element => element === document.activeElement"):
            assert await wanted.evaluate(SEEN)
            return
    pytest.fail(f"{wanted} is not reached by {MOST_TABS} presses of {key}")


async def test_a_journey_by_keyboard(broker: FakeBroker, page: Watched) -> None:
    tab, keyboard = page.page, page.page.keyboard
    await broker.new("coap/1", name="Lamp", led="0")
    await broker.new("coap/2", name="Fan", led="0")
    for node in range(3, 60):
        await broker.new(f"mqtt/{node}", name=f"Sensor {node:02}")
    cards = tab.locator("article[data-uid] h2")
    await expect(cards.first).to_have_text("Fan")

    # Search, and open what is found.
    search = tab.get_by_role("textbox", name="Search devices")
    await keyboard.press("/")
    await expect(search).to_be_focused()
    await keyboard.type("lamp")
    await expect(cards).to_have_text(["Lamp"])
    await tab_to(tab, cards.get_by_role("link"))
    await keyboard.press("Enter")
    await expect(tab.get_by_role("heading", level=1, name="Lamp")).to_be_visible()
    await expect(tab.get_by_role("main")).to_be_focused()

    # Switch it on, and take that back; the place on the page is kept.
    switch = page.card("coap/1").get_by_role("switch", name="LED")
    await tab_to(tab, switch)
    await keyboard.press("Enter")
    write = await asyncio.wait_for(broker.writes.get(), PATIENCE_S)
    assert write.params == {"uid": "coap/1", "resource": "led", "data": "1"}
    await broker.update("coap/1", "led", "1")
    await broker.confirm(write)
    await expect(switch).to_have_attribute("aria-checked", "true")
    await expect(switch).to_be_focused()
    await tab_to(tab, page.card("coap/1").get_by_role("button", name="Undo: set LED back to Off"))
    await keyboard.press("Enter")
    write = await asyncio.wait_for(broker.writes.get(), PATIENCE_S)
    assert write.params["data"] == "0"
    await expect(switch).to_be_focused()
    await broker.update("coap/1", "led", "0")
    await broker.confirm(write)
    await expect(switch).to_have_attribute("aria-checked", "false")

    # Back to what was found, and all of them again.
    await tab_to(tab, tab.get_by_role("link", name="All devices"), "Shift+Tab")
    await keyboard.press("Enter")
    await expect(cards).to_have_text(["Lamp"])
    await keyboard.press("/")
    await keyboard.press("Escape")
    await expect(search).to_have_value("")

    # The list: arrows from device to device, to both ends, and into one.
    await tab_to(tab, tab.get_by_role("button", name="List", exact=True))
    await keyboard.press("Enter")
    rows = tab.get_by_role("table", name="Devices").locator("a[data-row]")
    await tab_to(tab, rows.filter(has_text="Fan"))
    for key, name in (("ArrowDown", "Lamp"), ("End", "Sensor 59"), ("ArrowUp", "Sensor 58"), ("Home", "Fan")):
        await keyboard.press(key)
        row = rows.filter(has_text=name)
        await expect(row).to_be_focused()
        await expect(row).to_be_in_viewport()
    await keyboard.press("Enter")
    await expect(tab).to_have_url(re.compile("#/device/coap/2$"))

    # The settings are a place of their own, until Escape gives the focus back to where it was.
    settings = tab.get_by_role("button", name="Settings")
    await tab_to(tab, settings, "Shift+Tab")
    await keyboard.press("Enter")
    dialog = tab.get_by_role("dialog", name="Settings")
    await tab_to(tab, dialog.get_by_role("radio", name="System"))
    await keyboard.press("ArrowRight")
    await expect(tab.locator("html")).to_have_attribute("data-theme", "light")
    await tab_to(tab, dialog.get_by_role("checkbox", name="Large"))
    await keyboard.press(" ")
    await expect(tab.locator("html")).to_have_css("font-size", "20px")
    await keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(settings).to_be_focused()
    await tab.reload()
    await expect(tab.locator("html")).to_have_css("font-size", "20px")
