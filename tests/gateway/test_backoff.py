# SPDX-License-Identifier: BSD-3-Clause
"""How long the gateway waits before it tries again."""

from __future__ import annotations

import random

from pyaiot.gateway.backoff import CEILING_S, EARLY_CEILING_S, EARLY_S, FIRST_S, REPLACED_S, Backoff


def test_the_ceiling_doubles_to_two_seconds_and_after_thirty_to_thirty() -> None:
    backoff = Backoff(lambda: 1.0)
    assert [backoff.failed(now) for now in (0, 1, 2, 3, 4, 29.9)] == [0.25, 0.5, 1, 2, 2, 2]
    assert [backoff.failed(now) for now in (30, 40, 50, 60, 70, 3600)] == [4, 8, 16, 30, 30, 30]


def test_the_jitter_is_full() -> None:
    rng = random.Random(1)
    delays = [Backoff(rng.random).failed(0.0) for _ in range(10_000)]
    assert 0 <= min(delays) < 0.001
    assert FIRST_S - 0.001 < max(delays) < FIRST_S
    assert abs(sum(delays) / len(delays) - FIRST_S / 2) < 0.005


def test_a_session_that_proved_itself_ends_the_outage() -> None:
    backoff = Backoff(lambda: 1.0)
    assert backoff.since is None
    backoff.failed(10.0)
    backoff.failed(50.0)
    assert backoff.since == 10.0
    backoff.succeeded()
    assert backoff.since is None
    assert backoff.failed(100.0) == FIRST_S
    assert backoff.failed(100.0 + EARLY_S - 1) <= EARLY_CEILING_S


def test_one_that_was_replaced_stays_away_for_half_a_minute() -> None:
    for chance in (0.0, 0.5, 0.999):
        assert REPLACED_S <= Backoff(lambda chance=chance: chance).failed(0.0, replaced=True) < 2 * REPLACED_S


def test_PY_GW_1_it_never_gives_up() -> None:
    backoff = Backoff(random.Random(2).random)
    now = 0.0
    for _ in range(100_000):
        delay = backoff.failed(now)
        assert 0 <= delay <= CEILING_S
        now += delay
