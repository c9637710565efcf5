# SPDX-License-Identifier: BSD-3-Clause
"""Windows, rates and numbers of connections, with literals."""

from __future__ import annotations

from typing import get_args

import pytest

from pyaiot.mqtt_broker import admission
from pyaiot.mqtt_broker.admission import MAX_BEFORE_LOGIN, MAX_PER_ADDRESS, Admission, Full, Kind
from pyaiot.mqtt_broker.delivery import OVERHEAD_BYTES, WINDOW, Delivery
from pyaiot.mqtt_broker.pace import Bucket, Pace

KINDS: tuple[Kind, ...] = get_args(Kind)


def test_a_window_full_of_messages_is_sent_and_the_rest_waits() -> None:
    delivery = Delivery()
    assert all(delivery.offer("t", b"1", 1) for _ in range(WINDOW))
    assert delivery.offer("t", b"22", 1) == b""
    assert delivery.offer("t", b"333", 1, retain=True) == b""
    assert delivery.waiting_bytes == 1 + 2 + 1 + 3 + 2 * OVERHEAD_BYTES
    assert delivery.offer("t", b"0", 0) == b"\x30\x04\0\x01t0", "QoS 0 has no window"
    assert delivery.acknowledged(9_999) is None, "never sent"
    assert delivery.acknowledged(1) == b"\x32\x07\0\x01t\x01\x0122"
    assert delivery.acknowledged(1) is None, "twice"
    assert delivery.acknowledged(2) == b"\x33\x08\0\x01t\x01\x02333"
    assert delivery.waiting_bytes == 0
    assert len(delivery) == WINDOW
    assert delivery.acknowledged(3) == b""
    assert len(delivery) == WINDOW - 1


def test_an_id_in_flight_is_not_used_again() -> None:
    delivery = Delivery()
    delivery.offer("t", b"stays", 1)  # 1, never acknowledged
    for number in range(65_534):
        delivery.offer("t", b"", 1)
        delivery.acknowledged(number + 2)
    assert delivery.offer("t", b"", 1) == b"\x32\x05\0\x01t\0\x02"


def test_a_bucket_takes_a_burst_and_then_its_rate() -> None:
    bucket = Bucket(10, 20, now=0)
    assert [bucket.take(1, 0) for _ in range(20)] == [0] * 20
    assert bucket.take(1, 0) == pytest.approx(0.1)
    assert bucket.take(1, 0) == pytest.approx(0.2)
    assert bucket.take(1, 1) == 0
    assert bucket.take(20, 100) == 0, "it holds no more than a burst"
    assert bucket.take(10, 100) == pytest.approx(1)


def test_messages_and_bytes_are_paced_by_whichever_is_scarcer() -> None:
    pace = Pace(10, 1_000, now=0)
    assert pace.take(2_000, 0) == 0
    assert pace.take(500, 0) == pytest.approx(0.5)
    pace = Pace(10, 1_000, now=0)
    assert [pace.take(0, 0) for _ in range(20)] == [0] * 20
    assert pace.take(0, 0) == pytest.approx(0.1)


def test_who_floods_loses_its_own_connections_first() -> None:
    doors = Admission(4_096)
    assert doors.arrived(1, "10.0.0.1") is None
    for number in range(2, MAX_BEFORE_LOGIN + 1):
        assert doors.arrived(number, "10.0.0.2") is None
    assert doors.arrived(9_001, "10.0.0.3") == 2, "the oldest of the address with most"
    doors.left(2)
    assert doors.before_login == MAX_BEFORE_LOGIN
    assert doors.arrived(9_002, "10.0.0.2") == 3
    doors.left(3)
    doors.logged_in(1, "account")
    assert doors.before_login == MAX_BEFORE_LOGIN - 1
    assert doors.arrived(9_003, "10.0.0.1") is None


def test_connections_are_counted_and_forgotten() -> None:
    doors = Admission(4_096)
    for number, kind in enumerate(KINDS):
        doors.arrived(number, "127.0.0.1")
        doors.logged_in(number, kind)
        doors.logged_in(number, kind)
    doors.arrived(9, "::1")
    assert (len(doors), doors.before_login, set(doors.anonymous)) == (4, 1, {0})
    for number in (*range(3), 9, 9):
        doors.left(number)
    doors.logged_in(9, "account")
    assert (len(doors), doors.before_login, doors._sizes, doors._before_login) == (0, 0, {}, {})
    assert (doors._counted, set(doors.anonymous)) == (set(), set())


@pytest.mark.parametrize(
    ("connections", "before_login", "logged_in", "anonymous"),
    [(4_096, 512, 3_583, 1_024), (1_000, 125, 874, 437), (16, 2, 13, 6)],
)
def test_those_without_a_name_leave_room_for_the_others(
    connections: int, before_login: int, logged_in: int, anonymous: int
) -> None:
    doors = Admission(connections)
    assert (doors.max_before_login, doors.max_logged_in, doors.max_anonymous) == (before_login, logged_in, anonymous)
    number = 0

    def log_in(kind: Kind) -> None:
        nonlocal number
        number += 1
        doors.arrived(number, "127.0.0.1")
        doors.logged_in(number, kind)

    for _ in range(anonymous):
        log_in("anonymous")
    with pytest.raises(Full, match=f"{anonymous} clients without a name"):
        log_in("anonymous")
    doors.left(number)
    for _ in range(logged_in - anonymous):
        log_in("account")
    for kind in ("anonymous", "account"):
        with pytest.raises(Full, match="clients"):
            log_in(kind)
        doors.left(number)
    log_in("own")
    for _ in range(before_login):
        number += 1
        assert doors.arrived(number, "127.0.0.1") is None
    assert len(doors) == connections


def test_one_address_has_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_PER_ADDRESS", 3)
    doors = Admission(4_096)
    for number, address in enumerate(("fd00::1", "fd00::2", "fd00::1:2")):
        doors.arrived(number, address)
        doors.logged_in(number, "account")
    with pytest.raises(Full, match="3 connections of one address"):
        doors.arrived(9, "fd00::9")
    doors.arrived(10, "fd00:0:0:1::9")
    for number in range(20, 30):
        doors.arrived(number, "127.0.0.1")
    assert MAX_PER_ADDRESS > 3
