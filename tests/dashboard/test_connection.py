# SPDX-License-Identifier: BSD-3-Clause
"""Losing the broker is plain to see, heals by itself and ends with the broker's truth."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from tests.dashboard.fake_broker import FakeBroker
from tests.dashboard.watched_page import OpenPage, Watched
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

COUNT_ALERTS = """() => {
    window.alerts = 0;
    new MutationObserver(changes => {
        for (const {addedNodes, removedNodes} of changes)
            for (const node of [...addedNodes, ...removedNodes])
                if (node.nodeType === Node.ELEMENT_NODE && node.matches('.banner')) alerts += 1;
    }).observe(document.body, {childList: true, subtree: true});
}"""


async def test_heals_to_the_truth(broker: FakeBroker, page: Watched) -> None:
    await broker.new("coap/stays", name="Stays", text="old", motto="will be gone")
    await broker.new("coap/goes", name="Goes")
    await expect(page.page.get_by_role("article")).to_have_count(2)
    await expect(page.card("coap/stays")).to_contain_text("will be gone")
    await broker.stop()
    await expect(page.page.get_by_role("alert")).to_have_text("Connection lost. What you see is old.")
    await expect(page.page.get_by_text("Disconnected")).to_be_visible()
    await expect(page.page.get_by_text("Trying again")).to_be_visible()
    await expect(page.page.locator(".page")).to_have_css("filter", "grayscale(1)")
    await expect(page.card("coap/goes")).to_be_visible()
    del broker.nodes["coap/goes"]
    del broker.nodes["coap/stays"]["motto"]
    broker.nodes["coap/stays"]["text"] |= {"data": "new", "value": "new"}
    broker.nodes["coap/came"] = {}
    await page.page.evaluate(COUNT_ALERTS)
    async with page.page.expect_websocket():
        pass
    async with page.page.expect_websocket():
        pass
    assert await page.page.evaluate("alerts") == 0, "the banner stays still while it is tried again"
    await broker.start()
    await expect(page.page.get_by_text("Live", exact=True)).to_be_visible()
    await expect(page.card("coap/came")).to_have_count(1)
    # A broker that was started anew knows nothing of what went: the page does, until somebody dismisses it.
    await expect(page.card("coap/goes").get_by_role("button", name="Gone")).to_be_visible()
    await page.card("coap/goes").get_by_role("button", name="Dismiss Goes").click()
    await expect(page.card("coap/goes")).to_have_count(0)
    stays = page.card("coap/stays")
    await expect(stays.locator("li")).to_have_count(1)
    await expect(stays).to_contain_text("new")
    await expect(page.page.get_by_role("alert")).to_have_count(0)
    await expect(page.page.locator(".page")).to_have_css("filter", "none")
    await broker.update("coap/stays", "text", "and on it goes")
    await expect(stays).to_contain_text("and on it goes")


@pytest.mark.parametrize(
    ("code", "reason", "said"),
    [
        (1012, "", "The broker is restarting."),
        (1003, "not JSON", "The broker did not understand this page. It says: “not JSON”"),
        (4999, "", "The broker closed the connection with code 4999."),
    ],
)
async def test_says_why(broker: FakeBroker, page: Watched, code: int, reason: str, said: str) -> None:
    await page.page.clock.install()
    await page.page.reload()
    await page.page.get_by_text("No devices yet").wait_for()
    await page.page.clock.pause_at(await page.page.evaluate("Date.now()") + 10_000)
    await broker.close_clients(code, reason)
    await expect(page.page.locator(".banner")).to_contain_text(said)
    await expect(page.page.get_by_role("alert")).to_have_text("No connection to the broker.")
    while not broker.hellos.empty():
        broker.hellos.get_nowait()
    if code == 1003:
        await page.page.evaluate("dispatchEvent(new Event('online'))")
    else:
        await page.page.get_by_role("button", name="Try now").click()
    await asyncio.wait_for(broker.hellos.get(), PATIENCE_S)


async def test_says_when_localhost_is_not_what_was_meant(broker: FakeBroker, serve, watch: OpenPage) -> None:  # type: ignore[no-untyped-def]
    """The page of another machine, whose settings still say localhost: Chromium resolves *.localhost itself."""
    await broker.stop()
    server = await serve(broker_url=broker.url)
    watched = await watch(f"http://other.localhost:{server.port}/", broker.url)
    await expect(watched.page.locator(".banner")).to_contain_text("--broker-host")
    near = await watch(f"http://localhost:{server.port}/", broker.url)
    await expect(near.page.locator(".banner")).to_contain_text("cannot be reached")
    await expect(near.page.locator(".banner")).not_to_contain_text("--broker-host")


async def test_a_broker_that_is_not_there_yet(broker: FakeBroker, serve, watch: OpenPage) -> None:  # type: ignore[no-untyped-def]
    await broker.stop()
    server = await serve(broker_url=broker.url)
    watched = await watch(f"http://127.0.0.1:{server.port}/", broker.url)
    await expect(watched.page.get_by_role("alert")).to_have_text("No connection to the broker.")
    await expect(watched.page.locator(".banner")).to_contain_text("cannot be reached")
    await broker.start()
    await expect(watched.page.get_by_text("No devices yet")).to_be_visible()


async def test_asks_for_a_token_and_keeps_it(broker: FakeBroker, serve, watch: OpenPage) -> None:  # type: ignore[no-untyped-def]
    broker.token = "right"
    broker.nodes["coap/1"] = {}
    server = await serve(broker_url=broker.url)
    watched = await watch(f"http://127.0.0.1:{server.port}/", broker.url)
    field = watched.page.get_by_label("Token")
    await expect(watched.page.get_by_role("alert")).to_contain_text("This broker wants an access token.")
    assert "token" not in await broker.hellos.get()
    await field.fill("wrong")
    await watched.page.get_by_role("button", name="Connect").click()
    assert (await asyncio.wait_for(broker.hellos.get(), PATIENCE_S))["token"] == "wrong"
    await expect(watched.page.get_by_role("alert")).to_contain_text("The broker does not accept this access token.")
    await field.fill("right")
    await field.press("Enter")
    await expect(watched.card("coap/1")).to_be_visible()
    await expect(field).to_have_count(0)
    await watched.page.reload()
    await expect(watched.card("coap/1")).to_be_visible()
    assert await watched.page.evaluate("Object.keys(localStorage)") == []
    assert await watched.page.evaluate("document.cookie") == ""


async def test_an_ipv6_broker(serve, watch: OpenPage) -> None:  # type: ignore[no-untyped-def]
    broker = FakeBroker(host="::1")
    try:
        await broker.start()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    server = await serve(broker_url=broker.url)
    watched = await watch(f"http://127.0.0.1:{server.port}/", broker.url)
    await expect(watched.page.get_by_text("No devices yet")).to_be_visible()
    await broker.stop()
