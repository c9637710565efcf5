# SPDX-License-Identifier: BSD-3-Clause
"""``aiot up --demo``: everything in one command, and what it says, shows, takes and leaves."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import signal
import socket
import ssl
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import websockets
from websockets.asyncio.client import connect

from tests.patience import PATIENCE_S, is_within
from tests.process.processes import Host, Process
from tests.process.viewers import viewing
from tests.tls.authority import Authority

PORTS = [f"--{name}-port=0" for name in ("broker", "coap", "gateway", "http", "mqtt", "web")]
TLS_PORTS = [f"--{name}-tls-port=0" for name in ("gateway", "http", "mqtt")]
FIRST_VALUE_S = 5.0
README = Path(__file__).parents[2] / "README.md"
NODES = {
    *(f"coap/{uid}" for uid in ("weather-station", "desk-lamp", "greenhouse", "air-monitor", "rover")),
    *(f"coap/{uid}" for uid in ("beehive", "letterbox")),
    *(f"mqtt/{uid}" for uid in ("wipy-1", "mqtt-2", "thermostat")),
    *(f"ws/{uid}" for uid in ("garage", "courier")),
}


async def fetch(url: str) -> tuple[Any, Any]:
    """An HTTP answer's headers and body."""

    def get() -> tuple[Any, bytes]:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            return answer.headers, answer.read()

    return await asyncio.to_thread(get)


async def up(host: Host, *arguments: str, python: tuple[str, ...] = ()) -> tuple[Process, str, int]:
    """``aiot up --demo``; the process, the dashboard's address, and the broker's port as the page is told it."""
    process = await host.start("aiot", "up", "--demo", *PORTS, *arguments, python=python)
    page = (await process.says(r"Dashboard +(http://\S+/)"))[1]
    _, config = await fetch(f"{page}config.json")
    broker = urlsplit(json.loads(config)["broker_url"])
    assert (broker.scheme, broker.hostname, broker.path) == ("ws", "localhost", "/rpc")
    assert broker.port is not None
    return process, page, broker.port


async def test_first_value_within_five_seconds(host: Host) -> None:
    began = time.monotonic()
    process, _, port = await up(host)
    async with viewing(port) as viewer:
        await viewer.until(lambda: any("temperature" in node for node in viewer.view.values()))
        took = time.monotonic() - began
        assert is_within(took, FIRST_VALUE_S)
        await viewer.until(lambda: viewer.view.keys() == NODES)
        assert await viewer.write("coap/desk-lamp", "led", "1") == {"type": "result", "id": "w", "ok": True}
        assert viewer.view["coap/desk-lamp"]["led"] == "1"
        await process.says("device desk-lamp: led is now 1")  # the device itself
        refused = await viewer.write("coap/desk-lamp", "led", "9", id="x")
        assert (refused["ok"], refused["code"]) == (False, "refused")
        assert "4.00" in refused["reason"]
        refused = await viewer.write("coap/weather-station", "temperature", "1", id="y")
        assert "4.05" in refused["reason"]
        assert viewer.view["coap/desk-lamp"]["led"] == "1"
        await viewer.until(lambda: "led" in viewer.view["mqtt/wipy-1"])
        assert await viewer.write("mqtt/wipy-1", "led", "1", id="z") == {"type": "result", "id": "z", "ok": True}
        assert viewer.view["mqtt/wipy-1"]["led"] == "1"
        first = viewer.view["coap/weather-station"]["pressure"]
        await viewer.until(lambda: viewer.view["coap/weather-station"]["pressure"] != first, "a value that moves")
    await process.stop()
    print(f"first value {took:.2f} s after the command")


