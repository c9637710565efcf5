# SPDX-License-Identifier: BSD-3-Clause
"""Finding and arranging devices: one journey with cards and mouse, one with the list and the keyboard alone."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.dashboard.fake_broker import FakeBroker
from tests.dashboard.watched_page import Watched

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]


async def test_find_arrange_and_keep(broker: FakeBroker, page: Watched) -> None:
    await broker.new("coap/1", name="Étable", protocol="CoAP", led="0", text="hello")
    await broker.new("mqtt/2", name="Node 10", protocol="MQTT", board="samr21-xpro")
    await broker.new("mqtt/3", name="Node 9", protocol="MQTT")
    shown = page.page.locator("article[data-uid] h2")
    await expect(shown).to_have_text(["Étable", "Node 9", "Node 10"])

    await page.page.keyboard.press("/")
    await page.page.keyboard.type("etable")
    await expect(shown).to_have_text(["Étable"])
    await expect(page.page).to_have_url(re.compile(r"#/\?q=etable$"))
    await page.page.keyboard.press("Escape")
    await expect(shown).to_have_count(3)
    await page.page.get_by_role("button", name="Filter").click()
    await page.page.get_by_role("checkbox", name="MQTT 2", exact=True).check()
    await page.page.keyboard.press("Escape")
    await expect(shown).to_have_text(["Node 9", "Node 10"])
    await page.page.reload()
    await expect(shown).to_have_text(["Node 9", "Node 10"])
    await page.page.get_by_role("button", name="Protocol MQTT").click()
    await expect(shown).to_have_count(3)

    await page.page.get_by_role("button", name="Menu of Node 10").click()
    await page.page.get_by_role("button", name="Pin to the top").click()
    await expect(shown).to_have_text(["Node 10", "Étable", "Node 9"])
    await page.page.get_by_role("button", name="Menu of Étable").click()
    await page.page.get_by_role("button", name="Rename…").click()
    await page.page.get_by_role("textbox", name="Name in this browser").fill("Stable <b>1</b>")
    await page.page.keyboard.press("Enter")
    await expect(shown).to_have_text(["Node 10", "Node 9", "Stable <b>1</b>"])
    await page.page.get_by_role("button", name="Menu of Node 9").click()
    await page.page.get_by_role("button", name="Hide", exact=True).click()
    await page.page.get_by_role("button", name="Shown").click()
    await page.page.get_by_role("checkbox", name="Message").uncheck()
    await page.page.keyboard.press("Escape")
    await expect(page.card("coap/1").locator("li")).to_have_count(1)
    await page.page.reload()
    await expect(shown).to_have_text(["Node 10", "Stable <b>1</b>"])
    await expect(page.card("coap/1").locator("li")).to_have_count(1)
    await page.page.get_by_role("button", name="Shown").click()
    await page.page.get_by_role("checkbox", name="Show Node 9 again").click()
    await expect(shown).to_have_count(3)


async def test_the_list_by_keyboard(broker: FakeBroker, page: Watched) -> None:
    for node in range(200):
        await broker.new(f"coap/{node}", name=f"Node {node}", led="1")
    await broker.update("coap/0", "temperature", "…", value=21.5, unit="Cel")
    await page.page.get_by_role("button", name="List").click()
    table = page.page.get_by_role("table", name="Devices")
    await expect(table).to_have_attribute("aria-rowcount", "201")
    rows = table.locator("[role=row][data-uid]")
    assert await rows.count() < 100
    first = table.locator('[data-uid="coap/0"]')
    await expect(first.locator("[data-resource]")).to_have_text(["LED On", "Temperature 21.5 °C"])
    await broker.update("coap/0", "led", "0")
    await expect(first.locator('[data-resource="led"]')).to_have_text("LED Off")
    await first.get_by_role("link").focus()
    await page.page.keyboard.press("ArrowDown")
    await expect(table.get_by_role("link", name="Node 1", exact=True)).to_be_focused()
    await page.page.keyboard.press("End")
    last = table.get_by_role("link", name="Node 199")
    await expect(last).to_be_focused()
    await expect(last).to_be_in_viewport()
    await page.page.keyboard.press("Home")
    await expect(table.get_by_role("link", name="Node 0", exact=True)).to_be_focused()
    await page.page.get_by_label("Group by").select_option("State")
    await expect(table.get_by_role("rowheader")).to_have_text("Online 200")
    await broker.gateway("coap", "away")
    await expect(table.get_by_role("rowheader")).to_have_text("Unreachable 200")
    await table.get_by_role("link", name="Node 0", exact=True).focus()
    await page.page.keyboard.press("Enter")
    await expect(page.page).to_have_url(re.compile("#/device/coap/0$"))


async def test_the_focus_stays_when_devices_move_go_and_end(broker: FakeBroker, page: Watched) -> None:
    for number in range(12):
        await broker.new(f"coap/{number}", name=f"Node {number:02}", led="0")
    await broker.about("coap/11", "text", writable=True)
    await broker.update("coap/11", "text", "hello")
    field = page.card("coap/11").get_by_role("textbox")
    await field.fill("not sent yet")
    # Twelve cards come and go together: one more before them, and the last is made anew.
    await broker.new("coap/first", name="A")
    await expect(page.page.locator("article[data-uid] h2").first).to_have_text("A")
    await expect(field).to_be_focused()
    await expect(field).to_have_value("not sent yet")

    switch = page.card("coap/3").get_by_role("switch")
    await switch.focus()
    await page.page.keyboard.press("Space")
    await broker.confirm(await broker.writes.get())
    await page.card("coap/3").get_by_role("button", name="Undo").focus()
    await page.page.keyboard.press("Enter")
    await broker.confirm(await broker.writes.get())
    await expect(switch).to_be_focused()
    await expect(switch).not_to_be_checked()

    await broker.out("coap/5")
    await page.card("coap/5").get_by_role("button", name="Dismiss Node 05").focus()
    await page.page.keyboard.press("Enter")
    await expect(page.card("coap/5")).to_have_count(0)
    await expect(page.card("coap/6").get_by_role("link", name="Node 06")).to_be_focused()


async def test_tabs_keep_what_each_other_chose(broker: FakeBroker, page: Watched) -> None:
    await broker.new("coap/1", name="One")
    await broker.new("coap/2", name="Two")
    other = Watched(await page.page.context.new_page())
    await other.page.goto(page.page.url)
    await page.page.get_by_role("button", name="Menu of One").click()
    await page.page.get_by_role("button", name="Hide", exact=True).click()
    await expect(other.card("coap/1")).to_have_count(0)
    await other.page.get_by_role("button", name="Menu of Two").click()
    await other.page.get_by_role("button", name="Pin to the top").click()
    await expect(page.card("coap/2").get_by_role("img", name="Pinned")).to_be_visible()
    await page.page.reload()
    await expect(page.card("coap/2").get_by_role("img", name="Pinned")).to_be_visible()
    await expect(page.card("coap/1")).to_have_count(0)
