# SPDX-License-Identifier: BSD-3-Clause
"""The other side written by others: libcoap's client and server (Debian libcoap3-bin)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from pyaiot.gateway.adapter import WriteFailed
from pyaiot.gateway.coap.adapter import CoapAdapter
from tests.gateway.coap.coap_devices import Gateway
from tests.lasting_ports import lasting_port
from tests.patience import PATIENCE_S

CLIENT, SERVER = "coap-client-notls", "coap-server-notls"


async def coap_client(*arguments: str) -> str:
    """What coap-client prints, its messages included."""
    process = await asyncio.create_subprocess_exec(
        CLIENT, "-v", "6", "-B", "5", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return output.decode()


@pytest.fixture
async def uri(gateway: Gateway) -> str:
    return f"coap://127.0.0.1:{gateway.adapter.port}"


@pytest.fixture
async def server() -> AsyncIterator[int]:
    """libcoap's example server; its port."""
    port = lasting_port(kind=socket.SOCK_DGRAM)
    process = await asyncio.create_subprocess_exec(
        SERVER, "-A", "127.0.0.1", "-p", str(port), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(PATIENCE_S):
        while "clock" not in await coap_client("-B", "1", f"coap://127.0.0.1:{port}/.well-known/core"):
            assert process.returncode is None
    yield port
    process.terminate()
    await process.wait()


@pytest.mark.needs(CLIENT)
async def test_coap_client_posts_alive_and_server(gateway: Gateway, uri: str) -> None:
    gateway.auto_discover = False
    assert "c:2.04" in (output := await coap_client("-m", "post", "-e", "alive:lib", f"{uri}/alive"))
    assert "Received 'alive:lib'" in output
    output = await coap_client("-m", "post", "-e", "temperature:23.4%C2%B0C", f"{uri}/server")
    assert "c:2.04" in output
    assert gateway.nodes["lib"]["temperature"] == "23.4°C"


@pytest.mark.needs_ipv6
@pytest.mark.needs(CLIENT)
async def test_coap_client_posts_without_confirmation_and_over_ipv6(gateway: Gateway, uri: str) -> None:
    gateway.auto_discover = False
    await coap_client("-N", "-m", "post", "-e", "alive:lib6", f"coap://[::1]:{gateway.adapter.port}/alive")
    await gateway.until(lambda: "lib6" in gateway.nodes)
    assert gateway.nodes["lib6"]["ip"] == "::1"


@pytest.mark.needs(CLIENT)
async def test_coap_client_is_told_what_was_wrong(gateway: Gateway, uri: str) -> None:
    assert "4.04" in await coap_client("-m", "post", "-e", "temperature:1", f"{uri}/server")
    assert "4.00" in await coap_client("-m", "post", "-e", "alive:a b", f"{uri}/alive")
    assert "4.05" in await coap_client(f"{uri}/alive")
    assert "core.rd" in await coap_client(f"{uri}/.well-known/core")
    assert "4.13" in await coap_client("-m", "post", "-e", "alive:" + "x" * 3000, f"{uri}/alive")


@pytest.mark.needs(CLIENT)
async def test_coap_client_registers_updates_and_deregisters_at_rd(gateway: Gateway, uri: str) -> None:
    gateway.auto_discover = False
    output = await coap_client("-m", "post", "-t", "40", "-e", "</temp>", f"{uri}/rd?ep=lib&lt=60")
    assert "c:2.01" in output
    assert (gateway.timeouts["lib"], "Location-Path:rd" in output) == (60, True)
    location = output.split("Location-Path:rd, Location-Path:")[1].split()[0].strip(",]")
    assert "c:2.04" in await coap_client("-m", "post", f"{uri}/rd/{location}?lt=70")
    assert gateway.timeouts["lib"] == 70
    assert "c:2.02" in await coap_client("-m", "delete", f"{uri}/rd/{location}")
    assert gateway.log[-1] == ("gone", "lib", "deregistered")


@pytest.mark.needs(CLIENT, SERVER)
async def test_coap_server_is_discovered_observed_and_written_to(gateway: Gateway, uri: str, server: int) -> None:
    base = f"base=coap://127.0.0.1:{server}"
    assert "c:2.01" in await coap_client("-m", "post", f"{uri}/rd?ep=lib&{base}")

    def times() -> set[str]:
        return {line[3] for line in gateway.log if line[:3] == ("update", "lib", "time")}

    await gateway.until(lambda: len(times()) >= 3)  # one a second, without a further request
    assert gateway.adapter.counters.notifications >= 2
    assert await gateway.adapter.write("lib", "example_data", "hello libcoap") == "hello libcoap"
    await gateway.until(lambda: gateway.nodes["lib"].get("example_data") == "hello libcoap")
    with pytest.raises(WriteFailed, match=r"4\.0[0-9]"):
        await gateway.adapter.write("lib", "nothing/here", "1")


@pytest.mark.needs(CLIENT, SERVER)
async def test_a_device_at_the_standard_port_is_found_though_it_sends_from_another(server: int) -> None:
    """As firmware does: it sends from a port where nobody listens (here coap-client's, gone by now)."""
    gateway = Gateway()
    gateway.adapter = adapter = CoapAdapter(port=0, device_port=server)
    await adapter.start(gateway)
    await coap_client("-m", "post", "-e", "alive:lib", f"coap://127.0.0.1:{adapter.port}/alive")
    await gateway.until(lambda: "time" in gateway.nodes["lib"])
    assert await adapter.write("lib", "example_data", 5) == "5"
    await gateway.end()
    await adapter.stop()
