# SPDX-License-Identifier: BSD-3-Clause
"""The map: devices that say where they are, near ones as one mark, all of it by keyboard too."""

from __future__ import annotations

import json
import re

import pytest
from playwright.async_api import Locator, expect

from tests.dashboard.fake_broker import FakeBroker
from tests.dashboard.watched_page import OpenPage, Watched

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)


async def middle(mark: Locator) -> tuple[float, float]:
    """Where a mark is on the screen."""
    box = await mark.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def test_devices_are_where_they_say(broker: FakeBroker, page: Watched) -> None:
    await broker.new("coap/1", name="Saclay")
    await broker.update("coap/1", "position", {"lat": 48.7146403, "lng": 2.2056539})
    await broker.new("mqtt/2", name="Tokyo")
    await broker.update("mqtt/2", "position", json.dumps({"lat": "35.7", "lon": "139.7"}))
    await broker.new("mqtt/3", name="Nowhere")
    await broker.update("mqtt/3", "position", {"lat": 148, "lng": 2})
    for number in range(3):
        await broker.new(f"ws/{number}", name=f"Nairobi {number}")
        await broker.update(f"ws/{number}", "place", {"lat": -1.3 + number / 1000, "lng": 36.8})
    await page.page.goto(page.page.url.split("#")[0] + "#/map")
    world = page.page.get_by_role("application", name="Map of the devices")
    listed = page.page.get_by_role("region", name="Devices on the map").get_by_role("link")
    await expect(listed).to_have_count(5)
    await expect(page.page.get_by_text("5 devices have told their positions. 1 other has told none.")).to_be_visible()
    outline = world.locator("path.land")
    await expect(outline).to_have_attribute("d", re.compile("^M.{20000,}$"))

    # Where Saclay is, is nothing else; a mark says its name and state, and leads to its page.
    await world.get_by_role("button", name="Saclay, Online").click()
    told = world.get_by_role("dialog", name="Saclay")
    await expect(told).to_contain_text("Lat: 48.71464° – Lng: 2.20565°")
    await page.page.keyboard.press("Escape")
    await expect(told).to_have_count(0)
    await expect(world.get_by_role("button", name="Saclay, Online")).to_be_focused()

    # Those that are near each other are one mark, until it is looked at closely.
    await broker.out("ws/1")
    await world.get_by_role("button", name="3 devices, Gone among them").click()
    await expect(world.get_by_role("button", name="Nairobi 1, Gone")).to_be_visible()
    await expect(world.get_by_role("button", name="Nairobi 2, Online")).to_be_visible()
    await expect(world.get_by_role("button", name="Tokyo")).to_have_count(0)

    # The keyboard alone: all of them again, then nearer, from the list too.
    await expect(world).to_be_focused()
    await page.page.keyboard.press("0")
    await expect(world.get_by_role("button", name="Tokyo, Online")).to_be_visible()
    for _ in range(8):
        await page.page.keyboard.press("+")
    await expect(world.get_by_role("button", name="Tokyo, Online")).to_have_count(0)
    await page.page.get_by_role("button", name="Show Tokyo on the map").press("Enter")
    await expect(world.get_by_role("dialog", name="Tokyo")).to_be_visible()
    mark = world.get_by_role("button", name="Tokyo, Online")
    before = await middle(mark)
    await world.focus()
    await page.page.keyboard.press("ArrowRight")
    assert (await middle(mark))[0] < before[0] - 20

    # One that moves is somewhere else; one that has no place any more is not on the map.
    await broker.update("mqtt/2", "position", {"lat": -33.9, "lng": 18.4})
    await expect(page.page.get_by_text("Lat: −33.9° – Lng: 18.4°").first).to_be_visible()
    await broker.reset("mqtt/2")
    await expect(listed).to_have_count(4)

    # Hands: the mouse drags the map, and its wheel zooms about where it points.
    await page.page.get_by_role("button", name="Show Saclay on the map").click()
    await page.page.keyboard.press("Escape")
    mark = world.get_by_role("button", name="Saclay, Online")
    here, length = await middle(mark), await world.locator(".bar").inner_text()
    await page.page.mouse.move(here[0] + 80, here[1] + 40)
    await page.page.mouse.down()
    await page.page.mouse.move(here[0] + 140, here[1] + 70, steps=4)
    await page.page.mouse.up()
    there = await middle(mark)
    assert there == pytest.approx((here[0] + 60, here[1] + 30), abs=2)
    await page.page.mouse.move(*there)
    await page.page.mouse.wheel(0, -400)
    await expect(world.locator(".bar")).not_to_have_text(length)
    assert await middle(mark) == pytest.approx(there, abs=2)
    await listed.filter(has_text="Saclay").click()
    await expect(page.page.get_by_role("heading", level=1, name="Saclay")).to_be_visible()


async def test_pictures_of_a_tile_server_where_one_is_configured(broker: FakeBroker, serve, watch: OpenPage) -> None:  # type: ignore[no-untyped-def]
    tiles = "https://tiles.test/{z}/{x}/{y}.png"
    server = await serve(broker_url=broker.url, map_tiles=tiles)
    watched = await watch("about:blank", broker.url, f"http://127.0.0.1:{server.port}/", "https://tiles.test/")
    await watched.page.route("https://tiles.test/**", lambda route: route.fulfill(body=PIXEL, content_type="image/png"))
    await broker.new("coap/1", name="Saclay")
    await broker.update("coap/1", "position", {"lat": 48.7146403, "lng": 2.2056539})
    await watched.page.goto(f"http://127.0.0.1:{server.port}/#/map")
    world = watched.page.get_by_role("application", name="Map of the devices")
    # The tile with this place at zoom 9, by the formula of such servers.
    await expect(world.locator('image[href="https://tiles.test/9/259/176.png"]')).to_have_count(1)
    await expect(world.get_by_text("Map: tiles.test")).to_be_visible()
