# SPDX-License-Identifier: BSD-3-Clause
"""Topics, duplicates and complaints, with literals."""

from __future__ import annotations

import pytest

from pyaiot.gateway.mqtt.complaints import MAX_REMEMBERED, REPEAT_S, Complaints
from pyaiot.gateway.mqtt.duplicates import Duplicates
from pyaiot.gateway.mqtt.topics import BadTopic, discover_topic, parse_topic, shown, write_topic


def test_topics_of_devices() -> None:
    assert parse_topic("node/check") == ("", "")
    assert parse_topic("node/wipy-1/led") == ("wipy-1", "led")
    assert parse_topic("node/1/resources") == ("1", "resources")


def test_pb_35_a_node_and_a_resource_may_be_called_check() -> None:
    assert parse_topic("node/a/check") == ("a", "check")
    assert parse_topic("node/check/led") == ("check", "led")
    assert parse_topic("node/check/check") == ("check", "check")
    assert write_topic("check", "check") == "gateway/check/check/set"


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "node",
        "node/",
        "node/a",
        "node/a/",
        "node//led",
        "node/a/b/c",
        "Node/check",
        "gateway/check",
        "/node/check",
        "node/check/",
        "nodes/a/led",
        "node//",
    ],
)
def test_other_topics_mean_nothing(topic: str) -> None:
    with pytest.raises(BadTopic):
        parse_topic(topic)


def test_topics_of_the_gateway() -> None:
    assert discover_topic("wipy-1") == "gateway/wipy-1/discover"
    assert write_topic("wipy-1", "led") == "gateway/wipy-1/led/set"


@pytest.mark.parametrize("name", ["", "a/b", "+", "#", "a b", "a\0", "é", "x" * 65, "\ud800"])
def test_pb_35_nothing_unchecked_is_put_into_a_topic(name: str) -> None:
    for make in (lambda: discover_topic(name), lambda: write_topic(name, "led"), lambda: write_topic("n", name)):
        with pytest.raises(BadTopic):
            make()


@pytest.mark.parametrize("resource", ["resources", "out"])
def test_reserved_words_are_not_written_to(resource: str) -> None:
    with pytest.raises(BadTopic):
        write_topic("n", resource)


def test_a_long_topic_is_shown_in_part() -> None:
    assert shown("node/check") == "node/check"
    assert len(shown("x" * 65_535)) == 161


def test_a_duplicate_has_the_same_packet_id_and_the_same_words() -> None:
    duplicates = Duplicates()
    duplicates.add(7, "node/a/led", b"1")
    assert (7, "node/a/led", b"1") in duplicates
    assert (8, "node/a/led", b"1") not in duplicates
    assert (7, "node/a/led", b"0") not in duplicates
    assert (7, "node/b/led", b"1") not in duplicates
    duplicates.add(7, "node/a/led", b"0")
    assert (7, "node/a/led", b"1") not in duplicates
    duplicates.clear()
    assert (7, "node/a/led", b"0") not in duplicates


def test_the_last_messages_are_remembered_and_no_more_than_twice_as_many() -> None:
    duplicates = Duplicates(remembered=10)
    for packet_id in range(1, 101):
        duplicates.add(packet_id, "t", b"")
        assert len(duplicates) <= 20
        assert all((each, "t", b"") in duplicates for each in range(max(1, packet_id - 9), packet_id + 1))
    assert (1, "t", b"") not in duplicates


def test_a_packet_id_in_both_generations_means_the_younger() -> None:
    duplicates = Duplicates(remembered=2)
    for packet_id, payload in ((1, b"old"), (2, b""), (1, b"new")):
        duplicates.add(packet_id, "t", payload)
    assert (1, "t", b"new") in duplicates
    assert (1, "t", b"old") not in duplicates


def test_the_same_is_said_of_the_same_node_once_and_later_again() -> None:
    complaints = Complaints()
    assert complaints.admits("a", "payload", 0.0)
    assert not complaints.admits("a", "payload", REPEAT_S - 1)
    assert complaints.admits("b", "payload", 1.0)
    assert complaints.admits("a", "retained", 1.0)
    assert complaints.admits("a", "payload", REPEAT_S)


def test_complaints_are_bounded() -> None:
    complaints = Complaints()
    for number in range(MAX_REMEMBERED + 1):
        assert complaints.admits(str(number), "x", 0.0)
    assert complaints.admits("0", "x", 0.0), "it was forgotten with all others"
    assert not complaints.admits(str(MAX_REMEMBERED), "x", 0.0)