async def test_only_its_own_page_may_connect(host: Host) -> None:
    _, page, port = await up(host)
    url = f"ws://localhost:{port}/ws"
    origin = page.rstrip("/")
    other = f"http://localhost:{urlsplit(page).port + 1}"  # type: ignore[operator]
    for allowed in (origin, origin.replace("localhost", "127.0.0.1")):
        async with connect(url, origin=allowed, proxy=None, max_queue=None) as client:  # type: ignore[arg-type]
            await client.send(json.dumps({"type": "new", "data": "client"}))
            assert json.loads(await client.recv())["type"] == "new"
    for refused in (other, "http://evil.example", "null"):
        with pytest.raises(websockets.InvalidStatus) as error:
            async with connect(url, origin=refused, proxy=None):  # type: ignore[arg-type]
                pass
        assert error.value.response.status_code == 403
    headers, body = await fetch(page)
    assert b"<html" in body
    policy = headers["Content-Security-Policy"]
    assert f"connect-src 'self' ws://localhost:{port};" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_ends_without_a_complaint(host: Host, number: signal.Signals) -> None:
    """In Python's development mode, where a socket or a task that is left would be told of."""
    process, page, port = await up(host, python=("-X", "dev", "-W", "default"))
    reader, writer = await asyncio.open_connection("localhost", urlsplit(page).port)
    writer.write(b"GET /config.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")  # kept open, as a browser does
    async with viewing(port) as viewer:
        await viewer.until(lambda: viewer.view.keys() == NODES)
        await process.stop(number)
    writer.close()
    # How long a callback took says more of the machine than of us.
    lines = [
        line for line in process.lines if not re.search(r"asyncio - WARNING - Executing .* took \S+ seconds$", line)
    ]
    complaints = [line for line in lines if re.search(r"WARNING|ERROR|CRITICAL|Warning|Error|Task", line)]
    assert complaints == [], "\n".join(complaints)


