# SPDX-License-Identifier: BSD-3-Clause
"""What a group of watches is told of one thing: of a node, a value, a departure, a new unit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from pyaiot.broker.directory import Directory
from pyaiot.broker.entries import Gone, Notice, NoticeKind
from pyaiot.broker.rpc.filtered_view import PAUSE, FilteredView
from pyaiot.broker.rpc.filters import Condition, Filter
from pyaiot.broker.rpc.groups import Group
from pyaiot.wire.messages import About, Described, GatewayMessage, New, Sync, Update

MESSAGES: list[GatewayMessage] = [
    New(uid="1", protocol="coap", at=1),
    Described(uid="1", resource="led", about=About(max=1.0)),
    Update(uid="1", resource="led", data=0, value=0, at=2),
    Update(uid="1", resource="temperature", data=20, value=20, at=3, unit="Cel"),
    New(uid="2", protocol="coap", at=4),
    Sync(uids=["1", "2"]),
]


@pytest.fixture
def directory() -> Directory:
    made = Directory()
    made.gateway_connected("g", "0" * 16)
    made.apply("g", 1, MESSAGES)
    return made


def view(directory: Directory, *, details: bool = False, **conditions: Condition) -> FilteredView:
    return FilteredView(directory, Group(Filter.of(**conditions), 1, details=details))


def said(pieces: Iterable[bytes]) -> list[str]:
    """What it is, and of what."""
    told: list[dict[str, Any]] = [msgspec.json.decode(piece) for piece in pieces if piece is not PAUSE]
    return [" ".join((each["type"], each.get("resource") or each.get("uid") or each["gateway"])) for each in told]


def test_a_value_is_told_with_its_node_to_those_who_mean_only_some_and_did_not_know_it(directory: Directory) -> None:
    led = directory.nodes["g/1"].resources["led"]
    assert said(view(directory).pieces(led, 0)) == ["value led"], "the node was told as such"
    only = view(directory, resource="led", details=True)
    assert said(only.pieces(led, 0)) == ["node g/1", "liveness g/1", "about led", "value led"]
    assert said(only.pieces(led, led.born)) == ["value led"]
    assert said(view(directory, resource="button").pieces(led, 0)) == []


def test_a_node_is_meant_by_its_resources_and_costs_a_look_at_each(directory: Directory) -> None:
    one, two = directory.nodes.values()
    only = view(directory, glob="*/1/*")
    assert (said(only.pieces(one, 0)), said(only.pieces(two, 0))) == (["node g/1"], [])
    assert only.steps(one) == 3 * only.steps(two)
    assert said(view(directory, gateway="g", details=True).pieces(two, 0)) == ["node g/2", "liveness g/2"]
    assert said(only.pieces(directory.owners["g"].gateway, 0)) == ["gateway g"]
    assert said(view(directory, gateway="h").pieces(directory.owners["g"].gateway, 0)) == []


@pytest.mark.parametrize(
    ("kind", "to_all", "to_some", "with_details"),
    [
        ("out", ["gone g/1"], ["gone g/1"], ["gone g/1"]),
        ("reset", ["reset g/1"], ["gone g/1"], ["reset g/1"]),
        ("dismissed", [], [], ["dismissed g/1"]),
    ],
)
def test_what_is_no_more(
    directory: Directory, kind: NoticeKind, to_all: list[str], to_some: list[str], with_details: list[str]
) -> None:
    notice = Notice(kind, "g/1", Gone("closed", 5) if kind == "out" else None)
    assert said(view(directory).pieces(notice, 0)) == to_all
    assert said(view(directory, resource="led").pieces(notice, 0)) == to_some
    assert said(view(directory, details=True).pieces(notice, 0)) == with_details
    assert said(view(directory, uid="g/2", details=True).pieces(notice, 0)) == []


def test_after_a_new_unit_what_is_left_is_told_anew(directory: Directory) -> None:
    told, left = view(directory, type="temperature").retyped("g/1")
    assert (said(told), said(left or ())) == (["reset g/1"], ["node g/1", "value temperature"])
    told, left = view(directory, type="humidity").retyped("g/1")
    assert (said(told), left) == (["gone g/1"], None)
    for other in (view(directory, resource="led"), view(directory, type="humidity", uid="g/2")):
        assert other.retyped("g/1") == ([], None)


def test_nodes_that_are_named_are_told_whole_and_before_their_gateway_while_they_are_awaited(
    directory: Directory,
) -> None:
    named = frozenset(("g/1", "g/3"))
    whole = ["node g/1", "value led", "value temperature"]
    assert said(view(directory, uid=list(named)).named(named)) == ["gateway g", *whole]
    directory.gateway_connected("g", "1" * 16)
    assert said(view(directory, uid=list(named)).named(named)) == [*whole, "gateway g"]
    assert said(view(directory, uid=list(named), resource="led").named(named)) == [*whole[:2], "gateway g"]
