# SPDX-License-Identifier: BSD-3-Clause
"""The JavaScript client in Node.js, with a real broker, gateway and device, and a broker that is killed."""

from __future__ import annotations

from pathlib import Path

from pyaiot.client import Client
from pyaiot.keys import Keys
from tests.lasting_ports import lasting_port
from tests.node_parts import node_with
from tests.process.processes import Host

SCRIPT = Path(__file__).with_name("js_client.mjs")


async def test_the_client_speaks_to_devices_and_others_and_survives_the_broker(host: Host, keys: Keys) -> None:
    node_js = node_with("ws")
    broker, port = await host.broker(port=lasting_port("localhost"))
    _, coap_port = await host.coap_gateway(port)
    node = ("--gateway-port", str(coap_port), "--uid", "bench", "--led", "--temperature", "--interval", "0.5")
    device = await host.start_program(*host.test_node(*node), name="coap-test-node")
    async with Client(f"localhost:{port}") as program:
        async for _ in program.watch(uid="coap/bench", resource="led"):
            break
    client = await host.start_program(node_js, str(SCRIPT), f"localhost:{port}", "coap/bench", name="js_client")
    await client.says("^ready")
    await device.says("led is now 1")
    await client.says(r"^level \d+")

    before = len(client.lines)
    await broker.kill()
    await client.says("^status lost")
    count = len(client.lines)
    await host.broker(port=port)
    await client.says("^status connected", after=count)
    count = len(client.lines)
    await client.says("^synced", after=before)
    await client.says(r"^level \d+", after=count)
    assert await client.stop() > 0
    assert client.lines[-1] == "done"
