# SPDX-License-Identifier: BSD-3-Clause
"""A client that others made: the npm package rpc-websockets, at a real broker's ``/rpc``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from pyaiot.broker.server import Broker
from pyaiot.cli import generate_keys
from pyaiot.keys import Keys
from pyaiot.wire.messages import New, Update
from tests.broker.peers import gateway
from tests.node_parts import node_with

SCRIPT = Path(__file__).with_name("npm_client.mjs")
PATIENCE_S = 30.0


@pytest.mark.parametrize("broker_options", [{"require_token": True}])
async def test_rpc_websockets_authenticates_asks_watches_and_understands_errors(
    broker: Broker, keys: Keys, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate_keys.run(["--key-file", str(key_file), "--client", "npm", "--role", "operator"])
    token = capsys.readouterr().out.strip()
    async with gateway(broker.port, keys) as link, asyncio.timeout(PATIENCE_S):
        while not broker.hub.gatekeeper.clients:
            await asyncio.sleep(0.02)
        await link.say(
            New(uid="1", protocol="coap", at=1),
            Update(uid="1", resource="t", data=21.5, value=21.5, unit="Cel", at=9),
        )
        await link.acknowledged(2)
        program = await asyncio.create_subprocess_exec(
            *(node_with("rpc-websockets"), str(SCRIPT), f"ws://127.0.0.1:{broker.port}/rpc", token),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await program.communicate()
    found = json.loads(out)
    assert found["before"]["data"] == {"code": "forbidden"}
    assert found["role"] == {"role": "operator"}
    assert found["page"]["nodes"] == [found["node"]]
    assert found["node"]["values"]["t"]["unit"] == "Cel"
    assert {"node", "value"} <= {change["type"] for change in found["told"]}
    assert found["missing"]["code"] == -32601
    assert found["offline"]["data"] == {"code": "unknown"}
    assert broker.hub.rpc.malformed == 0
