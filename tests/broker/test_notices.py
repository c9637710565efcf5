# SPDX-License-Identifier: BSD-3-Clause
"""What is remembered of things that are no more, for how long, and from which version on nobody can go on."""

from __future__ import annotations

import pytest

from pyaiot.broker import notices
from pyaiot.broker.entries import Entry, Notice, NoticeKind, Retyping
from pyaiot.broker.notices import Notices


@pytest.fixture(autouse=True)
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "MAX_PENDING_NOTICES", 5)
    monkeypatch.setattr(notices, "MAX_REMEMBERED_NOTICES", 3)
    monkeypatch.setattr(notices, "FORGOTTEN_AT_ONCE", 2)


def noted(version: int, uid: str, kind: NoticeKind = "out") -> Notice:
    notice = Notice(kind, uid)
    notice.version = version
    return notice


def test_the_newest_of_a_kind_takes_the_place_of_the_one_before() -> None:
    kept, end = Notices(), Entry()
    older = noted(1, "g/1")
    kept.keep(older, is_awaited=True)
    older.insert_before(end)
    kept.keep(noted(2, "g/1"), is_awaited=True)
    assert (len(kept), kept.forgotten) == (1, 0)
    assert end.after is end, "the older one left the list"
    kept.keep(noted(3, "g/1", "reset"), is_awaited=True)
    kept.keep(Retyping("g/1"), is_awaited=True)
    assert len(kept) == 3


def test_while_somebody_is_behind_more_is_kept_and_then_all_is_forgotten_at_once() -> None:
    kept = Notices(first_version=10)
    assert [kept.keep(noted(10 + each, f"g/{each}"), is_awaited=True) for each in range(1, 7)] == [False] * 5 + [True]
    assert (len(kept), kept.forgotten) == (1, 15)


def test_the_oldest_go_by_the_lot_when_nobody_is_behind_any_more() -> None:
    kept = Notices()
    for version in range(1, 6):
        assert not kept.keep(noted(version, f"g/{version}"), is_awaited=False)
    assert (len(kept), kept.forgotten) == (5, 0)
    assert not kept.keep(noted(6, "g/6"), is_awaited=False)
    assert (len(kept), kept.forgotten) == (4, 2)
    kept.trim()
    assert (len(kept), kept.forgotten) == (3, 3)
    kept.trim()
    assert len(kept) == 3
