# SPDX-License-Identifier: BSD-3-Clause
"""Who asks for much waits for those who ask for little, group by group, and nobody for more than its share."""

from __future__ import annotations

import random

from pyaiot.gateway.ws.fair_queue import CREDIT_S, FairQueue, Group

LONGEST_S = 0.005


class Member:
    def __init__(self, group: Group) -> None:
        self.group = group
        self.served_until = float("-inf")
        self.took_s = 0.0
        self.had_s = 0.0


def serve(queue: FairQueue[Member], took_s: float) -> Member:
    member = queue.take()
    member.had_s += took_s
    queue.done(took_s)
    return member


def test_who_waits_all_the_time_has_as_much_as_each_other_in_its_group_and_each_group_as_much() -> None:
    chance = random.Random(1)
    groups = [[Member(group) for _ in range(size)] for group, size in ((Group(), 1), (Group(), 3), (Group(), 40))]
    costs = {member: chance.choice((0.0001, 0.001, LONGEST_S)) for group in groups for member in group}
    queue: FairQueue[Member] = FairQueue()
    for member in costs:
        queue.add(member)
    for _ in range(50_000):
        member = queue.take()
        took_s = chance.uniform(0.5, 1.0) * costs[member]
        member.had_s += took_s
        queue.done(took_s)
        queue.add(member)
        for group in groups[:2]:
            had = [one.had_s for one in group]
            assert max(had) - min(had) <= 2 * LONGEST_S
    totals = [sum(member.had_s for member in group) for group in groups]
    assert max(totals) - min(totals) <= 2 * LONGEST_S
    assert len(queue) == 44


def test_who_asks_for_little_is_next_however_many_of_its_group_ask_for_much() -> None:
    """They come at one moment, again and again, each with the longest work; the bound does not grow with them."""
    for crowd in (20, 500):
        group = Group()
        queue: FairQueue[Member] = FairQueue()
        quiet = Member(group)
        others = [Member(group) for _ in range(crowd)]
        waits = []
        for _ in range(40):
            for other in others:
                queue.add(other)
            queue.add(quiet)
            for before in range(crowd + 1):
                member = queue.take()
                queue.done(0.0001 if member is quiet else LONGEST_S)
                if member is quiet:
                    waits.append(before)
        assert max(waits[10:]) <= 1, "when it is no newcomer any more"


def test_a_group_that_asks_for_little_is_next_however_many_another_one_is() -> None:
    queue: FairQueue[Member] = FairQueue()
    crowd, home = Group(), Group()
    for _ in range(300):
        queue.add(Member(crowd))
    serve(queue, LONGEST_S)
    lamp = Member(home)
    for _ in range(100):
        queue.add(lamp)
        served = [serve(queue, 0.0001) for _ in range(2)]
        assert lamp in served
        serve(queue, LONGEST_S)


def test_who_rested_has_only_so_much_credit() -> None:
    group = Group()
    queue: FairQueue[Member] = FairQueue()
    rested, busy = Member(group), Member(group)
    queue.add(rested)
    serve(queue, 0.0001)
    queue.add(busy)
    for _ in range(1_000):
        serve(queue, LONGEST_S)
        queue.add(busy)
    queue.add(rested)
    ahead = 0.0
    while serve(queue, 0.001) is rested:
        ahead += 0.001
        queue.add(rested)
    assert CREDIT_S - 0.001 <= ahead <= CREDIT_S + 2 * LONGEST_S


def test_members_that_come_while_another_of_their_group_is_served_have_their_turn() -> None:
    group = Group()
    queue: FairQueue[Member] = FairQueue()
    first, second = Member(group), Member(group)
    queue.add(first)
    assert queue.take() is first
    queue.add(second)
    queue.add(first)
    queue.done(0.001)
    assert {serve(queue, 0.001), serve(queue, 0.001)} == {first, second}
    assert len(queue) == 0


def test_those_that_come_as_somebody_new_again_and_again_do_not_keep_others_waiting() -> None:
    group = Group()
    queue: FairQueue[Member] = FairQueue()
    quiet = Member(group)
    queue.add(quiet)
    serve(queue, 0.0001)
    for _ in range(200):
        for _ in range(20):
            queue.add(Member(group))
        queue.add(quiet)
        before = 0
        while serve(queue, 0.0001) is not quiet:
            before += 1
        assert before <= 2
