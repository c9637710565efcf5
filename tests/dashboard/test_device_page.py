# SPDX-License-Identifier: BSD-3-Clause
"""The page of one device: what it is, how it is, and how its values went."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from tests.dashboard.fake_broker import FakeBroker
from tests.dashboard.watched_page import Watched

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]


async def test_a_device_on_a_page_of_its_own(broker: FakeBroker, page: Watched) -> None:
    # A link to one that is not there waits for it.
    await page.page.goto(page.page.url.split("#")[0] + "#/device/coap/1")
    await expect(page.page.get_by_role("heading", name="No device is called coap/1")).to_be_visible()
    await broker.new("coap/1", name="Greenhouse", os="riot", board="samr21-xpro", led="0")
    await broker.about("coap/1", "led", title="Main light", writable=True, rt="led")
    await broker.liveness("coap/1", interval=30_000, timeout=120_000)
    await expect(page.page.get_by_role("heading", level=1, name="Greenhouse")).to_be_visible()
    device = page.card("coap/1")
    await expect(device).to_have_attribute("data-state", "online")
    await expect(device.locator("header")).to_contain_text("usually every 30 s")

    # All that is known of it, and lines to copy.
    details = device.get_by_role("region", name="Details")
    for fact in ("samr21-xpro", "every 30 s", "after 2 min of silence", 'rt="led"', "Main light"):
        await expect(details).to_contain_text(fact)
    lines = details.locator("code")
    address = re.escape(f" --broker {broker.url} ")
    await expect(lines.nth(1)).to_have_text(re.compile(f"^aiot get{address}coap/1$"))
    await expect(lines.nth(2)).to_have_text(re.compile(f"^aiot set{address}coap/1 led 0$"))
    await expect(lines.nth(3)).to_have_text(re.compile(f"^aiot watch{address}--uid coap/1$"))

    # Another name, in this browser only; and back to its own.
    await page.page.get_by_role("button", name="Rename").click()
    await page.page.get_by_label("Name in this browser").fill("Tomatoes")
    await page.page.keyboard.press("Enter")
    await expect(page.page.get_by_role("heading", level=1, name="Tomatoes")).to_be_visible()
    await expect(page.page.get_by_role("button", name="Rename")).to_be_focused()
    await page.page.get_by_role("button", name="Pin", exact=True).click()
    await page.page.reload()
    await expect(page.page.get_by_role("button", name="Pin", exact=True)).to_have_attribute("aria-pressed", "true")
    await page.page.get_by_role("button", name="Rename").click()
    await page.page.get_by_label("Name in this browser").fill("")
    await page.page.get_by_role("button", name="Save").click()
    await expect(page.page.get_by_role("heading", level=1, name="Greenhouse")).to_be_visible()

    # Gone is plain to see, with the last values; dismissed it is no more.
    await broker.out("coap/1")
    await expect(device).to_have_attribute("data-state", "gone")
    await expect(device.get_by_text("What you see is old.")).to_be_visible()
    await expect(device.locator('li[data-resource="led"]')).to_be_visible()


async def summary(chart: Locator) -> str:
    """What a screen reader says of a chart, without the help that follows."""
    return await chart.locator("p[id$=summary]").inner_text()


async def test_charts_zoom_stand_still_and_are_tables_and_files(broker: FakeBroker, page: Watched) -> None:
    now_ms = round(time.time() * 1000)
    await broker.new("coap/1", name="Greenhouse")
    await page.page.goto(page.page.url.split("#")[0] + "#/device/coap/1")
    await page.page.get_by_role("heading", level=1, name="Greenhouse").wait_for()
    for second in range(300, 0, -1):
        await broker.update("coap/1", "temperature", "", value=second / 10, unit="Cel", at=now_ms - second * 1000)
    await broker.update("coap/1", "humidity", "", value=50, unit="%RH", at=now_ms)
    chart, other = (page.page.locator(f'[data-chart="{name}"]') for name in ("temperature", "humidity"))
    heard = chart.locator("p[id$=summary]")
    await expect(heard).to_contain_text("300 values between 0.1 and 30 °C, on average 15.05; last 0.1")

    # Another range; then by hand: what is dragged over is shown, in every chart, and they stand still.
    await page.page.get_by_role("button", name="1 min").click()
    await expect(heard).not_to_contain_text("300 values")
    await page.page.get_by_role("button", name="10 min").click()
    await expect(heard).to_contain_text("300 values")
    plot = chart.locator(".u-over")
    await plot.scroll_into_view_if_needed()
    box = await plot.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    await page.page.mouse.move(box["x"] + box["width"] * 0.6, middle)
    await page.page.mouse.down()
    await page.page.mouse.move(box["x"] + box["width"] * 0.8, middle, steps=5)
    await page.page.mouse.up()
    mark = page.page.get_by_text("New values go on being kept.")
    await expect(mark).to_be_visible()
    dragged = await summary(chart)
    assert re.search(r"\b1[12]\d values", dragged), dragged
    await expect(other.locator("p[id$=summary]")).to_contain_text("no value between")
    await broker.update("coap/1", "temperature", "", value=99, unit="Cel", at=now_ms + 1)
    await expect(page.page.locator('li[data-resource="temperature"] .number')).to_have_text("99.0")
    assert await summary(chart) == dragged

    # The value pointed at, with its time, also by keyboard; keys zoom, move, pause and come back.
    await chart.get_by_role("application").focus()
    await page.page.keyboard.press("Shift+ArrowLeft")
    await expect(chart.locator(".pointed")).to_have_text(re.compile(r"^[\d.]+ °C · .+"))
    first = await chart.locator(".pointed").inner_text()
    await page.page.keyboard.press("Shift+ArrowLeft")
    await expect(chart.locator(".pointed")).not_to_have_text(first)
    await page.page.keyboard.press("+")
    await expect(heard).to_contain_text(re.compile(r" (59|60|61|62|63) values"))
    await page.page.keyboard.press("ArrowLeft")
    await page.page.keyboard.press("0")
    await expect(mark).to_have_count(0)
    await expect(heard).to_contain_text("301 values between 0.1 and 99")
    await page.page.keyboard.press(" ")
    await expect(mark).to_be_visible()
    await expect(page.page.get_by_role("button", name="Resume")).to_be_visible()
    await page.page.keyboard.press("End")
    await expect(mark).to_have_count(0)
    await page.page.mouse.wheel(0, -300)
    await expect(mark).to_be_visible()

    # The same as a table and as a file.
    await page.page.get_by_role("button", name="Reset").click()
    await page.page.get_by_role("button", name="Show as table: Temperature").click()
    rows = chart.locator("tbody tr")
    await expect(rows).to_have_count(200)
    await expect(rows.first.locator(".value")).to_have_text("99")
    async with page.page.expect_download() as downloading:
        await page.page.get_by_role("button", name="Download CSV: Temperature").click()
    download = await downloading.value
    assert download.suggested_filename == "coap-1_temperature.csv"
    text = Path(await download.path()).read_text(encoding="utf-8").splitlines()
    assert text[0] == 'time,"temperature (°C)"'
    assert len(text) == 302
    assert text[-1].endswith("Z,99")
