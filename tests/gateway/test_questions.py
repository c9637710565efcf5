# SPDX-License-Identifier: BSD-3-Clause
"""Who waits for which report, and when a device is asked."""

from __future__ import annotations

from contextlib import ExitStack

from pyaiot.gateway.questions import ASK_AGAIN_S, Questions


def test_each_report_is_told_to_those_who_wait_for_it() -> None:
    questions, told = Questions(), []
    questions.reported("hut", "t")
    with (
        questions.waiting("hut", "t", 0.0, lambda: told.append("first")),
        questions.waiting("hut", "t", 0.0, lambda: told.append("second")),
        questions.waiting("hut", "led", 0.0, lambda: told.append("led")),
        questions.waiting("barn", "t", 0.0, lambda: told.append("barn")),
    ):
        questions.reported("hut", "other")
        questions.reported("shed", "t")
        assert told == []
        questions.reported("hut", "t")
        assert told == ["first", "second"]
    questions.reported("hut", "t")
    assert told == ["first", "second"]
    assert not questions


def test_reads_of_one_device_share_a_question_until_it_has_said_something() -> None:
    questions = Questions()
    with ExitStack() as stack:

        def asks(uid: str, now: float) -> bool:
            return stack.enter_context(questions.waiting(uid, "t", now, lambda: None))

        assert asks("hut", 0.0)
        assert not asks("hut", 0.5)
        assert asks("barn", 0.5), "another device"
        questions.reported("hut", "other")
        assert asks("hut", 0.6), "what it said may have been all of its answer"
        assert not asks("hut", 0.7)
        assert asks("hut", 0.6 + ASK_AGAIN_S), "the question may have been lost"
    with questions.waiting("hut", "t", 0.8 + ASK_AGAIN_S, lambda: None) as is_asked:
        assert is_asked, "nobody waited any more"
