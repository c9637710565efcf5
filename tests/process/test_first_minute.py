# SPDX-License-Identifier: BSD-3-Clause
"""The lines that the page shows to who has no device yet, run as they stand: each ends in a device on that page."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import async_playwright, expect

from tests.dashboard.watched_page import CHROMIUM, FLAGS, Watched, watched_page
from tests.process.processes import ROOT, Host
from tests.process.test_browser import FREE_PORTS

pytestmark = pytest.mark.needs("chromium", "coap-client-notls", "mosquitto_pub", "curl")

WAYS = ["Simulated", "CoAP", "MQTT", "HTTP", "WebSocket", "MicroPython"]
MICROPYTHON = ROOT / "firmware" / "micropython"


@contextlib.asynccontextmanager
async def typed(host: Host, *lines: str) -> AsyncIterator[None]:
    """Lines in a shell in a clone of pyaiot, one after the other; what they started ends with it."""
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-c", "\n".join(lines)),
        stdin=asyncio.subprocess.DEVNULL,
        env={**host.environment, "NO_PROXY": "*"},
        cwd=host.home,
        start_new_session=True,
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        await shell.wait()


async def told(watched: Watched) -> dict[str, list[str]]:
    """The lines of each way to connect a device."""
    page = watched.page
    await expect(page.get_by_role("tab")).to_have_text(WAYS)
    lines = {}
    for way in WAYS:
        await page.get_by_role("tab", name=way).click()
        await expect(page.get_by_role("tabpanel", name=way)).to_be_visible()
        lines[way] = await page.get_by_role("tabpanel").locator("code").all_inner_texts()
    return lines


async def test_each_line_ends_in_a_device_on_the_page(host: Host) -> None:
    (host.home / ".venv").symlink_to(host.environment["PATH"].partition("/bin:")[0])
    (host.home / "utils").symlink_to(ROOT / "utils")
    process = await host.start("aiot", "up", *FREE_PORTS)
    address = (await process.says(r"Dashboard +(http://\S+/)"))[1]
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        watched = await watched_page(chromium)
        await watched.page.goto(address)
        lines = await told(watched)

        async def comes(uid: str, value: str) -> None:
            reading = watched.card(uid).locator('li[data-resource="temperature"] .value')
            await expect(reading).to_contain_text(value)

        for way, uid in (("CoAP", "coap"), ("MQTT", "mqtt"), ("HTTP", "http"), ("WebSocket", "ws")):
            async with typed(host, *lines[way]):
                await comes(f"{uid}/my-device", "21.5")
        async with typed(host, *lines["Simulated"]):
            await comes("coap/bench", "°C")
        assert watched.errors == []
        await chromium.close()

    settings, link, copy = lines["MicroPython"]
    assert settings == f"cd {MICROPYTHON.relative_to(ROOT)} && cp config_example.py config.py"
    assert copy in (MICROPYTHON / "README.md").read_text()
    name, _, address = link.partition(" = ")
    assert f'\n{name} = "' in (MICROPYTHON / "config_example.py").read_text()
    port = (await process.says(r"MQTT devices +TCP port (\d+)"))[1]
    assert address == f'"mqtt://localhost:{port}"'
