# SPDX-License-Identifier: BSD-3-Clause
"""``kill -9`` of a gateway: its nodes are unreachable at once, out after the grace, and back when it is back."""

from __future__ import annotations

import signal
import socket
import urllib.request
from asyncio import timeout, to_thread

from pyaiot.keys import Keys
from tests.lasting_ports import lasting_port
from tests.patience import PATIENCE_S
from tests.process.broken_network import network
from tests.process.coap_senders import sending
from tests.process.feeders import feeding
from tests.process.processes import CONNECTED, Host
from tests.process.viewers import viewing

#: Long enough to look at what holds until it is over, also on a machine that is busy with something else.
GRACE_S = 5


async def metric(port: int, name: str) -> float:
    """A figure of the broker's ``/metrics``."""

    def read() -> str:
        with urllib.request.urlopen(f"http://localhost:{port}/metrics", timeout=PATIENCE_S) as answer:
            return str(answer.read().decode())

    for line in (await to_thread(read)).splitlines():
        if line.startswith(f"{name} "):
            return float(line.rpartition(" ")[2])
    raise AssertionError(f"no metric {name}")


async def test_nodes_are_out_after_the_grace(host: Host, keys: Keys) -> None:
    broker, port = await host.broker("--gateway-grace", str(GRACE_S))
    gateway, coap_port = await host.coap_gateway(port)
    async with (
        sending(coap_port, 3),
        feeding(keys, "ws", port, devices=2) as other,
        viewing(port) as viewer,
    ):
        await viewer.until(lambda: sum("count" in node for node in viewer.view.values()) == 3)
        await gateway.kill()
        await broker.says("Gateway coap: session .* ended")
        assert await metric(port, 'aiot_nodes{gateway="coap",state="unreachable"}') == 3
        assert await metric(port, 'aiot_nodes{gateway="ws",state="online"}') == 2
        result = await viewer.write("coap/s0", "led", "1")
        assert (result["ok"], result["code"]) == (False, "offline")
        assert viewer.told("out") == []
        took = await viewer.sees(other.truth)
        assert sorted(viewer.told("out")) == ["coap/s0", "coap/s1", "coap/s2"]
        print(f"out {took:.2f} s later")


async def test_a_gateway_that_is_back_within_the_grace_lost_no_node(host: Host, keys: Keys) -> None:
    """Its link broke, and for a while nothing could mend it."""
    broker, port = await host.broker("--gateway-grace", "60")
    async with network(port) as road:
        gateway, coap_port = await host.coap_gateway(road.port)
        async with sending(coap_port, 3) as senders, viewing(port) as viewer:
            await viewer.until(lambda: sum("count" in node for node in viewer.view.values()) == 3)
            road.refuse()
            await broker.says("Gateway coap: session .* ended")
            assert await metric(port, 'aiot_nodes{gateway="coap",state="unreachable"}') == 3
            said = len(gateway.lines)
            goal = max(sender.confirmed for sender in senders) + 20
            road.heal()
            await gateway.says(CONNECTED, after=said)
            await viewer.until(lambda: all(int(node["count"]) >= goal for node in viewer.view.values()))
            async with timeout(PATIENCE_S):  # its backlog comes first, then it tells its nodes again
                while await metric(port, 'aiot_nodes{gateway="coap",state="online"}') != 3:
                    pass
            assert viewer.told("out") == []
            assert sorted(viewer.told("new")) == ["coap/s0", "coap/s1", "coap/s2"]


async def test_a_gateway_that_is_started_again_has_its_nodes_back(host: Host, keys: Keys) -> None:
    """Its devices come back to it by themselves: they are told that it does not know them, and register.

    A gateway that was killed remembers no node; its first sync (PROTOCOL.md section 2.3) says so, and they are out
    until they are heard.
    """
    _, port = await host.broker()
    gateway, coap_port = await host.coap_gateway(port, coap_port=lasting_port(kind=socket.SOCK_DGRAM))
    device = await host.start_program(
        *host.test_node(
            "--gateway-port", str(coap_port), "--uid", "lamp", "--led", "--temperature", "--interval", "0.2"
        ),
        name="coap-test-node",
    )
    async with viewing(port) as viewer:
        await viewer.until(lambda: {"led", "temperature"} <= viewer.view.get("coap/lamp", {}).keys())
        await gateway.kill()
        gateway, _ = await host.coap_gateway(port, coap_port=coap_port)
        told = len(viewer.heard)
        await viewer.until(
            lambda: (
                {"led", "temperature"}
                <= {m.get("endpoint") for m in viewer.heard[told:] if m.get("uid") == "coap/lamp"}
            )
        )
        assert (await viewer.write("coap/lamp", "led", "1"))["ok"] is True
    await device.stop(signal.SIGINT)
