# SPDX-License-Identifier: BSD-3-Clause
"""Core, outbox and resync against a broker, in any order of events: the broker ends with the truth.

The link between them is a queue each way, which loses what it holds when it breaks. The broker keeps what it
acknowledged (as one with a history does) or loses everything (as ours does). Bounds are so small that all are met.
"""

from __future__ import annotations

import copy
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyaiot.broker.directory import Directory
from pyaiot.gateway.adapter import Refused
from pyaiot.gateway.core import GatewayCore
from pyaiot.gateway.outbox import Outbox
from pyaiot.gateway.resync import Resync
from pyaiot.wire import codec
from pyaiot.wire.messages import ABOUT, LIVENESS, Described, GatewayFrame, New, Out, Pace, Reset, Seen, Sync, Update
from tests.gateway.gateway_under_test import EPOCH, Gateway

#: uid → resource → (data, at)
State = dict[str, dict[str, tuple[Any, int]]]


class Broker(Protocol):
    def welcome(self) -> int: ...
    def take(self, frame: GatewayFrame) -> int: ...
    def lose(self, everything: bool) -> None: ...
    def state(self) -> State: ...


@dataclass
class _Kept:
    """What a crash does not take away, if it was acknowledged."""

    ack: int = 0
    nodes: State = field(default_factory=dict)
    born: dict[str, int] = field(default_factory=dict)
    applied: list[int] = field(default_factory=list)


class KeepingBroker:
    """The rules of PROTOCOL.md section 2, as plainly as they can be written."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.now = _Kept()
        self.kept = _Kept()
        self.listed: set[str] | None = None

    def welcome(self) -> int:
        self.listed = None
        return self.now.ack

    def take(self, frame: GatewayFrame) -> int:
        for number, message in enumerate(frame.messages, frame.first):
            if number > self.now.ack:
                self.apply(message)
                self.now.applied.append(number)
                self.now.ack = number
        assert self.now.applied == sorted(set(self.now.applied)), "applied twice, or out of order"
        self.kept = copy.deepcopy(self.now)  # acknowledged, so kept
        return self.now.ack

    def lose(self, everything: bool) -> None:
        if everything:
            self.kept = _Kept()
        self.now = copy.deepcopy(self.kept)

    def state(self) -> State:
        return self.now.nodes

    def apply(self, message: Any) -> None:
        nodes = self.now.nodes
        match message:
            case New(uid=uid):
                nodes.setdefault(uid, {})
                self.now.born[uid] = message.at
                if self.listed is not None:
                    self.listed.add(uid)
            case Update(uid=uid) if uid in nodes:
                nodes[uid][message.resource] = (message.data, message.at)
            case Reset(uid=uid) if uid in nodes:
                nodes[uid].clear()
            case Out(uid=uid):
                nodes.pop(uid, None)
            case Sync():
                self.listed = (self.listed or set()) | set(message.uids)
                if message.more is not True:
                    for uid in nodes.keys() - self.listed:
                        del nodes[uid]
                        node = self.gateway.core.registry.nodes.get(uid)
                        assert node is None or node.born_at != self.now.born[uid], "a live node was declared gone"
                    self.listed = None
            case Seen() | Update() | Reset() | Described() | Pace():
                pass
            case _:
                raise AssertionError(message)


class RealBroker:
    """The directory of pyaiot's broker."""

    def __init__(self, gateway: Gateway) -> None:
        self.directory = Directory()

    def welcome(self) -> int:
        return self.directory.gateway_connected("g", EPOCH)

    def take(self, frame: GatewayFrame) -> int:
        self.directory.apply("g", frame.first, frame.messages)
        return self.directory.owners["g"].ack

    def lose(self, everything: bool) -> None:
        if everything:
            self.directory = Directory()
        elif "g" in self.directory.owners:
            self.directory.gateway_lost("g", 0.0)  # and its nodes are out after the grace
            self.directory.expire(1_000.0)

    def state(self) -> State:
        return {
            node.uid.removeprefix("g/"): {name: (each.data, each.at) for name, each in node.resources.items()}
            for node in self.directory.nodes.values()
        }


