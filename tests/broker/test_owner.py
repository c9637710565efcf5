# SPDX-License-Identifier: BSD-3-Clause
"""How far the outbox of one gateway has been applied, and when its word about its nodes is complete."""

from __future__ import annotations

import pytest

from pyaiot.broker.entries import Gateway, Node
from pyaiot.broker.owner import Owner
from pyaiot.wire.messages import GatewayMessage, Seen, Sync

MESSAGES: list[GatewayMessage] = [Seen(uid=str(id), at=id) for id in range(5, 9)]


@pytest.mark.parametrize(("ack", "ids"), [(4, [5, 6, 7, 8]), (6, [7, 8]), (8, []), (20, []), (0, [5, 6, 7, 8])])
def test_what_was_applied_is_not_applied_again(ack: int, ids: list[int]) -> None:
    owner = Owner(Gateway("g"), ack=ack)
    assert [each.at for each in owner.unapplied(5, MESSAGES) if isinstance(each, Seen)] == ids
    assert owner.resumed == (ack == 0), "who does not begin at 1 goes on from an earlier run of the broker"


def test_only_the_same_process_has_its_nodes_still() -> None:
    owner = Owner(Gateway("g"))
    assert not owner.begin_session("one", (), None)
    node = owner.nodes["1"] = Node("g/1", "g", "coap", 1)
    owner.ack = 7
    owner.end_session()
    assert (owner.connected, node.state) == (False, "unreachable")
    assert owner.begin_session("one", (), "192.0.2.7")
    assert (owner.connected, node.state, owner.ack, owner.address) == (True, "online", 7, "192.0.2.7")
    assert not owner.begin_session("two", (), None)
    assert (owner.connected, node.state, owner.ack, owner.address) == (True, "unreachable", 0, None)


def test_a_sync_in_parts_is_complete_with_its_last() -> None:
    owner = Owner(Gateway("g"), resumed=True)
    owner.nodes = {uid: Node(f"g/{uid}", "g", "coap", 1) for uid in ("1", "2", "3")}
    assert owner.take_sync(Sync(uids=["1", "nobody"], more=True)) is None
    assert owner.listed == {"1"}, "what it names without end is not kept"
    assert owner.resumed
    owner.listed.add("new")
    assert owner.take_sync(Sync(uids=["2"])) == {"1", "2", "new"}
    assert (owner.listed, owner.resumed) == (None, False)
