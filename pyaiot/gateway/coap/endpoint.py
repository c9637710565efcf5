# SPDX-License-Identifier: BSD-3-Clause
"""The gateway's one CoAP endpoint: aiocoap's protocol layers between our socket and our site.

aiocoap does messages, acknowledgements, retransmission, tokens and options. Here it gets a lighter transport
and a site that answers at once, without a task and two copies a request.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import Protocol

import aiocoap  # type: ignore[import-untyped]
from aiocoap.messagemanager import MessageManager  # type: ignore[import-untyped]
from aiocoap.numbers.codes import EMPTY  # type: ignore[import-untyped]
from aiocoap.numbers.types import ACK  # type: ignore[import-untyped]
from aiocoap.pipe import Pipe  # type: ignore[import-untyped]
from aiocoap.tokenmanager import TokenManager  # type: ignore[import-untyped]

from pyaiot.gateway.coap.contacts import SockAddr
from pyaiot.gateway.coap.counters import Counters
from pyaiot.gateway.coap.remote import Remote
from pyaiot.gateway.coap.transport import UdpInterface
from pyaiot.gateway.coap.udp_socket import bind_udp


class Answers(Protocol):
    """Who answers requests."""

    def answer(self, request: aiocoap.Message) -> aiocoap.Message:
        """The response to ``request``, at once. Must not raise."""
        ...


class _Tokens(TokenManager):  # type: ignore[misc]
    def next_token(self) -> bytes:
        """Four random bytes, so that nobody off the path can guess an answer (RFC 7252 section 5.3.1)."""
        return os.urandom(4)


class Endpoint(aiocoap.Context):  # type: ignore[misc]
    """An aiocoap context with one interface. :meth:`open` it; ``shutdown`` closes it."""

    def __init__(self, site: Answers) -> None:
        super().__init__(loop=asyncio.get_running_loop(), loggername="aiocoap")
        self._site = site
        self.tokens: _Tokens
        self.messages: MessageManager
        self.interface: UdpInterface

    @classmethod
    async def open(cls, site: Answers, host: str, port: int, counters: Counters) -> Endpoint:
        """Listen on ``host`` (an address; ``::`` is every one, IPv4 too) and ``port`` (0: any).

        Raises OSError, whose text says what to do.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(
                host or "::",
                port,
                family=socket.AF_INET6,
                type=socket.SOCK_DGRAM,
                flags=socket.AI_V4MAPPED | socket.AI_PASSIVE,
            )
        except (socket.gaierror, UnicodeError):
            reason = f"{host!r} is not a name or address of this host (--coap-host)"
            raise OSError(errno.EADDRNOTAVAIL, reason) from None
        address: SockAddr = found[0][4]  # type: ignore[assignment]
        if host == "0.0.0.0":
            address = ("::ffff:0.0.0.0", port, 0, 0)
        sock = bind_udp(address)
        self = cls(site)
        self.tokens = _Tokens(self)
        self.messages = MessageManager(self.tokens)
        self.interface = UdpInterface(self.messages, sock, counters)
        self.messages.message_interface = self.interface
        self.tokens.token_interface = self.messages
        self.request_interfaces.append(self.tokens)
        self.interface.listen()
        return self

    def render_to_pipe(self, pipe: Pipe) -> None:
        """Answer a request; called by aiocoap's token layer."""
        pipe.add_response(self._site.answer(pipe.request), is_last=True)

    def abandon(self, request: aiocoap.Message) -> None:
        """Send ``request`` no more, neither again nor for the first time: nobody waits for its answer now.

        aiocoap has no way to say so, and would go on: a write could be done seconds after it was reported failed.
        """
        backlog = self.messages._backlogs.get(request.remote)
        if backlog:
            backlog[:] = [entry for entry in backlog if entry[0] is not request]
        if (request.remote, request.mid) in (self.messages._active_exchanges or ()):
            acknowledgement = aiocoap.Message(code=EMPTY)
            acknowledgement.mtype, acknowledgement.mid, acknowledgement.remote = ACK, request.mid, request.remote
            self.messages.dispatch_message(acknowledgement)

    def remote(self, address: SockAddr) -> Remote:
        """The peer at ``address``, to send requests to."""
        return Remote.of(address, self.interface)
