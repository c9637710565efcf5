# SPDX-License-Identifier: BSD-3-Clause
"""What is around every page: going from one to the next, settings, the keyboard, languages, and the first minute."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import expect

from tests.dashboard.fake_broker import FakeBroker
from tests.dashboard.watched_page import Watched

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]


def gateway(name: str, **door: Any) -> dict[str, Any]:
    return {"gateway": name, "state": "connected", "nodes": 0, "doors": [door]}


async def test_by_keyboard_alone(broker: FakeBroker, page: Watched) -> None:
    await broker.new("coap/1", name="Lamp")
    keyboard, focus = page.page.keyboard, page.page.locator(":focus")
    await expect(page.page.get_by_text("Lamp").first).to_be_visible()
    await keyboard.press("Tab")
    await expect(focus).to_have_text("Skip to the content")
    await keyboard.press("Enter")
    await expect(page.page.get_by_role("main")).to_be_focused()

    await keyboard.press("m")
    await expect(page.page).to_have_url(re.compile(r"#/map$"))
    await expect(page.page.get_by_role("link", name="Map", exact=True)).to_have_attribute("aria-current", "page")
    await keyboard.press("o")
    await expect(page.page.get_by_text("Lamp").first).to_be_visible()
    await expect(page.page.get_by_role("main")).to_be_focused()

    await keyboard.press("?")
    await expect(page.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    await page.page.get_by_role("checkbox").uncheck()
    await keyboard.press("Escape")
    await expect(page.page.get_by_role("dialog")).to_have_count(0)
    await keyboard.press("/")
    await expect(page.page.get_by_role("textbox", name="Search devices")).not_to_be_focused()
    await keyboard.press("m")
    await page.page.get_by_role("button", name="Settings").click()
    await expect(page.page.get_by_role("dialog", name="Settings")).to_be_visible()
    await expect(page.page).not_to_have_url(re.compile(r"#/map$"))


async def test_settings_are_kept_and_forgotten(page: Watched) -> None:
    settings = page.page.get_by_role("dialog")
    await page.page.keyboard.press(",")
    await settings.get_by_label("Language").select_option("fr")
    await expect(page.page.get_by_role("dialog", name="Réglages")).to_be_visible()
    await expect(page.page.locator("html")).to_have_attribute("lang", "fr")
    address = settings.get_by_label("Adresse de la caméra")
    await address.fill("http://camera.example:8081/live")
    await expect(settings.get_by_role("status")).to_contain_text("--webcam-hosts camera.example:8081")
    await address.blur()
    await page.page.reload()
    await page.page.get_by_role("heading", name="Pas encore d’appareil").wait_for()
    await page.page.keyboard.press(",")
    await expect(address).to_have_value("http://camera.example:8081/live")
    await settings.get_by_role("button", name="Tout oublier").click()
    await settings.get_by_role("button", name="Vraiment tout oublier ?").click()
    await page.page.get_by_role("heading", name="No devices yet").wait_for()
    assert await page.page.evaluate("Object.keys(localStorage)") == []


async def test_the_first_minute(broker: FakeBroker, page: Watched) -> None:
    """Another gateway while somebody reads; hostile ones tell nothing; the first device ends it."""
    broker.gateways = [gateway("evil", scheme="coap", port=1, host="$(reboot)")]
    lines = page.page.locator("main code")
    await page.page.reload()
    await expect(page.page.get_by_text("do not say where devices come in")).to_be_visible()
    broker.gateways = []
    await expect(lines.first).to_contain_text("aiot-coap-gateway")
    await page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.page.get_by_role("button", name="Copy").last.click()
    await expect(page.page.locator("main").get_by_role("status").filter(has_text="Copied")).to_have_count(1)
    assert (await page.page.evaluate("navigator.clipboard.readText()")).startswith("aiot-ws-gateway")
    broker.gateways = [
        gateway("coap", scheme="coap", port=5683, path="/alive"),
        gateway("http", scheme="http", port=8002, host="localhost", path="/v1/nodes"),
    ]
    tabs = page.page.get_by_role("tab")
    await expect(tabs).to_have_text(["Simulated", "CoAP", "HTTP"])
    await tabs.first.focus()
    await page.page.keyboard.press("ArrowLeft")
    await expect(tabs.last).to_be_focused()
    await expect(lines).to_have_text(["curl -d '{\"temperature\": 21.5}' http://localhost:8002/v1/nodes/my-device"])
    await broker.new("http/my-device", name="It came")
    await expect(page.page.get_by_text("It came").first).to_be_visible()
    await expect(tabs).to_have_count(0)
    await page.page.get_by_role("button", name="Add a device").click()
    await expect(page.page.get_by_role("dialog", name="Add a device").get_by_role("tab")).to_have_count(3)
