# SPDX-License-Identifier: BSD-3-Clause
"""Devices that are nothing but ``curl``: from one line to a live value, and from a click to their command."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from typing import Any

import pytest

from pyaiot import keys as keyfile
from pyaiot.keys import Keys
from tests.patience import PATIENCE_S
from tests.process.processes import CONNECTED, Host, Process
from tests.process.viewers import viewing

pytestmark = pytest.mark.needs("curl")

HTTP_LISTENS = r"Listening for HTTP devices on port (\d+)"


async def http_gateway(host: Host, broker_port: int, *arguments: str) -> tuple[Process, str]:
    """An HTTP gateway with this host's keys; it and the address of its nodes, once it is connected to the broker."""
    process = await host.start("aiot-http-gateway", "--broker-port", str(broker_port), "--http-port", "0", *arguments)
    port = await process.port(HTTP_LISTENS)
    await process.says(CONNECTED)
    return process, f"http://localhost:{port}/v1/nodes"


async def curl(*arguments: str) -> tuple[int, str]:
    """The status that ``curl`` was answered with, and the body."""
    made = await asyncio.create_subprocess_exec(
        *("curl", "-sS", "--noproxy", "*", "-w", "\n%{http_code}", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            out, err = await made.communicate()
    finally:
        if made.returncode is None:
            made.kill()
            await made.wait()
    assert made.returncode == 0, err.decode()
    body, _, status = out.decode().rpartition("\n")
    return int(status), body


async def test_one_line_of_curl_is_a_live_value(host: Host, keys: Keys) -> None:
    _, port = await host.broker()
    gateway, nodes = await http_gateway(host, port)
    async with viewing(port) as viewer:
        began = time.monotonic()
        assert await curl("-d", '{"temperature": 21.5}', f"{nodes}/greenhouse-7") == (204, "")
        await viewer.until(lambda: viewer.view.get("http/greenhouse-7", {}).get("temperature") == 21.5)
        took = time.monotonic() - began
        assert viewer.view["http/greenhouse-7"] == {"ip": "127.0.0.1", "protocol": "HTTP", "temperature": 21.5}
        senml = '[{"bn":"greenhouse-7/","n":"humidity","u":"%RH","v":60},{"n":"temperature","u":"Cel","v":22.5,"t":-2}]'
        assert (await curl("-H", "Content-Type: application/senml+json", "-d", senml, f"{nodes}/greenhouse-7"))[
            0
        ] == 204
        await viewer.until(lambda: viewer.view["http/greenhouse-7"].get("humidity") == 60)
        (told,) = [each for each in viewer.heard if each.get("data") == 22.5]
        assert (told["value"], told["unit"]) == (22.5, "Cel")
        assert 2_000 <= time.time() * 1000 - told["at"] < 20_000
        status, body = await curl("-d", "21.5", f"{nodes}/greenhouse-7")
        assert (status, "send {" in body) == (400, True)
        await gateway.says(r"Node greenhouse-7 \(127.0.0.1\): refused: a bare value is of no resource")
        assert await curl("-X", "DELETE", f"{nodes}/greenhouse-7") == (204, "")
        await viewer.until(lambda: "http/greenhouse-7" not in viewer.view)
    await gateway.stop()
    print(f"from curl's start to a client of the broker: {1000 * took:.0f} ms")


async def test_a_click_reaches_a_curl_that_waits_and_is_true_when_it_says_so(host: Host, keys: Keys) -> None:
    _, port = await host.broker()
    _, nodes = await http_gateway(host, port)
    async with viewing(port) as viewer:
        await curl("-d", '{"led": "0"}', f"{nodes}/lamp")
        await viewer.until(lambda: viewer.view.get("http/lamp", {}).get("led") == "0")
        result = await viewer.write("http/lamp", "led", "1", id="early")
        assert (result["ok"], result["code"]) == (False, "offline")
        assert "does not fetch commands" in result["reason"]

        async def lamp() -> dict[str, Any]:
            status, body = await curl(f"{nodes}/lamp?wait=60")
            assert status == 200
            (write,) = json.loads(body)["writes"]
            assert (await curl("-d", json.dumps({write["resource"]: write["value"]}), f"{nodes}/lamp"))[0] == 204
            return dict(write)

        assert (await curl(f"{nodes}/lamp"))[0] == 204  # from here on it is one that fetches
        device = asyncio.create_task(lamp())
        assert await viewer.write("http/lamp", "led", "1") == {"type": "result", "id": "w", "ok": True}
        assert (await device)["value"] == "1"
        assert viewer.view["http/lamp"]["led"] == "1"


async def test_a_device_has_its_password(host: Host, keys: Keys) -> None:
    _, port = await host.broker()
    gateway, nodes = await http_gateway(host, port, "--http-require-password")
    await gateway.says("No device has a password yet.*aiot device add ID")
    added = await host.run("aiot", "device", "add", "joe")
    password = dict(line.split() for line in added.out.splitlines())["password"]
    line = ("-d", '{"temperature": 21.5}', f"{nodes}/joe")
    assert (await curl(*line))[0] == 401
    assert await curl("-u", f"joe:{password}", *line) == (204, "")
    assert await curl("-H", f"Authorization: Bearer {password}", *line) == (204, "")
    assert (await curl("-u", "joe:wrong", *line))[0] == 401
    assert (await curl("-u", f"joe:{password}", "-d", "{}", f"{nodes}/other"))[0] == 403
    await host.run("aiot", "device", "remove", "joe")
    assert (await curl("-u", f"joe:{password}", *line))[0] == 401
    assert password not in gateway.text


async def test_it_stops_in_time_while_devices_wait(host: Host, keys: Keys) -> None:
    _, port = await host.broker()
    gateway, nodes = await http_gateway(host, port)
    polls = [asyncio.create_task(curl(f"{nodes}/n{number}?wait=60")) for number in range(5)]
    for number in range(5):
        await gateway.says(f"Node n{number} is new")
    await gateway.stop()
    assert await asyncio.gather(*polls) == [(204, "")] * 5


async def test_what_is_set_wrong_is_one_line(host: Host, keys: Keys) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = str(taken.getsockname()[1])
        (host.home / ".pyaiot" / "devices").write_text("nonsense")
        for arguments, words in [
            (["--http-host", "127.0.0.1", "--http-port", number], ["--http-port", number]),
            (["--http-host", "no-such-host.invalid", "--http-port", "0"], ["--http-host", "no-such-host.invalid"]),
            (["--http-port", "x"], ["--http-port", "'x' is not a number"]),
            (["--http-port", "0", "--allowed-hosts", "https://x"], ["--allowed-hosts", "https://x"]),
            (["--http-port", "0"], ["others can read the device file", "chmod 600"]),
        ]:
            if "chmod 600" not in words:
                arguments += ["--device-file", "none"]
            finished = await host.run("aiot-http-gateway", *arguments)
            code = 78 if {"--allowed-hosts", "'x' is not a number"} & {*words} else 75
            assert (finished.code, finished.out) == (code, ""), finished.err
            assert finished.err.count("\n") == 1
            assert [word for word in words if word not in finished.err] == []


async def test_a_key_file_from_before_there_was_http_is_one_line_that_says_what_to_do(host: Host, keys: Keys) -> None:
    """And what it says is enough."""
    _, port = await host.broker()
    del keys.gateways["http"], keys.authorized["http"]
    keyfile.store(host.key_file, keys)
    finished = await host.run("aiot-http-gateway", "--http-port", "0")
    assert finished.code == 75
    (line,) = finished.err.splitlines()
    advice = re.search(r"run (aiot-generate-keys --gateway http)$", line)
    assert advice is not None, line
    made = await host.run(*advice[1].split())
    then = re.search(r"(aiot-generate-keys --authorize http \S+)", made.err)
    assert then is not None, made.err
    assert (await host.run(*then[1].split())).code == 0
    await http_gateway(host, port)
