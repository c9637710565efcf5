# SPDX-License-Identifier: BSD-3-Clause
"""Everything below a path, behind nginx and Caddy as docs/proxies.md sets them up; only certificates are elsewhere."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import ssl
from pathlib import Path

import pytest
from playwright.async_api import expect
from websockets.asyncio.client import connect

from tests.conftest import PATH
from tests.dashboard.watched_page import watched_page
from tests.patience import PATIENCE_S
from tests.process.namespaces import NAME, Namespace, namespaces
from tests.process.processes import CONNECTED, ROOT, Process
from tests.process.test_hosts import ALONE, browser_on, shown, typed
from tests.tls.authority import Authority, Issued

PAGE = (ROOT / "docs" / "proxies.md").read_text()
BASE = f"https://{NAME}/iot"


def block(language: str, heading: str) -> str:
    """The first block of code of a language under a heading of the page."""
    part = PAGE.partition(f"\n## {heading}\n")[2]
    return part.partition(f"```{language}\n")[2].partition("```")[0]


def nginx(folder: Path, issued: Issued) -> str:
    """The command of an nginx with the page's server, in the foreground."""
    live = f"/etc/letsencrypt/live/{NAME}"
    site = block("nginx", "nginx").replace(f"{live}/fullchain.pem", str(issued.certificate))
    site = site.replace(f"{live}/privkey.pem", str(issued.key))
    assert live not in site
    (folder / "nginx.conf").write_text(
        f"pid {folder}/nginx.pid; daemon off; master_process off; error_log stderr notice;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{site}}}\n"
    )
    program = shutil.which("nginx", path=PATH)
    return f"{program} -e stderr -p {folder} -c {folder}/nginx.conf"


def caddy(folder: Path, issued: Issued) -> str:
    """Likewise; it has no certificate of Let's Encrypt's here."""
    first = f"{NAME} {{\n"
    site = block("caddyfile", "Caddy")
    assert site.startswith(first)
    site = site.replace(first, f"{first}    tls {issued.certificate} {issued.key}\n")
    (folder / "Caddyfile").write_text(f"{{\n    admin off\n}}\n{site}")
    return f"caddy run --config {folder}/Caddyfile --adapter caddyfile"


PROXIES = ((nginx, 'using the "epoll"'), (caddy, "serving initial configuration"))


async def device_speaks(laptop: Namespace, tls: ssl.SSLContext, value: float) -> None:
    """A WebSocket device through the proxy, until it has said a value."""
    url = f"wss://{NAME}/iot/node?id=hatch"
    sock = await laptop.connect(443)
    async with connect(url, sock=sock, ssl=tls, server_hostname=NAME, proxy=None) as socket:
        await socket.send(json.dumps({"type": "update", "data": {"temperature": value}}))


@pytest.mark.needs("ip", "nginx", "caddy", "chromium", "curl")
async def test_a_path_behind_a_proxy(tmp_path: Path) -> None:
    async with namespaces(tmp_path, "server", "greenhouse", "laptop") as (server, greenhouse, laptop):
        authority = Authority(tmp_path)
        issued = authority.issue(NAME)
        tls = ssl.create_default_context(cafile=authority.file)
        for host in (greenhouse, laptop):
            shutil.copy(authority.file, host.home)
        server.environment |= dict(line.split("=", 1) for line in block("sh", "The services").split())
        everything = await typed(server, "aiot up --coap-port 0")
        await everything.says("Ctrl-C ends it")
        key = ALONE.findall(await shown(greenhouse, "aiot-generate-keys --gateway greenhouse"))[0]
        await shown(server, f"aiot-generate-keys --authorize greenhouse {key}")
        broker_key = re.findall(r"^broker +(\S+)", await shown(server, "aiot-generate-keys --list"), re.MULTILINE)[0]
        await shown(greenhouse, f"aiot-generate-keys --trust-broker {broker_key}")
        token = ALONE.findall(await shown(server, "aiot-generate-keys --client alice --role operator"))[0]
        password = re.findall(r"^password +(\S+)", await shown(server, "aiot device add hut"), re.MULTILINE)[0]

        gateway_line, ls_line, curl_line = block("sh", "Through it").splitlines()
        ask = f"{ls_line.replace('<token>', token)} --ca ca.pem"
        post = f"{curl_line.replace('<password>', password)} -sS -o /dev/null -w '%{{http_code}}' --cacert ca.pem"
        node = greenhouse.test_node("--uid", "bench", "--led", "--temperature")
        device: Process | None = None
        gateway: Process | None = None
        before = 0
        async with browser_on(laptop) as browser:
            for number, (command, started) in enumerate(PROXIES):
                proxy = await typed(server, command(tmp_path, issued))
                await proxy.says(started)
                if gateway is None or device is None:
                    gateway = await typed(greenhouse, f"{gateway_line} --broker-ca ca.pem")
                    device = await greenhouse.start_program(*node, name="device")
                await gateway.says(f"{CONNECTED} wss://{NAME}/iot/gw", after=before)

                # Where its devices come in is not the proxy's host.
                await everything.says(f"Gateway greenhouse: connected from {greenhouse.address[:-1]}2")
                value = 20.5 + number
                assert await shown(laptop, post.replace("21.5", str(value))) == "204"
                assert await shown(laptop, post.replace(password, "wrong")) == "401"
                await device_speaks(laptop, tls, value)
                assert json.loads(await shown(laptop, f"curl -sS --cacert ca.pem {BASE}/health"))["status"] == "ok"
                refused = await typed(laptop, f"aiot ls --broker {BASE} --ca ca.pem")
                assert (await refused.ended(), "token" in refused.text) == (4, True)
                # What was posted is at the gateway, and the broker hears of it a moment later.
                told = re.compile(rf"http/hut .*temperature {value}")
                async with asyncio.timeout(PATIENCE_S):
                    while "greenhouse/bench" not in (listed := await shown(laptop, ask)) or not told.search(listed):
                        pass

                watched = await watched_page(browser, ignore_https_errors=True)
                page = watched.page
                await page.goto(f"{BASE}/" if number else BASE)
                await page.get_by_label("Token").fill(token)
                await page.get_by_label("Token").press("Enter")
                reading = watched.card("http/hut").locator('li[data-resource="temperature"] .value')
                await expect(reading).to_contain_text(str(value))
                await shown(laptop, post.replace("21.5", str(value + 5)))
                await expect(reading).to_contain_text(str(value + 5))
                switch = watched.card("greenhouse/bench").locator('li[data-resource="led"]').get_by_role("switch")
                await switch.click()
                await device.says(f"led is now {1 - number}")
                await expect(switch).to_have_attribute("aria-checked", "false" if number else "true")
                assert all(url.partition("://")[2].startswith(f"{NAME}/iot") for url in watched.requests)
                assert f"wss://{NAME}/iot/rpc" in watched.requests
                assert (watched.errors, await watched.violations()) == ([], [])
                await page.context.close()
                before = len(gateway.lines)
                await proxy.stop()
        await gateway.says("Lost the broker at", after=before)
        for process in (gateway, everything):
            await process.stop()