def publish(port: int, trusted: ssl.SSLContext) -> None:
    """As the device ``m``: its value, by MQTT in TLS."""
    topic, value = b"node/m/x", b'{"value": 3}'
    with (
        socket.create_connection(("localhost", port), timeout=PATIENCE_S) as sock,
        trusted.wrap_socket(sock, server_hostname="localhost") as tls,
    ):
        tls.sendall(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01m")
        assert tls.recv(4) == b"\x20\x02\x00\x00"
        body = len(topic).to_bytes(2, "big") + topic + b"\x00\x01" + value
        tls.sendall(bytes((0x32, len(body))) + body)
        assert tls.recv(4)[:2] == b"\x40\x02"


async def test_by_tls(host: Host) -> None:
    """Page, broker and its own gateways, and devices; what is wrong with the certificate is one line."""
    authority = Authority(host.home)
    issued = authority.issue("localhost")
    process = await host.start("aiot", "up", *PORTS, *TLS_PORTS, *issued.flags, "--tls-only")
    page = (await process.says(r"Dashboard +(https://localhost:\d+/)"))[1]
    async with asyncio.timeout(PATIENCE_S):
        while len(re.findall(r"Connected to the broker at wss://localhost:\d+/gw", process.text)) < 4:
            await asyncio.sleep(0.01)
    trusted = ssl.create_default_context(cafile=authority.file)
    config = await asyncio.to_thread(urllib.request.urlopen, f"{page}config.json", context=trusted)
    url = urlsplit(json.loads(config.read())["broker_url"])
    assert (url.scheme, url.hostname, url.path) == ("wss", "localhost", "/rpc")
    address = {"AIOT_BROKER": f"https://localhost:{url.port}", "AIOT_BROKER_CA": str(authority.file)}
    listed = await host.run("aiot", "ls", environment=address)
    assert (listed.code, listed.err) == (0, "")
    # Devices, by nothing else; the embedded MQTT broker's own gateway, too.
    ports = {way: await process.port(rf"{way} +TCP port (\d+) by TLS") for way in ("MQTT devices", "WebSockets")}
    ports["HTTP devices"] = await process.port(r"HTTP devices +TCP port (\d+) by TLS")
    async with connect(f"wss://localhost:{ports['WebSockets']}/node?id=w", ssl=trusted, proxy=None) as device:
        await device.send('{"type": "update", "data": {"x": 1}}')
        url_of_http = f"https://localhost:{ports['HTTP devices']}/v1/nodes/h"
        posted = urllib.request.Request(url_of_http, b'{"x": 2}', headers={"User-Agent": "device"})
        await asyncio.to_thread(urllib.request.urlopen, posted, context=trusted)
        await asyncio.to_thread(publish, ports["MQTT devices"], trusted)
        async with asyncio.timeout(PATIENCE_S):
            while {line.split()[0] for line in listed.out.splitlines()} < {"ws/w", "http/h", "mqtt/m"}:
                listed = await host.run("aiot", "ls", environment=address)
    asked = urllib.request.Request(
        f"https://localhost:{url.port}/rpc",
        b'{"jsonrpc": "2.0", "id": 1, "method": "gateways.list"}',
        headers={"Content-Type": "application/json"},
    )
    told = json.loads((await asyncio.to_thread(urllib.request.urlopen, asked, context=trusted)).read())
    doors = [(door["scheme"], door["port"]) for each in told["result"]["gateways"] for door in each["doors"]]
    assert sorted(doors[1:]) == sorted(
        (scheme, ports[way])
        for scheme, way in (("https", "HTTP devices"), ("mqtts", "MQTT devices"), ("wss", "WebSockets"))
    )
    assert doors[0][0] == "coap"
    distrusted = await host.run("aiot", "ls", environment={**address, "AIOT_BROKER_CA": ""})
    assert distrusted.code == 3
    assert "signed by none that is trusted here: say --ca (AIOT_BROKER_CA)" in distrusted.err
    await process.stop()
    alone = await host.run("aiot", "up", *PORTS, "--tls-only")
    assert (alone.code, alone.err.count("--tls-only needs a certificate: --tls-cert FILE")) == (78, 1)
    demo = await host.run("aiot", "up", *PORTS, *issued.flags, "--tls-only", "--demo")
    assert (demo.code, demo.err.count("the simulated devices of --demo speak no TLS")) == (78, 1)
    wrong = await host.run("aiot", "up", *PORTS, "--tls-cert", str(issued.key), "--tls-key", str(issued.key))
    assert (wrong.code, wrong.err.count("\n")) == (75, 1)
    assert "are --tls-cert and --tls-key the wrong way round?" in wrong.err


async def test_makes_keys_once(host: Host) -> None:
    process, _, _ = await up(host)
    made = host.key_file.read_bytes()
    assert host.key_file.stat().st_mode & 0o777 == 0o600
    await process.stop()
    process, _, _ = await up(host)
    assert host.key_file.read_bytes() == made
    await process.stop()
    private = re.findall(rb"private = (\S+)", made)
    assert len(private) == 5
    said = "\n".join(each.text for each in host.started).encode()
    assert [key for key in private if key in said] == []


@pytest.mark.needs("coap-client-notls")
@pytest.mark.parametrize("gateway", ["localhost", "127.0.0.1"])
async def test_the_first_device_of_the_readme(host: Host, gateway: str) -> None:
    """Its lines as they are there, beside the simulated devices, which are at 127.0.0.1 too."""
    lines = re.findall(r"^coap-client-notls .*$", README.read_text(), re.MULTILINE)
    assert len(lines) == 2
    process, _, port = await up(host)
    coap_port = (await process.says(r"CoAP devices on UDP port (\d+)"))[1]
    async with viewing(port) as viewer:
        await viewer.until(lambda: viewer.view.keys() == NODES)
        # Each has answered where it sends from: from here on none of them is taken for the new one.
        await viewer.until(lambda: all("name" in node for node in viewer.view.values()))
        for line in lines:
            assert "//localhost/" in line
            command = shlex.split(line.replace("//localhost/", f"//{gateway}:{coap_port}/"))
            client = await host.start_program(command[0], "-v", "6", "-B", "60", *command[1:], name="coap-client")
            await client.ended()
            assert "c:2.04" in client.text
        await viewer.until(lambda: viewer.view.get("coap/my-first-device", {}).get("temperature") == "23.4°C")
