# SPDX-License-Identifier: BSD-3-Clause
"""Checks of aiot.node, for both interpreters."""

from aiot.node import MAX_RESOURCES, Node
from expectations import refused, told


class Time:
    def __init__(self):
        self.ms = 0

    def __call__(self):
        return self.ms


def made(keep=64):
    time = Time()
    node = Node("Greenhouse", id="n1", board="test", keep=keep, now=time)
    while node.next() is not None:
        pass
    return node, time


def finish(coroutine):
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("it still waits")


def test_a_node_describes_itself():
    node = Node("Greenhouse", id="n1", board="ESP32", now=lambda: 0)
    assert sorted(node.names()) == ["board", "id", "name", "os"]
    assert sorted(told(node)) == [
        ("board", '"ESP32"'),
        ("id", '"n1"'),
        ("name", '"Greenhouse"'),
        ("os", '"micropython"'),
    ]
    assert told(node) == []


def test_values_come_oldest_first_and_before_what_is_only_true():
    node, time = made()
    node.tell_all()
    node.value("t", 1)
    time.ms = 5
    node.value("t", 2)
    node.value("led", 0)
    order = told(node)
    assert order[:3] == [("t", "1"), ("t", "2"), ("led", "0")]
    assert sorted(order[3:]) == [("board", '"test"'), ("id", '"n1"'), ("name", '"Greenhouse"'), ("os", '"micropython"')]


def test_a_unit_stays_with_its_resource():
    node, _ = made()
    node.value("t", 1, unit="Cel")
    node.value("t", 2)
    assert node.next()[1].unit == "Cel"


def test_after_a_break_everything_that_had_not_arrived_is_told_again():
    node, _ = made()
    node.value("t", 1)
    node.value("t", 2)
    node.describe("name", "Cellar")
    first, second, name = node.next(), node.next(), node.next()
    assert node.next() is None
    node.arrived(first[0])
    node.broken([name[1]])
    assert told(node) == [("t", "2"), ("name", '"Cellar"')]
    assert second[2] == "2"


def test_asked_for_all_it_tells_each_newest_value_once():
    node, _ = made()
    node.value("t", 1)
    node.value("led", 0)
    told(node)
    node.tell_all()
    assert sorted(told(node)) == [
        ("board", '"test"'),
        ("id", '"n1"'),
        ("led", "0"),
        ("name", '"Greenhouse"'),
        ("os", '"micropython"'),
        ("t", "1"),
    ]


def test_the_newest_value_is_told_even_if_the_outbox_lost_it():
    node, time = made(keep=2)
    node.value("led", 1)
    for number in range(2):
        time.ms += 1
        node.value("t", number)
    assert told(node) == [("t", "0"), ("t", "1"), ("led", "1")]
    assert node.outbox.dropped == 1


def test_a_write_is_answered_by_what_the_function_returns_or_by_itself():
    node, _ = made()
    seen = []

    @node.on_write("led")
    def led(value):
        seen.append(value)

    @node.on_write("level")
    def level(value):
        return min(value, 100)

    node.write("led", 1)
    node.write("level", 250)
    assert seen == [1]
    assert told(node) == [("led", "1"), ("level", "100")]


def test_a_write_that_fails_is_counted_and_answered_by_the_old_value():
    node, _ = made()

    @node.on_write("led")
    def led(value):
        raise RuntimeError("no such luck")

    node.value("led", 0)
    told(node)
    node.write("led", 1)
    assert node.faults == 1
    assert told(node) == [("led", "0")]


def test_a_function_that_returns_nonsense_is_a_fault_and_ends_nothing():
    node, _ = made()

    @node.on_write("led")
    def led(value):
        return b"bytes"

    node.write("led", 1)
    assert node.faults == 1
    assert told(node) == []


def test_a_write_to_what_cannot_be_written_is_counted():
    node, _ = made()
    node.value("t", 1)
    told(node)
    node.write("t", 5)
    node.write("nothing", 5)
    node.write("x" * 4000, 5)
    assert node.refused == 3
    assert told(node) == [("t", "1")]


def test_periods_are_kept_and_missed_ones_not_made_up_for():
    node, time = made()
    calls = []

    @node.every(100)
    def measure():
        calls.append(time.ms)

    for time.ms in (0, 50, 99, 100, 205, 299, 300, 1250, 1260, 1349, 1350):
        node.work(time.ms)
    assert calls == [0, 100, 205, 300, 1250, 1350]


def test_a_function_that_fails_is_called_again():
    node, time = made()
    calls = []

    @node.every(10)
    def measure():
        calls.append(time.ms)
        raise OSError("sensor")

    for time.ms in (0, 10, 20):
        node.work(time.ms)
    assert calls == [0, 10, 20]
    assert node.faults == 3


def test_a_coroutine_is_not_started_twice_and_its_failure_counted():
    node, _ = made()
    started = []
    node.spawn = started.append

    @node.every(10)
    async def measure():
        raise OSError("sensor")

    node.work(0)
    node.work(10)
    assert len(started) == 1
    finish(started[0])
    assert node.faults == 1
    node.work(20)
    assert len(started) == 2
    finish(started[1])
    assert node.faults == 2


def test_coroutines_without_asyncio_are_a_fault_with_a_reason():
    node, _ = made()

    class Coroutine:
        def send(self, value):
            raise AssertionError("not run")

    @node.every(10)
    def measure():
        return Coroutine()

    node.work(0)
    assert node.faults == 1


def test_wrong_names_and_too_many_resources_are_refused():
    node, _ = made()
    for name in ("a/b", "out", "resources", "", "é"):
        assert refused(node.value, name, 1)
        assert refused(node.on_write, name)
    assert refused(node.every, 0)
    assert refused(Node, "x", "a b")
    for number in range(MAX_RESOURCES - len(node.resources)):
        node.value("r" + str(number), number)
    assert refused(node.value, "one-more", 1)
    node.value("r0", 5)
