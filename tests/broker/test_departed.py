# SPDX-License-Identifier: BSD-3-Clause
"""Nodes that went are kept within bounds: so many, and so many bytes; the oldest are forgotten."""

from __future__ import annotations

from unittest import mock

from pyaiot.broker import departed as module
from pyaiot.broker.departed import MAX_DEPARTED, Departed


def uids(departed: Departed, after: str = "") -> list[str]:
    return [uid for uid, _ in departed.after(after)]


def test_they_are_kept_until_they_are_back_or_dismissed() -> None:
    departed = Departed()
    for uid in ("g/b", "g/a", "g/c"):
        departed.keep(uid, uid.encode())
    assert uids(departed) == ["g/a", "g/b", "g/c"]
    assert uids(departed, "g/a") == ["g/b", "g/c"]
    assert departed.forget("g/b")
    assert not departed.forget("g/b")
    assert (departed.get("g/a"), departed.get("g/b")) == (b"g/a", None)
    departed.keep("g/a", b"again")
    assert (len(departed), departed.size, departed.get("g/a")) == (2, len(b"againg/c"), b"again")


def test_of_100_000_the_newest_are_kept() -> None:
    departed = Departed()
    for number in range(100_000):
        departed.keep(f"g/{number}", b"x" * 10)
    assert len(departed) == MAX_DEPARTED
    assert departed.size == 10 * MAX_DEPARTED
    assert set(uids(departed)) == {f"g/{number}" for number in range(100_000 - MAX_DEPARTED, 100_000)}


def test_large_ones_push_out_more_than_one() -> None:
    with mock.patch.object(module, "MAX_DEPARTED_BYTES", 100):
        departed = Departed()
        for number in range(10):
            departed.keep(f"g/{number}", b"x" * 10)
        departed.keep("g/large", b"x" * 85)
        assert uids(departed) == ["g/9", "g/large"]
        departed.keep("g/giant", b"x" * 101)
        assert (uids(departed), departed.size) == ([], 0)


def test_who_goes_again_is_the_newest() -> None:
    with mock.patch.object(module, "MAX_DEPARTED", 2):
        departed = Departed()
        for uid in ("g/a", "g/b", "g/a", "g/c"):
            departed.keep(uid, b"{}")
        assert uids(departed) == ["g/a", "g/c"]
