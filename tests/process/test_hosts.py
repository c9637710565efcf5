# SPDX-License-Identifier: BSD-3-Clause
"""Broker, gateways and a client on three hosts, set up by the lines of docs/hosts.md as they are there."""

from __future__ import annotations

import asyncio
import re
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright, expect

from tests.dashboard.watched_page import CHROMIUM, FLAGS, watched_page
from tests.patience import PATIENCE_S
from tests.process.namespaces import NAME, Namespace, namespaces
from tests.process.processes import BROKER_LISTENS, COAP_LISTENS, CONNECTED, DASHBOARD_LISTENS, ROOT, Process
from tests.tls.authority import Authority

PAGE = ROOT / "docs" / "hosts.md"
LINE = re.compile(r"^(server|greenhouse|laptop)\$ +(.*?)(?: {2,}#.*)?$", re.MULTILINE)
#: A key or a token, on a line of its own.
ALONE = re.compile(r"^[\w-]{43}$", re.MULTILINE)


def lines(heading: str) -> list[tuple[str, str]]:
    """The lines to type under a heading of the page, and where."""
    part = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = LINE.findall(part)
    assert found
    return found


async def typed(host: Namespace, line: str) -> Process:
    """A line of a shell, typed on ``host``; it may run on."""
    return await host.start_program("bash", "-c", f"cd; exec {line}", name=line.split()[0])


async def shown(host: Namespace, line: str) -> str:
    """What a line shows that ends well."""
    process = await typed(host, line)
    assert await process.ended() == 0, process.text
    return process.text


async def exchange_keys(hosts: dict[str, Namespace]) -> str:
    """The lines of the page, with what they show put in where it says so; the token of a client."""
    last, broker_key, token = "", "", ""
    for name, line in lines("Keys"):
        filled = line.replace("<that key>", last).replace("<the broker's key>", broker_key)
        said = await shown(hosts[name], filled)
        if "--gateway" in line:
            last = ALONE.findall(said)[0]
        elif "--list" in line:
            broker_key = re.findall(r"^broker +(\S+)", said, re.MULTILINE)[0]
        elif "--client" in line:
            token = ALONE.findall(said)[0]
    return token


async def certificate_shown(host: Namespace, ca: Path) -> bytes:
    """The certificate that the broker shows to who calls from ``host``."""
    tls = ssl.create_default_context(cafile=ca)
    _, writer = await asyncio.open_connection(sock=await host.connect(8000), ssl=tls, server_hostname=NAME)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    assert isinstance(shown, bytes)
    return shown


@asynccontextmanager
async def browser_on(host: Namespace) -> AsyncIterator[Browser]:
    """A browser whose network is that of ``host``."""
    start = host.home / "chromium"
    start.write_text(f'#!/bin/sh\nexec {" ".join(host.within)} {CHROMIUM} "$@"\n')
    start.chmod(0o700)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=start, args=FLAGS)
        yield browser
        await browser.close()


@pytest.mark.needs("ip", "openssl", "mosquitto_pub", "chromium")
async def test_three_hosts(tmp_path: Path) -> None:
    async with namespaces(tmp_path, "server", "greenhouse", "laptop") as (server, greenhouse, laptop):
        hosts = {"server": server, "greenhouse": greenhouse, "laptop": laptop}
        token = await exchange_keys(hosts)
        broker_line, dashboard_line, coap_line, mqtt_line, ls_line, *openssl_lines = (
            line for _, line in lines("Encrypted")
        )
        for line in openssl_lines:
            await shown(server, line)
        for host in (greenhouse, laptop):
            shutil.copy(server.home / "ca.pem", host.home)

        broker = await typed(server, broker_line)
        await broker.says(BROKER_LISTENS)
        dashboard = await typed(server, dashboard_line)
        coap = await typed(greenhouse, coap_line)
        await coap.says(COAP_LISTENS)
        await coap.says(rf"{CONNECTED} wss://{NAME}:8000/gw")
        mqtt = await typed(greenhouse, mqtt_line)
        await mqtt.says(rf"{CONNECTED} wss://{NAME}:8000/gw")
        await dashboard.says(DASHBOARD_LISTENS)

        # A value of a device arrives, and a write comes back.
        node = greenhouse.test_node("--uid", "bench", "--led", "--temperature")
        device = await greenhouse.start_program(*node, name="device")
        ask = ls_line.replace("<token>", token)
        assert "aiot ls" in ask
        get = f"{ask.replace('aiot ls', 'aiot get')} greenhouse/bench led"
        write = f"{ask.replace('aiot ls', 'aiot set')} greenhouse/bench led 1"
        watch = await typed(laptop, f"{ask.replace('aiot ls', 'aiot watch')} greenhouse/bench")
        await watch.says(r"led +0")
        assert (await shown(laptop, write)).strip() == "1"
        await device.says("led is now 1")
        await watch.says(r"led +1")
        assert (await shown(laptop, get)).strip() == "1"
        await shown(greenhouse, "mosquitto_pub -p 1886 -q 1 -t node/n1/temperature -m 21.5")
        async with asyncio.timeout(PATIENCE_S):
            while "greenhouse-mqtt/n1" not in (listed := await shown(laptop, ask)):
                pass
        assert "greenhouse/bench" in listed
        async with browser_on(laptop) as browser:
            watched = await watched_page(browser, ignore_https_errors=True)
            await watched.page.goto(f"https://{NAME}:8080/")
            await watched.page.get_by_label("Token").fill(token)
            await watched.page.get_by_label("Token").press("Enter")
            switch = watched.card("greenhouse/bench").locator('li[data-resource="led"]').get_by_role("switch")
            await switch.click()
            await expect(switch).to_have_attribute("aria-checked", "false")
            assert f"wss://{NAME}:8000/rpc" in watched.requests
            assert (watched.errors, await watched.violations()) == ([], [])

        # Whoever trusts another CA, or none, does not connect, and is told why.
        Authority(greenhouse.home, "other")
        for wrong, said in (
            (coap_line.replace("ca.pem", "other.pem"), "signed by none that is trusted here: say --broker-ca"),
            (coap_line.replace(NAME, greenhouse.address), "its certificate has other names .*IP address mismatch"),
            (coap_line.replace("wss:", "ws:").partition(" --broker-ca")[0], "HTTP 400 .*This port speaks TLS"),
        ):
            refused = await typed(greenhouse, f"{wrong} --coap-port 0")
            await refused.says(said)
            await refused.kill()
            assert re.search(CONNECTED, refused.text) is None

        # A renewed certificate is for those who come now; who is there stays.
        before = await certificate_shown(laptop, server.home / "ca.pem")
        await shown(server, openssl_lines[1])
        await shown(server, f"kill -HUP {broker.pid}")
        await broker.says("New connections get the certificate that holds until")
        assert await certificate_shown(laptop, server.home / "ca.pem") != before
        heard = len(watch.lines)
        assert (await shown(laptop, write)).strip() == "1"
        await watch.says(r"led +1", after=heard)
        assert [re.findall(CONNECTED, each.text) for each in (coap, mqtt)] == [[CONNECTED]] * 2
        for process in (coap, mqtt, dashboard, broker):
            await process.stop()
