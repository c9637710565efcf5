# SPDX-License-Identifier: BSD-3-Clause
"""Devices on the npm package ``ws``, the usual WebSocket of programs on Node.js: at /node, and with a token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pyaiot import devices
from pyaiot.devices import Credential, Devices
from pyaiot.gateway.adapter import WriteFailed
from pyaiot.gateway.device_tokens.token_keys import TokenKeys
from tests.node_parts import node_with

from .conftest import MakeGateway
from .token_devices import ACCEPTED, INVALID, PLATFORM, PONG, STRANGER, keys_folder, token_for, within
from .ws_devices import Gateway

SCRIPT = Path(__file__).parent / "npm_device.mjs"
DISCOVER = {"heard": {"request": "discover"}, "isBinary": False}


class NpmDevice:
    """The device in its process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    def do(self, **what: Any) -> None:
        """Have it do something (see npm_device.mjs)."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what).encode() + b"\n")

    async def next(self) -> Any:
        """What happened to it next."""
        assert self.process.stdout is not None
        return json.loads(await within(self.process.stdout.readline()))

    async def until_closed(self) -> tuple[int, str]:
        """Wait until its connection is over; code and reason as it was told."""
        while "closed" not in (happened := await self.next()):
            pass
        assert await within(self.process.wait()) == 0
        return happened["closed"], happened["reason"]


@asynccontextmanager
async def npm_device(url: str, *token: str) -> AsyncIterator[NpmDevice]:
    """A device that connects to ``url``; ``token`` are its id and its token."""
    process = await asyncio.create_subprocess_exec(
        *(node_with("ws"), str(SCRIPT), url, *token), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield NpmDevice(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def node_url(gateway: Gateway, query: str = "?id=box", user: str = "") -> str:
    return f"ws://{user}127.0.0.1:{gateway.adapter.port}/node{query}"


async def test_PY_WSN_a_device_is_asked_says_what_it_has_and_is_written_to(gateway: Gateway) -> None:
    async with npm_device(node_url(gateway)) as box:
        # It offers permessage-deflate, which is not taken.
        assert await box.next() == {"open": True, "protocol": "", "extensions": ""}
        assert await box.next() == DISCOVER
        await gateway.until(lambda: gateway.told("box", "temperature"))
        assert [gateway.told("box", name) for name in ("name", "led")] == [["Schaltkästchen"], ["0"]]
        assert await within(gateway.adapter.write("box", "led", 1)) is None
        assert await box.next() == {"heard": {"endpoint": "led", "payload": 1}, "isBinary": False}
        assert gateway.told("box", "led") == ["0", "1"]
        whole = json.dumps({"type": "update", "data": {"led": "in parts"}})
        box.do(parts=[whole[:1], whole[1:20], "", whole[20:]])
        await gateway.until(lambda: gateway.told("box", "led")[-1] == "in parts")
        box.do(close=1000)
        assert (await box.until_closed())[0] == 1000
        await gateway.until(lambda: gateway.count("gone", "box"))


async def test_it_answers_pings_and_is_out_when_it_is_terminated(
    make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyaiot.gateway.ws.server.PING_S", 1.0)
    gateway = await make_gateway()
    async with npm_device(node_url(gateway)) as box:
        assert [await box.next() for _ in range(4)][2:] == [{"ping": True}] * 2
        await gateway.until(lambda: gateway.count("seen", "box") >= 3)
        assert gateway.adapter.counters.silent == 0
        box.do(terminate=True)
        await gateway.until(lambda: gateway.count("gone", "box"))


@pytest.mark.parametrize(
    ("what", "code", "words"),
    [
        ({"send": "{"}, 1003, "not JSON"),
        ({"send": '{"type":"dance"}'}, 1003, "type"),
        ({"binary": '{"type":"update","data":{}}'}, 1003, "send text messages, not binary ones"),
        ({"send": '{"type":"update","data":{"x":"' + "y" * 16_384 + '"}}'}, 1009, ""),
    ],
)
async def test_PY_WSN_4_a_bad_message_closes_with_a_reason(
    gateway: Gateway, what: dict[str, str], code: int, words: str
) -> None:
    async with npm_device(node_url(gateway)) as box:
        await gateway.until(lambda: gateway.told("box", "temperature"))
        box.do(**what)
        closed, reason = await box.until_closed()
    assert closed == code
    assert words in reason


async def test_the_key_of_its_id_goes_as_user_and_password(make_gateway: MakeGateway, tmp_path: Path) -> None:
    path = tmp_path / "private" / "devices"
    path.parent.mkdir(mode=0o700)
    devices.store(path, Devices({"box": Credential.of("device", b"its-key")}))
    gateway = await make_gateway(device_file=str(path))
    async with npm_device(node_url(gateway, "", "box:wrong@")) as thief:
        assert await thief.next() == {"status": 401}
    async with npm_device(node_url(gateway, "", "box:its-key@")) as box:
        await gateway.until(lambda: gateway.told("box", "temperature"))
        devices.store(path, Devices())
        assert await box.until_closed() == (1008, "the key of its id was changed or removed")


async def test_OI_9_a_token_device_is_accepted_and_actuated(make_gateway: MakeGateway, tmp_path: Path) -> None:
    gateway = await make_gateway(token_keys=TokenKeys(keys_folder(tmp_path / "keys", public=PLATFORM)))
    url = f"ws://127.0.0.1:{gateway.adapter.port}/"
    async with npm_device(url, "joe", token_for("joe")) as joe:
        assert await joe.next() == {"open": True, "protocol": "echo-protocol", "extensions": ""}
        assert await joe.next() == {"heard": ACCEPTED, "isBinary": False}
        await gateway.until(lambda: gateway.told("joe", "temperature"))
        assert await within(gateway.adapter.write("joe", "led", True)) is None
        command = (await joe.next())["heard"]
        assert command["code"] == 1024
        assert command["content"]["content"]["params"] == [{"name": "LED", "value": "1"}]
        assert gateway.told("joe", "led") == ["0", "1"]
        joe.do(send='{"type":"ping"}')
        while (happened := await joe.next()) == {"ping": True}:
            pass
        assert happened["heard"] == PONG
        with pytest.raises(WriteFailed, match="null"):
            await gateway.adapter.write("joe", "led", None)
        joe.do(close=1000)
        assert (await joe.until_closed())[0] == 1000
    await gateway.until(lambda: gateway.count("gone", "joe"))


async def test_OI_3_a_bad_token_is_told_so_and_closed(make_gateway: MakeGateway, tmp_path: Path) -> None:
    gateway = await make_gateway(token_keys=TokenKeys(keys_folder(tmp_path / "keys", public=PLATFORM)))
    url = f"ws://127.0.0.1:{gateway.adapter.port}/"
    async with npm_device(url, "joe", token_for("joe", STRANGER)) as joe:
        await joe.next()
        assert (await joe.next())["heard"] == INVALID
        assert await joe.until_closed() == (1008, "invalid device token")
    assert gateway.log == []
