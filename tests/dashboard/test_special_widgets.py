# SPDX-License-Identifier: BSD-3-Clause
"""Robots, joysticks, inertial units, webcams and scripts: one journey each."""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
import tornado.web
from playwright.async_api import Locator, expect
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from pyaiot.dashboard.server import DashboardServer
from tests.dashboard.fake_broker import FakeBroker, Write
from tests.dashboard.watched_page import OpenPage, Watched
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

STOP = "0:0:0\n"


async def written(broker: FakeBroker, confirmed: bool = True) -> Write:
    """The next write of a page; the device does it at once."""
    write = await asyncio.wait_for(broker.writes.get(), PATIENCE_S)
    if confirmed:
        await broker.update(write.params["uid"], write.params["resource"], write.params["data"])
        await broker.confirm(write)
    return write


async def until(broker: FakeBroker, data: str) -> None:
    """Confirm writes up to one of ``data``."""
    while (await written(broker)).params["data"] != data:
        pass


async def after_stops(broker: FakeBroker) -> str:
    """What is told next, once the stick stands; until a stop is confirmed, which takes its time, it is told again."""
    while (data := (await written(broker)).params["data"]) == STOP:
        pass
    return str(data)


def picture(width: int = 8, height: int = 6) -> bytes:
    """A PNG, all blue."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\x20\x40\xff" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Camera(tornado.web.RequestHandler):
    """Gives its picture, unless it is broken."""

    is_broken = False

    def get(self) -> None:
        if Camera.is_broken:
            self.send_error(503)
            return
        self.set_header("Content-Type", "image/png")
        self.finish(picture())


@pytest_asyncio.fixture(loop_scope="session")
async def camera() -> AsyncIterator[str]:
    """The host and port of a camera."""
    socket, port = bind_unused_port()
    server = HTTPServer(tornado.web.Application([("/camera.png", Camera)]))
    server.add_socket(socket)
    yield f"127.0.0.1:{port}"
    server.stop()
    Camera.is_broken = False


async def pixels(canvas: Locator) -> int:
    """How many pixels of a canvas are drawn."""
    count: int = await canvas.evaluate(
        """canvas => {
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return data.filter((value, place) => place % 4 === 3 && value > 0).length;
        }"""
    )
    return count


async def test_a_robot_is_driven_by_its_pad_and_by_arrows(broker: FakeBroker, page: Watched) -> None:
    await broker.new("coap/1", name="Buggy", robot="s")
    card = page.card("coap/1")
    await expect(card.get_by_role("button", name="Stop")).to_have_attribute("aria-pressed", "true")
    left = card.get_by_role("button", name="Left")
    await left.click()
    write = await written(broker, confirmed=False)
    assert write.params == {"uid": "coap/1", "resource": "robot", "data": "l"}
    # Nothing is shown as done before the device said so.
    await expect(left).to_have_attribute("aria-busy", "true")
    await expect(left).to_have_attribute("aria-pressed", "false")
    await broker.update("coap/1", "robot", "l")
    await broker.confirm(write)
    await expect(left).to_have_attribute("aria-pressed", "true")
    await expect(left).to_have_attribute("aria-busy", "false")
    for key, data in (("ArrowUp", "u"), ("ArrowDown", "d"), ("ArrowRight", "r"), ("Space", "s")):
        await page.page.keyboard.press(key)
        assert (await written(broker)).params["data"] == data
    await expect(card.get_by_role("button", name="Stop")).to_have_attribute("aria-pressed", "true")
    assert broker.writes.empty()


async def test_a_joystick_stops_whenever_it_is_let_go(broker: FakeBroker, page: Watched) -> None:
    await broker.new("coap/1", name="RiBot", ribot=STOP)
    stick = page.card("coap/1").get_by_role("button", name="letting go stops")
    await stick.hover()  # once the card has come to rest
    box = await stick.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse, keyboard = page.page.mouse, page.page.keyboard
    await mouse.move(x + box["width"] * 0.45, y)
    await mouse.down()
    first = await written(broker, confirmed=False)
    assert first.params == {"uid": "coap/1", "resource": "ribot", "data": "-255:0:-255\n"}
    # The newest place is told when the one before has its outcome, however often the stick moved.
    await mouse.move(x, y - box["height"] * 0.45, steps=5)
    await broker.confirm(first)
    assert (await written(broker)).params["data"] == "0:-255:-255\n"
    # A stop does not wait for what is under way, and is told twice.
    await mouse.up()
    await until(broker, STOP)
    assert (await written(broker)).params["data"] == STOP
    # By keyboard, until the page is hidden.
    await stick.focus()
    await keyboard.down("ArrowLeft")
    assert await after_stops(broker) == "255:0:255\n"
    await page.page.evaluate(
        """() => {
            Object.defineProperty(document, "hidden", { value: true, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
            delete document.hidden;
        }"""
    )
    await until(broker, STOP)
    await keyboard.up("ArrowLeft")
    assert (await written(broker)).params["data"] == STOP
    # The connection is lost with the stick held: the stop is told as soon as it is back.
    await keyboard.down("ArrowUp")
    assert await after_stops(broker) == "0:-255:-255\n"
    await broker.close_clients(1012, "restart")
    await until(broker, STOP)
    assert (await written(broker)).params["data"] == STOP
    await keyboard.up("ArrowUp")
    await expect(page.card("coap/1")).to_contain_text("Stands")
    assert {broker.writes.get_nowait().params["data"] for _ in range(broker.writes.qsize())} <= {STOP}


async def test_an_inertial_unit_turns_its_body_and_draws_charts(broker: FakeBroker, page: Watched) -> None:
    async def move(*gyro: float) -> None:
        sample = [{"type": "gyro", "values": gyro}, {"type": "acc", "values": [0, 0, 1000]}]
        await broker.update("coap/1", "imu", json.dumps(sample))

    await broker.new("coap/1", name="Board")
    await move(0, 0, 0)
    card = page.card("coap/1")
    body = card.get_by_role("button", name="press to reset its angle")
    canvas = body.locator("canvas")
    await expect(card).to_contain_text("x 0")
    assert await pixels(canvas) > 500
    level = await canvas.evaluate("canvas => canvas.toDataURL()")
    for step in range(5):
        await move(0.5 + step, -1, 80)
        await expect(card).to_contain_text(f"x {0.5 + step}")
    await expect(card).to_contain_text("y −1")
    assert await canvas.evaluate("canvas => canvas.toDataURL()") != level
    await body.focus()
    await page.page.keyboard.press("Enter")
    assert await canvas.evaluate("canvas => canvas.toDataURL()") == level
    assert await pixels(card.get_by_role("img", name="Rotation").locator("canvas")) > 50
    await broker.update("coap/1", "imu", '[{"type":"acc","values":["<b>",{},null]}]')
    await broker.update("coap/1", "imu", '[{"type":"gyro","values":[7,7,7]},{"type":{},"values":7}]')
    await expect(card).to_contain_text("x 7")


async def test_a_webcam_is_shown_from_allowed_hosts_only(
    broker: FakeBroker, serve: Callable[..., Awaitable[DashboardServer]], watch: OpenPage, camera: str
) -> None:
    server = await serve(broker_url=broker.url, webcam_hosts=(camera,))
    page = await watch(f"http://127.0.0.1:{server.port}/", broker.url, f"http://{camera}")
    url = f"http://{camera}/camera.png"
    await broker.new("ws/1", webcam=url)
    card = page.card("ws/1")
    image = card.get_by_role("img", name="live picture")
    await expect(image).to_have_js_property("naturalWidth", 8)
    await card.get_by_role("button", name="Pause").click()
    await expect(image).to_have_count(0)
    await expect(card).to_contain_text("Paused")
    Camera.is_broken = True
    await card.get_by_role("button", name="Resume").click()
    await broker.update("ws/1", "webcam", f"{url}?2")
    await expect(card).to_contain_text(f"No picture comes from {camera}.")
    page.errors.clear()  # the browser complains of the 503
    Camera.is_broken = False
    await card.get_by_role("button", name="Try again").click()
    await expect(image).to_have_js_property("naturalWidth", 8)
    await broker.update("ws/1", "webcam", "http://camera.example:8081/a.jpg")
    await expect(card).to_contain_text("--webcam-hosts camera.example:8081")
    await expect(image).to_have_count(0)


async def test_a_script_is_edited_and_sent(broker: FakeBroker, page: Watched) -> None:
    await broker.new("coap/1", name="Runner", js="var a = 1;")
    card = page.card("coap/1")
    editor = card.get_by_role("textbox", name="script")
    await expect(editor).to_have_text("var a = 1;")
    await expect(card).to_contain_text("As the device confirmed it")
    keyboard = page.page.keyboard
    await editor.click()
    await keyboard.press("Control+End")
    await keyboard.type(" // <img src=x onerror=executed.push(1)>")
    await expect(card).to_contain_text("Edited, not sent")
    await keyboard.press("Control+Enter")
    write = await written(broker, confirmed=False)
    text = "var a = 1; // <img src=x onerror=executed.push(1)>"
    assert write.params == {"uid": "coap/1", "resource": "js", "data": text}
    await expect(card).to_contain_text("Edited, not sent")
    await broker.update("coap/1", "js", text)
    await broker.confirm(write)
    await expect(card).to_contain_text("As the device confirmed it")
    # The device's next script is shown, but not over somebody's work.
    await broker.update("coap/1", "js", "b()")
    await expect(editor).to_have_text("b()")
    await keyboard.press("Control+End")
    await keyboard.press("Tab")
    await keyboard.type("c()")
    await broker.update("coap/1", "js", "d()")
    await expect(editor).to_have_text("b()c()")
    # The keyboard gets out of it.
    await keyboard.press("Escape")
    await keyboard.press("Tab")
    await expect(card.get_by_role("button", name="Back to the device’s")).to_be_focused()
    await keyboard.press("Enter")
    await expect(editor).to_have_text("d()")
    await expect(card).to_contain_text("As the device confirmed it")
