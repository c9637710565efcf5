# SPDX-License-Identifier: BSD-3-Clause
"""What a program believes of nodes, by what a watch tells it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyaiot.client.changes import (
    Change,
    Described,
    GatewayState,
    Liveness,
    NodeDismissed,
    NodeGone,
    NodeHere,
    NodeReset,
    Synced,
    Told,
    Value,
)
from pyaiot.client.lag import Untaken
from pyaiot.client.view import View
from pyaiot.wire.messages import About


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
    untaken.add([here("coap/c")])
    assert taken(untaken) == [here("coap/c")]
    untaken.add([here(), value(1), value(1, resource="b"), value(2), NodeGone("coap/c"), value(3)])
    assert untaken.skipped == 2
    assert taken(untaken) == [here(), value(1, resource="b"), NodeGone("coap/c"), value(3)]
    untaken.add([value(1), value(1, "coap/b"), NodeReset("coap/a"), value(4, resource="b")])
    assert taken(untaken) == [value(1, "coap/b"), NodeReset("coap/a"), value(4, resource="b")]
    assert len(untaken) == 0


def test_who_is_slow_never_hears_of_what_came_and_went_and_always_that_what_it_knows_is_gone() -> None:
    untaken = Untaken()
    untaken.add([here(), value(1)])
    assert untaken.take() == here()
    for number in range(1000):
        uid = f"peer/{number}"
        untaken.add([here(uid), value(number, uid), NodeReset(uid), NodeGone(uid)])
    assert len(untaken) == 1
    untaken.add([NodeGone("coap/a"), here(), value(2)])
    assert taken(untaken) == [NodeGone("coap/a"), here(), value(2)]
    untaken.add([value(3), NodeGone("coap/a"), here(), value(4), NodeGone("coap/a")])
    assert taken(untaken) == [NodeGone("coap/a")]
    untaken.add([here(), NodeGone("coap/a")])
    assert taken(untaken) == []
    assert untaken._about == {}
    assert untaken._known == set()


@given(st.lists(st.tuples(st.sampled_from(["here", "value", "gone", "reset", "take"]), st.sampled_from("abc"))))
def test_whoever_takes_everything_knows_what_is_true(steps: list[tuple[str, str]]) -> None:
    """Against a view that takes at once."""
    prompt, slow, untaken = View(), View(), Untaken()
    for number, (what, name) in enumerate(steps):
        uid = f"coap/{name}"
        change: Told = {"here": here(uid), "value": value(number, uid), "gone": NodeGone(uid)}.get(what, NodeReset(uid))  # type: ignore[assignment]
        if what != "take":
            untaken.add(prompt.apply([change]))
        elif (late := untaken.take()) is not None:
            slow.apply([late])  # type: ignore[list-item]
        known = {*prompt.nodes, *slow.nodes}
        assert len(untaken) <= 4 * len(known)
    slow.apply(taken(untaken))  # type: ignore[arg-type]
    late_view, view = (
        {uid: (node.told, node.values) for uid, node in each.nodes.items() if node.told or node.values}
        for each in (slow, prompt)
    )
    assert late_view == view


def test_the_present_is_told_to_who_hears_of_it_first() -> None:
    told = [GatewayState("coap", "connected"), here(), value(1), value(2, "coap/b")]
    first, second = View(), View()
    first.apply(told)
    assert first.present() == told
    first.apply([], synced=True)
    assert first.present() == [*told, Synced()]
    assert second.apply(first.present()[:-1], synced=True) == first.present()  # type: ignore[arg-type]


def described(about: About, uid: str = "coap/a", resource: str = "temperature") -> Described:
    return Described(uid, resource, about)


def test_details_are_kept_with_the_node_and_are_news_when_they_are_others() -> None:
    lamp = About(title="Lamp", choices=(0, 1))
    made = view(here(), Liveness("coap/a", 7, interval=30_000), described(lamp))
    node = made.nodes["coap/a"]
    assert (node.last_seen, node.interval, node.timeout) == (7, 30_000, None)
    assert node.abouts == {"temperature": lamp}
    assert made.apply([described(lamp), Liveness("coap/a", 7, interval=30_000)]) == []
    assert made.apply([described(About(title="Lamp", choices=(False, True)))]) != [], "0 is not false"
    made.apply([value(9), value(8)])
    assert node.last_seen == 9000, "a value is a sign of life, when it was measured"
    assert Liveness("coap/a", 9000, 30_000) in made.present()
    assert made.apply([described(About(), "coap/x"), Liveness("coap/x", 1)]) == [], "nobody told of that node"
    assert set(made.nodes) == {"coap/a"}


def test_what_was_taken_back_is_known_no_more() -> None:
    """A broker that tells all anew does not tell it: nothing of the node is lost by that."""
    made = view(here(), value(1), described(About(unit="Cel")))
    assert made.apply([described(About())]) == [described(About())]
    assert made.apply([described(About())]) == []
    assert made.nodes["coap/a"].abouts == {}
    made.restart()
    assert made.apply([here(), value(1)], synced=True) == [Synced()]


def test_details_are_void_after_a_reset_and_when_they_are_not_told_again() -> None:
    made = view(here(), described(About(unit="Cel")))
    assert made.apply([NodeReset("coap/a")]) == [NodeReset("coap/a")]
    assert made.nodes["coap/a"].abouts == {}
    kept = described(About(max=1))
    made = view(here(), value(1), described(About(unit="Cel"), resource="led"), kept)
    made.restart()
    assert made.apply([here(), value(1), kept], synced=True) == [NodeReset("coap/a"), kept, value(1), Synced()]
    assert made.nodes["coap/a"].abouts == {"temperature": About(max=1)}


def test_why_a_node_went_and_that_it_was_dismissed_is_told() -> None:
    told: list[Told] = [NodeGone("coap/a", "timeout", 5), NodeDismissed("coap/a")]
    made = view(here())
    assert made.apply(told) == told
    assert made.nodes == {}


def test_a_slow_program_takes_the_newest_details() -> None:
    untaken = Untaken()
    untaken.add(
        [here(), described(About(max=1)), Liveness("coap/a", 1), described(About(max=2)), Liveness("coap/a", 2)]
    )
    assert taken(untaken) == [here(), described(About(max=2)), Liveness("coap/a", 2)]
    untaken.add([described(About(max=3)), NodeReset("coap/a")])
    assert taken(untaken) == [NodeReset("coap/a")]
