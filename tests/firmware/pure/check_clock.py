# SPDX-License-Identifier: BSD-3-Clause
"""Checks of aiot.clock and aiot.backoff, for both interpreters."""

from aiot.backoff import Backoff
from aiot.clock import Clock

PERIOD = 1 << 30


class Ticks:
    """A counter that wraps as those of boards do."""

    def __init__(self, at):
        self.at = at

    def ms(self):
        return self.at % PERIOD


def forward(end, start):
    return ((end - start + PERIOD // 2) % PERIOD) - PERIOD // 2


def of_pycom(start, end):
    return (end - start) % (1 << 32)


def test_time_goes_on_where_ticks_wrap():
    for diff in (forward, of_pycom):
        ticks = Ticks(PERIOD - 1000 if diff is forward else 0)
        clock = Clock(ticks.ms, diff)
        for day in range(1, 41):
            ticks.at += 24 * 3600 * 1000
            if diff is of_pycom:
                ticks.ms = lambda ticks=ticks: ticks.at % (1 << 32)
                clock._ticks = ticks.ms
            assert clock.now() == day * 24 * 3600 * 1000


def test_time_never_goes_back():
    ticks = Ticks(5000)
    clock = Clock(ticks.ms, forward)
    ticks.at -= 100
    assert clock.now() == 0
    ticks.at += 250
    assert clock.now() == 250


def test_waits_double_up_to_a_ceiling_and_begin_anew():
    backoff = Backoff(lambda: 65535)
    waits = [backoff.failed() for _ in range(8)]
    assert [(wait + 500) // 1000 for wait in waits] == [1, 2, 4, 8, 16, 30, 30, 30]
    backoff.succeeded()
    assert backoff.failed() < 1200


def test_the_shortest_wait_is_not_none():
    backoff = Backoff(lambda: 0)
    assert [backoff.failed() for _ in range(3)] == [100, 100, 100]
