# SPDX-License-Identifier: BSD-3-Clause
"""WebSocket devices end to end: real devices, a real gateway, a real broker, a client of ``/ws``."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import time
from contextlib import AsyncExitStack

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from pyaiot.keys import Keys
from tests.lasting_ports import lasting_port
from tests.patience import PATIENCE_S, is_within
from tests.process.processes import CONNECTED, ROOT, Host, Process
from tests.process.viewers import fresh_view, viewing

WS_LISTENS = r"listening for WebSocket devices on port (\d+)"


async def ws_gateway(host: Host, broker_port: int, *arguments: str, port: int = 0) -> tuple[Process, int]:
    """A WebSocket gateway with the host's keys; it and its port, once it is connected to the broker."""
    process = await host.start(
        "aiot-ws-gateway", "--broker-port", str(broker_port), "--gateway-port", str(port), *arguments
    )
    port = await process.port(WS_LISTENS)
    await process.says(CONNECTED)
    return process, port


async def device_program(host: Host, port: int, uid: str, *more: str) -> Process:
    """A device as a program."""
    script = ROOT / "utils" / "ws" / "ws-test-node.py"
    arguments = ("--gateway-port", str(port), "--id", uid, "--interval", "0.2", *more)
    return await host.start_program(sys.executable, str(script), *arguments, name=f"ws-test-node {uid}")


async def test_PB_01_a_device_is_seen_and_written_to_from_a_client_of_the_broker(host: Host, keys: Keys) -> None:
    _, broker_port = await host.broker()
    gateway, port = await ws_gateway(host, broker_port)
    device = await device_program(host, port, "lamp")
    async with viewing(broker_port) as viewer:
        await viewer.until(lambda: {"led", "temperature"} <= viewer.view.get("ws/lamp", {}).keys())
        # PY-MSG-10: what it is comes before what it says.
        mine = [message.get("endpoint", message["type"]) for message in viewer.heard if message.get("uid") == "ws/lamp"]
        assert mine[0] == "new"
        node = viewer.view["ws/lamp"]
        assert (node["protocol"], node["name"], node["os"]) == ("WebSocket", "WebSocket Test Node", "riot")
        assert node["led"] == "0"
        assert (await viewer.write("ws/lamp", "led", "1"))["ok"] is True
        await viewer.until(lambda: viewer.view["ws/lamp"]["led"] == "1")
        refused = await viewer.write("ws/lamp", "led", "22", id="w2")
        assert (refused["ok"], refused["code"]) == (False, "refused")
        await device.stop(signal.SIGINT)
        assert is_within(await viewer.until(lambda: "ws/lamp" not in viewer.view), 2)
        failed = await viewer.write("ws/lamp", "led", "1", id="w3")
        assert failed["ok"] is False
    await gateway.stop()


async def token_file(host: Host, uid: str, *more: str) -> str:
    """The name of a file with a token for ``uid``, as a person makes it."""
    made = await host.run("aiot", "device-token", uid, *more)
    assert made.code == 0, made.err
    file = host.home / f"{uid}.token"
    file.write_text(made.out)
    return str(file)


async def test_OI_9_a_token_device_is_actuated_from_a_client_and_is_out_when_its_token_is_good_no_more(
    host: Host, keys: Keys
) -> None:
    _, broker_port = await host.broker()
    gateway, port = await ws_gateway(host, broker_port)
    device = await device_program(host, port, "joe", "--token-file", await token_file(host, "joe"))
    async with viewing(broker_port) as viewer:
        await viewer.until(lambda: {"led", "temperature"} <= viewer.view.get("ws/joe", {}).keys())
        node = viewer.view["ws/joe"]
        assert (node["protocol"], node["name"], node["led"]) == ("WebSocket", "WebSocket Test Node", "0")
        assert (await viewer.write("ws/joe", "led", "1"))["ok"] is True
        assert viewer.view["ws/joe"]["led"] == "1"
        # A token was stolen: no earlier one is good any more, within seconds; the device takes the new one.
        await token_file(host, "joe", "--new-key")
        # It may be back before anybody has looked.
        gone = {"type": "out", "uid": "ws/joe"}
        assert is_within(await viewer.until(lambda: any(gone.items() <= told.items() for told in viewer.heard)), 5)
        await viewer.until(lambda: "led" in viewer.view.get("ws/joe", {}))
        assert viewer.view["ws/joe"]["led"] == "1"
    await device.stop(signal.SIGINT)
    await gateway.stop()


