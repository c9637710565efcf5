# SPDX-License-Identifier: BSD-3-Clause
"""Devices with tokens, on real sockets, and the folder of keys that a gateway checks them by."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from pyaiot.gateway.ws.echo import SUBPROTOCOL
from tests.gateway.device_tokens.issuer import HOUR, Issuer, claims_of
from tests.patience import PATIENCE_S

from .ws_devices import Device, Gateway

#: Made once: keys are slow to make.
PLATFORM, STRANGER = Issuer("ES256"), Issuer("ES256")
ECHO = Subprotocol(SUBPROTOCOL)

ACCEPTED = {"code": 200, "content": "Record in database update for device"}
PONG = {"code": 202, "content": "PONG"}
INVALID = {"code": 401, "content": "Invalid device token"}
WRONG_FORMAT = {"code": 401, "content": "Wrong message format"}
FAULT = {"code": 500, "content": "Internal server error"}


def keys_folder(path: Path, **issuers: Issuer) -> Path:
    """A folder with the public keys of ``issuers``, by their names."""
    path.mkdir(mode=0o700, exist_ok=True)
    for name, issuer in issuers.items():
        (path / f"{name}.pem").write_bytes(issuer.pem)
    return path


def token_for(device: str, issuer: Issuer = PLATFORM, *, seconds: float = HOUR, **more: Any) -> str:
    """A token that is good now, for so many ``seconds``."""
    return issuer.token(claims_of(device, exp=time.time() + seconds, iat=time.time(), **more))


class TokenDevice(Device):
    """A device that speaks echo-protocol."""

    async def send(self, message: Any) -> None:
        await self.connection.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def introduce(self, device: str, token: str | None = None, **more: Any) -> Any:
        """Say who it is; the answer."""
        token = token_for(device, **more) if token is None else token
        await self.send({"type": "device", "deviceId": device, "deviceToken": token})
        return await self.hear()

    async def closed_after(self, answer: Any) -> int:
        """The gateway's last word is ``answer``, and then it closes; with which code."""
        assert await self.hear() == answer
        return (await self.closed())[0]


@asynccontextmanager
async def token_device(
    gateway: Gateway, name: str | None = None, path: str = "/", **options: Any
) -> AsyncIterator[TokenDevice]:
    """A connected device; with a ``name`` it has been accepted, too."""
    options = {"proxy": None, "subprotocols": [ECHO], **options}
    async with connect(f"ws://127.0.0.1:{gateway.adapter.port}{path}", **options) as connection:
        device = TokenDevice(connection)
        if name is not None:
            assert await device.introduce(name) == ACCEPTED
        yield device


async def within(awaited: Any) -> Any:
    """What ``awaited`` gives, in reasonable time."""
    async with asyncio.timeout(PATIENCE_S):
        return await awaited
