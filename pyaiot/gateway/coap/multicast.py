# SPDX-License-Identifier: BSD-3-Clause
"""Hears what is sent to All CoAP Nodes, and lets the site answer it, from the gateway's own address.

A gateway on every address joins the groups with its own socket. One on a certain address cannot: Linux gives its socket
nothing that is sent to another address; so there are sockets for the groups, from which is only read.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import random
import secrets
import socket
import struct
from typing import Final

from aiocoap import Message  # type: ignore[import-untyped]
from aiocoap.numbers import codes  # type: ignore[import-untyped]
from aiocoap.numbers.types import NON  # type: ignore[import-untyped]

from pyaiot.addresses import InterfaceAddress
from pyaiot.gateway.coap.contacts import SockAddr
from pyaiot.gateway.coap.datagrams import is_message
from pyaiot.gateway.coap.endpoint import Answers, Endpoint
from pyaiot.gateway.coap.group_answers import (
    GROUP_IPV4,
    GROUPS_IPV6,
    MAX_REQUEST,
    Allowance,
    is_question,
    leisure_s,
)
from pyaiot.interfaces import network_addresses

logger = logging.getLogger(__name__)

#: How often to look for interfaces that were not there before.
LOOK_S: Final = 30.0
#: Interfaces that groups are joined on; Linux allows 20 memberships of IPv4 a socket.
MAX_INTERFACES: Final = 16
#: Datagrams read from a group's socket before other tasks get their turn.
BATCH: Final = 16
#: Answers that wait for their time.
MAX_WAITING: Final = 32

_CORE = (".well-known", "core")


class Multicast:
    """The groups of one endpoint; :meth:`open` it, :meth:`close` it before the endpoint.

    ``host`` is what the endpoint is bound to, ``interface`` (a name) the only one to join groups on, if there is one.
    """

    def __init__(self, endpoint: Endpoint, site: Answers, interface: str | None) -> None:
        self._endpoint = endpoint
        self._site = site
        self._interface = interface
        self._loop = asyncio.get_running_loop()
        self._allowance = Allowance()
        #: Names this gateway in its answers: it has several addresses, and whoever hears several answers is to know.
        self._etag = secrets.token_bytes(8)
        #: Groups and interfaces; the socket for both, unless that is the endpoint's.
        self._joined: dict[tuple[str, int], socket.socket | None] = {}
        self._waiting: set[asyncio.TimerHandle] = set()
        self._look: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Join, and answer from now on. Where a group cannot be joined there is nothing to hear; that is no error."""
        self._endpoint.interface.on_group = self._heard
        self._join()

    def close(self) -> None:
        """Nothing is heard or said any more."""
        self._endpoint.interface.on_group = None
        for timer in (*self._waiting, *([self._look] if self._look else [])):
            timer.cancel()
        self._waiting.clear()
        self._leave(set())

    def _join(self) -> None:
        """Join where that was not done yet, now and from time to time: interfaces come and go."""
        self._look = self._loop.call_later(LOOK_S, self._join)
        bound = ipaddress.IPv6Address(self._endpoint.interface.address[0])
        address = bound.ipv4_mapped or bound
        try:
            own = network_addresses(tentative=True)
        except OSError as error:  # no file is left for it just now
            logger.debug("cannot look for interfaces: %s", error)
            return
        self._leave({each.index for each in own})
        indexes: set[int] = set()
        for each in own:
            if self._interface not in (None, each.interface):
                continue
            if not address.is_unspecified and str(address) != each.address:
                continue
            if bound.ipv4_mapped and each.is_ipv6:
                continue
            if len(indexes | {each.index}) > MAX_INTERFACES:
                break
            indexes.add(each.index)
            for group in GROUPS_IPV6 if each.is_ipv6 else (GROUP_IPV4,):
                self._join_one(group, each, shared=address.is_unspecified)

    def _leave(self, present: set[int]) -> None:
        """Forget what was joined on other interfaces than those ``present``: they are gone."""
        for key in [each for each in self._joined if each[1] not in present]:
            sock = self._joined.pop(key)
            if sock is not None:
                self._loop.remove_reader(sock.fileno())
                sock.close()

    def _join_one(self, group: str, at: InterfaceAddress, *, shared: bool) -> None:
        """``shared``: with the endpoint's socket."""
        if (group, at.index) in self._joined:
            return
        try:
            if shared:
                membership(self._endpoint.interface.socket, group, at.index)
                sock = None
            else:
                sock = self._listen(group, at.index)
        except OSError as error:
            logger.debug("cannot hear %s at %s: %s", group, at.interface, error)
            return
        self._joined[group, at.index] = sock
        logger.debug("hears %s at %s", group, at.interface)

    def _listen(self, group: str, index: int) -> socket.socket:
        ipv6 = ":" in group
        sock = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a group is for several
            port = self._endpoint.interface.port
            sock.bind((group, port, 0, index) if ipv6 else (group, port))
            membership(sock, group, index)
        except OSError:
            sock.close()
            raise
        self._loop.add_reader(sock.fileno(), self._readable, sock)
        return sock

    def _readable(self, sock: socket.socket) -> None:
        for _ in range(BATCH):
            try:
                data, address = sock.recvfrom(MAX_REQUEST + 1)
            except OSError:
                return
            self._endpoint.interface.counters.multicast += 1
            if len(address) == 2:
                self._heard(data, (f"::ffff:{address[0]}", address[1], 0, 0))
            else:
                self._heard(data, address)

    def _heard(self, data: bytes, source: SockAddr) -> None:
        """A datagram to a group. Never raises."""
        counters = self._endpoint.interface.counters
        if not is_question(data) or not is_message(data) or len(self._waiting) >= MAX_WAITING:
            return
        remote = self._endpoint.remote(source)
        try:
            request = Message.decode(data, remote)
            if request.opt.uri_path != _CORE or not self._allowance.take(source[0], self._loop.time()):
                return
            response = self._site.answer(request)
            if response.code != codes.CONTENT or not response.payload:
                return
            response.opt.etag = self._etag
            response.mtype, response.mid, response.token = NON, random.randrange(65_536), request.token
            answer = response.encode()
        except Exception as error:  # UnparsableMessage, UnicodeDecodeError in an option, …
            logger.debug("%r sent no CoAP message to a group: %r", remote, error)
            counters.malformed += 1
            return

        def send() -> None:
            self._waiting.discard(timer)
            counters.multicast_answered += 1
            self._endpoint.interface.transmit(answer, remote)

        timer = self._loop.call_later(leisure_s(len(answer), random.random()), send)
        self._waiting.add(timer)


def membership(sock: socket.socket, group: str, index: int) -> None:
    """Join ``group`` on the interface ``index``. Raises OSError, not for what was joined before."""
    packed = ipaddress.ip_address(group).packed
    try:
        if len(packed) == 16:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, packed + struct.pack("@I", index))
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, packed + bytes(4) + struct.pack("@i", index))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
