# SPDX-License-Identifier: BSD-3-Clause
"""Answers to the question of all CoAP servers, over real sockets: only what answers it is taken, no more than fits."""

from __future__ import annotations

import asyncio
import random
import socket

import pytest
from aiocoap import Message
from aiocoap.numbers import codes
from aiocoap.numbers.types import NON

from pyaiot.addresses import InterfaceAddress
from pyaiot.discover.coap import MAX_DATAGRAMS, _Question, find
from pyaiot.discover.findings import Found
from pyaiot.gateway.coap.group_answers import GROUP_IPV4
from pyaiot.gateway.coap.multicast import membership

LINKS = b'</led>;rt="light",</temp>'


def answer(token: bytes, payload: bytes = LINKS, code: int = codes.CONTENT, **options: object) -> bytes:
    message = Message(code=code, payload=payload, **options)
    message.mtype, message.mid, message.token = NON, 7, token
    encoded: bytes = message.encode()
    return encoded


@pytest.fixture
def ends() -> object:
    """The socket of a question, and that of who answers it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking, socket.socket(type=socket.SOCK_DGRAM) as other:
        asking.setblocking(False)
        asking.bind(("127.0.0.1", 0))
        other.connect(asking.getsockname())
        yield asking, other


def heard(ends: tuple[socket.socket, socket.socket], question: _Question, *datagrams: bytes) -> list[Found]:
    answers: dict[tuple[str, int], Found] = {}
    for each in datagrams:
        ends[1].send(each)
        question.read(answers)
    return list(answers.values())


def test_an_answer_is_taken_once(ends: tuple[socket.socket, socket.socket]) -> None:
    question = _Question(ends[0], [])
    [found] = heard(ends, question, answer(question._token), answer(question._token))
    assert (found.title, found.tells["resources"]) == ("CoAP server", "/led /temp")
    assert found.port == ends[1].getsockname()[1]


def test_of_a_list_in_blocks_the_first_one_is_read(ends: tuple[socket.socket, socket.socket]) -> None:
    question = _Question(ends[0], [])
    cut = answer(question._token, LINKS + b',</humid>;rt="hu', block2=(0, True, 6))
    [found] = heard(ends, question, cut)
    assert found.tells["resources"] == "/led /temp"


def test_what_is_no_answer_is_nobody(ends: tuple[socket.socket, socket.socket]) -> None:
    question = _Question(ends[0], [])
    token = question._token
    chance = random.Random(3)
    good = answer(token)
    nonsense = [
        b"",
        answer(b"12345678"),
        answer(token, code=codes.NOT_FOUND),
        answer(token, code=codes.GET),
        good[:11],
        good[:12] + b"\x10" * 2_000,
        *(chance.randbytes(chance.randrange(60)) for _ in range(500)),
        *(good[:4] + token[:7] + chance.randbytes(40) for _ in range(200)),
    ]
    assert heard(ends, question, *nonsense) == []
    [found] = heard(ends, question, answer(token, b"\xff\xfe no links"))
    assert found.tells["resources"] == ""


def test_who_sends_without_end_is_not_read_without_end(ends: tuple[socket.socket, socket.socket]) -> None:
    question = _Question(ends[0], [])
    assert heard(ends, question, *([b"x"] * MAX_DATAGRAMS)) == []
    assert heard(ends, question, answer(question._token)) == []


async def test_an_address_that_came_up_between_two_questions_is_asked_by_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As one of IPv6 does, which is tried for a second or two before it may be used."""
    loopback = InterfaceAddress("lo", socket.if_nametoindex("lo"), "127.0.0.1")
    looks = iter([[], [loopback]])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.setblocking(False)
        device.bind((GROUP_IPV4, 0))
        membership(device, GROUP_IPV4, loopback.index)
        monkeypatch.setattr("pyaiot.discover.coap.PORT", device.getsockname()[1])
        finding = asyncio.create_task(find(lambda: next(looks), 1.0))
        question, asker = await asyncio.wait_for(asyncio.get_running_loop().sock_recvfrom(device, 100), 10.0)
        device.sendto(answer(Message.decode(question).token), asker)
        assert [each.tells["resources"] for each in await finding] == ["/led /temp"]
