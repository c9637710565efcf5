# SPDX-License-Identifier: BSD-3-Clause
"""``nodes.read`` end to end: a program asks real devices through real gateways, also ones that answer no more."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pyaiot.client import Client, Offline, Refused, RpcError, TimedOut, Unknown, Unsupported
from pyaiot.keys import Keys
from tests.patience import PATIENCE_S
from tests.process.mosquitto import mosquitto
from tests.process.processes import ROOT, Host, Process
from tests.process.test_libcoap import CLIENT, SERVER, coap_client
from tests.process.test_libcoap import server as server
from tests.process.test_ws_devices import token_file, ws_gateway
from tests.process.viewers import viewing

#: So seldom do these devices say something of their own accord: not in any test.
NEVER_S = "86400"


async def script(host: Host, name: str, *arguments: str) -> Process:
    path = ROOT / "utils" / name.partition("-")[0] / f"{name}.py"
    return await host.start_program(sys.executable, str(path), *arguments, name=name)


@asynccontextmanager
async def asking(port: int, uid: str, resource: str) -> AsyncIterator[Client]:
    """A client, once the broker knows the resource."""
    async with viewing(port) as viewer:
        await viewer.until(lambda: resource in viewer.view.get(uid, {}))
    async with Client(f"localhost:{port}") as client:
        yield client


async def is_asked(client: Client, uid: str, resource: str = "led") -> None:
    """A read brings a reading that was not there before, and a write one that differs."""
    before = (await client.node(uid)).values[resource]
    async with asyncio.timeout(PATIENCE_S):
        while (reading := await client.read(uid, resource)) is None or reading.at <= before.at:
            pass  # within the same millisecond
    assert reading.data == before.data
    assert (await client.node(uid)).values[resource].at >= reading.at
    await client.write(uid, resource, "1")
    reading = await client.read(uid, resource)
    assert reading is not None
    assert reading.value == 1


async def failure(client: Client, uid: str, resource: str = "led") -> RpcError:
    with pytest.raises(RpcError) as failed:
        await client.read(uid, resource)
    return failed.value


async def test_a_coap_device_is_asked_and_its_death_is_told(host: Host, keys: Keys) -> None:
    _, port = await host.broker()
    _, coap_port = await host.coap_gateway(port)
    device = await script(
        host, "coap-test-node", "--gateway-port", str(coap_port), "--uid", "7", "--led", "--interval", NEVER_S
    )
    async with asking(port, "coap/7", "led") as client:
        await is_asked(client, "coap/7")
        refused = await failure(client, "coap/7", "nothing")
        assert isinstance(refused, Refused)
        assert "4.04" in str(refused)
        assert isinstance(await failure(client, "coap/7", "ip"), Unsupported)
        assert isinstance(await failure(client, "coap/8"), Unknown)
        await device.kill()
        assert isinstance(await failure(client, "coap/7"), Offline)


@pytest.mark.needs(CLIENT, SERVER)
async def test_libcoaps_server_is_asked(host: Host, keys: Keys, server: int) -> None:
    _, port = await host.broker()
    _, coap_port = await host.coap_gateway(port)
    uri = f"coap://127.0.0.1:{coap_port}/rd?ep=lib&lt=600&base=coap://127.0.0.1:{server}"
    assert "c:2.01" in await coap_client(host, "-m", "post", uri)
    async with asking(port, "coap/lib", "time") as client:
        first = await client.read("coap/lib", "time")
        assert first is not None
        async with asyncio.timeout(PATIENCE_S):
            while (await client.read("coap/lib", "time")).data == first.data:  # type: ignore[union-attr]
                pass
        await next(each for each in host.started if each.name == "coap-server").kill()
        assert isinstance(await failure(client, "coap/lib", "time"), Offline)


@pytest.mark.needs("mosquitto")
async def test_an_mqtt_device_is_asked_and_its_silence_and_death_are_told(
    host: Host, keys: Keys, tmp_path: Path
) -> None:
    _, port = await host.broker()
    async with mosquitto(tmp_path) as mqtt_broker:
        await host.mqtt_gateway(port, mqtt_broker.port)
        device = await script(host, "mqtt-test-node", "--mqtt-port", str(mqtt_broker.port), "--id", "7")
        async with asking(port, "mqtt/7", "led") as client:
            await is_asked(client, "mqtt/7")
            readings = await asyncio.gather(*(client.read("mqtt/7", name) for name in ("led", "temperature") * 4))
            assert {None if each is None else each.unit for each in readings} == {None, "Cel"}
            device.send(signal.SIGSTOP)
            assert isinstance(await failure(client, "mqtt/7"), TimedOut)
            await device.kill()
            assert isinstance(await failure(client, "mqtt/7"), Offline | Unknown | TimedOut)


async def test_a_websocket_device_is_asked_and_its_silence_and_death_are_told(host: Host, keys: Keys) -> None:
    _, port = await host.broker()
    _, ws_port = await ws_gateway(host, port)
    device = await script(host, "ws-test-node", "--gateway-port", str(ws_port), "--id", "lamp", "--interval", NEVER_S)
    async with asking(port, "ws/lamp", "led") as client:
        await is_asked(client, "ws/lamp")
        device.send(signal.SIGSTOP)
        dying = asyncio.create_task(client.read("ws/lamp", "led"))
        assert isinstance(await failure(client, "ws/lamp"), TimedOut)
        with pytest.raises(TimedOut):
            await dying
        dying = asyncio.create_task(client.read("ws/lamp", "led"))
        await device.kill()
        with pytest.raises((Offline, Unknown, TimedOut)):
            await dying


async def test_a_device_with_a_token_cannot_be_asked(host: Host, keys: Keys) -> None:
    _, port = await host.broker()
    token = await token_file(host, "joe")
    _, ws_port = await ws_gateway(host, port)
    await script(
        host, "ws-test-node", "--gateway-port", str(ws_port), "--id", "joe", "--token-file", token, "--interval", "0.2"
    )
    async with asking(port, "ws/joe", "temperature") as client:
        unsupported = await failure(client, "ws/joe", "temperature")
        assert isinstance(unsupported, Unsupported)
        assert "echo-protocol" in str(unsupported)
