# SPDX-License-Identifier: BSD-3-Clause
"""What happens is told at once to who listens, and stands in the list of changes for all others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pyaiot.broker.change_feed import ChangeFeed
from pyaiot.broker.entries import Description, Entry, Gateway, Gone, Liveness, Node, Notice, Resource, Retyping


@pytest.fixture
def node() -> Node:
    return Node("g/1", "g", "coap", 1)


class Listener:
    """Hears all of a feed."""

    def __init__(self, feed: ChangeFeed) -> None:
        self.heard: list[object] = []
        hear = self.heard.append
        feed.on_change = lambda kind, node, resource: hear(("change", kind))
        feed.on_news = lambda kind, node, resource: hear(("news", kind, sorted(node.resources)))
        feed.on_presence = lambda node, is_there: hear(("presence", is_there))
        feed.on_retyping = lambda resource, new_unit: hear(("retyping", resource.unit, new_unit))
        feed.on_gateway = lambda gateway: hear(("gateway", gateway.state))
        feed.on_detail = lambda detail: hear(("detail", type(detail)))
        feed.on_dismissed = lambda uid: hear(("dismissed", uid))


def entries(feed: ChangeFeed) -> Iterator[Entry]:
    """All of the list, the oldest change first."""
    place = feed.changes.end.after
    while place is not feed.changes.end:
        yield place
        place = place.after


def test_without_listeners_all_is_in_the_list(node: Node) -> None:
    feed = ChangeFeed(first_version=7)
    feed.appeared(node)
    feed.gateway_changed(Gateway("g"))
    feed.detailed(Liveness(node))
    feed.reset(node)
    feed.dismissed("g/2")
    assert [type(each) for each in entries(feed)] == [Node, Gateway, Liveness, Notice, Notice]
    assert {each.version for each in entries(feed)} == {7}


def test_a_listener_is_told_while_what_had_been_is_still_there(node: Node) -> None:
    feed = ChangeFeed()
    listener = Listener(feed)
    resource = node.resources["led"] = Resource(node, "led")
    feed.changes.append(resource)
    feed.reset(node)
    assert listener.heard == [("change", "reset"), ("news", "reset", ["led"])]
    assert [type(each) for each in entries(feed)] == [Notice], "its values are void"


def test_of_a_node_that_departed_nothing_but_that_is_left(node: Node) -> None:
    feed = ChangeFeed()
    feed.appeared(node)
    feed.returned(node, has_changed=False)
    resource = node.resources["led"] = Resource(node, "led")
    node.liveness, node.abouts = Liveness(node), {"led": Description(node, "led", b"{}")}
    for entry in (resource, node.liveness, *node.abouts.values()):
        feed.changes.append(entry)
    listener = Listener(feed)
    feed.departed(node, Gone("closed", 5))
    assert listener.heard == [("change", "out"), ("news", "out", ["led"]), ("presence", False)]
    (left,) = entries(feed)
    assert isinstance(left, Notice)
    assert (left.kind, left.uid, left.gone) == ("out", "g/1", Gone("closed", 5))


def test_that_a_node_has_changed_is_not_forgotten_when_it_returns_once_more(node: Node) -> None:
    feed = ChangeFeed()
    listener = Listener(feed)
    feed.returned(node, has_changed=True)
    feed.returned(node, has_changed=False)
    assert listener.heard == [("news", "again", [])] * 2, "clients of /ws are not told"
    assert list(entries(feed)) == [node.again]
    assert node.again is not None
    assert node.again.has_changed


def test_a_resource_of_another_unit_is_as_if_new(node: Node) -> None:
    feed = ChangeFeed(first_version=7)
    listener = Listener(feed)
    resource = Resource(node, "t")
    resource.unit, resource.audience = "Cel", object()
    feed.retyped(resource, "%RH")
    assert listener.heard == [("retyping", "Cel", "%RH")], "it is told before"
    assert (resource.born, resource.audience) == (7, None)
    assert [type(each) for each in entries(feed)] == [Retyping]
