# SPDX-License-Identifier: BSD-3-Clause
"""What a browser shows of what the broker says."""

from __future__ import annotations

import json
import re
import time

import pytest
from playwright.async_api import expect

from tests.dashboard.fake_broker import FakeBroker
from tests.dashboard.watched_page import Watched

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

DRAWN = """canvas => {
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return pixels.filter((value, index) => index % 4 === 3 && value > 0).length;
}"""


async def test_watches_everything(broker: FakeBroker, page: Watched) -> None:
    assert await broker.hellos.get() == {"details": True}


async def test_nodes_appear_and_vanish(broker: FakeBroker, page: Watched) -> None:
    await broker.new("coap/1")
    card = page.card("coap/1")
    await expect(card.get_by_role("heading", level=2)).to_have_text("Discovering…")
    await expect(card.locator("header .protocol")).to_have_text("Fake")
    await broker.update("coap/1", "protocol", "CoAP")
    await expect(card.locator("header .protocol")).to_have_text("CoAP")
    await expect(card.get_by_role("heading", level=2)).to_have_text("Discovering…")
    await broker.update("coap/1", "board", "samr21-xpro")
    await expect(card.get_by_role("heading", level=2)).to_have_text("Node")
    await broker.update("coap/1", "name", "Greenhouse")
    await expect(card.get_by_role("heading", level=2)).to_have_text("Greenhouse")
    await expect(card.locator("header")).to_contain_text("coap/1")
    await broker.new("mqtt/2", name="Cellar")
    await expect(page.page.get_by_role("article")).to_have_count(2)
    await broker.out("coap/1")
    await expect(card.locator("header")).to_contain_text("Gone")
    await expect(card).to_contain_text("Greenhouse")
    await card.get_by_role("button", name="Dismiss Greenhouse").click()
    await expect(page.page.get_by_role("article")).to_have_count(1)
    await expect(page.page.get_by_role("article", name="Cellar")).to_be_visible()
    await broker.out("mqtt/2")
    await page.page.get_by_role("button", name="Dismiss Cellar").click()
    await expect(page.page.get_by_text("No devices yet")).to_be_visible()


async def test_values_move_with_unit_age_and_chart(broker: FakeBroker, page: Watched) -> None:
    await broker.new("coap/1", name="Greenhouse")
    now_ms = time.time() * 1000
    await broker.update("coap/1", "temperature", "21.5°C", value=21.5, unit="Cel", at=now_ms - 185_000)
    reading = page.card("coap/1").locator('li[data-resource="temperature"]')
    await expect(reading.locator(".value")).to_have_text("21.5°C")
    await expect(reading.locator("time")).to_have_text("3 min ago")
    chart = reading.locator("canvas")
    await expect(chart).to_be_visible()
    first = await chart.evaluate(DRAWN)
    assert first > 0
    for second in range(60):
        await broker.update(
            "coap/1", "temperature", "…", value=20 + second % 7, unit="Cel", at=now_ms - (60 - second) * 1000
        )
    await broker.update("coap/1", "temperature", "-3.25°C", value=-3.25, unit="Cel", at=now_ms + 1)
    await expect(reading.locator(".value")).to_have_text("−3.25°C")
    assert await chart.evaluate(DRAWN) > 10 * first
    await expect(reading.get_by_role("img")).to_have_attribute(
        "aria-label", "Temperature over the last 3 min: between −3.25 and 26 °C"
    )


async def test_ages_grow(broker: FakeBroker, page: Watched) -> None:
    await page.page.clock.install()
    await page.page.reload()
    await broker.new("coap/1", name="Greenhouse")
    await broker.update("coap/1", "text", "hello")
    age = page.card("coap/1").locator('li[data-resource="text"] time')
    await expect(age).to_have_text(re.compile(r"^(now|\d+ s ago)$"))
    await page.page.clock.fast_forward(125_000)
    await expect(age).to_have_text(re.compile(r"^[23] min ago$"))


