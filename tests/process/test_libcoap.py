# SPDX-License-Identifier: BSD-3-Clause
"""From libcoap's client and server (Debian libcoap3-bin) through gateway and broker to a client of ``/ws``."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator

import pytest

from pyaiot.keys import Keys
from tests.lasting_ports import lasting_port
from tests.patience import PATIENCE_S
from tests.process.processes import Host
from tests.process.viewers import Viewer, viewing


def installed(*names: str) -> str:
    """The first of these programs that is there; the first of all if none is."""
    return next((name for name in names if shutil.which(name)), names[0])


CLIENT = installed("coap-client", "coap-client-notls", "coap-client-openssl", "coap-client-gnutls")
SERVER = installed("coap-server", "coap-server-notls", "coap-server-openssl", "coap-server-gnutls")


@pytest.fixture
async def road(host: Host, keys: Keys) -> AsyncIterator[tuple[Viewer, str]]:
    """A broker and a CoAP gateway; a client of the broker, and the gateway's URI."""
    _, port = await host.broker()
    _, coap_port = await host.coap_gateway(port)
    async with viewing(port) as viewer:
        yield viewer, f"coap://127.0.0.1:{coap_port}"


async def coap_client(host: Host, *arguments: str) -> str:
    """What coap-client prints, its messages included."""
    process = await host.start_program(CLIENT, "-v", "6", "-B", "30", *arguments, name="coap-client")
    await process.ended()
    return process.text


@pytest.fixture
async def server(host: Host) -> int:
    """libcoap's example server; its port."""
    port = lasting_port(kind=socket.SOCK_DGRAM)
    await host.start_program(SERVER, "-A", "127.0.0.1", "-p", str(port), name="coap-server")
    async with asyncio.timeout(PATIENCE_S):
        while "clock" not in await coap_client(host, "-B", "1", f"coap://127.0.0.1:{port}/.well-known/core"):
            pass
    return port


@pytest.mark.needs(CLIENT)
async def test_alive_and_server(host: Host, road: tuple[Viewer, str]) -> None:
    viewer, uri = road
    assert "4.04" in await coap_client(host, "-m", "post", "-e", "temperature:1", f"{uri}/server")
    assert viewer.view == {}
    output = await coap_client(host, "-m", "post", "-e", "alive:lib", f"{uri}/alive")
    assert "c:2.04" in output
    assert "Received 'alive:lib'" in output
    await viewer.until(lambda: "coap/lib" in viewer.view)
    assert "c:2.04" in await coap_client(host, "-m", "post", "-e", "temperature:23.4%C2%B0C", f"{uri}/server")
    await viewer.until(lambda: "temperature" in viewer.view["coap/lib"])
    told = next(message for message in viewer.heard if message.get("endpoint") == "temperature")
    assert told["at"] > 1_600_000_000_000
    assert {key: told[key] for key in ("uid", "data", "value", "unit", "dst")} == {
        "uid": "coap/lib",
        "data": "23.4°C",
        "value": 23.4,
        "unit": "Cel",
        "dst": "all",
    }
    assert viewer.view["coap/lib"] == {"ip": "127.0.0.1", "protocol": "CoAP", "temperature": "23.4°C"}
    assert "c:2.04" in await coap_client(host, "-m", "post", "-e", "reset:lib", f"{uri}/alive")
    await viewer.until(lambda: "temperature" not in viewer.view["coap/lib"])
    assert viewer.told("reset") == ["coap/lib"]
    assert viewer.told("out") == []


@pytest.mark.needs(CLIENT, SERVER)
async def test_registered_discovered_observed_and_written_to(host: Host, road: tuple[Viewer, str], server: int) -> None:
    viewer, uri = road
    base = f"base=coap://127.0.0.1:{server}"
    output = await coap_client(host, "-m", "post", f"{uri}/rd?ep=lib&lt=600&{base}")
    assert "c:2.01" in output
    location = output.split("Location-Path:rd, Location-Path:")[1].split()[0].strip(",]")

    def times() -> set[str]:
        return {message["data"] for message in viewer.heard if message.get("endpoint") == "time"}

    await viewer.until(lambda: len(times()) >= 3, "three notifications of the clock")
    assert await viewer.write("coap/lib", "example_data", "hello libcoap", id="1") == {
        "type": "result",
        "id": "1",
        "ok": True,
    }
    # What the device confirmed was told before the word that it did.
    told = [m for m in viewer.heard if m.get("endpoint") == "example_data" or m["type"] == "result"]
    assert [m.get("data", m["type"]) for m in told[-2:]] == ["hello libcoap", "result"]
    assert "hello libcoap" in await coap_client(host, f"coap://127.0.0.1:{server}/example_data")

    refused = await viewer.write("coap/lib", "async", "1", id="2")
    assert (refused["id"], refused["ok"], refused["code"]) == ("2", False, "refused")
    assert "4.05" in refused["reason"]
    refused = await viewer.write("coap/lib", "no/such/thing", "1", id="3")
    assert (refused["ok"], refused["code"]) == (False, "refused")
    assert refused["reason"][:2] == "4."
    unknown = await viewer.write("coap/nobody", "led", "1", id="4")
    assert (unknown["ok"], unknown["code"]) == (False, "unknown")

    assert "c:2.02" in await coap_client(host, "-m", "delete", f"{uri}/rd/{location}")
    await viewer.until(lambda: viewer.view == {})
    assert viewer.told("out") == ["coap/lib"]


@pytest.mark.needs(CLIENT, SERVER)
async def test_a_device_that_was_killed_is_out_when_its_registration_is_over(
    host: Host, road: tuple[Viewer, str], server: int
) -> None:
    """Until then a write to it fails, and says why."""
    viewer, uri = road
    register = f"{uri}/rd?ep=lib&base=coap://127.0.0.1:{server}&lt="
    assert "c:2.01" in await coap_client(host, "-m", "post", f"{register}600")
    await viewer.until(lambda: "time" in viewer.view.get("coap/lib", {}))
    # So short a time only now, that it is not over before the device was known.
    assert "c:2.0" in await coap_client(host, "-m", "post", f"{register}4")
    await next(each for each in host.started if each.name == "coap-server").kill()
    failed = await viewer.write("coap/lib", "example_data", "1")
    assert (failed["ok"], failed["code"]) == (False, "offline")
    assert failed["reason"]
    await viewer.until(lambda: viewer.view == {})
