# SPDX-License-Identifier: BSD-3-Clause
"""How many nodes there may be, and how large."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from pyaiot.gateway.core import GatewayCore
from pyaiot.gateway.outbox import Outbox
from pyaiot.nodes.node import Node
from pyaiot.nodes.registry import Full, Registry

MAX_BYTES_PER_NODE = 3 * 1024


def node(uid: str) -> Node:
    return Node(uid, timeout_s=120.0, now=0.0, at=0)


def test_nodes_are_bounded() -> None:
    registry = Registry(max_nodes=2)
    registry.add(node("a"))
    registry.add(node("b"))
    with pytest.raises(Full, match="2 nodes"):
        registry.add(node("c"))
    registry.remove("a")
    registry.add(node("c"))
    assert {each.uid for each in registry} == {"b", "c"}
    assert "a" not in registry
    assert len(registry) == 2


def test_resources_of_a_node_are_bounded_and_known_ones_still_change() -> None:
    registry = Registry(max_resources=2)
    registry.add(one := node("a"))
    registry.store(one, "led", b"1")
    registry.store(one, "name", b"2")
    with pytest.raises(Full, match="2 resources"):
        registry.store(one, "temperature", b"3")
    registry.store(one, "led", b"4")
    assert one.values == {"led": b"4", "name": b"2"}


def test_the_bytes_of_all_values_are_bounded_and_counted_right() -> None:
    registry = Registry(max_stored_bytes=100)
    registry.add(one := node("a"))
    registry.add(other := node("b"))
    registry.store(one, "x", bytes(60))
    registry.store(other, "x", bytes(40))
    with pytest.raises(Full, match="100 bytes"):
        registry.store(other, "x", bytes(41))
    assert len(other.values["x"]) == 40
    registry.store(one, "x", bytes(10))
    assert registry.stored_bytes == 50
    registry.clear_values(one)
    assert registry.stored_bytes == 40
    registry.remove("b")
    assert registry.stored_bytes == 0


def test_a_node_with_six_resources_takes_less_than_three_kilobytes() -> None:
    count = 2_000
    core = GatewayCore(Outbox("0" * 16, max_messages=1), protocol="coap", title="CoAP", timeout_s=120.0)
    gc.collect()
    tracemalloc.start()
    for number in range(count):
        uid = f"node-{number:04d}"
        core.seen(uid, float(number), 1_700_000_000_000 + number, attributes={"ip": f"fd00::{number:x}"})
        for resource, data in (("name", "a board"), ("led", "0"), ("temperature", "23.4°C"), ("humidity", "45.07%")):
            core.updated(uid, resource, data, float(number), 1_700_000_000_000 + number)
        core.orders.clear()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert all(len(each.values) == 6 for each in core.registry)
    assert taken / count <= MAX_BYTES_PER_NODE
