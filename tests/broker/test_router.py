# SPDX-License-Identifier: BSD-3-Clause
"""What of writes and reads is tried at all, who is asked, and what is said at once of all others."""

from __future__ import annotations

from typing import Any

import pytest

from pyaiot.broker import router as module
from pyaiot.broker import writes
from pyaiot.broker.directory import Directory
from pyaiot.broker.router import Router
from pyaiot.broker.writes import Outcome, PendingWrites
from pyaiot.wire.messages import BrokerMessage, GatewayMessage, New, Read, Result, Sync, Write
from pyaiot.wire.names import PEER_GATEWAY


class Gateway:
    """A session by hand; also all entities."""

    key = None
    name = "192.0.2.1"

    def __init__(self) -> None:
        self.sent: list[BrokerMessage] = []
        self.features = {"read"}

    def can(self, feature: str) -> bool:
        return feature in self.features

    def send(self, message: BrokerMessage) -> None:
        self.sent.append(message)

    def replace(self) -> None:
        raise AssertionError

    revoke = goodbye = evict = replace


class Desk:
    """A directory with a gateway and an entity, each with a node called 1; and the router."""

    def __init__(self) -> None:
        self.directory = Directory()
        self.writes = PendingWrites(first_id=100)
        self.now = 1_000.0
        self.armed = 0
        self.coap, self.entities = Gateway(), Gateway()
        self.gateways = {"coap": self.coap}
        for name in ("coap", PEER_GATEWAY):
            self.directory.gateway_connected(name, "0" * 16)
            self.say(name, New(uid="1", protocol=name, at=1), Sync(uids=["1"]))
        self.router = Router(self)
        self.told: list[Outcome] = []

    def say(self, name: str, *messages: GatewayMessage) -> None:
        self.directory.apply(name, self.directory.owners[name].ack + 1, list(messages))

    def arm(self) -> None:
        self.armed += 1

    def write(self, uid: str = "coap/1", resource: str = "led", data: Any = 1) -> str | None:
        """Why it was not even tried."""
        self.router.write(uid, resource, data, self.told.append, 2.5)
        return self.told.pop().code if self.told else None

    def read(self, uid: str = "coap/1", resource: str = "led") -> str | None:
        """Why it was not even tried."""
        self.router.read(uid, resource, self.told.append, 2.5)
        return self.told.pop().code if self.told else None


def test_a_write_and_a_read_go_to_who_has_the_node_and_their_outcome_comes_back() -> None:
    desk = Desk()
    assert desk.write() is desk.write(f"{PEER_GATEWAY}/1") is desk.read() is None
    assert desk.coap.sent == [
        Write(id=100, uid="1", resource="led", data=1, ttl_ms=2500),
        Read(id=102, uid="1", resource="led", ttl_ms=2500),
    ]
    assert desk.entities.sent == [Write(id=101, uid="1", resource="led", data=1, ttl_ms=2500)]
    assert desk.armed == 3
    desk.writes.finish("coap", Result(id=101, ok=True))
    assert desk.told == [], "that is another's"
    desk.writes.finish(f"{PEER_GATEWAY}/1", Result(id=101, ok=True))
    assert desk.told == [Outcome()]


def test_what_cannot_be_tried_has_its_outcome_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    assert (desk.write("coap/2"), desk.read("coap/2")) == ("unknown", "unknown")
    assert (desk.write(resource="no name"), desk.read(resource="no name")) == ("unsupported", "unsupported")
    assert desk.write(data="x" * module.MAX_WRITE_BYTES) == "unsupported"
    desk.coap.features.clear()
    assert desk.read() == "unsupported"
    desk.coap.features.add("read")
    monkeypatch.setattr(writes, "MAX_PENDING_PER_GATEWAY", 0)
    assert (desk.write(), desk.read()) == ("busy", "busy")
    assert desk.coap.sent == []
    assert (desk.writes.outcomes, desk.writes.read_outcomes, len(desk.writes)) == (
        {"unknown": 1, "unsupported": 2, "busy": 1},
        {"unknown": 1, "unsupported": 2, "busy": 1},
        0,
    )


def test_a_gateway_that_is_away_or_has_not_told_of_the_node_again_is_offline() -> None:
    desk = Desk()
    del desk.gateways["coap"]
    desk.directory.gateway_lost("coap", desk.now)
    reasons = []
    for _ in range(2):
        desk.router.write("coap/1", "led", 1, desk.told.append)
        desk.router.read("coap/1", "led", desk.told.append)
        assert {each.code for each in desk.told} == {"offline"}
        reasons.append({each.reason for each in desk.told})
        desk.told.clear()
        desk.gateways["coap"] = desk.coap
        desk.directory.gateway_connected("coap", "1" * 16)
    assert reasons == [
        {"gateway coap is not connected"},
        {"gateway coap is back, but has not told of this node yet"},
    ]
    desk.say("coap", New(uid="1", protocol="coap", at=2))
    assert desk.write() is None
