# SPDX-License-Identifier: BSD-3-Clause
"""Whatever a device with or without a token says, in whatever order: it is a node only after a good token."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyaiot.actuation import ActuationMap
from pyaiot.gateway.adapter import WriteFailed
from pyaiot.gateway.device_tokens.token_keys import TokenKeys
from pyaiot.gateway.ws import echo
from pyaiot.gateway.ws.sessions.contract import Code, Rejected
from pyaiot.gateway.ws.sessions.token import MAX_EARLY, TokenSession
from tests.wire.fuzz import broken

from .conftest import MakeGateway
from .token_devices import PLATFORM, STRANGER, keys_folder, token_for
from .ws_devices import Gateway

#: Messages taken, on each of the two event loops, in conversations of at most so many.
MESSAGES = 50_000
LONGEST = 40


class Peer:
    """A connection without a socket: what was sent on it, and whether it is closed."""

    address = "192.0.2.1"

    def __init__(self) -> None:
        self.session: TokenSession
        self.sent: list[bytes] = []
        self.code: Code | None = None
        self.marks = 0

    def send(self, message: bytes) -> bool:
        assert self.code is None
        self.sent.append(message)
        return True

    def mark(self) -> int:
        self.marks += 1
        return self.marks

    def close(self, code: Code, reason: str) -> None:
        if self.code is None:
            self.code = code
            self.session.ended()


@pytest.fixture
async def gateway(make_gateway: MakeGateway, tmp_path: Path) -> Gateway:
    return await make_gateway(token_keys=TokenKeys(keys_folder(tmp_path / "keys", public=PLATFORM)))


def documents() -> tuple[bytes, ...]:
    def hello(device: str, token: str) -> bytes:
        return json.dumps({"type": "device", "deviceId": device, "deviceToken": token}).encode()

    return (
        *(hello(name, token_for(name)) for name in ("joe", "jim")),
        hello("joe", token_for("joe", accounts=[{"id": "acc-2"}])),
        hello("joe", token_for("jim")),
        hello("joe", token_for("joe", STRANGER)),
        *(b'{"type":"ping"}',) * 4,
        *(b'{"type":"update","data":{"led":"1","temperature":21.5}}',) * 4,
        b'{"type":"update","data":{}}',
        b'{"type":"actuation","body":{}}',
    )


def conversations(chance: random.Random) -> Iterator[list[bytes]]:
    whole = documents()
    while True:
        yield [
            chance.choice(whole) if chance.random() < 0.9 else next(broken(chance, whole, 1))
            for _ in range(1 + int(chance.random() * LONGEST))
        ]


@pytest.mark.one_loop
async def test_a_conversation_never_makes_a_node_without_a_good_token(gateway: Gateway) -> None:
    residents, authority = gateway.adapter._residents, gateway.adapter._authority
    outcomes: dict[Code | None, int] = {}
    open_peers: list[Peer] = []
    taken = 0
    for conversation in conversations(random.Random(20261121)):
        peer = Peer()
        session = peer.session = TokenSession(peer, residents, authority, ActuationMap())
        session.opened()
        for number, message in enumerate(conversation):
            taken += 1
            before = len(gateway.log)
            try:
                assert session.received(message) >= 1
            except Rejected as rejected:
                peer.close(rejected.code, str(rejected))
            if session.settled:
                assert echo.ACCEPTED in peer.sent
            elif echo.ACCEPTED not in peer.sent:
                assert len(gateway.log) == before, "who is nobody changes nothing"
                assert number <= MAX_EARLY or peer.code is not None
            if peer.code is not None:
                break
            if session.settled:
                assert session.write("led", 1, lambda: None) in (True, False)
            else:
                with pytest.raises(WriteFailed):
                    session.write("led", 1, lambda: None)
        outcomes[peer.code] = outcomes.get(peer.code, 0) + 1
        if peer.code is None:
            open_peers.append(peer)
        # As many speak for a node as there are nodes, and never two for one.
        assert len(residents) == sum(peer.session.settled for peer in open_peers) <= 2
        open_peers = [peer for peer in open_peers if peer.code is None]
        if taken >= MESSAGES:
            break
    for peer in open_peers:
        peer.close(Code.NORMAL, "")
    assert len(residents) == 0
    assert len(authority._grants) == 0
    assert outcomes.keys() == {None, Code.BAD_MESSAGE, Code.NOT_ADMITTED}
    assert min(outcomes.values()) > 100
