# SPDX-License-Identifier: BSD-3-Clause
"""No finding of axe, the accessibility checker, in any state of the page and in both themes."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

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
    await page.evaluate(axe + ";0")
    found: list[str] = await page.evaluate(FINDINGS)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_findings(broker: FakeBroker, serve, watch: OpenPage, axe: str, scheme: str) -> None:  # type: ignore[no-untyped-def]
    server = await serve(broker_url=broker.url)
    watched = await watch(f"http://127.0.0.1:{server.port}/", broker.url, color_scheme=scheme)
    page = watched.page
    await page.get_by_text("No devices yet").wait_for()
    assert await findings(page, axe) == []

    await broker.new("coap/1", name="Greenhouse", led="1", protocol="CoAP", os="riot", text="hello")
    await broker.update("coap/1", "temperature", "21.5°C", value=21.5, unit="Cel")
    await broker.update("coap/1", "imu", [{"type": "acc", "values": list(range(60))}])
    await broker.new("coap/2")
    await page.get_by_role("switch").click()
    await broker.refuse(await asyncio.wait_for(broker.writes.get(), PATIENCE_S), "timeout", "no answer")
    await page.get_by_text("Timed out").wait_for()
    await page.get_by_role("button", name="Menu of Greenhouse").click()
    assert await findings(page, axe) == []

    await broker.update("coap/1", "position", {"lat": 48.7, "lng": 2.2})
    start = page.url.split("#")[0]
    for path, region in (("#/device/coap/1", "Details"), ("#/map", "Devices on the map")):
        await page.goto(start + path)
        await page.get_by_role("region", name=region).wait_for()
        assert await findings(page, axe) == []
    await page.goto(start + "#/")

    await broker.gateway("coap", "away")
    await page.get_by_text("Unreachable").first.wait_for()
    assert await findings(page, axe) == []

    await broker.stop()
    await expect(page.get_by_role("alert")).to_be_visible()
    assert await findings(page, axe) == []

    broker.token = "secret"
    await broker.start()
    await page.get_by_label("Token").wait_for()
    assert await findings(page, axe) == []
