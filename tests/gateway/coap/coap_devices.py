# SPDX-License-Identifier: BSD-3-Clause
"""The two sides that the adapter stands between, for tests: a gateway that records, and a scripted device."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from aiocoap import Message
from aiocoap.numbers import codes
from aiocoap.numbers.types import Type

from pyaiot.gateway.coap.adapter import CoapAdapter
from tests.gateway.recording import RecordingGateway
from tests.patience import PATIENCE_S

#: The ``--max-time`` of the gateway.
MAX_TIME_S = 120.0
#: A port where nothing listens, for the port at which devices usually do: 5683 of this machine may be in use.
NOBODY = 1


class Gateway(RecordingGateway):
    """For a CoAP adapter. ``auto_discover``: has it discover, as the real gateway does."""

    adapter: CoapAdapter

    def __init__(self) -> None:
        super().__init__(CoapAdapter.protocol, CoapAdapter.title, MAX_TIME_S)
        self.auto_discover = True

    @property
    def timeouts(self) -> dict[str, float]:
        """When each node is out if it is silent, in seconds."""
        return {node.uid: node.timeout_s for node in self.core.registry}

    async def discovered(self) -> None:
        """Wait until all discoveries asked for so far are over."""
        await self.until(lambda: not self._tasks, "discoveries end")

    async def _discover(self, uid: str) -> None:
        if self.auto_discover:
            await super()._discover(uid)


Handler = Callable[[Message], Message | None]


class Device(asyncio.DatagramProtocol):
    """A device whose every answer the test decides. ``resources`` maps a path to its value or to a handler."""

    def __init__(self, gateway: tuple[str, int]) -> None:
        self.gateway = gateway
        self.resources: dict[str, str | bytes | Handler] = {}
        self.links: str | None = None
        self.requests: list[Message] = []
        self.inbox: list[bytes] = []
        self.silent = False
        self.arrived = asyncio.Event()
        self._lost = asyncio.Event()
        self._transport: Any = None
        self._pending: dict[bytes, asyncio.Future[Message]] = {}
        self._mids = itertools.count(1)
        self._tokens = itertools.count(1)

    @classmethod
    async def open(cls, gateway: tuple[str, int], *, port: int = 0, host: str = "127.0.0.1") -> Device:
        loop = asyncio.get_running_loop()
        _, self = await loop.create_datagram_endpoint(lambda: cls(gateway), local_addr=(host, port))
        return self

    def close(self) -> None:
        self._transport.close()

    async def gone(self) -> None:
        """Close, and wait until nothing listens there."""
        self._transport.close()
        await self._lost.wait()

    @property
    def port(self) -> int:
        return self._transport.get_extra_info("sockname")[1]

    # Sending.

    def send(self, data: bytes) -> None:
        self._transport.sendto(data, self.gateway)

    def transmit(self, message: Message, address: Any = None) -> None:
        self._transport.sendto(message.encode(), address or self.gateway)

    def message(
        self, code: int, path: str, payload: bytes | str = b"", *, confirmable: bool = True, **options: Any
    ) -> Message:
        payload = payload.encode() if isinstance(payload, str) else payload
        message = Message(code=code, uri_path=path.strip("/").split("/"), payload=payload, **options)
        message.mtype = Type.CON if confirmable else Type.NON
        message.mid = next(self._mids) & 0xFFFF
        message.token = next(self._tokens).to_bytes(2, "big")
        return message

    async def ask(self, message: Message) -> Message:
        """Send a request and wait for its answer."""
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._pending[message.token] = answer
        self.transmit(message)
        async with asyncio.timeout(PATIENCE_S):
            return await answer

    async def post(self, path: str, payload: bytes | str = b"", *, confirmable: bool = True, **options: Any) -> Message:
        return await self.ask(self.message(codes.POST, path, payload, confirmable=confirmable, **options))

    async def get(self, path: str, **options: Any) -> Message:
        return await self.ask(self.message(codes.GET, path, **options))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.arrived.clear()
                await self.arrived.wait()

    def asked(self, path: str, code: int = codes.GET) -> list[Message]:
        """The requests for ``path`` so far."""
        return [m for m in self.requests if "/".join(m.opt.uri_path) == path.strip("/") and m.code == code]

    # Receiving.

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.inbox.append(data)
        message = Message.decode(data)
        if message.code.is_response():
            answer = self._pending.pop(message.token, None)
            if answer is not None and not answer.done():
                answer.set_result(message)
        elif message.code.is_request():
            message.remote = addr
            self.requests.append(message)
            if not self.silent:
                self._respond(message, addr)
        self.arrived.set()

    def _respond(self, request: Message, addr: Any) -> None:
        path = "/".join(request.opt.uri_path)
        if path == ".well-known/core" and path not in self.resources:
            links = self.links if self.links is not None else ",".join(f"</{name}>" for name in self.resources)
            response: Message | None = Message(code=codes.CONTENT, payload=links.encode(), content_format=40)
        elif path not in self.resources:
            response = Message(code=codes.NOT_FOUND)
        else:
            value = self.resources[path]
            if callable(value):
                response = value(request)
            elif request.code == codes.GET:
                response = Message(code=codes.CONTENT, payload=value.encode() if isinstance(value, str) else value)
            else:
                response = Message(code=codes.METHOD_NOT_ALLOWED)
        if response is not None:
            self.reply(request, response, addr)

    def reply(self, request: Message, response: Message, addr: Any = None, *, separate: bool = False) -> None:
        """Answer in the acknowledgement, or in a non-confirmable message of its own."""
        piggybacked = request.mtype is Type.CON and not separate
        response.mtype = Type.ACK if piggybacked else Type.NON
        response.mid = request.mid if piggybacked else next(self._mids) & 0xFFFF
        response.token = request.token
        self.transmit(response, addr or request.remote)
