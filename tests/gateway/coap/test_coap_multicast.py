# SPDX-License-Identifier: BSD-3-Clause
"""What a running gateway answers of what it hears by multicast. Only the group is missing: loopback has none."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiocoap import CON, NON, Message
from aiocoap.numbers import codes

from pyaiot.gateway.coap import multicast
from pyaiot.gateway.coap.group_answers import SOURCE_BURST
from tests.gateway.coap.coap_devices import Gateway

pytestmark = pytest.mark.needs_ipv6


def question(path: str = ".well-known/core", *, kind: int = NON, code: int = codes.GET, query: str = "") -> bytes:
    message = Message(code=code, uri_path=path.split("/"), uri_query=[query] if query else [])
    message.mtype, message.mid, message.token = kind, 1, b"token"
    encoded: bytes = message.encode()
    return encoded


@pytest.fixture
def client() -> socket.socket:
    """Who asks."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as made:
        made.setblocking(False)
        made.bind(("::1", 0))
        yield made


async def answers(gateway: Gateway, client: socket.socket, *datagrams: bytes) -> list[Message]:
    """What comes back for ``datagrams`` to the group, once all that waited for its time is sent."""
    groups = gateway.adapter._multicast
    assert groups is not None
    for each in datagrams:
        groups._heard(each, client.getsockname())
    while groups._waiting:
        await asyncio.sleep(0)
    found = []
    while True:
        try:
            found.append(Message.decode(client.recv(4_096)))
        except BlockingIOError:
            return found


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for chance here; how long it may take is tested by itself."""
    monkeypatch.setattr(multicast.random, "random", lambda: 0.0)


async def test_rfc_7252_8_2_an_answer_is_non_confirmable_and_has_the_token(
    gateway: Gateway, client: socket.socket
) -> None:
    first, second = await answers(gateway, client, question(), question(query="rt=core.rd"))
    assert (first.mtype, first.code, first.token) == (NON, codes.CONTENT, b"token")
    assert first.payload == b'</alive>;rt="pyaiot.alive",</server>;rt="pyaiot.server",</rd>;rt="core.rd";ct=40'
    assert second.payload == b'</rd>;rt="core.rd";ct=40'
    assert first.opt.etag == second.opt.etag is not None
    assert gateway.adapter.counters.multicast_answered == 2


async def test_everything_else_to_a_group_is_silence(gateway: Gateway, client: socket.socket) -> None:
    silent = [
        question(kind=CON),
        question(code=codes.POST),
        question("alive", code=codes.POST),
        question("nothing/there"),
        question("alive"),
        question(query="rt=nothing"),
        question()[:-4] + b"\xf5",
        b"\x50\x01",
        b"",
    ]
    for each in silent:
        assert await answers(gateway, client, each) == [], each
    assert gateway.adapter.counters.multicast_answered == 0
    assert not gateway.core.registry


async def test_who_asks_on_and_on_is_not_answered_on_and_on(gateway: Gateway, client: socket.socket) -> None:
    assert len(await answers(gateway, client, *([question()] * 50))) == SOURCE_BURST
