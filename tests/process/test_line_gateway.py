# SPDX-License-Identifier: BSD-3-Clause
"""The example of docs/write-a-gateway.md, as its reader starts it: from a key to a value at the broker's clients."""

from __future__ import annotations

import asyncio
import re
import sys

from pyaiot.keys import Keys
from tests.patience import PATIENCE_S
from tests.process.processes import CONNECTED, ROOT, Host, Process
from tests.process.viewers import viewing

LISTENS = r"Listening for line devices on port (\d+)"


async def line_gateway(host: Host, *arguments: str) -> Process:
    program = str(ROOT / "docs" / "examples" / "line_gateway.py")
    return await host.start_program(sys.executable, program, *arguments, name="line_gateway.py")


async def test_an_own_gateway_from_its_key_to_a_write_that_is_confirmed(host: Host, keys: Keys) -> None:
    _, port = await host.broker()
    early = await line_gateway(host, "--broker-port", str(port), "--line-port", "0", "--gateway-name", "line")
    assert await early.ended() == 75
    advice = re.search(r"run (aiot-generate-keys --gateway line)$", early.text)
    assert advice is not None, early.text
    made = await host.run(*advice[1].split())
    then = re.search(r"(aiot-generate-keys --authorize line \S+)", made.err)
    assert then is not None, made.err
    assert (await host.run(*then[1].split())).code == 0

    gateway = await line_gateway(host, "--broker-port", str(port), "--line-port", "0")
    line_port = await gateway.port(LISTENS)
    await gateway.says(CONNECTED)
    async with viewing(port) as viewer:
        reader, writer = await asyncio.open_connection("localhost", line_port)
        writer.write("porch-1 temperature 21.5°C\nporch-1 led 0\n".encode())
        await viewer.until(lambda: viewer.view.get("line/porch-1", {}).get("led") == "0")
        assert viewer.view["line/porch-1"]["temperature"] == "21.5°C"
        assert viewer.view["line/porch-1"]["protocol"] == "Line"
        (told,) = [each for each in viewer.heard if each.get("data") == "21.5°C"]
        assert (told["value"], told["unit"]) == (21.5, "Cel")

        async def next_line() -> bytes:
            async with asyncio.timeout(PATIENCE_S):
                return await reader.readline()

        assert await next_line() == b"porch-1 ?\n"
        asking = asyncio.create_task(viewer.write("line/porch-1", "led", "1"))
        assert await next_line() == b"porch-1 led 1\n"
        writer.write(b"porch-1 led 1\n")
        assert (await asking)["ok"]
        assert viewer.view["line/porch-1"]["led"] == "1"
        writer.write(b"porch-1 bad<name 1\n")
        assert (await next_line()).startswith(b"! ")
        writer.close()
        await viewer.until(lambda: "line/porch-1" not in viewer.view)

    other = await line_gateway(host, "--broker-port", str(port), "--line-port", str(line_port))
    assert await other.ended() == 75
    assert "--line-port" in other.text
    assert len(other.lines) == 1, other.text
    await gateway.stop()
