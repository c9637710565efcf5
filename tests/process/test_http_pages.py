# SPDX-License-Identifier: BSD-3-Clause
"""A page of somebody else's in a real browser cannot play device, nor take commands away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright

from pyaiot.gateway.http.access import Denied, Request
from tests.dashboard.watched_page import CHROMIUM, FLAGS
from tests.gateway.http.http_devices import running
from tests.process.processes import PATIENCE_S

pytestmark = pytest.mark.needs("chromium")

#: By an address browsers say whose page asks; by a name, with plain HTTP, they do not.
PAGE = """<img src="http://127.0.0.1:{port}/v1/nodes/lamp"><img src="http://iot.example:{port}/v1/nodes/lamp">
<iframe name="nowhere"></iframe>
<form target="nowhere" method="post" enctype="text/plain" action="http://iot.example:{port}/v1/nodes/form">
<input name='{{"x": 1, "y": "' value='"}}'></form>
<script>
fetch("http://iot.example:{port}/v1/nodes/lamp?wait=5", {{mode: "no-cors", headers: {{Accept: "application/json"}}}});
document.forms[0].submit();
</script>"""
REQUESTS = 4


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """It finds every name of .example on this host."""
    async with async_playwright() as playwright:
        rules = "--host-resolver-rules=MAP *.example 127.0.0.1"
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, rules])
        yield browser
        await browser.close()


@asynccontextmanager
async def site(head: str, body: str) -> AsyncIterator[int]:
    """Somebody else's server, which always answers the same; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {head}\r\nContent-Length: {len(body.encode())}\r\n\r\n{body}".encode())

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_a_foreign_page_takes_no_commands_and_says_no_values(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as gateway, chromium() as browser:
        asked: list[Request] = []
        judged = gateway.adapter.check_sender

        def check_sender(request: Request) -> None:
            asked.append(request)
            judged(request)

        monkeypatch.setattr(gateway.adapter, "check_sender", check_sender)

        async with site("200 OK\r\nContent-Type: text/html", PAGE.format(port=gateway.port)) as port:
            page = await browser.new_page()
            await page.goto(f"http://foreign.example:{port}/", wait_until="commit")
            async with asyncio.timeout(PATIENCE_S):
                while gateway.adapter.counters.denied < REQUESTS:
                    await asyncio.sleep(0.02)
            await page.close()
        # Else this would show nothing: some come as a program's would, but for the User-Agent.
        unsaid = [each for each in asked if each.origin is None and each.site is None]
        assert len(unsaid) >= 1
        for request in unsaid:
            with pytest.raises(Denied):
                judged(request)
        counters = gateway.adapter.counters
        assert (counters.requests, counters.polls, counters.values) == (counters.denied, 0, 0)


async def test_an_address_that_redirects_here_takes_no_commands_and_a_person_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A link in a mail, say: the browser says ``Sec-Fetch-Site: none``, as if its user had asked for us."""
    async with running() as gateway, chromium() as browser:
        sites: list[str | None] = []
        judged = gateway.adapter.check_sender

        def check_sender(request: Request) -> None:
            sites.append(request.site)
            judged(request)

        monkeypatch.setattr(gateway.adapter, "check_sender", check_sender)
        await gateway.device("lamp").fetch()
        number = await gateway.write("lamp", "led", "1")
        await gateway.waits()
        here = f"http://localhost:{gateway.port}/v1/nodes/lamp?wait=9"
        page = await browser.new_page()
        async with site(f"302 Found\r\nLocation: {here}", "") as port:
            for opened in (f"http://foreign.example:{port}/", here):
                answer = await page.goto(opened)
                assert answer is not None
                assert (answer.url, answer.status) == (here, 403)
                assert "use curl here" in await answer.text()
        assert sites.count("none") == 2, "else this would show nothing"
        assert [each["value"] for each in await gateway.device("lamp").fetch()] == ["1"]
        await gateway.device("lamp").post({"led": "1"})
        assert await gateway.result(number) == ("ok", "")