async def test_shows_what_nobody_has_heard_of(broker: FakeBroker, page: Watched) -> None:
    await broker.new("ws/1", name="Odd")
    card = page.card("ws/1")
    await broker.update("ws/1", "soil/moisture", 31)
    await expect(card.locator('li[data-resource="soil/moisture"]')).to_contain_text("soil/moisture")
    await expect(card.locator('li[data-resource="soil/moisture"] .value')).to_have_text("31")
    await broker.update("ws/1", "motto", "keep calm")
    await expect(card.locator('li[data-resource="motto"] .text')).to_have_text("keep calm")
    await broker.update("ws/1", "door", True)
    await expect(card.locator('li[data-resource="door"] .state')).to_have_text("Yes")
    given = {"place": {"town": "Palaiseau"}, "names": ["Palaiseau", "Saclay"], "count": 2}
    explorer = card.locator('li[data-resource="place"]')
    for data in (given, json.dumps(given)):
        await broker.update("ws/1", "place", data)
        await expect(explorer.locator(".key").first).to_have_text("place")
        await expect(explorer.locator("summary")).to_have_text(["place {town: Palaiseau}", "names [Palaiseau, Saclay]"])
        await expect(explorer.locator(".leaf .value")).to_have_text("2")


async def test_details_hold_what_a_node_says_of_itself(broker: FakeBroker, page: Watched) -> None:
    await broker.new("coap/1", name="A", os="riot", board="samr21-xpro", ip="fd00::1", version="1.4.2")
    card = page.card("coap/1")
    await expect(card.get_by_text("samr21-xpro")).to_be_hidden()
    await card.get_by_role("button", name="Menu of A").click()
    await expect(card.get_by_text("samr21-xpro")).to_be_visible()
    await expect(card.locator("dt")).to_have_text(
        ["Operating system", "Board", "Version", "Protocol", "Address", "UID"]
    )
    await expect(card.locator("li")).to_have_count(0)


async def test_what_is_behind_a_lost_gateway_is_unreachable(broker: FakeBroker, page: Watched) -> None:
    await broker.new("coap/1", name="A", text="old")
    await broker.new("coap/2", name="B")
    await broker.new("mqtt/3", name="C")
    said = page.page.get_by_role("article").get_by_role("button", name="Unreachable")
    await broker.gateway("coap", "away")
    await expect(said).to_have_count(2)
    await said.first.click()
    await expect(page.card("coap/1")).to_contain_text("its gateway coap is away since")
    await page.page.keyboard.press("Escape")
    await expect(page.card("mqtt/3")).not_to_contain_text("Unreachable")
    await expect(page.card("coap/1")).to_contain_text("old")
    await broker.gateway("coap", "resyncing")
    await broker.here("coap/1")
    await expect(page.card("coap/1")).not_to_contain_text("Unreachable")
    await expect(page.card("coap/2")).to_contain_text("Unreachable")
    await broker.out("coap/2")
    await broker.gateway("coap", "connected")
    await expect(said).to_have_count(0)


async def test_reset_forgets_the_values_and_keeps_the_node(broker: FakeBroker, page: Watched) -> None:
    await broker.new("coap/1", name="A", text="old")
    card = page.card("coap/1")
    await expect(card).to_contain_text("old")
    await broker.reset("coap/1")
    await expect(card).not_to_contain_text("old")
    await expect(card.get_by_role("heading", level=2)).to_have_text("Discovering…")


async def test_a_flood_ends_with_the_last_values(broker: FakeBroker, page: Watched) -> None:
    for node in range(20):
        await broker.new(f"coap/{node}", name=f"Node {node}")
    for round_ in range(150):
        for node in range(20):
            await broker.update(f"coap/{node}", "count", round_ * 100 + node)
    for node in range(20):
        await expect(page.card(f"coap/{node}").locator(".value")).to_have_text(f"{14900 + node:,}")
