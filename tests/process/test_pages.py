# SPDX-License-Identifier: BSD-3-Clause
"""Tabs and phones as devices: the page to join, and the examples of pages, with a real broker and browser."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from pyaiot.client import Client
from pyaiot.dashboard.config import DashboardConfig
from pyaiot.dashboard.server import DashboardServer
from pyaiot.keys import Keys
from tests.dashboard.watched_page import CHROMIUM, FLAGS, Watched, watched_page
from tests.lasting_ports import lasting_port
from tests.process.processes import BROKER_LISTENS, ROOT, Host

pytestmark = pytest.mark.needs("chromium")

EXAMPLES = ROOT / "docs" / "examples"
AXE = ROOT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
FINDINGS = "axe.run().then(({violations}) => violations.map(({id, nodes}) => [id, nodes.map(({html}) => html)]))"
AT_REST = "() => document.getAnimations().every(({playState}) => playState !== 'running')"
SCROLLS_SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
MOVES = """setInterval(() => dispatchEvent(
    new DeviceMotionEvent('devicemotion', {acceleration: {x: 1, y: 0, z: -9.8123}})), 20)"""

#: The name of a host that is not this one, as far as a browser knows: pages of it by plain http get no sensors.
ELSEWHERE = "phone.test"

OpenPage = Callable[..., Awaitable[Watched]]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        elsewhere = f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1"
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, elsewhere])
        yield chromium
        await chromium.close()


@pytest.fixture
async def watch(browser: Browser) -> AsyncIterator[OpenPage]:
    """Opens pages, none of which may have had a fault in a script or been refused anything."""
    opened: list[Watched] = []

    async def open_page(url: str, **settings: object) -> Watched:
        watched = await watched_page(browser, **settings)
        await watched.page.goto(url)
        opened.append(watched)
        return watched

    yield open_page
    for watched in opened:
        assert watched.errors == []
        assert await watched.violations() == []
        await watched.page.context.close()


@asynccontextmanager
async def dashboard(broker_port: int) -> AsyncIterator[int]:
    """A dashboard for a broker that may not be there yet; its port."""
    server = DashboardServer(DashboardConfig(broker_url=f"ws://localhost:{broker_port}/rpc"), "127.0.0.1", 0)
    await server.start()
    try:
        yield server.port
    finally:
        await server.stop()


@pytest.fixture
async def pages(host: Host, keys: Keys) -> tuple[str, int]:
    """A web server with the examples and the client, as docs/api.md puts them, and a broker that admits its pages.

    The server's address, and the broker's port.
    """
    folder = host.home / "pages"
    shutil.copytree(ROOT / "dashboard" / "client", folder / "client")
    for page in EXAMPLES.glob("*.html"):
        shutil.copy(page, folder)
    options = ("--bind", "127.0.0.1", "--directory", str(folder))
    server = await host.start_program(sys.executable, "-u", "-m", "http.server", "0", *options, name="http.server")
    address = f"http://localhost:{await server.port(r'port ([0-9]+)')}"
    _, port = await host.broker("--allowed-origins", address)
    return address, port


async def findings(page: Page) -> list[str]:
    """What axe finds; nothing where it is not installed, which tests/dashboard says."""
    if not AXE.is_file():
        return []
    await page.wait_for_function(AT_REST)
    await page.evaluate(AXE.read_text(encoding="utf-8") + ";0")
    found: list[str] = await page.evaluate(FINDINGS)
    return found


async def join(page: Page, name: str) -> None:
    await page.get_by_label("Name").fill(name)
    await page.get_by_role("button", name="Join").click()
    await expect(page.get_by_role("heading", name=name)).to_be_visible()


async def test_a_phone_joins_and_is_a_device(host: Host, keys: Keys, watch: OpenPage) -> None:
    port = lasting_port("localhost")
    async with dashboard(port) as web_port:
        await host.broker("--web-port", str(web_port), port=port)
        seen = await watch(f"http://localhost:{web_port}/")
        await expect(seen.page.get_by_text("No devices yet")).to_be_visible()
        phone = await watch(
            f"http://localhost:{web_port}/join",
            viewport={"width": 360, "height": 740},
            color_scheme="dark",
            geolocation={"latitude": 48.7144507, "longitude": 2.2058228, "accuracy": 12},
            permissions=["geolocation", "accelerometer", "gyroscope"],
        )
        page, card = phone.page, seen.card("peer/zoe-s-phone")
        assert await findings(page) == []
        await join(page, "Zoë's phone")
        await expect(card.get_by_role("heading", level=2)).to_have_text("Zoë's phone")

        for _ in range(2):
            await page.get_by_role("button", name="Button A").click()
        await page.get_by_role("button", name="One less").click()
        await page.get_by_label("Text").fill("<b>hi</b>")
        await page.keyboard.press("Enter")
        await expect(card.locator('li[data-resource="button-a"] .value')).to_have_text("2")
        await expect(card.locator('li[data-resource="counter"] .value')).to_have_text("−1")
        await expect(card.locator('li[data-resource="text"] .text')).to_have_text("<b>hi</b>")

        await page.evaluate(MOVES)
        await page.get_by_role("button", name="Share motion").click()
        await expect(card.locator('li[data-resource="acceleration"]')).to_contain_text("-9.81")
        await page.get_by_role("button", name="Stop motion").click()
        await page.get_by_role("button", name="Share place").click()
        await expect(card.locator('li[data-resource="position"]')).to_contain_text("48.71445")
        await page.get_by_role("button", name="Stop place").click()
        await page.get_by_role("button", name="Share place").wait_for()

        async with Client(f"localhost:{port}") as program:
            assert await program.call("zoe-s-phone", "say", text="<i>tea</i>") is True
            await expect(page.get_by_role("log")).to_have_text("<i>tea</i>")
            assert isinstance(await program.call("zoe-s-phone", "vibrate"), bool)
        assert await findings(page) == []
        assert not await page.evaluate(SCROLLS_SIDEWAYS)

        await page.get_by_role("button", name="Leave").click()
        await expect(card).to_have_count(0)
        await expect(page.get_by_label("Name")).to_have_value("Zoë's phone")
        await page.get_by_role("link").click()
        await expect(page.get_by_text("No devices yet")).to_be_visible()
        await page.get_by_role("link", name="Join").click()
        await expect(page.get_by_label("Name")).to_have_value("Zoë's phone")


async def test_the_name_is_the_same_phone_again_but_not_another_s(host: Host, keys: Keys, watch: OpenPage) -> None:
    port = lasting_port("localhost")
    async with dashboard(port) as web_port:
        broker, _ = await host.broker("--web-port", str(web_port), port=port)
        address = f"http://localhost:{web_port}/join"
        first, second = await watch(address), await watch(address)
        await join(first.page, "Anna")
        await expect(first.page.get_by_text("peer/anna", exact=True)).to_be_visible()
        await join(second.page, "Anna")
        await expect(second.page.get_by_text("peer/anna-")).to_be_visible()
        tab = await first.page.context.new_page()
        await tab.goto(address)
        await tab.get_by_role("button", name="Join").click()
        await expect(tab.get_by_text("peer/anna", exact=True)).to_be_visible()
        await expect(first.page.get_by_role("alert")).to_have_text("This name joined somewhere else.")

        await tab.get_by_role("button", name="One more").click()
        await broker.kill()
        await expect(tab.get_by_role("alert")).to_have_text("The connection was lost. It comes back by itself.")
        await tab.get_by_role("button", name="One more").click()
        again, _ = await host.broker("--web-port", str(web_port), port=port)
        await again.says(BROKER_LISTENS)
        await expect(tab.get_by_role("alert")).to_have_text("")
        async with (
            Client(f"localhost:{port}") as program,
            program.watch(uid="peer/anna", resource="counter") as watched,
        ):
            async for value in watched:
                if value.value == 2:
                    break


async def test_a_phone_from_elsewhere_needs_a_token(host: Host, keys: Keys, watch: OpenPage) -> None:
    port = lasting_port("localhost")
    made = [await host.run("aiot-generate-keys", "--client", role, "--role", role) for role in ("viewer", "operator")]
    viewer, operator = (each.out.split()[-1] for each in made)
    async with dashboard(port) as web_port:
        origin = f"http://{ELSEWHERE}:{web_port}"
        await host.broker("--require-token", "--allowed-origins", origin, port=port)
        phone = await watch(f"{origin}/join", viewport={"width": 360, "height": 740})
        page = phone.page
        await page.get_by_label("Name").fill("Bob")
        await page.keyboard.press("Enter")
        await page.get_by_label("Token").fill("wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert").first).to_contain_text("does not accept this access token")
        assert await findings(page) == []
        await page.get_by_label("Token").fill(viewer)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert").first).to_contain_text("may only read")
        await page.get_by_label("Token").fill(operator)
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("peer/bob")).to_be_visible()
        for sensor in ("motion", "place"):
            await page.get_by_role("button", name=f"Share {sensor}").click()
        await expect(page.get_by_text("needs https")).to_have_count(2)
        assert len(phone.errors) == 1
        assert "Cross-Origin-Opener-Policy header has been ignored" in phone.errors.pop()  # that, too, needs https


def test_what_the_document_shows_is_the_example() -> None:
    blocks = re.findall(r"^```js\n(.*?)^```$", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.S | re.M)
    page = (EXAMPLES / "tabs.html").read_text(encoding="utf-8")
    shown = [line.strip() for line in blocks[-1].splitlines()]
    assert len(shown) <= 10
    assert set(shown) <= {line.strip() for line in page.splitlines()}


async def test_two_tabs_that_call_each_other(pages: tuple[str, int], watch: OpenPage) -> None:
    address, port = pages
    anna = await watch(f"{address}/tabs.html?broker=localhost:{port}#anna")
    said = anna.page.locator("output")
    await anna.page.get_by_role("button").click()
    await expect(said).to_have_text("there is no such entity")
    bob = await watch(f"{address}/tabs.html?broker=localhost:{port}#bob")
    async with Client(f"localhost:{port}") as program:
        async for _ in program.watch(uid="peer/bob").changes():
            break
    await anna.page.get_by_role("button").click()
    await expect(said).to_have_text("Hello, anna, I am bob.")
    await expect(bob.page.locator("output")).to_have_text("anna says hello.")
    await bob.page.get_by_role("button").click()
    await expect(bob.page.locator("output")).to_have_text("Hello, bob, I am anna.")
    await expect(said).to_have_text("bob says hello.")


async def test_a_tab_that_counts(pages: tuple[str, int], watch: OpenPage) -> None:
    address, port = pages
    await watch(f"{address}/tab.html?broker=localhost:{port}")
    counted = []
    async with Client(f"localhost:{port}") as program, program.watch(resource="seconds") as watched:
        async for value in watched:
            counted.append(value.value)
            if len(counted) == 2:
                break
    assert counted[1] == counted[0] + 1


async def test_vote_a_lamp_post(host: Host, pages: tuple[str, int], watch: OpenPage) -> None:
    address, port = pages
    lamps = await host.start_program(
        *(sys.executable, "-u", str(EXAMPLES / "lamps.py"), f"localhost:{port}", "--lamps", "2", "--votes", "2"),
        name="lamps",
    )
    await lamps.says("are there")
    first = await watch(f"{address}/vote.html?broker=localhost:{port}", viewport={"width": 360, "height": 740})
    other = await watch(f"{address}/vote.html?broker=localhost:{port}")
    await first.page.get_by_label("Lamp").select_option("lamp-2")
    await first.page.get_by_label("Light").fill("80")
    await first.page.get_by_role("button", name="Suggest").click()
    for page in (first.page, other.page):
        await expect(page.get_by_role("listitem")).to_contain_text("lamp-2 at 80 %, 0 for, 0 against")
    await first.page.get_by_role("button", name="For").click()
    await expect(other.page.get_by_role("listitem")).to_contain_text("1 for, 0 against")
    await other.page.get_by_role("button", name="For").click()
    await expect(other.page.get_by_role("status")).to_have_text("voteOnSuggestion: done")
    for page in (first.page, other.page):
        await expect(page.get_by_role("listitem")).to_have_count(0)
    async with Client(f"localhost:{port}") as program:
        assert (await program.node("peer/lamp-2")).values["level"].value == 80
