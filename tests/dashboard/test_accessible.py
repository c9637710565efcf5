# SPDX-License-Identifier: BSD-3-Clause
"""No finding of axe, the accessibility checker, in any state of the page and in both themes."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.dashboard.fake_broker import FakeBroker
from tests.dashboard.watched_page import ROOT, OpenPage
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

AXE = ROOT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
FINDINGS = """axe.run().then(({violations}) => violations.flatMap(({id, nodes}) =>
    nodes.map(({html, failureSummary}) => `${id}: ${html.slice(0, 120)} ${failureSummary}`)))"""
AT_REST = "() => document.getAnimations().every(({playState}) => playState !== 'running')"


@pytest.fixture(scope="module")
def axe() -> str:
    if not Path(AXE).is_file():
        message = "needs axe-core: run `npm ci --ignore-scripts` in dashboard/"
        if os.environ.get("CI") == "true":
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    return AXE.read_text(encoding="utf-8")


async def findings(page: Page, axe: str) -> list[str]:
    await page.wait_for_function(AT_REST)
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(axe + ";0")
    found: list[str] = await page.evaluate(FINDINGS)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_findings(broker: FakeBroker, serve, watch: OpenPage, axe: str, scheme: str) -> None:  # type: ignore[no-untyped-def]
    server = await serve(broker_url=broker.url)
    watched = await watch(f"http://127.0.0.1:{server.port}/", broker.url, color_scheme=scheme)
    page, keyboard = watched.page, watched.page.keyboard
    start = page.url.split("#")[0]

    async def show(path: str, *wanted: tuple[Any, str]) -> None:
        await page.goto(start + path)
        for role, name in wanted:
            await page.get_by_role(role, name=name).first.wait_for()

    async def check(what: str) -> None:
        if found := await findings(page, axe):
            faults[what] = found

    #: All of them are told at once.
    faults: dict[str, list[str]] = {}
    await page.get_by_text("No devices yet").wait_for()
    await check("no devices")

    await broker.new("coap/1", name="Greenhouse", led="1", protocol="CoAP", os="riot", text="hello")
    await broker.update("coap/1", "temperature", "21.5°C", value=21.5, unit="Cel")
    await broker.update("coap/1", "imu", [{"type": "acc", "values": list(range(60))}])
    await broker.new("coap/2")
    await broker.new("ws/3", name="Barn", text="bye")
    await broker.update("ws/3", "humidity", "50", value=50, unit="%RH")
    await broker.out("ws/3")
    await page.get_by_role("switch").click()
    await broker.refuse(await asyncio.wait_for(broker.writes.get(), PATIENCE_S), "timeout", "no answer")
    await page.get_by_text("Timed out").wait_for()
    await check("cards")
    for name in ("Menu of Greenhouse", "Filter", "Shown"):
        await page.get_by_role("button", name=name, exact=True).click()
        await check(name)
        await keyboard.press("Escape")
    await page.get_by_role("button", name="List", exact=True).click()
    await page.get_by_role("table", name="Devices").wait_for()
    await check("list")

    await broker.update("coap/1", "position", {"lat": 48.7, "lng": 2.2})
    await show("#/device/coap/1", ("region", "Details"))
    await page.get_by_role("button", name="Show as table: Temperature").click()
    await check("device")
    await show("#/device/ws/3", ("button", "Dismiss"))
    await check("device that went")
    await show("#/device/coap/9", ("heading", "No device is called coap/9"))
    await check("device that is not there")
    await show("#/map", ("region", "Devices on the map"))
    await page.get_by_role("application").get_by_role("button", name="Greenhouse").click()
    await page.get_by_role("dialog", name="Greenhouse").wait_for()
    await check("map")

    for name in ("Settings", "Add a device", "Keyboard shortcuts"):
        await page.get_by_role("button", name=name, exact=True).click()
        await page.get_by_role("dialog", name=name).wait_for()
        await check(name)
        await keyboard.press("Escape")
        await expect(page.get_by_role("dialog", name=name)).to_have_count(0)

    await broker.gateway("coap", "away")
    await show("#/?layout=grid", ("article", "Greenhouse"))
    await page.get_by_text("Unreachable").first.wait_for()
    await check("a gateway away")
    if scheme == "dark":
        await page.set_viewport_size({"width": 390, "height": 844})
        await check("cards on a phone")
        for name in ("Filters", "Arrange"):
            await page.get_by_role("button", name=name, exact=True).click()
            await check(f"{name} on a phone")
            await keyboard.press("Escape")
        await show("#/device/coap/1", ("region", "Details"))
        await check("device on a phone")

    await broker.stop()
    await expect(page.get_by_role("alert")).to_be_visible()
    await check("no connection")

    broker.token = "secret"
    await broker.start()
    await page.get_by_label("Token").wait_for()
    await check("token asked")
    assert faults == {}