class World:
    """A gateway, a broker, and what is between them."""

    def __init__(self, broker: type[KeepingBroker] | type[RealBroker], limit: int) -> None:
        outbox = Outbox(EPOCH, max_messages=limit, max_bytes=10**6)
        core = GatewayCore(outbox, protocol="coap", title="CoAP", timeout_s=30.0)
        core._resync = Resync(core.registry, outbox, "coap", core.counters, core._details, window=6, max_sync_uids=2)
        self.gateway = Gateway(core, outbox)
        self.broker: Broker = broker(self.gateway)
        self.up = False
        self.frames: deque[GatewayFrame] = deque()
        self.acks: deque[int] = deque()

    def connect(self) -> None:
        """A new session; an old one is replaced by it, and what was under way in that is lost."""
        self.disconnect()
        self.gateway.outbox.resume(self.broker.welcome())
        self.gateway.core.session_began(frozenset({ABOUT, LIVENESS}))
        self.up = True

    def disconnect(self) -> None:
        if self.up:
            self.gateway.core.session_ended()
        self.up = False
        self.frames.clear()
        self.acks.clear()

    def send(self, count: int) -> bool:
        if not self.up:
            return False
        self.gateway.core.refill(self.gateway.at)
        frame = self.gateway.outbox.next_frame(8, max_messages=count)
        if frame is not None:
            self.frames.append(codec.decode_gateway_frame(codec.encode_gateway_frame(*frame)))
        return frame is not None

    def deliver(self) -> bool:
        if self.frames:
            self.acks.append(self.broker.take(self.frames.popleft()))
            return True
        if self.acks:
            self.gateway.outbox.acknowledge(self.acks.popleft())
            return True
        return False

    def truth(self) -> State:
        nodes = self.gateway.core.registry.nodes
        updates = {
            uid: {name: msgspec.json.decode(raw) for name, raw in node.values.items()} for uid, node in nodes.items()
        }
        return {
            uid: {name: (update["data"], update["at"]) for name, update in values.items()}
            for uid, values in updates.items()
        }

    def settle(self) -> None:
        """Until nobody has anything more to say."""
        for _ in range(10_000):
            if not (self.send(4) | self.deliver()):
                return
        raise AssertionError("they talk for ever")


uids = st.integers(0, 4).map("n{}".format)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("seen"), uids),
        st.tuples(st.just("update"), uids, st.integers(0, 2)),
        st.tuples(st.just("flap"), uids, st.integers(1, 12)),
        st.tuples(st.just("reset"), uids),
        st.tuples(st.just("gone"), uids),
        st.tuples(st.just("wait"), st.sampled_from([0.001, 1.0, 20.0])),
        st.tuples(st.just("send"), st.integers(1, 5)),
        st.tuples(st.just("send"), st.integers(1, 5)),
        st.tuples(st.just("deliver"), st.integers(1, 4)),
        st.tuples(st.just("connect")),
        st.tuples(st.just("lost")),
        st.tuples(st.just("crash"), st.booleans()),
        st.tuples(st.just("settle")),
    ),
    min_size=30,
    max_size=80,
)


