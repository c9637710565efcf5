# SPDX-License-Identifier: BSD-3-Clause
"""Page, settings and broker behind one proxy with TLS, below a path: what README says to do, as a browser sees it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.dashboard.fake_broker import FakeBroker
from tests.dashboard.tls_proxy import certificate, tls_proxy
from tests.dashboard.watched_page import OpenPage

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium", "openssl")]


async def test_everything_through_one_proxy(broker: FakeBroker, serve, watch: OpenPage, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    server = await serve(broker_url="rpc", title="Barn")
    await broker.new("coap/1", name="Through the proxy", temperature="21.5")
    async with tls_proxy(certificate(tmp_path), server.port, broker.port) as port:
        address = f"https://localhost:{port}/iot/"
        watched = await watch(address, ignore_https_errors=True)
        page = watched.page
        reading = watched.card("coap/1").locator('li[data-resource="temperature"] .value')
        await expect(reading).to_contain_text("21.5")
        await broker.update("coap/1", "temperature", "22.5")
        await expect(reading).to_contain_text("22.5")
        assert f"wss://localhost:{port}/iot/rpc" in watched.requests
        # Nothing is asked of the proxy's other paths.
        assert all(url.partition("://")[2].startswith(f"localhost:{port}/iot/") for url in watched.requests)
        await page.goto(f"{address}join")
        await expect(page.get_by_role("button", name="Join")).to_be_visible()
