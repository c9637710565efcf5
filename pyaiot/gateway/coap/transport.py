# SPDX-License-Identifier: BSD-3-Clause
"""The UDP socket of the gateway, as a message interface of aiocoap: from datagrams to messages, and back.

It answers from the address that was asked, and tells those who wait for an answer of a peer that is not there.

aiocoap's own ``udp6`` does most of this at three times the cost, and it goes deaf on uvloop at the first ICMP
error: libuv stops polling a descriptor that reports POLLERR. Hence the epoll between socket and loop here: to
the loop it only ever becomes readable.

Nothing that a datagram holds raises out of here: it is counted, and logged at DEBUG.
"""

from __future__ import annotations

import asyncio
import logging
import select
import socket
from collections.abc import Callable
from typing import Any

from aiocoap import Message  # type: ignore[import-untyped]
from aiocoap.interfaces import MessageManager  # type: ignore[import-untyped]
from aiocoap.numbers.constants import TransportTuning  # type: ignore[import-untyped]
from aiocoap.transports.generic_udp import GenericMessageInterface  # type: ignore[import-untyped]

from pyaiot.gateway.coap.contacts import SockAddr
from pyaiot.gateway.coap.counters import Counters
from pyaiot.gateway.coap.datagrams import is_message, is_to_group
from pyaiot.gateway.coap.exchanges import Exchanges
from pyaiot.gateway.coap.group_answers import PACKED_GROUPS
from pyaiot.gateway.coap.remote import Remote
from pyaiot.gateway.coap.udp_socket import ANCILLARY, PENDING_ERRORS, read_icmp_errors

logger = logging.getLogger(__name__)

#: Longer datagrams are refused; nothing that a constrained device sends comes near.
MAX_DATAGRAM = 4096
#: Datagrams read before other tasks get their turn.
BATCH = 64


class Tuning(TransportTuning):  # type: ignore[misc]
    """The gateway's transmission parameters (RFC 7252 section 4.8).

    A confirmable request is sent at 0, 1–1.4 and 3–4.2 s and given up after 7–9.8 s: a person waits for the
    outcome of a write. Duplicates are found by :class:`Exchanges`, so aiocoap need not remember them too.
    """

    ACK_TIMEOUT = 1.0
    ACK_RANDOM_FACTOR = 1.4
    MAX_RETRANSMIT = 2
    EXCHANGE_LIFETIME = 0.0


_TUNING = Tuning()


