# SPDX-License-Identifier: BSD-3-Clause
"""The page as an application: it can be installed, opens without its server, and keeps nothing that devices said."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.dashboard.fake_broker import FakeBroker
from tests.dashboard.watched_page import OpenPage

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

KEPT = """async () => {
    const urls = [];
    for (const name of await caches.keys())
        for (const {url} of await (await caches.open(name)).keys()) urls.push(new URL(url).pathname);
    return urls.sort();
}"""


async def test_installs_and_opens_without_its_server(broker: FakeBroker, serve, watch: OpenPage) -> None:  # type: ignore[no-untyped-def]
    server = await serve(broker_url=broker.url, title="Barn")
    watched = await watch(f"http://127.0.0.1:{server.port}/", broker.url, service_workers="allow")
    page = watched.page
    await broker.new("coap/1", name="Told")
    await expect(page.get_by_text("Told").first).to_be_visible()
    await page.evaluate("navigator.serviceWorker.ready.then(() => 0)")
    await page.wait_for_function("() => navigator.serviceWorker.controller !== null")

    session = await page.context.new_cdp_session(page)
    manifest = await session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"].endswith("/manifest.webmanifest")
    # A profile without a disk is never offered an installation; anything else would be our fault.
    errors = (await session.send("Page.getInstallabilityErrors"))["installabilityErrors"]
    assert [error["errorId"] for error in errors if error["errorId"] != "in-incognito"] == []

    kept = await page.evaluate(KEPT)
    assert {"/", "/config.json"} <= set(kept)
    assert all(path in ("/", "/config.json") or path.startswith(("/assets/", "/icons/", "/manifest")) for path in kept)

    await server.stop()
    await broker.stop()
    await page.reload()
    await expect(page.get_by_role("alert")).to_have_text("No connection to the broker.")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Barn")
    await expect(page.get_by_text("Told")).to_have_count(0)
    await broker.start()
    await expect(page.get_by_text("Told").first).to_be_visible()
