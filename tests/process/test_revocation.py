# SPDX-License-Identifier: BSD-3-Clause
"""Whom the broker admits is changed while everything runs: its session ends, and comes back, by itself."""

from __future__ import annotations

import re
import time

from pyaiot.keys import Keys
from tests.patience import is_within
from tests.process.coap_senders import sending
from tests.process.processes import COAP_LISTENS, CONNECTED, Host
from tests.process.viewers import viewing

#: tests/broker/test_gateway_session.py holds the broker to a second; here it has company.
REVOKED_S = 3.0


async def test_a_revoked_gateway_is_cut_off_and_comes_back(host: Host, keys: Keys) -> None:
    broker, port = await host.broker()
    gateway, coap_port = await host.coap_gateway(port)
    async with sending(coap_port, 1) as (sender,), viewing(port) as viewer:
        await viewer.until(lambda: int(viewer.view.get("coap/s0", {}).get("count", 0)) > 10)
        said = len(gateway.lines)
        revoked = await host.run("aiot-generate-keys", "--revoke", "coap")
        began = time.monotonic()
        assert (revoked.code, revoked.err) == (0, "")
        await broker.says("Gateway coap: no longer authorized; session ended")
        assert is_within(time.monotonic() - began, REVOKED_S)
        match = await gateway.says(r"ERROR - The broker at .* does not admit this gateway\..*", after=said)
        took = time.monotonic() - began
        # It says what to do, in a line that can be copied; nothing private is in it.
        command = re.search(r"aiot-generate-keys (--authorize coap \S{43})$", match[0])
        assert command is not None, match[0]
        assert command[1].endswith(str(keys.gateways["coap"].public))
        before = int(viewer.view["coap/s0"]["count"])
        goal = sender.confirmed + 100
        authorized = await host.run("aiot-generate-keys", *command[1].split())
        assert (authorized.code, authorized.err) == (0, "")
        await gateway.says(CONNECTED, after=said)
        await viewer.until(lambda: int(viewer.view["coap/s0"]["count"]) >= goal)
        assert goal > before
        assert viewer.told("out") == []
        assert gateway.process.returncode is None
    print(f"the gateway knew {took:.2f} s after --revoke")


async def test_a_gateway_of_another_host_is_admitted_by_its_public_key(host: Host, keys: Keys) -> None:
    """As with SSH: the key is made there, its public part is brought here; private parts stay where they are."""
    _, port = await host.broker()
    there = str(host.home / "greenhouse-keys")
    made = await host.run("aiot-generate-keys", "--key-file", there, "--gateway", "greenhouse")
    public = made.out.strip()
    assert made.code == 0
    assert f"aiot-generate-keys --authorize greenhouse {public}" in made.err
    trusted = await host.run("aiot-generate-keys", "--key-file", there, "--trust-broker", str(keys.trusted_broker))
    assert trusted.code == 0
    gateway = await host.start(
        "aiot-coap-gateway", "--key-file", there, "--broker-port", str(port), "--coap-port", "0", "--max-time", "60"
    )
    coap_port = await gateway.port(COAP_LISTENS)
    await gateway.says(rf"does not admit this gateway.*--authorize greenhouse {re.escape(public)}")
    assert (await host.run("aiot-generate-keys", "--authorize", "greenhouse", public)).code == 0
    await gateway.says(CONNECTED)
    async with sending(coap_port, 1), viewing(port) as viewer:
        await viewer.until(lambda: "count" in viewer.view.get("greenhouse/s0", {}))


async def test_a_broker_that_is_not_the_trusted_one_is_told_nothing(host: Host, keys: Keys) -> None:
    """Somebody else answers at the broker's address: the gateway says so, and what to do if it is meant."""
    await host.run("aiot-generate-keys", "--key-file", "other-keys")
    broker, port = await host.broker("--key-file", "other-keys")
    gateway = await host.start("aiot-coap-gateway", "--broker-port", str(port), "--coap-port", "0")
    await gateway.says(r"ERROR - Not the broker that is trusted here.*--trust-broker")
    assert not any("Gateway coap: connected" in line for line in broker.lines)