class UdpInterface(GenericMessageInterface):  # type: ignore[misc]
    """Made by Endpoint.open, of a socket from ``bind_udp``; aiocoap awaits :meth:`shutdown` when the endpoint's is."""

    def __init__(self, manager: MessageManager, sock: socket.socket, counters: Counters) -> None:
        super().__init__(manager, logger, asyncio.get_running_loop())
        self._mman: MessageManager | None
        self.socket = sock
        self._epoll = select.epoll()
        self.counters = counters
        self._exchanges = Exchanges()
        #: Whom requests of ours are under way to; ICMP errors matter for these only.
        self.awaited: dict[SockAddr, int] = {}
        #: What it is bound to.
        self.address: SockAddr = sock.getsockname()
        self.port: int = self.address[1]
        #: Who is given what was sent to a group: the datagram, and where it is from. Must not raise.
        self.on_group: Callable[[bytes, SockAddr], None] | None = None
        self._time: Callable[[], float] = self._loop.time

    def listen(self) -> None:
        """Begin to read."""
        self._epoll.register(self.socket, select.EPOLLIN | select.EPOLLERR)
        self._loop.add_reader(self._epoll.fileno(), self._ready)

    async def shutdown(self) -> None:
        """Close the socket; called by aiocoap."""
        self._mman = None
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()
        self.socket.close()

    async def recognize_remote(self, remote: object) -> bool:
        """For aiocoap: whether ``remote`` is reached through this interface."""
        return isinstance(remote, Remote)

    async def determine_remote(self, request: Message) -> None:
        """For aiocoap: names are never looked up here; requests come with a :class:`Remote`."""
        return

    def _ready(self) -> None:
        try:
            if any(mask & select.EPOLLERR for _, mask in self._epoll.poll(0)):
                self._read_errors()
            receive = self.socket.recvmsg
            for _ in range(BATCH):
                try:
                    data, ancillary, flags, address = receive(MAX_DATAGRAM, ANCILLARY)
                except BlockingIOError:
                    return
                except OSError as error:
                    if error.errno in PENDING_ERRORS:
                        self._read_errors()
                        continue
                    raise
                self._received(data, ancillary, flags, address)
                if self._mman is None:
                    return
        except Exception:
            self.counters.internal_errors += 1
            logger.exception("reading the CoAP socket failed")

    def _received(self, data: bytes, ancillary: list[Any], flags: int, address: SockAddr) -> None:
        counters = self.counters
        counters.datagrams += 1
        pktinfo: bytes | None = ancillary[0][2] if ancillary else None
        if pktinfo is not None and is_to_group(pktinfo):
            counters.multicast += 1
            if self.on_group is not None and pktinfo[:16] in PACKED_GROUPS:
                self.on_group(data, address)
            return
        remote = Remote.of(address, self, pktinfo)
        if flags & socket.MSG_TRUNC:
            counters.oversized += 1
            self._reject(data, remote)
            return
        if not is_message(data):
            counters.malformed += 1
            self._reject(data, remote)
            return
        if not 0 < data[1] < 32:
            if address not in self.awaited:  # an answer to nothing, or a ping
                counters.unasked += 1
                self._reject(data, remote)
                return
        else:
            answer = self._exchanges.seen(address, data, self._time())
            if answer:
                counters.duplicates += 1
                if isinstance(answer, bytes):
                    self._send(answer, remote)
                return
        try:
            message = Message.decode(data, remote)
        except Exception as error:  # UnparsableMessage, UnicodeDecodeError in an option, …
            logger.debug("%r sent no CoAP message: %r", remote, error)
            counters.malformed += 1
            self._reject(data, remote)
            return
        message.transport_tuning = _TUNING
        try:
            if self._mman is not None:
                self._mman.dispatch_message(message)
        except Exception:
            counters.internal_errors += 1
            logger.exception("handling a message of %r failed", remote)

    def _reject(self, data: bytes, remote: Remote) -> None:
        """Answer a confirmable message that cannot be processed with a Reset (RFC 7252 section 4.2)."""
        if len(data) >= 4 and data[0] & 0xF0 == 0x40:
            self._send(bytes((0x70, 0, data[2], data[3])), remote)

    def transmit(self, data: bytes, remote: Remote) -> None:
        """Send an encoded message. Never raises: what cannot be sent is counted and told to who waits for it."""
        if data[0] & 0x30 == 0x20 and data[1]:  # an answer in the acknowledgement of a request
            self._exchanges.answered(remote, data)
        self._send(data, remote)

    def _send(self, data: bytes, remote: Remote) -> None:
        try:
            try:
                self.socket.sendmsg((data,), remote.ancillary, 0, remote)
            except OSError as error:
                if error.errno not in PENDING_ERRORS:
                    raise
                self._read_errors()  # it may have been the error of another datagram
                self.socket.sendmsg((data,), remote.ancillary, 0, remote)
        except BlockingIOError:
            self.counters.unsent += 1
        except OSError as error:
            self.counters.unsent += 1
            logger.debug("cannot send to %r: %s", remote, error)
            if remote in self.awaited:
                self._loop.call_soon(self._failed, error, remote)

    def _failed(self, error: OSError, remote: Remote) -> None:
        if self._mman is not None:
            self._mman.dispatch_error(error, remote)

    def _read_errors(self) -> None:
        """Empty the error queue; tell those who wait for an answer of a peer that is not there."""
        for address, number in read_icmp_errors(self.socket):
            self.counters.icmp_errors += 1
            if number is not None and address in self.awaited:
                self._loop.call_soon(self._failed, OSError(number, "ICMP"), Remote.of(address, self))
