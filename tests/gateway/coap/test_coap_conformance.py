# SPDX-License-Identifier: BSD-3-Clause
"""The CoAP adapter does what every adapter has to do; its devices register at the resource directory (RFC 9176)."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
from collections.abc import Sequence
from typing import Any, ClassVar

from aiocoap import Message
from aiocoap.numbers import codes

from pyaiot.gateway.adapter import Adapter
from pyaiot.gateway.coap.adapter import CoapAdapter
from pyaiot.gateway.coap.exchanges import Exchanges
from pyaiot.testing.conformance import AdapterConformance
from pyaiot.testing.world import Device, World
from pyaiot.wire.messages import JSON
from tests.gateway.coap import coap_devices
from tests.gateway.coap.coap_devices import NOBODY
from tests.gateway.coap.test_coap_robustness import SEEDS, mutate

#: Datagrams that are sent without looking whether anybody reads them.
BURST = 20


class CoapDevice(Device):
    """A device with a socket of its own, at which it also serves."""

    def __init__(self, port: int, uid: str) -> None:
        super().__init__(uid)
        self._gateway = ("127.0.0.1", port)
        self._peer: coap_devices.Device | None = None
        self._location: tuple[str, ...] = ()

    async def hello(self) -> None:
        if self._peer is None:
            self._peer = await coap_devices.Device.open(self._gateway)
            # RFC 7252 section 4.4: else one that gets the port of another soon after it is taken for that one.
            self._peer._mids = itertools.count(random.randrange(0x10000))
            self._peer._respond = self._serve  # type: ignore[method-assign]
        answer = await self._peer.post("rd", "", uri_query=[f"ep={self.uid}", "lt=300"])
        self._location = answer.opt.location_path

    async def report(self, resource: str, text: str) -> None:
        assert self._peer is not None
        if len(text) < 1_000:
            await self._peer.post("server", f"{resource}:{text}")

    async def leave(self) -> None:
        assert self._peer is not None
        if self._location:
            await self._peer.ask(self._peer.message(codes.DELETE, "/".join(self._location)))
        await self.vanish()

    async def vanish(self) -> None:
        peer, self._peer = self._peer, None
        if peer is not None:
            await peer.gone()

    async def reboot(self) -> None:
        assert self._peer is not None
        await self._peer.post("alive", f"reset:{self.uid}")

    def _serve(self, request: Message, address: Any) -> None:
        path, payload = "/".join(request.opt.uri_path), b""
        if request.code == codes.PUT:
            self.took(path, request.payload.decode())
            answer = {"confirm": codes.CHANGED, "refuse": codes.METHOD_NOT_ALLOWED}.get(self.manner)
        elif path == ".well-known/core":
            answer = codes.CONTENT
        else:
            self.asked()
            payload = self.values.get(path, "").encode()
            answer = None if self.manner == "ignore" else codes.CONTENT if payload else codes.NOT_FOUND
        if answer is not None and self._peer is not None:
            self._peer.reply(request, Message(code=answer, payload=payload), address)


class CoapWorld(World):
    can_reboot: ClassVar[bool] = True
    unsupported: ClassVar[Sequence[JSON]] = (None, float("inf"), 2**60, "x" * 20_000, "\ud800")

    def adapter(self, port: int = 0) -> CoapAdapter:
        return CoapAdapter(host="127.0.0.1", port=port, device_port=NOBODY)

    def port(self, adapter: Adapter) -> int:
        assert isinstance(adapter, CoapAdapter)
        return adapter.port

    def device(self, adapter: Adapter, uid: str) -> CoapDevice:
        return CoapDevice(self.port(adapter), uid)

    async def noise(self, adapter: Adapter, chance: random.Random, count: int) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.connect(("127.0.0.1", self.port(adapter)))
            for number in range(count):
                stranger.send(mutate(chance, SEEDS[number % len(SEEDS)]))
                if number % BURST == BURST - 1:
                    await asyncio.sleep(0.001)  # a full socket loses what comes

    async def ready(self, adapter: Adapter) -> None:
        assert isinstance(adapter, CoapAdapter)
        assert adapter._endpoint is not None
        # It remembers 32,768 requests, which would look like growth for a long time.
        adapter._endpoint.interface._exchanges = Exchanges(limit=512)

    def internal_errors(self, adapter: Adapter) -> int:
        assert isinstance(adapter, CoapAdapter)
        return adapter.counters.internal_errors


class TestCoapAdapter(AdapterConformance):
    def make_world(self) -> CoapWorld:
        return CoapWorld()