@pytest.mark.parametrize("broker", [KeepingBroker, RealBroker])
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=steps, limit=st.sampled_from([24, 40, 1000]))
def test_in_whatever_order_things_happen_the_broker_ends_with_the_truth(
    broker: type[KeepingBroker] | type[RealBroker], history: list[tuple[Any, ...]], limit: int
) -> None:
    world = World(broker, limit)
    gateway = world.gateway
    for uid in range(4):
        gateway.seen(f"n{uid}")
        gateway.updated(f"n{uid}", "r0", "first")
    world.connect()
    number = 0
    for step in history:
        gateway.now += 0.001
        match step:
            case ("seen", uid):
                gateway.seen(uid, attributes={"ip": f"fd00::{number % 2}"})
            case ("update", uid, which):
                number += 1
                if uid in gateway.core.registry:
                    gateway.updated(uid, f"r{which}", number)
                else:
                    with pytest.raises(Refused):
                        gateway.updated(uid, f"r{which}", number)
            case ("flap", uid, times):
                for _ in range(times):
                    gateway.core.gone(uid, "closed", gateway.at)
                    gateway.now += 0.001
                    gateway.seen(uid)
            case ("reset", uid) if uid in gateway.core.registry:
                gateway.reset(uid)
            case ("gone", uid):
                gateway.core.gone(uid, "closed", gateway.at)
            case ("wait", seconds):
                gateway.now += seconds
                gateway.expire()
            case ("send", count):
                world.send(count)
            case ("deliver", count):
                for _ in range(count):
                    world.deliver()
            case ("connect",):
                world.connect()
            case ("lost",):
                world.disconnect()
            case ("crash", everything):
                world.disconnect()
                world.broker.lose(everything)
            case ("settle",) if world.up:
                world.settle()
                assert world.broker.state() == world.truth()
        gateway.ordered()
        assert len(gateway.outbox) <= limit
    if not world.up:
        world.connect()
    world.settle()
    assert world.broker.state() == world.truth()
    assert len(gateway.outbox) == 0
    resync = gateway.core._resync
    assert not resync._void
    assert not resync._all_void
    assert not gateway.outbox.forgotten


def test_many_nodes_are_told_again_through_a_small_window() -> None:
    outbox = Outbox(EPOCH)
    gateway = Gateway(GatewayCore(outbox, protocol="coap", title="CoAP", timeout_s=120.0), outbox)
    count = 20_000
    for number in range(count):
        gateway.seen(f"node-{number}-{'x' * 50}")
        if number % 10_000 == 0:
            gateway.told()
    gateway.told()
    gateway.ordered()
    gateway.core.session_began()
    most = told = 0
    listed: list[str] = []
    while True:
        gateway.core.refill(gateway.at)
        most = max(most, len(outbox))
        messages = gateway.told()  # also checks that each frame decodes
        if not messages:
            break
        told += len(messages)
        parts = [message for message in messages if message["type"] == "sync"]
        listed += [uid for part in parts for uid in part["uids"]]
        assert all(part["more"] is True for part in parts[:-1])
        assert not parts or "more" not in parts[-1]
    assert told >= 2 * count
    assert sorted(listed) == sorted(gateway.core.registry.nodes)
    assert most < 5_000
    assert not any(outbox.dropped)


def test_that_a_farewell_went_untold_is_remembered_until_a_sync_is_acknowledged() -> None:
    outbox = Outbox(EPOCH, max_messages=6)
    gateway = Gateway(GatewayCore(outbox, protocol="coap", title="CoAP", timeout_s=120.0), outbox)
    gateway.seen("n1")
    gateway.told()
    gateway.core.gone("n1", "closed", gateway.at)
    for uid in ("n2", "n3", "n4"):
        gateway.seen(uid)
        gateway.core.gone(uid, "closed", gateway.at)
    assert "n1" in outbox.forgotten
    # A session that ends before the sync is acknowledged, in which n1 has no part.
    outbox.resume(outbox.acknowledged)
    gateway.core.session_began()
    gateway.core.refill(gateway.at)
    outbox.next_frame(100)
    gateway.core.refill(gateway.at)
    gateway.core.session_ended()
    # n1 comes back: the broker may believe that it never left, and still have its old values.
    outbox.resume(outbox.acknowledged)
    gateway.told()
    gateway.seen("n1")
    assert gateway.types() == ["new", "reset", "update"]
    # Once a sync is acknowledged, the broker knows.
    gateway.core.session_began()
    for _ in range(4):
        gateway.core.refill(gateway.at)
        gateway.told()
    gateway.core.gone("n1", "closed", gateway.at)
    gateway.told()
    gateway.seen("n1")
    assert "reset" not in gateway.types()
