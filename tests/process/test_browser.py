# SPDX-License-Identifier: BSD-3-Clause
"""A real browser, the real page, and everything behind it: what somebody sees who has just cloned this."""

from __future__ import annotations

import signal
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, async_playwright, expect

from pyaiot.keys import Keys
from tests.dashboard.watched_page import CHROMIUM, FLAGS, Watched, watched_page
from tests.lasting_ports import lasting_port
from tests.patience import is_within
from tests.process.processes import BROKER_LISTENS, DASHBOARD_LISTENS, Host

pytestmark = pytest.mark.needs("chromium")

FIRST_VALUE_S = 5.0
FREE_PORTS = [f"--{name}-port=0" for name in ("broker", "coap", "gateway", "http", "mqtt", "web")]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        await chromium.close()


@pytest.fixture
async def watched(browser: Browser) -> AsyncIterator[Watched]:
    """A page. At the end nothing may have been refused by its policy, and no script of it have failed."""
    made = await watched_page(browser)
    yield made
    assert await made.violations() == []
    assert made.errors == []
    await made.page.context.close()


async def test_the_demo(host: Host, watched: Watched) -> None:
    page = watched.page
    began = time.monotonic()
    process = await host.start("aiot", "up", "--demo", *FREE_PORTS)
    address = (await process.says(r"Dashboard +(http://\S+/)"))[1]
    await page.goto(address)
    reading = watched.card("coap/weather-station").locator('li[data-resource="temperature"] .value')
    await expect(reading).to_be_visible()
    first_value_s = time.monotonic() - began
    assert is_within(first_value_s, FIRST_VALUE_S)
    for uid in ("coap/weather-station", "coap/desk-lamp", "coap/greenhouse", "mqtt/wipy-1", "mqtt/mqtt-2", "ws/garage"):
        await expect(watched.card(uid)).to_be_visible()
    await expect(page.get_by_role("article")).to_have_count(12)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()

    pressure = watched.card("coap/weather-station").locator('li[data-resource="pressure"] .value')
    text = await pressure.inner_text()
    await expect(pressure).not_to_have_text(text)  # a value moves

    for uid in ("coap/desk-lamp", "mqtt/wipy-1", "ws/garage"):
        switch = watched.card(uid).locator('li[data-resource="led"]').get_by_role("switch")
        await expect(switch).to_have_attribute("aria-checked", "false")
        for number, state in (("1", "true"), ("0", "false")):
            await switch.click()
            await process.says(f"device {uid.partition('/')[2]}: led is now {number}")
            await expect(switch).to_have_attribute("aria-checked", state)
            await expect(switch).to_have_attribute("aria-busy", "false")
        await expect(watched.card(uid).locator(".outcome :text('Confirmed')")).to_have_count(1)

    await process.stop(signal.SIGINT)
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(watched.card("coap/desk-lamp")).to_be_visible()  # what was known stays, and looks old
    ports = {urlsplit(address).port, *(urlsplit(url).port for url in watched.requests)}
    assert watched.hosts() == {f"localhost:{port}" for port in ports}
    assert len(ports) == 2, "the page asks its own server and the broker, and nobody else"
    print(f"first value on the page {first_value_s:.2f} s after the command")


async def test_three_processes_and_a_broker_that_is_killed(host: Host, keys: Keys, watched: Watched) -> None:
    page = watched.page
    broker, port = await host.broker(port=lasting_port("localhost"))
    dashboard = await host.start("aiot-dashboard", "--web-port", "0", "--broker-port", str(port))
    web_port = await dashboard.port(DASHBOARD_LISTENS)
    await broker.stop()  # it did not know yet where the dashboard is, whose pages it is to admit
    broker, _ = await host.broker("--web-port", str(web_port), port=port)
    _, coap_port = await host.coap_gateway(port)
    node = ("--gateway-port", str(coap_port), "--uid", "bench", "--led", "--temperature", "--interval", "0.5")
    device = await host.start_program(*host.test_node(*node), name="coap-test-node")

    await page.goto(f"http://localhost:{web_port}/")
    card = watched.card("coap/bench")
    value = card.locator('li[data-resource="temperature"] .value')
    switch = card.get_by_role("switch", name="LED")
    await expect(value).to_be_visible()
    await switch.click()
    await expect(switch).to_have_attribute("aria-checked", "true")

    await broker.kill()
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_text("Disconnected")).to_be_visible()
    await expect(switch).to_have_attribute("aria-disabled", "true")
    old = await value.inner_text()

    broker = await host.start("aiot-broker", "--broker-port", str(port), "--web-port", str(web_port))
    await broker.says(BROKER_LISTENS)
    began = time.monotonic()
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)
    await expect(value).not_to_have_text(old)
    healed_s = time.monotonic() - began
    await expect(switch).to_have_attribute("aria-checked", "true")  # the broker forgot it, the gateway did not
    await switch.click()
    await expect(switch).to_have_attribute("aria-checked", "false")
    await device.says("led is now 0")
    assert watched.hosts() == {f"localhost:{web_port}", f"localhost:{port}"}
    print(f"healed {healed_s:.2f} s after the broker was there again")