async def test_a_device_whose_key_is_removed_is_out_within_seconds(host: Host, keys: Keys) -> None:
    _, broker_port = await host.broker()
    _, port = await ws_gateway(host, broker_port)
    added = await host.run("aiot", "device", "add", "lamp")
    key = dict(line.split() for line in added.out.splitlines())["password"]
    authorization = {"Authorization": f"Bearer {key}"}
    url = f"ws://localhost:{port}/node?id=lamp"
    async with connect(url, proxy=None, additional_headers=authorization) as lamp, viewing(broker_port) as viewer:
        await viewer.until(lambda: "ws/lamp" in viewer.view)
        assert (await host.run("aiot", "device", "remove", "lamp")).code == 0
        took = await viewer.until(lambda: "ws/lamp" not in viewer.view)
        assert is_within(took, 5)
        await lamp.wait_closed()
        assert lamp.close_code == 1008
    print(f"out {took:.2f} s after aiot device remove")


async def test_PB_36_devices_of_a_killed_gateway_come_back_under_their_names(host: Host, keys: Keys) -> None:
    _, broker_port = await host.broker("--gateway-grace", "60")
    gateway, port = await ws_gateway(host, broker_port, port=lasting_port())
    devices = [await device_program(host, port, f"lamp{number}") for number in range(3)]
    names = {f"ws/lamp{number}" for number in range(3)}
    async with viewing(broker_port) as viewer:
        await viewer.until(lambda: all("led" in viewer.view.get(uid, {}) for uid in names))
        assert (await viewer.write("ws/lamp1", "led", "1"))["ok"] is True
        await gateway.kill()
        gateway, _ = await ws_gateway(host, broker_port, port=port)
        told = len(viewer.heard)
        took = await viewer.until(
            lambda: names == {m["uid"] for m in viewer.heard[told:] if m.get("endpoint") == "temperature"}
        )
        assert set(viewer.view) == names
        assert viewer.view["ws/lamp1"]["led"] == "1"
        assert (await viewer.write("ws/lamp2", "led", "1", id="w2"))["ok"] is True
    for device in devices:
        await device.stop(signal.SIGINT)
    print(f"back {took:.2f} s later")


async def test_a_device_that_hangs_is_out_within_25_s(host: Host, keys: Keys) -> None:
    """Its connection stays open, as that of a board without power does."""
    _, broker_port = await host.broker()
    _, port = await ws_gateway(host, broker_port, "--max-time", "5")
    device, other = await device_program(host, port, "lamp"), await device_program(host, port, "other")
    async with connect(f"ws://localhost:{port}/node?id=quiet", proxy=None), viewing(broker_port) as viewer:
        await viewer.until(lambda: {"ws/lamp", "ws/other", "ws/quiet"} == set(viewer.view))
        device.send(signal.SIGSTOP)
        took = await viewer.until(lambda: "ws/lamp" not in viewer.view)
        assert is_within(took, 25)
        assert set(viewer.view) == {"ws/other", "ws/quiet"}, "who answers pings is there, whatever --max-time says"
    device.send(signal.SIGCONT)
    for each in (device, other):
        await each.stop(signal.SIGINT)
    print(f"out {took:.1f} s later")


