# SPDX-License-Identifier: BSD-3-Clause
"""CoAP devices that do nothing but tell numbers, as fast as the gateway answers them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiocoap import Message  # type: ignore[import-untyped]
from aiocoap.numbers import codes  # type: ignore[import-untyped]
from aiocoap.numbers.types import Type  # type: ignore[import-untyped]


class Sender(asyncio.DatagramProtocol):
    """A device that sends the next number once the last was answered, and remembers which was confirmed by 2.04."""

    def __init__(self, uid: str) -> None:
        self.uid = uid
        self.confirmed = 0
        self._next = 0
        self._transport: asyncio.DatagramTransport
        self._mid = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._post("alive", f"alive:{self.uid}")

    def datagram_received(self, data: bytes, addr: object) -> None:
        message = Message.decode(data)
        if message.code.is_request():
            self._answer(message)
        elif message.mid != self._mid or message.mtype is not Type.ACK:
            pass  # an answer to an earlier one
        elif message.code == codes.CHANGED:
            self.confirmed = self._next
            self._next += 1
            self._post("server", f"count:{self._next}")

    def error_received(self, exc: Exception) -> None:
        """The gateway is gone."""

    def _post(self, path: str, payload: str) -> None:
        self._mid = (self._mid + 1) & 0xFFFF
        message = Message(code=codes.POST, uri_path=(path,), payload=payload.encode())
        message.mtype, message.mid, message.token = Type.CON, self._mid, b"t"
        self._transport.sendto(message.encode())

    def _answer(self, request: Message) -> None:
        """Offers nothing: discovery is over at once."""
        answer = Message(code=codes.NOT_FOUND)
        answer.mtype, answer.mid, answer.token = Type.ACK, request.mid, request.token
        self._transport.sendto(answer.encode())


@asynccontextmanager
async def sending(port: int, count: int) -> AsyncIterator[list[Sender]]:
    """So many devices at the CoAP gateway on ``port`` of this host."""
    loop = asyncio.get_running_loop()
    senders: list[Sender] = []
    transports: list[asyncio.DatagramTransport] = []
    try:
        for number in range(count):
            transport, sender = await loop.create_datagram_endpoint(
                lambda number=number: Sender(f"s{number}"),  # type: ignore[misc]
                remote_addr=("127.0.0.1", port),
            )
            transports.append(transport)
            senders.append(sender)
        yield senders
    finally:
        for transport in transports:
            transport.close()
