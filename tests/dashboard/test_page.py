# SPDX-License-Identifier: BSD-3-Clause
"""The page as a whole: narrow screens, themes, sub-paths, pictures, and what it costs to load."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tornado.httpclient
import tornado.httpserver
import tornado.netutil
import tornado.web
from playwright.async_api import Page, expect

from pyaiot.dashboard.config import DashboardConfig
from tests.dashboard.fake_broker import FakeBroker
from tests.dashboard.watched_page import ROOT, OpenPage, Watched

pytestmark = pytest.mark.needs("chromium")
in_browser = pytest.mark.asyncio(loop_scope="session")

LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20" fill="red"/></svg>'
TO_THE_LAST_CHART = """() => {
    scrollTo(0, document.documentElement.scrollHeight);
    return document.querySelector('[data-uid="coap/59"] canvas') !== null;
}"""
SCROLLS_SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


class Prefix(tornado.web.RequestHandler):
    """A reverse proxy that serves another server under a path."""

    async def get(self, path: str) -> None:
        client = tornado.httpclient.AsyncHTTPClient()
        answer = await client.fetch(f"{self.settings['upstream']}/{path}", raise_error=False)
        self.set_status(answer.code)
        for name, value in answer.headers.get_all():
            if name not in ("Content-Length", "Transfer-Encoding", "Content-Encoding", "Connection"):
                self.set_header(name, value)
        self.finish(answer.body)


@in_browser
async def test_works_under_a_path(broker: FakeBroker, serve, watch: OpenPage) -> None:  # type: ignore[no-untyped-def]
    server = await serve(broker_url=broker.url, title="Below")
    proxy = tornado.httpserver.HTTPServer(
        tornado.web.Application([(r"/deep/down/(.*)", Prefix)], upstream=f"http://127.0.0.1:{server.port}")
    )
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
    proxy.add_sockets(sockets)
    try:
        origin = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        watched = await watch(f"{origin}/deep/down/", broker.url, service_workers="allow")
        await expect(watched.page.get_by_text("No devices yet")).to_be_visible()
        await expect(watched.page).to_have_title("Below")
        await watched.page.wait_for_function("() => navigator.serviceWorker.getRegistration().then(found => !!found)")
        scope = await watched.page.evaluate("navigator.serviceWorker.getRegistration().then(({scope}) => scope)")
        assert scope == f"{origin}/deep/down/"
        fetched = [url for url in watched.requests if url.startswith("http")]
        assert len(fetched) >= 4
        assert all(url.startswith(f"{origin}/deep/down/") for url in fetched)
    finally:
        proxy.stop()
        await proxy.close_all_connections()


@in_browser
@pytest.mark.parametrize("width", [320, 390, 768])
async def test_narrow_screens(broker: FakeBroker, serve, watch: OpenPage, width: int) -> None:  # type: ignore[no-untyped-def]
    server = await serve(broker_url=broker.url, title="A rather long title of a dashboard somewhere")
    watched = await watch(
        f"http://127.0.0.1:{server.port}/", broker.url, viewport={"width": width, "height": 700}, has_touch=True
    )
    await watched.page.get_by_text("No devices yet").wait_for()
    assert not await watched.page.evaluate(SCROLLS_SIDEWAYS)
    await broker.new("coap/" + "u" * 64, name="N" * 200, led="0", text="t" * 500)
    await broker.update("coap/" + "u" * 64, "pressure", "", value=101325.75, unit="hPa")
    switch = watched.page.get_by_role("switch")
    await switch.wait_for()
    assert not await watched.page.evaluate(SCROLLS_SIDEWAYS)
    box = await switch.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= width
    await switch.tap()
    assert (await broker.writes.get()).params["data"] == "1"
    await broker.stop()
    await watched.page.get_by_role("alert").wait_for()
    assert not await watched.page.evaluate(SCROLLS_SIDEWAYS)


async def ground(page: Page) -> str:
    colour: str = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    return colour


@in_browser
async def test_themes(broker: FakeBroker, serve, watch: OpenPage) -> None:  # type: ignore[no-untyped-def]
    server = await serve(broker_url=broker.url)
    watched = await watch(f"http://127.0.0.1:{server.port}/", broker.url, color_scheme="light")
    await watched.page.get_by_text("No devices yet").wait_for()
    light = await ground(watched.page)
    await watched.page.emulate_media(color_scheme="dark")
    dark = await ground(watched.page)
    assert dark != light
    await watched.page.get_by_role("button", name="Settings").click()
    await watched.page.get_by_text("Light", exact=True).click()
    assert await ground(watched.page) == light
    await watched.page.reload()
    await watched.page.get_by_text("No devices yet").wait_for()
    assert await ground(watched.page) == light
    await watched.page.keyboard.press(",")
    await watched.page.get_by_role("radio", name="Light").focus()
    await watched.page.keyboard.press("ArrowRight")
    await expect(watched.page.get_by_role("radio", name="Dark")).to_be_checked()
    assert await ground(watched.page) == dark
    await watched.page.get_by_text("System", exact=True).click()
    await watched.page.emulate_media(color_scheme="light")
    assert await ground(watched.page) == light


@in_browser
async def test_pictures_of_this_machine(broker: FakeBroker, serve, watch: OpenPage, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    logo = tmp_path / "logo.svg"
    logo.write_bytes(LOGO)
    server = await serve(broker_url=broker.url, logo=str(logo), favicon=str(logo), title="Ours")
    watched = await watch(f"http://127.0.0.1:{server.port}/", broker.url)
    image = watched.page.locator("header img")
    await image.wait_for()
    await watched.page.wait_for_function("() => document.querySelector('header img').naturalWidth === 40")
    await expect(watched.page.get_by_role("heading", level=1)).to_have_text("Ours")
    icon = await watched.page.evaluate("document.querySelector('link[rel=icon]').href")
    assert icon == f"http://127.0.0.1:{server.port}/branding/favicon"


@in_browser
async def test_camera(broker: FakeBroker, serve, watch: OpenPage, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    picture = tmp_path / "camera.svg"
    picture.write_bytes(LOGO)

    class Camera(tornado.web.RequestHandler):
        def get(self) -> None:
            self.set_header("Content-Type", "image/svg+xml")
            self.finish(LOGO)

    camera = tornado.httpserver.HTTPServer(tornado.web.Application([(r"/live", Camera)]))
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
    camera.add_sockets(sockets)
    try:
        url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}/live"
        server = await serve(broker_url=broker.url, camera_url=url)
        watched = await watch(f"http://127.0.0.1:{server.port}/", broker.url, url)
        await expect(watched.page.get_by_role("region", name="Live camera")).to_be_visible()
        await watched.page.wait_for_function("() => document.querySelector('section img').naturalWidth === 40")
    finally:
        camera.stop()
        await camera.close_all_connections()


def test_small_to_load() -> None:
    static = DashboardConfig().static_path
    for page in ("index.html", "join.html"):
        asked = re.findall(r'(?:src|href)="\./(assets/[^"]+\.(?:js|css))"', (static / page).read_text(encoding="utf-8"))
        assert {Path(name).suffix for name in asked} == {".js", ".css"}
        initial = [static / f"{name}.gz" for name in (page, *asked)]
        assert sum(path.stat().st_size for path in initial) <= 100_000


def test_the_client_is_served_as_it_is() -> None:
    static = DashboardConfig().static_path
    sources = {path.name: path.read_bytes() for path in (ROOT / "dashboard" / "client").glob("*.js")}
    assert "index.js" in sources
    assert {path.name: path.read_bytes() for path in (static / "client").glob("*.js")} == sources


@in_browser
async def test_off_screen_cards_cost_nothing(broker: FakeBroker, page: Watched) -> None:
    for node in range(60):
        await broker.new(f"coap/{node}", name=f"Node {node}")
        await broker.update(f"coap/{node}", "temperature", "20°C", value=20, unit="Cel")
    await expect(page.page.get_by_text("60 devices").first).to_be_visible()
    await expect(page.page.locator("canvas").first).to_be_visible()
    assert 0 < await page.page.locator("canvas").count() < 40
    last = page.card("coap/59")
    await expect(last).to_have_count(0)
    # What has the focus stays, however far away it is.
    await page.card("coap/1").get_by_role("link").focus()
    # The page may grow while its cards are made.
    await page.page.wait_for_function(TO_THE_LAST_CHART)
    await expect(page.card("coap/1")).to_have_count(1)
    await page.page.evaluate("document.activeElement.blur()")
    await expect(page.card("coap/1")).to_have_count(0)
