# SPDX-License-Identifier: BSD-3-Clause
"""The lines of the pages that connect a device, run as they stand there; only the ports are others."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest

from tests.lasting_ports import lasting_port
from tests.patience import PATIENCE_S
from tests.process.processes import BROKER_LISTENS, ROOT, Host, Process
from tests.process.test_up import PORTS
from tests.process.viewers import Viewer, viewing

pytestmark = [pytest.mark.needs("curl", "coap-client-notls", "coap-server-notls"), pytest.mark.needs_ipv6]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
#: Fails where the answer is an error, and asks no proxy.
CURL = """curl() { command curl -sSf --noproxy '*' "$@"; }\n"""
PYTHON = ".venv/bin/python"


@dataclass
class Place:
    """``aiot up`` on a host: where the usual ports of the pages are, and who sees what comes."""

    host: Host
    ports: dict[str, str]
    viewer: Viewer

    def blocks(self, page: str, language: str = "sh") -> list[str]:
        """A page's code of a language, for the ports of this place."""
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        return [self.here(block) for kind, block in FENCE.findall(text) if kind == language]

    def here(self, text: str) -> str:
        """A line with the ports, the Python and the sources of this place."""
        for usual, port in self.ports.items():
            text = text.replace(usual, port)
        return text.replace(PYTHON, shlex.quote(sys.executable)).replace("utils/", f"{ROOT}/utils/")

    async def run(self, line: str) -> str:
        """Have a shell do it; what it says."""
        shell = await self.host.start_program("bash", "-ec", CURL + line, name=line)
        assert await shell.ended() == 0, shell.text
        return shell.text

    @asynccontextmanager
    async def running(self, line: str) -> AsyncIterator[Process]:
        """What a line starts, in a session of its own, whose end is that of all of it."""
        process = await self.host.start_program("setsid", "bash", "-ec", line, name=line)
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.ended()

    async def shows(self, uid: str, resource: str, value: object) -> None:
        """Wait until a device has told that value."""
        await self.viewer.until(lambda: self.viewer.view.get(uid, {}).get(resource) == value, f"{uid} {resource}")


@pytest.fixture
async def place(host: Host) -> AsyncIterator[Place]:
    process = await host.start("aiot", "up", *PORTS)
    coap = (await process.says(r"CoAP devices +UDP port (\d+)"))[1]
    ws = (await process.says(r"WebSockets +TCP port (\d+)"))[1]
    http = (await process.says(r"HTTP devices +TCP port (\d+)"))[1]
    broker = await process.port(BROKER_LISTENS)
    ports = {
        "coap://localhost/": f"coap://localhost:{coap}/",
        "coap://[::1]/": f"coap://[::1]:{coap}/",
        "5690": str(lasting_port("::1", socket.SOCK_DGRAM)),
        "--uid bench": f"--uid bench --gateway-port {coap}",
        "localhost:8001": f"localhost:{ws}",
        "localhost:8002": f"localhost:{http}",
    }
    host.environment |= {"AIOT_BROKER": f"localhost:{broker}", "NO_PROXY": "*"}
    async with viewing(broker) as viewer:
        yield Place(host, ports, viewer)


async def test_every_way_to_connect_a_device(place: Place) -> None:
    """One after the other, as starting everything is what takes time."""
    await coap(place)
    await http(place)
    await websocket(place)


async def coap(place: Place) -> None:
    by_hand, served, simulated = place.blocks("coap.md")
    await place.run(by_hand)
    await place.shows("coap/my-first-device", "temperature", "23.4°C")
    server, register = served.splitlines()
    async with place.running(server.removesuffix("&")):
        # The page's reader types the second line later than we do.
        clock = re.search(r"base=(coap://[^\"]+)", register)
        assert clock is not None
        async with asyncio.timeout(PATIENCE_S):
            while not re.match(
                r"\w{3} \d\d \d\d:\d\d:\d\d\s*\Z", await place.run(f"coap-client-notls -B 1 '{clock[1]}/time'")
            ):
                pass
        await place.run(register)
        await place.viewer.until(lambda: "time" in place.viewer.view.get("coap/my-clock", {}))
        async with place.running(simulated):
            await place.viewer.until(lambda: {"led", "temperature"} <= place.viewer.view.get("coap/bench", {}).keys())


async def http(place: Place) -> None:
    # test_readme_curl.py runs what is about tokens, test_http_tls.py what is about TLS.
    post, units, senml, commands, confirm, _, _, _ = place.blocks("http.md")
    await place.run(post)
    await place.shows("http/my-first-curl", "temperature", 21.5)
    await place.run(units)
    await place.shows("http/my-first-curl", "humidity", 40)
    await place.run(senml)
    await place.shows("http/my-first-curl", "temperature", 22.5)
    off, ask = commands.splitlines()
    await place.run(off)
    await place.shows("http/my-first-curl", "led", 0)
    asking = asyncio.create_task(place.run(ask))
    writing = asyncio.create_task(switched(place, "http/my-first-curl"))
    (write,) = json.loads(await asking)["writes"]
    assert {**write, "id": 1} == json.loads(place.blocks("http.md", "json")[0])["writes"][0]
    await place.run(confirm)
    await writing


async def switched(place: Place, uid: str) -> None:
    """Switch it on; until it asks for commands that is `offline`."""
    async with asyncio.timeout(PATIENCE_S):
        while not (outcome := await place.viewer.write(uid, "led", 1))["ok"]:
            assert outcome["code"] == "offline", outcome


async def websocket(place: Place) -> None:
    by_hand, write, _, _ = place.blocks("websocket.md")
    async with place.running(by_hand):
        await place.shows("ws/my-first-ws", "temperature", 21.5)
    (program,) = place.blocks("websocket.md", "python")
    lamp = await place.host.start_program(sys.executable, "-c", program, name="lamp.py")
    await place.shows("ws/my-lamp", "led", 0)
    done = await place.host.run(*shlex.split(write))
    assert (done.code, done.out) == (0, "1\n"), done
    await lamp.kill()
