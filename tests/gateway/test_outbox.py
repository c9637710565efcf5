# SPDX-License-Identifier: BSD-3-Clause
"""What waits for the broker: ids, acknowledgement, resumption, and what goes first when there is too much."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyaiot.gateway.outbox import MAX_FORGOTTEN, MAX_MESSAGE_BYTES, BadAck, Kind, Outbox
from pyaiot.wire.codec import MAX_FRAME_BYTES, encode_gateway_frame
from pyaiot.wire.signing import SIGNATURE_CHARACTERS

EPOCH = "0123456789abcdef"


def outbox(*messages: bytes, max_messages: int = 100, max_bytes: int = 1_000_000) -> Outbox:
    made = Outbox(EPOCH, max_messages=max_messages, max_bytes=max_bytes)
    for message in messages:
        made.append(message, Kind.VALUE)
    return made


def frames(box: Outbox, window: int = 1_000_000) -> list[tuple[int, list[bytes]]]:
    found = []
    while (frame := box.next_frame(window)) is not None:
        found.append(frame)
    return found


def test_ids_count_up_from_one() -> None:
    box = outbox(b"a", b"b")
    assert box.next_frame(10) == (1, [b"a", b"b"])
    assert box.next_frame(10) is None
    box.append(b"c", Kind.STATE, "u")
    assert box.next_frame(10) == (3, [b"c"])
    assert (box.waiting, box.in_flight, len(box)) == (0, 3, 3)


def test_messages_of_all_kinds_leave_in_the_order_in_which_they_came() -> None:
    box = outbox()
    box.append(b"new", Kind.STATE, "u")
    box.append(b"update", Kind.VALUE)
    box.append(b"out", Kind.STATE, "u")
    box.append(b"sync", Kind.SYNC)
    box.append(b"update2", Kind.VALUE)
    assert frames(box) == [(1, [b"new", b"update", b"out", b"sync", b"update2"])]


def test_what_is_acknowledged_is_gone_and_what_is_not_is_sent_again() -> None:
    box = outbox(b"a", b"b", b"c")
    frames(box)
    box.acknowledge(1)
    assert len(box) == 2
    box.resume(2)
    assert frames(box) == [(3, [b"c"])]
    box.resume(0)
    assert frames(box) == [(3, [b"c"])], "what had been acknowledged is not there any more"
    box.acknowledge(3)
    assert (len(box), box.stored_bytes) == (0, 0)


@pytest.mark.parametrize("sent", [0, 2])
def test_an_ack_beyond_what_was_sent_is_a_fault_of_the_broker(sent: int) -> None:
    box = outbox(b"a", b"b", b"c")
    box.next_frame(10, max_messages=sent)
    with pytest.raises(BadAck):
        box.acknowledge(sent + 1)
    with pytest.raises(BadAck):
        box.resume(sent + 1)
    assert len(box) == 3


def test_an_ack_is_checked_against_what_this_session_has_sent() -> None:
    box = outbox(b"a", b"b", b"c")
    frames(box)
    box.resume(1)
    with pytest.raises(BadAck):
        box.acknowledge(3)
    assert box.next_frame(10, max_messages=1) == (2, [b"b"])
    box.acknowledge(2)


def test_a_broker_that_kept_more_than_it_said_last_time_is_believed() -> None:
    box = outbox(b"a", b"b", b"c")
    frames(box)
    box.resume(0)
    box.resume(3)
    assert len(box) == 0
    box.append(b"d", Kind.VALUE)
    assert box.next_frame(10) == (4, [b"d"])


def test_frames_keep_to_their_bounds() -> None:
    box = outbox(*[b"x" * 20_000] * 7)
    found = frames(box)
    assert [first for first, _ in found] == [1, 4, 7]
    assert all(len(encode_gateway_frame(*frame)) + SIGNATURE_CHARACTERS + 1 <= MAX_FRAME_BYTES for frame in found)
    box = outbox(*[b"x"] * 99)
    assert [len(frame[1]) for frame in iter(lambda: box.next_frame(100, max_messages=40), None) if frame] == [
        40,
        40,
        19,
    ]


def test_the_window_bounds_what_is_in_flight() -> None:
    box = outbox(*[b"x"] * 10)
    assert frames(box, window=4) == [(1, [b"x"] * 4)]
    box.acknowledge(3)
    assert frames(box, window=4) == [(5, [b"x"] * 3)]


def test_no_message_is_longer_than_a_frame_may_be() -> None:
    with pytest.raises(ValueError, match="bytes"):
        outbox(bytes(MAX_MESSAGE_BYTES + 1))


def test_when_full_the_oldest_update_goes_first_and_is_counted() -> None:
    box = outbox(max_messages=4)
    box.append(b"new", Kind.STATE, "u")
    for number in range(5):
        box.append(b"%d" % number, Kind.VALUE)
    assert len(box) == 4
    assert box.dropped == [2, 0, 0, 0]
    assert box.resync_due
    assert frames(box) == [(1, [b"new", b"2", b"3", b"4"])]


def test_a_message_that_was_sent_and_is_dropped_leaves_a_hole_between_frames() -> None:
    box = outbox(max_messages=4)
    box.append(b"new", Kind.STATE, "u")
    box.append(b"a", Kind.VALUE)
    box.append(b"out", Kind.STATE, "u")
    frames(box)
    box.append(b"b", Kind.VALUE)
    box.append(b"c", Kind.VALUE)
    assert box.dropped == [1, 0, 0, 0]
    box.resume(0)
    assert frames(box) == [(1, [b"new"]), (3, [b"out", b"b", b"c"])]


def test_the_bytes_are_bounded_too() -> None:
    box = outbox(max_bytes=100)
    box.append(bytes(10), Kind.STATE, "u")
    for _ in range(5):
        box.append(bytes(40), Kind.VALUE)
    assert box.stored_bytes == 90
    assert box.dropped == [3, 0, 0, 0]


def test_with_only_what_must_not_be_dropped_the_bound_holds_and_it_is_remembered_of_whom() -> None:
    box = outbox(max_messages=3)
    for uid in ("a", "b", "c", "d"):
        box.append(uid.encode(), Kind.STATE, uid)
    assert len(box) == 3
    assert box.dropped == [0, 0, 1, 0]
    assert box.forgotten == {"a"}
    assert box.resync_due
    assert not box.forgot_all


def test_what_is_remembered_of_whom_is_bounded() -> None:
    box = outbox(max_messages=1)
    for number in range(MAX_FORGOTTEN + 2):
        box.append(b"x", Kind.STATE, f"n{number}")
    assert len(box.forgotten) == MAX_FORGOTTEN
    assert box.forgot_all


def test_a_sync_does_not_outlive_its_session() -> None:
    box = outbox()
    box.append(b"sync part 1", Kind.SYNC)
    box.append(b"sync part 2", Kind.SYNC)
    box.append(b"result", Kind.STATE)
    box.next_frame(10, max_messages=1)
    assert box.holds(Kind.SYNC)
    box.resume(1)
    assert not box.holds(Kind.SYNC)
    assert frames(box) == [(2, [b"result"])]
    assert len(box) == 1


def test_dropping_costs_the_same_however_full_it_is() -> None:
    def cost(size: int) -> float:
        box = Outbox(EPOCH, max_messages=size, max_bytes=10**9)
        for number in range(size):
            box.append(b"x" * 100, Kind.STATE if number % 2 else Kind.VALUE, "u")
        best = 1e9
        for _ in range(5):
            began = time.thread_time()
            for _ in range(2_000):
                box.append(b"x" * 100, Kind.VALUE)
            best = min(best, time.thread_time() - began)
        return best

    assert cost(100_000) < 10 * cost(1_000)


actions = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.sampled_from(list(Kind))),
        st.tuples(st.just("send"), st.integers(1, 5)),
        st.tuples(st.just("ack"), st.integers(0, 100)),
        st.tuples(st.just("resume"), st.integers(0, 100)),
    ),
    max_size=150,
)


@settings(max_examples=500, deadline=None)
@given(actions, st.integers(1, 12))
def test_whatever_happens_ids_and_counts_and_bounds_are_right(history: list[tuple[str, int]], limit: int) -> None:
    box = Outbox(EPOCH, max_messages=limit, max_bytes=limit * 8)
    meaning: dict[int, bytes] = {}
    appended = sent_to = last = 0
    for what, amount in history:
        if what == "append":
            appended += 1
            box.append(b"%d" % appended, Kind(amount), "u")
        elif what == "send" and (frame := box.next_frame(8, max_messages=amount, max_bytes=60)) is not None:
            first, messages = frame
            assert 1 <= len(messages) <= amount
            assert sent_to < first <= last + 1, "ids go up, and begin where the broker's knowledge ends or later"
            for number, message in enumerate(messages, first):
                assert meaning.setdefault(number, message) == message, "an id never means two messages"
            sent_to = first + len(messages) - 1
            last = max(last, sent_to)
        elif what == "ack":
            box.acknowledge(min(amount, sent_to))
        elif what == "resume":
            sent_to = min(amount, last)
            box.resume(sent_to)
            assert box.in_flight == 0
        assert len(box) <= limit
        assert box.stored_bytes <= limit * 8
        assert box.in_flight <= 8
        assert box.waiting >= 0
        assert (len(box) == 0) == (box.stored_bytes == 0)
    order = [int(meaning[number]) for number in sorted(meaning)]
    assert order == sorted(order), "messages leave in the order in which they came"
