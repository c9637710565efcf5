# SPDX-License-Identifier: BSD-3-Clause
"""Asks All CoAP Nodes for ``/.well-known/core`` (RFC 7252 section 8, RFC 6690 section 4)."""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Final

from aiocoap import Message  # type: ignore[import-untyped]
from aiocoap.numbers import codes  # type: ignore[import-untyped]
from aiocoap.numbers.types import NON  # type: ignore[import-untyped]

from pyaiot.addresses import InterfaceAddress
from pyaiot.discover.findings import Found, from_coap
from pyaiot.gateway.coap.datagrams import is_message
from pyaiot.gateway.coap.group_answers import GROUP_IPV4, GROUPS_IPV6
from pyaiot.gateway.coap.linkformat import BadLinks, Link, parse_links

PORT: Final = 5683
#: Answers that are taken, of other addresses each.
MAX_ANSWERS: Final = 256
#: Datagrams that are looked at, whatever they hold: of one interface, and before other tasks get their turn.
MAX_DATAGRAMS: Final = 4_096
BATCH: Final = 64
MAX_DATAGRAM: Final = 4_096
#: How often each group is asked: a datagram may be lost.
TIMES: Final = 2


async def find(look: Callable[[], Iterable[InterfaceAddress]], timeout_s: float) -> list[Found]:
    """Who has answered by ``timeout_s``.

    ``look`` tells this host's addresses; it is asked anew before each question, for an address of IPv6 can be used only
    a second or two after its interface came up. Interfaces that cannot be asked are left out.
    """
    loop = asyncio.get_running_loop()
    answers: dict[tuple[str, int], Found] = {}
    questions: dict[tuple[int, bool], _Question] = {}
    try:
        for _ in range(TIMES):
            for at in look():
                if (at.index, at.is_ipv6) in questions or (question := _Question.on(at)) is None:
                    continue
                questions[at.index, at.is_ipv6] = question
                loop.add_reader(question.sock.fileno(), question.read, answers)
            for question in questions.values():
                question.ask()
            await asyncio.sleep(timeout_s / TIMES)
    finally:
        for question in questions.values():
            loop.remove_reader(question.sock.fileno())
            question.sock.close()
    return list(answers.values())


class _Question:
    """One interface and family: asks its groups, reads the answers."""

    def __init__(self, sock: socket.socket, groups: Iterable[tuple[str, int] | tuple[str, int, int, int]]) -> None:
        self.sock = sock
        self._groups = tuple(groups)
        #: Whoever answers has heard the question.
        self._token = secrets.token_bytes(8)
        self._left = MAX_DATAGRAMS

    @classmethod
    def on(cls, at: InterfaceAddress) -> _Question | None:
        family = socket.AF_INET6 if at.is_ipv6 else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            if at.is_ipv6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, struct.pack("@I", at.index))
                # As far as the group's own scope: nobody needs to forward it.
                return cls(sock, ((group, PORT, 0, at.index) for group in GROUPS_IPV6))
            interface = socket.inet_aton(at.address)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
            return cls(sock, ((GROUP_IPV4, PORT),))
        except OSError:
            sock.close()
            return None

    def ask(self) -> None:
        for group in self._groups:
            message = Message(code=codes.GET, uri_path=(".well-known", "core"))
            message.mtype, message.mid, message.token = NON, random.randrange(65_536), self._token
            try:
                self.sock.sendto(message.encode(), group)
            except OSError:  # the network is down
                continue

    def read(self, answers: dict[tuple[str, int], Found]) -> None:
        for _ in range(BATCH):
            try:
                data, source = self.sock.recvfrom(MAX_DATAGRAM)
            except OSError:
                return
            self._left -= 1
            if self._left < 0 or len(answers) >= MAX_ANSWERS:
                continue
            links = self._links(data)
            if links is None:
                continue
            address, port = _readable(source), source[1]
            types = [word for link in links[0] for word in (link.attributes.get("rt") or "").split()]
            targets = [link.target for link in links[0]]
            answers[address, port] = from_coap(address, port, targets, types, links[1])

    def _links(self, data: bytes) -> tuple[list[Link], bytes] | None:
        """The links of an answer to this question, and its ETag; None for anything else."""
        if not is_message(data):
            return None
        try:
            message = Message.decode(data)
        except Exception:  # UnparsableMessage, UnicodeDecodeError in an option, …
            return None
        if message.token != self._token or message.code != codes.CONTENT:
            return None
        block = message.opt.block2
        payload = message.payload
        if block is not None and block.more:
            payload = payload.rpartition(b",")[0]  # the rest is in the next block, which is not asked for
        try:
            return parse_links(payload), message.opt.etag or b""
        except BadLinks:
            return [], b""


def _readable(source: tuple[str, int] | tuple[str, int, int, int]) -> str:
    host = source[0].partition("%")[0]
    if len(source) == 4 and source[3]:
        try:
            return f"{host}%{socket.if_indextoname(source[3])}"
        except OSError:
            return f"{host}%{source[3]}"
    return host
