# SPDX-License-Identifier: BSD-3-Clause
"""A page of somebody else's in a real browser cannot play device, nor take commands away."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import async_playwright

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


async def test_a_foreign_page_takes_no_commands_and_says_no_values(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as gateway, async_playwright() as playwright:
        asked: list[Request] = []
        judged = gateway.adapter.check_sender

        def check_sender(request: Request) -> None:
            asked.append(request)
            judged(request)

        monkeypatch.setattr(gateway.adapter, "check_sender", check_sender)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            body = PAGE.format(port=gateway.port).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            rules = "--host-resolver-rules=MAP *.example 127.0.0.1"
            chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, rules])
            page = await chromium.new_page()
            await page.goto(f"http://foreign.example:{port}/", wait_until="commit")
            async with asyncio.timeout(PATIENCE_S):
                while gateway.adapter.counters.denied < REQUESTS:
                    await asyncio.sleep(0.02)
            await chromium.close()
        # Else this would show nothing: some come as a program's would, but for the User-Agent.
        unsaid = [each for each in asked if each.origin is None and each.site is None]
        assert len(unsaid) >= 1
        for request in unsaid:
            with pytest.raises(Denied):
                judged(request)
        counters = gateway.adapter.counters
        assert (counters.requests, counters.polls, counters.values) == (counters.denied, 0, 0)
