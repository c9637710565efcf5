# SPDX-License-Identifier: BSD-3-Clause
"""A device in JavaScript, as those of the platform are: on Node's own WebSocket, which is none of ours."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from pyaiot.gateway.device_tokens.token_keys import TokenKeys

from .conftest import MakeGateway
from .token_devices import ACCEPTED, PLATFORM, PONG, keys_folder, token_for, within

DEVICE = """
const [url, deviceId, deviceToken] = process.argv.slice(2);
let commanded = false;
const socket = new WebSocket(url, ["x", "echo-protocol"]);
socket.onopen = () => socket.send(JSON.stringify({type: "device", deviceId, deviceToken}));
socket.onmessage = ({data}) => {
  console.log(data);
  const {code} = JSON.parse(data);
  if (code === 200 || code === 1024) socket.send(JSON.stringify({type: "ping"}));
  if (code === 202 && commanded) socket.close(1000);
  commanded ||= code === 1024;
};
socket.onclose = ({code}) => console.log(JSON.stringify({protocol: socket.protocol, closed: code}));
"""
#: Node 20 has it behind this flag, later ones without.
FLAG = "--experimental-websocket"


def has_websocket() -> bool:
    node = shutil.which("node")
    return node is not None and not subprocess.run([node, FLAG, "-e", "WebSocket"], capture_output=True).returncode


@pytest.mark.needs("node")
async def test_a_device_in_javascript_is_accepted_and_actuated(make_gateway: MakeGateway, tmp_path: Path) -> None:
    if not await asyncio.to_thread(has_websocket):
        pytest.skip("this Node has no WebSocket")
    (tmp_path / "device.js").write_text(DEVICE)
    gateway = await make_gateway(token_keys=TokenKeys(keys_folder(tmp_path / "keys", public=PLATFORM)))
    url = f"ws://127.0.0.1:{gateway.adapter.port}/"
    process = await asyncio.create_subprocess_exec(
        *("node", FLAG, str(tmp_path / "device.js"), url, "joe", token_for("joe")), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert json.loads(await within(process.stdout.readline())) == ACCEPTED
    assert json.loads(await within(process.stdout.readline())) == PONG
    assert await within(gateway.adapter.write("joe", "led", 1)) is None
    command = json.loads(await within(process.stdout.readline()))
    assert command["code"] == 1024
    assert command["content"]["content"]["params"] == [{"name": "LED", "value": "1"}]
    assert json.loads(await within(process.stdout.readline())) == PONG
    assert json.loads(await within(process.stdout.readline())) == {"protocol": "echo-protocol", "closed": 1000}
    assert await within(process.wait()) == 0
    await gateway.until(lambda: gateway.count("gone", "joe"))
