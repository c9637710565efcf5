# SPDX-License-Identifier: BSD-3-Clause
"""Which nodes are out, and when: with a clock that the test holds."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from pyaiot.nodes.liveness import MAX_STALE_ENTRIES, Liveness
from pyaiot.nodes.node import Node

TOLERANCE_S = 1.0


def watched(count: int, *, timeout_s: float = 120.0, now: float = 0.0) -> tuple[dict[str, Node], Liveness]:
    nodes: dict[str, Node] = {}
    liveness = Liveness(nodes)
    for number in range(count):
        node = nodes[f"n{number}"] = Node(f"n{number}", timeout_s=timeout_s, now=now, at=0)
        liveness.watch(node)
    return nodes, liveness


def test_a_silent_node_is_out_at_its_deadline() -> None:
    _, liveness = watched(1, timeout_s=120.0, now=1000.0)
    assert liveness.next_deadline() == 1120.0
    assert liveness.expire(1119.9) == []
    assert liveness.expire(1120.0) == ["n0"]
    assert liveness.next_deadline() is None


def test_a_sign_of_life_moves_the_deadline_without_touching_the_heap() -> None:
    nodes, liveness = watched(1, timeout_s=120.0)
    for now in range(0, 119, 7):
        liveness.touch(nodes["n0"], float(now))
    assert len(liveness) == 1
    assert liveness.expire(120.0) == []
    assert liveness.next_deadline() == 112.0 + 120.0
    assert liveness.expire(232.0) == ["n0"]


def test_a_shorter_timeout_counts_at_once_and_a_longer_one_in_time() -> None:
    nodes, liveness = watched(1, timeout_s=120.0)
    nodes["n0"].timeout_s = 10.0
    liveness.watch(nodes["n0"])
    assert liveness.next_deadline() == 10.0
    nodes["n0"].timeout_s = 300.0
    liveness.watch(nodes["n0"])
    assert liveness.expire(150.0) == []
    assert liveness.expire(300.0) == ["n0"]


def test_a_node_that_left_and_came_back_is_watched_anew() -> None:
    nodes, liveness = watched(1, timeout_s=120.0)
    nodes["n0"] = Node("n0", timeout_s=120.0, now=60.0, at=0)
    liveness.watch(nodes["n0"])
    assert liveness.expire(121.0) == []
    assert liveness.expire(180.0) == ["n0"]
    assert liveness.expire(1e9) == []


def test_at_most_so_many_at_once_oldest_first() -> None:
    nodes, liveness = watched(5, timeout_s=120.0)
    for number, node in enumerate(nodes.values()):
        liveness.touch(node, float(10 - number))
    first = liveness.expire(1000.0, limit=2)
    assert len(first) == 2
    for uid in first:
        del nodes[uid]
    deadline = liveness.next_deadline()
    assert deadline is not None
    assert deadline <= 1000.0
    assert len(liveness.expire(1000.0, limit=100)) == 3


def test_the_heap_stays_small_whatever_timeouts_devices_ask_for() -> None:
    nodes, liveness = watched(10, timeout_s=31_536_000.0)
    now = 0.0
    for round_number in range(5_000):
        node = nodes[f"n{round_number % 10}"]
        now += 1.5
        liveness.touch(node, now)
        node.timeout_s = 1.0
        liveness.watch(node)
        node.timeout_s = 31_536_000.0
        liveness.expire(now)
    assert len(liveness) <= 2 * len(nodes) + MAX_STALE_ENTRIES


def test_100_000_nodes_go_out_at_their_deadlines_and_cost_nothing_before() -> None:
    rng = random.Random(1)
    count = 100_000
    nodes, liveness = watched(count)
    # Everybody shows itself a few times, at its own time.
    for node in nodes.values():
        node.last_seen = rng.uniform(0.0, 600.0)
    deadlines = {uid: node.last_seen + 120.0 for uid, node in nodes.items()}
    assert len(liveness) == count
    out: dict[str, float] = {}
    now = 0.0
    while (deadline := liveness.next_deadline()) is not None:
        now = max(now + 0.25, deadline)  # as the service's timer does
        for uid in liveness.expire(now):
            out[uid] = now
            del nodes[uid]
    assert out.keys() == deadlines.keys()
    assert all(0 <= out[uid] - deadline <= TOLERANCE_S for uid, deadline in deadlines.items())


steps = st.lists(
    st.tuples(
        st.sampled_from(["touch", "touch", "touch", "timeout", "leave", "come", "wait", "wait"]),
        st.integers(0, 5),
        st.floats(0.01, 50.0),
    ),
    max_size=120,
)


@settings(max_examples=500, deadline=None)
@given(steps)
def test_each_node_is_out_within_a_second_of_its_deadline_and_never_before(
    history: list[tuple[str, int, float]],
) -> None:
    nodes: dict[str, Node] = {}
    liveness = Liveness(nodes)
    now = 1.0

    def elapse(until: float) -> None:
        """Let time pass as the service does: sleep until the next deadline, never for less than the grain."""
        nonlocal now
        while (deadline := liveness.next_deadline()) is not None and max(deadline, now + 0.25) <= until:
            now = max(deadline, now + 0.25)
            for uid in liveness.expire(now):
                node = nodes.pop(uid)
                assert 0 <= now - (node.last_seen + node.timeout_s) <= TOLERANCE_S
        now = until
        for node in nodes.values():
            assert node.last_seen + node.timeout_s >= now - TOLERANCE_S, "should have been out"

    for what, number, amount in history:
        uid = f"n{number}"
        node = nodes.get(uid)
        if what == "wait":
            elapse(now + amount)
        elif what == "come" and node is None:
            nodes[uid] = Node(uid, timeout_s=amount, now=now, at=0)
            liveness.watch(nodes[uid])
        elif what == "leave":
            nodes.pop(uid, None)
        elif node is not None and what == "touch":
            liveness.touch(node, now)
        elif node is not None and what == "timeout":
            liveness.touch(node, now)
            node.timeout_s = amount
            liveness.watch(node)
    elapse(now + 200.0)
    assert not nodes
