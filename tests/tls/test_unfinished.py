# SPDX-License-Identifier: BSD-3-Clause
"""Which handshake gives way."""

from __future__ import annotations

from pyaiot.tls.unfinished import Unfinished


def test_the_oldest_goes_of_the_address_that_has_most() -> None:
    unfinished: Unfinished[str] = Unfinished(3)
    assert [unfinished.begin(one, one[0]) for one in ("a1", "b1", "b2")] == [None, None, None]
    assert unfinished.begin("a2", "a") == "a1"  # of equals the one that came first
    unfinished.end("a1", "a")  # as is said once more when its connection has ended
    assert unfinished.begin("c1", "c") == "b1"
    for _ in range(2):
        unfinished.end("b1", "b")
    assert len(unfinished) == 3
    assert unfinished.begin("c2", "c") == "c1"
    for one in ("a2", "b2", "c1", "c2"):
        unfinished.end(one, one[0])
    assert len(unfinished) == 0
    assert unfinished._groups == {}


def test_each_gives_way_once_however_many_begin_before_the_connections_end() -> None:
    unfinished: Unfinished[int] = Unfinished(3)
    assert [unfinished.begin(number, "a") for number in range(9)] == [None, None, None, 0, 1, 2, 3, 4, 5]
    assert len(unfinished) == 3
