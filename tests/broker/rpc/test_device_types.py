# SPDX-License-Identifier: BSD-3-Clause
"""Devices by type: fresh where they are few, and spared the broker where they are many."""

from __future__ import annotations

import pytest

from pyaiot.broker.entries import Node
from pyaiot.broker.rpc import device_types
from pyaiot.broker.rpc.device_types import DeviceTypes


def node(uid: str, protocol: str) -> Node:
    return Node(uid, uid.partition("/")[0], protocol, 0)


def test_devices_of_a_type_are_told_in_order_and_peers_are_none() -> None:
    nodes = {
        uid: node(uid, protocol) for uid, protocol in (("b/2", "X"), ("a/1", "X"), ("a/2", "Y"), ("peer/x", "RPC"))
    }
    types = DeviceTypes(nodes)
    assert types.all(0) == {"X", "Y"}
    assert list(types.of("X", "", 0)) == ["a/1", "b/2"]
    assert list(types.of("X", "a/1", 0)) == ["b/2"]
    assert list(types.of("RPC", "", 0)) == []
    nodes["a/3"] = node("a/3", "Z")
    assert list(types.of("Z", "", 0)) == ["a/3"]


def test_many_are_looked_through_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_types, "MAX_FRESH", 1)
    nodes = {uid: node(uid, "X") for uid in ("a/1", "a/2")}
    types = DeviceTypes(nodes)
    assert list(types.of("X", "", 10.0)) == ["a/1", "a/2"]
    nodes["a/3"] = node("a/3", "Y")
    del nodes["a/1"]
    assert types.all(10.9) == {"X"}
    assert list(types.of("X", "", 10.9)) == ["a/2"]
    assert types.all(11.1) == {"X", "Y"}
    assert list(types.of("Y", "", 11.1)) == ["a/3"]
