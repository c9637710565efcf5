# SPDX-License-Identifier: BSD-3-Clause
"""Grants end by their time or with their key; a newer one takes the place of an older; nothing is left behind."""

from __future__ import annotations

import random

from pyaiot.gateway.deadline_heap import MAX_STALE
from pyaiot.gateway.device_tokens.grants import Grants
from pyaiot.gateway.device_tokens.tokens import Grant


class Holder:
    """One whose grant the test ends by hand."""

    def revoked(self, why: str) -> None:
        raise AssertionError("that is the caller's to do")


def grant(expires_at: float, key: bytes = b"key") -> Grant:
    return Grant("joe", None, expires_at, key)


def test_grants_end_in_their_order_and_some_at_a_time() -> None:
    grants, holders = Grants(), [Holder() for _ in range(10)]
    for number in random.Random(1).sample(range(10), 10):
        grants.hold(holders[number], grant(100.0 + number))
    assert grants.take_expired(99.9, 100) == []
    assert grants.take_expired(102.0, 100) == holders[:3]
    assert grants.take_expired(200.0, 4) == holders[3:7]
    assert grants.take_expired(200.0, 4) == holders[7:]
    assert grants.take_expired(200.0, 4) == []
    assert len(grants) == 0


def test_a_newer_grant_counts_and_a_released_one_does_not() -> None:
    grants, one, other = Grants(), Holder(), Holder()
    grants.hold(one, grant(100.0))
    grants.hold(other, grant(100.0))
    grants.hold(one, grant(200.0))
    grants.release(other)
    grants.release(other)
    assert grants.take_expired(150.0, 100) == []
    assert grants.take_expired(200.0, 100) == [one]


def test_a_newer_grant_may_end_earlier() -> None:
    grants, one = Grants(), Holder()
    grants.hold(one, grant(200.0))
    grants.hold(one, grant(100.0))
    assert grants.take_expired(150.0, 100) == [one]
    assert grants.take_expired(250.0, 100) == []


def test_a_grant_ends_with_its_key() -> None:
    grants, one, other = Grants(), Holder(), Holder()
    grants.hold(one, grant(100.0, b"one"))
    grants.hold(other, grant(100.0, b"other"))
    assert grants.take_untrusted([b"one", b"other", b"more"]) == []
    assert grants.take_untrusted([b"other"]) == [one]
    assert grants.take_untrusted([]) == [other]
    assert grants.take_expired(200.0, 100) == []


def test_what_is_released_takes_no_room() -> None:
    grants, holder = Grants(), Holder()
    for number in range(20 * MAX_STALE):
        grants.hold(holder, grant(1e9 + number))
    assert len(grants._ends) <= 2 + MAX_STALE
    assert grants.take_expired(2e9, 10) == [holder]
