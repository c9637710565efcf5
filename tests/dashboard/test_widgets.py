# SPDX-License-Identifier: BSD-3-Clause
"""Each resource is shown by what it is, and set by what fits it; what cannot be read on a card is cut, not lost."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from playwright.async_api import Locator, Route, expect

from tests.dashboard.fake_broker import FakeBroker
from tests.dashboard.watched_page import Watched
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

UID = "coap/1"
WIDTH = "document.documentElement.scrollWidth - innerWidth"


def resource(page: Watched, name: str) -> Locator:
    return page.card(UID).locator(f"li[data-resource={json.dumps(name)}]")


async def written(broker: FakeBroker) -> tuple[str, Any]:
    """What a page asks a device to do, and the device does."""
    write = await asyncio.wait_for(broker.writes.get(), PATIENCE_S)
    name, data = write.params["resource"], write.params["data"]
    await broker.update(UID, name, data)
    await broker.confirm(write)
    return name, data


async def test_what_nobody_heard_of_can_be_set(broker: FakeBroker, page: Watched) -> None:
    await broker.new(UID, name="A", target="21", note="hello", temperature="20")
    await broker.update(UID, "door", True)
    await broker.update(UID, "settings", {"a": 1})
    opener = page.card(UID).get_by_role("button", name="Set target", exact=True)
    await opener.click()
    field = resource(page, "target").get_by_role("textbox", name="New value of target")
    await expect(field).to_have_value("21")
    await field.fill("warm")
    await field.press("Enter")
    await expect(resource(page, "target").get_by_role("alert")).to_have_text("Not a number.")
    await field.fill("22,5")
    await field.press("Enter")
    assert await written(broker) == ("target", "22.5")
    await expect(resource(page, "target").locator(".number")).to_have_text("22.5")
    await expect(resource(page, "target").get_by_role("status")).to_have_text("The device confirmed it")
    await field.press("Escape")
    await expect(opener).to_be_focused()
    await expect(field).to_have_count(0)

    await page.card(UID).get_by_role("button", name="Set note", exact=True).click()
    await resource(page, "note").get_by_role("textbox").fill("<b>bye</b>")
    await resource(page, "note").get_by_role("button", name="Send").click()
    assert await written(broker) == ("note", "<b>bye</b>")

    await expect(resource(page, "door")).to_contain_text("Yes")
    await page.card(UID).get_by_role("button", name="Set door", exact=True).click()
    await resource(page, "door").get_by_role("button", name="No", exact=True).click()
    assert await written(broker) == ("door", False)

    await page.card(UID).get_by_role("button", name="Set settings", exact=True).click()
    await resource(page, "settings").get_by_role("textbox").fill("{")
    await resource(page, "settings").get_by_role("button", name="Send").click()
    await expect(resource(page, "settings").get_by_role("alert")).to_have_text("Not JSON.")
    await resource(page, "settings").get_by_role("textbox").fill('{"a": [2]}')
    await resource(page, "settings").get_by_role("button", name="Send").click()
    assert await written(broker) == ("settings", {"a": [2]})

    await expect(page.card(UID).get_by_role("button", name="Set Temperature", exact=True)).to_have_count(0)


async def test_what_is_said_of_a_resource_makes_its_widget(broker: FakeBroker, page: Watched) -> None:
    await broker.new(UID, name="A", mode="eco", target="21", program="b", level="3")
    await broker.about(UID, "mode", writable=True, choices=["off", "eco", "heat"])
    await broker.about(UID, "target", title="Wanted", writable=True, unit="Cel", min=5, max=30, step=0.5)
    await broker.about(UID, "program", writable=True, choices=[f"program {number}" for number in range(32)])
    await broker.about(UID, "level", writable=False, min=9, max=1)

    heat = resource(page, "mode").get_by_role("button", name="heat")
    await expect(resource(page, "mode").get_by_role("button", name="eco")).to_have_attribute("aria-pressed", "true")
    await heat.click()
    await expect(heat).to_have_attribute("aria-pressed", "false")
    assert await written(broker) == ("mode", "heat")
    await expect(heat).to_have_attribute("aria-pressed", "true")

    slider = resource(page, "target").get_by_role("slider", name="New value of Wanted")
    await expect(slider).to_have_attribute("aria-valuetext", "21 °C")
    for _ in range(3):
        await slider.press("ArrowRight")
    assert broker.writes.empty()
    await slider.press("Enter")
    assert await written(broker) == ("target", "22.5")
    await resource(page, "target").get_by_role("textbox").fill("31")
    await resource(page, "target").get_by_role("button", name="Set", exact=True).click()
    await expect(resource(page, "target").get_by_role("alert")).to_have_text("At most 30.")

    await expect(resource(page, "program")).to_contain_text("b (none of the choices)")
    await resource(page, "program").get_by_role("combobox").select_option("program 7")
    assert broker.writes.empty()
    await resource(page, "program").get_by_role("button", name="Set", exact=True).click()
    assert await written(broker) == ("program", "program 7")

    await expect(resource(page, "level").locator(".number")).to_have_text("3")
    await expect(resource(page, "level").locator("button, input")).to_have_count(0)


async def test_what_is_large_is_cut_and_can_be_seen(broker: FakeBroker, page: Watched) -> None:
    await broker.new(UID, name="A", text="x" * 16_000, zero="\u200b\u202e")
    await broker.update(
        UID, "tree", {"k" * 2000: "v" * 2000, "many": list(range(450)), "deep": {"a": {"b": "at last"}}}
    )
    await expect(resource(page, "zero")).to_contain_text("Only invisible characters")
    text = resource(page, "text")
    box = await text.bounding_box()
    assert box is not None
    assert box["height"] < 250
    await text.get_by_role("button", name="Show all").click()
    await expect(text.get_by_role("button", name="Show less")).to_be_visible()

    tree = resource(page, "tree")
    await tree.locator("summary", has_text="many").press("Enter")
    await expect(tree.locator("li li")).to_have_count(200)
    await tree.get_by_role("button", name="250 more").click()
    await expect(tree.locator("li li")).to_have_count(400)
    await tree.get_by_role("button", name="50 more").click()
    await expect(tree.locator("li li")).to_have_count(450)
    await tree.locator("summary", has_text="deep").click()
    await tree.locator("summary").last.press("Enter")
    await expect(tree).to_contain_text("at last")
    assert await page.page.evaluate(WIDTH) <= 0


async def test_an_update_of_firmware_is_one_widget(broker: FakeBroker, page: Watched) -> None:
    await broker.new(UID, name="A", suit_state="6", dwnld="43", version="1.10")
    update = resource(page, "suit_state")
    await expect(update).to_contain_text("Downloading")
    await expect(update).to_contain_text("43%")
    await expect(update).to_contain_text("1.10")
    await expect(page.card(UID).locator("li[data-resource]")).to_have_count(1)
    await broker.update(UID, "suit_state", "3")
    await expect(update).to_contain_text("Signature is not valid")
    await expect(update.get_by_role("progressbar")).to_have_count(0)


async def test_a_part_that_cannot_be_loaded_says_so(broker: FakeBroker, page: Watched) -> None:
    async def fail(route: Route) -> None:
        await route.abort()

    await page.page.route("**/assets/Robot-*.js", fail)
    await broker.new(UID, name="A", robot="s", text="the rest goes on")
    robot = resource(page, "robot")
    await expect(robot.get_by_role("alert")).to_contain_text("This part of the page could not be loaded.")
    await expect(page.card(UID)).to_contain_text("the rest goes on")
    await page.page.unroute("**/assets/Robot-*.js")
    await robot.get_by_role("button", name="Try again").click()
    await expect(robot.get_by_role("alert")).to_have_count(0)
    await expect(robot.get_by_role("button").first).to_be_visible()
    page.errors.clear()


async def test_charts_that_cannot_be_loaded_at_first_come_by_themselves(broker: FakeBroker, page: Watched) -> None:
    asked = 0

    async def fail_at_first(route: Route) -> None:
        nonlocal asked
        asked += 1
        await (route.abort() if asked <= 3 else route.continue_())

    await page.page.route("**/assets/Chart-*.js", fail_at_first)
    await broker.new(UID, name="A")
    await broker.update(UID, "temperature", "20°C", value=20, unit="Cel")
    await expect(resource(page, "temperature")).to_contain_text("20")
    await expect(resource(page, "temperature").locator("canvas")).to_be_visible()
    assert asked > 3
    page.errors.clear()


async def test_a_number_stays_as_it_is_under_the_hands_of_who_types(broker: FakeBroker, page: Watched) -> None:
    await broker.new(UID, name="A", target="21")
    await broker.about(UID, "target", writable=True, min=5, max=30)
    setter, slider = (resource(page, "target").get_by_role(role) for role in ("textbox", "slider"))
    await expect(setter).to_have_value("21")
    await setter.focus()
    await broker.update(UID, "target", "24")
    await expect(slider).to_have_attribute("aria-valuetext", "24")
    await expect(setter).to_have_value("21")
    await setter.blur()
    await expect(setter).to_have_value("24")
    await setter.fill("26")
    await setter.press("Enter")
    assert await written(broker) == ("target", "26")
    await broker.update(UID, "target", "27")
    await expect(setter).to_have_value("27")
