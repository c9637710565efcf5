# SPDX-License-Identifier: BSD-3-Clause
"""Packet ids of what is not acknowledged: none is used twice at once, and there are only so many."""

from __future__ import annotations

import pytest

from pyaiot.gateway.mqtt import in_flight
from pyaiot.gateway.mqtt.in_flight import InFlight


def test_an_id_that_is_in_flight_is_not_given_again_until_it_is_acknowledged() -> None:
    messages: InFlight[str] = InFlight()
    assert messages.add("slow") == 1
    ids = [messages.next_id() for _ in range(65_534)]
    assert ids == list(range(2, 65_536))
    assert messages.next_id() == 2, "0 is no packet id, and 1 is taken"
    assert messages.acknowledged(1) == "slow"
    assert messages.acknowledged(1) is None
    assert 1 in [messages.next_id() for _ in range(65_535)]


def test_there_are_only_so_many_and_all_are_told_of_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_flight, "MAX_IN_FLIGHT", 2)
    messages: InFlight[str] = InFlight()
    first = messages.add("a")
    assert not messages.is_full
    messages.add("b")
    assert messages.is_full
    messages.acknowledged(first)
    assert not messages.is_full
    messages.add("c")
    assert messages.take_all() == ["b", "c"]
    assert (len(messages), messages.is_full) == (0, False)
