# SPDX-License-Identifier: BSD-3-Clause
"""The code of docs/api.md, the examples and README's lines of aiot, as they stand there, with the demo they ask for."""

from __future__ import annotations

import json
import re
import shutil
import sys

import pytest

from pyaiot.keys import Keys
from tests.process.processes import BIN, ROOT, Host, Process
from tests.process.test_up import NODES, README, up
from tests.process.viewers import viewing

DOCS = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NODE = "mqtt/wipy-1"


def code(language: str, port: int) -> list[str]:
    """The blocks of code in a language, for a broker on another port."""
    return [
        block.replace("localhost:8000", f"localhost:{port}") for kind, block in FENCE.findall(DOCS) if kind == language
    ]


async def python(host: Host, program: str, name: str) -> Process:
    return await host.start_program(sys.executable, "-uc", program, name=name)


@pytest.fixture
async def demo(host: Host) -> int:
    """The broker's port of ``aiot up --demo``, all of whose devices were seen."""
    _, _, port = await up(host)
    async with viewing(port) as viewer:
        await viewer.until(lambda: viewer.view.keys() == NODES)
        await viewer.until(lambda: {"led", "temperature"} <= viewer.view[NODE].keys())
        await viewer.until(lambda: "led" in viewer.view["coap/desk-lamp"])
    return port


@pytest.mark.needs("curl")
async def test_the_shell_lines_do_what_they_say(host: Host, demo: int) -> None:
    lines = [line for block in code("sh", demo) for line in block.splitlines()]
    assert len(lines) == 8
    host.environment |= {"AIOT_BROKER": f"localhost:{demo}", "PATH": f"{BIN}:/usr/bin:/bin"}
    for line in lines[:4]:
        shell = await host.start_program("bash", "-ec", line, name=line)
        assert await shell.ended() == 0, shell.text
        assert ("1" if " set " in line else NODE) in shell.text, shell.text
    await watched(host, lines[4])
    for line in lines[5:7]:
        gone = await host.start_program("bash", "-ec", line, name=line)
        assert await gone.ended() == 0, gone.text
        assert "No node went." in gone.text
    curl = await host.start_program("bash", "-ec", lines[7], name="curl")
    assert await curl.ended() == 0, curl.text
    assert {node["uid"] for node in json.loads(curl.text)["result"]["nodes"]} == NODES


async def watched(host: Host, line: str) -> None:
    """Run a line that watches temperatures, until it tells one."""
    watch = await host.start_program("bash", "-ec", f"exec {line}", name=line)
    uid = (await watch.says(r"^[\d:]{8}  (\S+)/temperature  [\d.]+ °C$"))[1]
    assert uid in NODES
    await watch.kill()


async def test_the_lines_of_aiot_in_the_readme(host: Host, demo: int) -> None:
    block = re.search(r"from a shell:\n\n```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    show, write, watch = (line.removeprefix(".venv/bin/") for line in block[1].splitlines())
    host.environment |= {"AIOT_BROKER": f"localhost:{demo}", "PATH": f"{BIN}:/usr/bin:/bin"}
    for line, said in ((show, "coap/desk-lamp "), (write, "1")):
        shell = await host.start_program("bash", "-ec", line, name=line)
        assert await shell.ended() == 0, shell.text
        assert said in shell.text
    async with viewing(demo) as viewer:
        await viewer.until(lambda: viewer.view.get("coap/desk-lamp", {}).get("led") == "1")
    await watched(host, watch)


async def test_the_programs_do_what_they_say(host: Host, demo: int) -> None:
    first, greeter, caller, counter, listener = code("python", demo)
    watching = await python(host, first, "watching")
    await watching.says(r"Reading\(data='?1'?")
    await watching.says(rf"{NODE} [\d.]+ Cel")
    serving = await python(host, greeter, "greeter")
    async with viewing(demo) as viewer:
        await viewer.until(lambda: "peer/greeter" in viewer.view)
        calling = await python(host, caller, "caller")
        await calling.says(r"id='greeter'")
        await calling.says(r"^Hello, you!$")
        assert await calling.ended() == 0
        assert serving.process.returncode is None
        await python(host, counter, "counter")
        await viewer.until(lambda: viewer.view.get("peer/counter", {}).get("count") is not None)
        listening = await python(host, listener, "listener")
        await listening.says(r"^\d+$")


async def test_the_calculator_and_the_lamps(host: Host, keys: Keys) -> None:
    _, port = await host.broker()
    address = f"localhost:{port}"
    examples = ROOT / "docs" / "examples"
    for name, said in (("calculator", "is there"), ("lamps", "are there")):
        process = await host.start_program(sys.executable, "-u", str(examples / f"{name}.py"), address, name=name)
        await process.says(said)

    async def call(*words: str) -> str:
        done = await host.run("aiot", "call", *words, environment={"AIOT_BROKER": address})
        return f"{done.code} {done.out}{done.err}".strip()

    assert await call("calculator", "add", "1", "2") == "0 3.0"
    assert await call("calculator", "divide", "a=1", "b=0") == "1 aiot: nothing can be divided by 0"
    assert await call("scheduler", "createSuggestion", "lamp-9", "80") == "1 aiot: there is no lamp lamp-9"
    assert await call("scheduler", "createSuggestion", "lamp-2", "80") == "0 1"
    votes = [await call("scheduler", "voteOnSuggestion", "1", vote) for vote in ("true", "false", "true")]
    assert votes == ["0 counted", "0 counted", "0 done"]
    async with viewing(port) as viewer:
        await viewer.until(lambda: viewer.view["peer/lamp-2"].get("level") == 80)
        assert viewer.view["peer/lamp-1"]["level"] == 0


@pytest.mark.needs("node")
async def test_the_javascript_does_what_it_says(host: Host, demo: int) -> None:
    """The first block, as a program; the second is tests/process/test_pages.py's."""
    folder = host.home / "pages"
    shutil.copytree(ROOT / "dashboard" / "client", folder / "client")
    (folder / "first.mjs").write_text(code("js", demo)[0], encoding="utf-8")
    # Without the option Node.js 20 has no WebSocket.
    program = await host.start_program("node", "--experimental-websocket", str(folder / "first.mjs"), name="first.mjs")
    await program.says(r"resource: 'temperature'")
    await program.says(r"^\{ data: '?1'?,|^  data: '?1'?,")