async def test_a_gateway_under_load_ends_in_order_and_what_it_took_is_at_the_broker(host: Host, keys: Keys) -> None:
    _, broker_port = await host.broker("--gateway-grace", "60")
    gateway, port = await ws_gateway(host, broker_port)

    async def count(uid: str) -> tuple[int, int]:
        """Send numbers until the gateway says goodbye; the last that it has taken, and the last of all."""
        number, taken, code = 0, 0, None
        async with connect(f"ws://localhost:{port}/node?id={uid}", proxy=None) as device:
            try:
                while True:
                    number += 1
                    await device.send(json.dumps({"type": "update", "data": {"count": number}}))
                    await (await device.ping())  # is answered in turn
                    taken = number
                    await asyncio.sleep(0.02)  # all together no faster than newcomers of one address may be
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd is not None else None
        assert code == 1001
        return taken, number

    counting = [asyncio.create_task(count(f"c{number}"), name=f"c{number}") for number in range(10)]
    async with viewing(broker_port) as viewer:
        await viewer.until(lambda: sum(int(node.get("count", 0)) for node in viewer.view.values()) > 2_000)
        took = await gateway.stop()
    lasts = await asyncio.gather(*counting)
    view = await fresh_view(broker_port)
    for number, (taken, last) in enumerate(lasts):
        assert taken <= int(view[f"ws/c{number}"]["count"]) <= last
    print(f"ended in {took:.2f} s")


async def test_500_devices_that_were_dropped_at_once_are_all_back_soon(host: Host, keys: Keys) -> None:
    _, broker_port = await host.broker("--gateway-grace", "60")
    gateway, port = await ws_gateway(host, broker_port, port=lasting_port())
    uids = [f"d{number}" for number in range(500)]

    async def one(stack: AsyncExitStack, uid: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    device = await connect(f"ws://127.0.0.1:{port}/node?id={uid}", proxy=None, open_timeout=PATIENCE_S)
                    break
                except (
                    OSError,
                    WebSocketException,
                ):  # who asks too slowly is cut off; here all do at once
                    await asyncio.sleep(0.1)
            stack.push_async_callback(device.close)
            await device.recv()
            await device.send(json.dumps({"type": "update", "data": {"led": "0"}}))

    async def all_of_them(stack: AsyncExitStack) -> None:
        await asyncio.gather(*(one(stack, uid) for uid in uids))

    async with viewing(broker_port) as viewer, AsyncExitStack() as before:
        await all_of_them(before)
        await viewer.until(lambda: sum("led" in node for node in viewer.view.values()) == 500)
        await gateway.kill()
        gateway, _ = await ws_gateway(host, broker_port, port=port)
        told, began = len(viewer.heard), time.monotonic()
        async with AsyncExitStack() as after:
            await all_of_them(after)
            await viewer.until(
                lambda: len({m["uid"] for m in viewer.heard[told:] if m.get("endpoint") == "led"}) == 500
            )
            took = time.monotonic() - began
            assert set(viewer.view) == {f"ws/{uid}" for uid in uids}
            assert is_within(took, 20)
    print(f"all back {took:.2f} s later")


async def test_what_is_set_wrong_is_said_in_one_line(host: Host, keys: Keys) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = await host.run("aiot-ws-gateway", "--gateway-host", "127.0.0.1", "--gateway-port", port)
    assert (done.code, done.err.count("\n")) == (75, 1)
    assert "--gateway-port" in done.err
    for arguments, words, code in (
        (("--gateway-host", "no.such.host.invalid"), "--gateway-host", 75),
        (("--device-origins", "nonsense"), "--device-origins", 78),
        (("--device-origins", "https://a/b"), "--device-origins", 78),
        (("--device-file", str(host.home)), "device file", 75),
    ):
        done = await host.run("aiot-ws-gateway", "--gateway-port", "0", *arguments)
        assert (done.code, done.err.count("\n")) == (code, 1), done.err
        assert words.lower() in done.err.lower()
