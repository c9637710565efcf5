# SPDX-License-Identifier: BSD-3-Clause
"""What a program believes of nodes, by what a watch tells it."""

from __future__ import annotations

from pyaiot.client.changes import Change, GatewayState, NodeGone, NodeHere, NodeReset, Synced, Told, Value
from pyaiot.client.lag import Untaken
from pyaiot.client.view import View


def value(number: float, uid: str = "coap/a", resource: str = "temperature") -> Value:
    return Value(uid, resource, number, number, int(1000 * number))


def here(uid: str = "coap/a") -> NodeHere:
    return NodeHere(uid, "coap", "CoAP", 5)


def view(*told: Told) -> View:
    made = View()
    made.apply(told, synced=True)
    return made


def test_what_is_told_is_known_and_what_is_told_again_is_no_news() -> None:
    made = View()
    assert made.apply([here(), value(1)]) == [here(), value(1)]
    assert not made.synced
    assert made.apply([here(), value(1), value(2)], synced=True) == [value(2), Synced()]
    assert made.synced
    assert made.nodes["coap/a"].values == {"temperature": value(2)}


def test_a_value_may_come_before_its_node() -> None:
    made = view(value(1))
    assert not made.nodes["coap/a"].told
    assert made.apply([here()]) == [here()]
    assert made.nodes["coap/a"].protocol == "CoAP"


def test_what_is_gone_or_reset_is_gone_once() -> None:
    made = view(here(), value(1))
    assert made.apply([NodeReset("coap/a"), NodeReset("coap/a")]) == [NodeReset("coap/a")]
    assert made.nodes["coap/a"].values == {}
    assert made.apply([NodeGone("coap/a"), NodeGone("coap/a")]) == [NodeGone("coap/a")]
    assert made.nodes == {}


def test_after_a_restart_what_is_not_told_again_is_gone_when_all_was_told() -> None:
    made = view(here(), value(1), value(7, resource="humidity"), here("coap/b"), GatewayState("mqtt", "away"))
    made.restart()
    assert made.apply([here(), value(1)]) == [], "it is as it was"
    assert set(made.nodes) == {"coap/a", "coap/b"}
    news = made.apply([], synced=True)
    assert news == [NodeReset("coap/a"), value(1), NodeGone("coap/b"), Synced()]
    assert made.gateways == {}


def test_a_node_is_unreachable_while_its_gateway_is_away_and_until_it_is_told_again() -> None:
    made = view(GatewayState("coap", "connected"), here(), here("coap/b"))
    node, other = made.nodes["coap/a"], made.nodes["coap/b"]

    def states() -> tuple[str, str]:
        return made.state(node), made.state(other)

    assert states() == ("online", "online")
    made.apply([GatewayState("coap", "away")])
    assert states() == ("unreachable", "unreachable")
    made.apply([GatewayState("coap", "resyncing")])
    assert states() == ("unreachable", "unreachable")
    assert made.apply([here()]) == [here()], "that it is back is news"
    assert states() == ("online", "unreachable")
    made.apply([GatewayState("coap", "connected")])
    assert states() == ("online", "online")


def taken(untaken: Untaken) -> list[Change]:
    found = []
    while (change := untaken.take()) is not None:
        found.append(change)
    return found


def test_who_is_slow_gets_the_newest_of_each_and_all_that_is_true_in_the_end() -> None:
    untaken = Untaken()
    untaken.add([here(), value(1), value(1, resource="b"), value(2), NodeGone("coap/c"), value(3)])
    assert untaken.skipped == 2
    assert taken(untaken) == [here(), value(1, resource="b"), NodeGone("coap/c"), value(3)]
    untaken.add([value(1), value(1, "coap/b"), NodeReset("coap/a"), value(4, resource="b")])
    assert taken(untaken) == [value(1, "coap/b"), NodeReset("coap/a"), value(4, resource="b")]
    assert len(untaken) == 0
