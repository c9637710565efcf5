# SPDX-License-Identifier: BSD-3-Clause
"""The lines of ``curl`` in README and two pages, and what they need, as they are there; only the ports are others."""

from __future__ import annotations

import asyncio
import re
import shlex
from pathlib import Path

import pytest

from tests.process.processes import PATIENCE_S, Host
from tests.process.test_up import README, up
from tests.process.viewers import viewing

pytestmark = pytest.mark.needs("curl")

PROTOCOL = README.with_name("PROTOCOL.md")
HTTP, API = (README.with_name("docs") / name for name in ("http.md", "api.md"))
#: Shows the status of each answer, and asks no proxy.
CURL = """curl() { command curl -sS --noproxy '*' -w '\\n%{http_code}\\n' "$@"; }"""


def lines(page: Path, program: str) -> list[str]:
    """The lines of a page's code that run ``program``."""
    return re.findall(rf"^{program} .*$", page.read_text(), re.MULTILINE)


async def run(host: Host, line: str) -> str:
    """Run a line of a shell on ``host``; the last line of what it says."""
    shell = await host.start_program("bash", "-c", f"cd; {CURL}\n{line}", name="shell")
    await shell.ended()
    return shell.lines[-1] if shell.lines else ""


async def test_the_lines_of_curl_in_the_readme(host: Host) -> None:
    (first,) = lines(README, "curl")
    (token,) = lines(HTTP, 'curl -H "Authorization:')
    (actuation,) = lines(API, "curl -d")
    (make_token,) = (line.partition("  #")[0] for line in lines(HTTP, "aiot device-token"))
    assert shlex.split(token)[1:5] == ["-H", "Authorization: Bearer $(cat hut.token)", "-d", '{"temperature": 21.5}']
    assert f"`{token}`" in PROTOCOL.read_text()
    process, _, broker_port = await up(host)
    http_port = (await process.says(r"HTTP devices +TCP port (\d+)"))[1]

    def here(line: str) -> str:
        return line.replace(":8002/", f":{http_port}/").replace(":8000/", f":{broker_port}/")

    async with viewing(broker_port) as viewer:
        assert await run(host, here(first)) == "204"
        await viewer.until(lambda: viewer.view.get("http/my-first-curl", {}).get("temperature") == 21.5)
        assert "Whoever has this token is the device hut" in await run(host, make_token)
        async with asyncio.timeout(PATIENCE_S):
            while await run(host, here(token)) != "204":  # the key counts within a second
                pass
        await viewer.until(lambda: viewer.view.get("http/hut", {}).get("temperature") == 21.5)
        without = re.sub(r'-H "[^"]*" ', "", here(token))
        assert await run(host, without) == "401"
        await viewer.until(lambda: viewer.view.get("coap/desk-lamp", {}).get("led") == "0")
        assert await run(host, here(actuation)) == "200"
        await viewer.until(lambda: viewer.view["coap/desk-lamp"]["led"] == "1")
