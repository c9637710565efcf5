# SPDX-License-Identifier: BSD-3-Clause
"""What a gateway tells of nodes besides values, and to whom."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest

from pyaiot.gateway.adapter import Refused
from pyaiot.gateway.core import GatewayCore
from pyaiot.gateway.details import PACE_REST_S
from pyaiot.gateway.outbox import Kind
from pyaiot.nodes.registry import MAX_RESOURCES_PER_NODE, Registry
from pyaiot.wire.messages import ABOUT, LIVENESS, About, Choice
from tests.gateway.gateway_under_test import Gateway

BOTH = frozenset({ABOUT, LIVENESS})
LED = About(title="Lamp", writable=True, choices=("0", "1"), interface="core.a")
LED_TOLD = {"title": "Lamp", "writable": True, "choices": ["0", "1"], "if": "core.a"}


def in_session(features: frozenset[str] = BOTH, **more: Any) -> Gateway:
    """A gateway whose broker takes ``features``; the resync is told."""
    gateway = Gateway()
    if more:
        gateway.core = GatewayCore(gateway.outbox, protocol="coap", title="CoAP", timeout_s=120.0, **more)
    begin(gateway, features)
    return gateway


def begin(gateway: Gateway, features: frozenset[str]) -> list[dict[str, Any]]:
    """A session with a broker that is new; what it is told."""
    gateway.outbox.resume(gateway.outbox.acknowledged)
    gateway.core.session_began(features)
    gateway.core.refill(gateway.at)
    return gateway.told()


def of(kind: str, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [message for message in told if message["type"] == kind]


# What a resource is


def test_what_a_resource_is_is_told_once_and_again_when_it_changes() -> None:
    gateway = in_session().with_node()
    gateway.core.described("n1", "/led", LED)
    assert gateway.told() == [{"type": "about", "uid": "n1", "endpoint": "led", "about": LED_TOLD}]
    gateway.core.described("n1", "led", LED)
    assert gateway.told() == []
    gateway.core.described("n1", "led", About(title="Light"))
    assert gateway.told() == [{"type": "about", "uid": "n1", "endpoint": "led", "about": {"title": "Light"}}]
    gateway.core.described("n1", "led", About())
    assert gateway.told() == [{"type": "about", "uid": "n1", "endpoint": "led", "about": {}}]
    gateway.core.described("n1", "led", About())
    assert gateway.told() == []


def test_a_broker_that_takes_neither_is_told_neither() -> None:
    gateway = in_session(frozenset({"something else"}))
    gateway.seen("n1")
    for _ in range(9):
        gateway.now += 30
        gateway.updated("n1", "led", "0")
    gateway.core.described("n1", "led", LED)
    assert {message["type"] for message in gateway.told()} == {"new", "update"}


def test_each_session_is_told_what_it_takes_behind_the_node() -> None:
    gateway = in_session().with_node()
    gateway.core.described("n1", "led", LED)
    gateway.updated("n1", "led", "0")
    gateway.core.session_ended()
    assert of("about", begin(gateway, frozenset())) == []
    gateway.core.session_ended()
    told = begin(gateway, BOTH)
    assert [message["type"] for message in told] == ["new", "liveness", "about", "update", "update", "update", "sync"]
    assert told[2]["about"] == LED_TOLD


def test_what_an_older_broker_could_not_read_does_not_wait_for_it() -> None:
    gateway = in_session()
    gateway.seen("n1")
    gateway.core.described("n1", "led", LED)
    frame = gateway.outbox.next_frame(2)
    assert frame is not None  # sent, and never acknowledged
    gateway.core.session_ended()
    gateway.core.described("n1", "lamp", LED)
    gateway.outbox.resume(0)
    gateway.core.session_began(frozenset())
    gateway.core.refill(gateway.at)
    assert {message["type"] for message in gateway.told()} == {"new", "update", "sync"}


@pytest.mark.parametrize("when", ["between sessions", "untold", "unacknowledged"])
def test_what_was_taken_back_is_told_to_a_broker_that_may_not_have_heard_of_it(when: str) -> None:
    gateway = in_session().with_node()
    gateway.core.described("n1", "led", LED)
    gateway.told()
    if when == "between sessions":
        gateway.core.session_ended()
    gateway.core.described("n1", "led", About())
    if when == "unacknowledged":
        assert gateway.outbox.next_frame(2) is not None
    if when != "between sessions":
        gateway.core.session_ended()
    assert of("about", begin(gateway, BOTH)) == [{"type": "about", "uid": "n1", "endpoint": "led", "about": {}}]


def test_what_was_taken_back_takes_no_room() -> None:
    gateway = in_session().with_node()
    for number in range(3 * MAX_RESOURCES_PER_NODE):
        gateway.core.described("n1", f"r{number}", LED)
        gateway.core.described("n1", f"r{number}", About())
    node = gateway.core.registry.nodes["n1"]
    assert len(node.abouts) == MAX_RESOURCES_PER_NODE
    assert not any(node.abouts.values())


def test_it_is_void_after_a_reset_and_gone_with_the_node() -> None:
    gateway = in_session().with_node()
    gateway.core.described("n1", "led", LED)
    gateway.reset("n1")
    gateway.told()
    gateway.core.described("n1", "led", LED)
    assert len(of("about", gateway.told())) == 1
    gateway.core.gone("n1", "closed", gateway.at)
    assert gateway.core.registry.stored_bytes == 0


@pytest.mark.parametrize(
    "about",
    [
        About(title="x" * 65),
        About(choices=()),
        About(choices=tuple(range(33))),
        About(choices=(2**53,)),
        About(choices=(float("nan"),)),
        About(choices=tuple(["é" * 64] * 32)),
        About(title="\ud800"),
        About(title=7),  # type: ignore[arg-type]
        About(choices=([],)),  # type: ignore[arg-type]
    ],
)
def test_what_keeps_to_no_bound_is_refused_and_counted(about: About) -> None:
    gateway = in_session().with_node()
    with pytest.raises(Refused):
        gateway.core.described("n1", "led", about)
    assert gateway.core.counters.refused["about"] == 1
    assert gateway.told() == []


def test_of_whom_and_what_nothing_can_be_said() -> None:
    gateway = in_session().with_node()
    for uid, resource in (("n2", "led"), ("n1", "ip"), ("n1", "protocol"), ("n1", "a b"), ("n1", "")):
        with pytest.raises(Refused):
            gateway.core.described(uid, resource, LED)
    gateway.core.described("n1", "ip", About())  # a link that says nothing, of what is stated
    assert gateway.told() == []


def test_there_is_room_for_as_much_as_for_values() -> None:
    gateway = in_session(registry=Registry(max_stored_bytes=1_400)).with_node()
    for number in range(MAX_RESOURCES_PER_NODE):
        gateway.core.described("n1", f"r{number}", About(writable=True))
    with pytest.raises(Refused, match="62"):
        gateway.core.described("n1", "more", About(writable=True))
    with pytest.raises(Refused, match="1400"):
        gateway.core.described("n1", "r0", About(title="x" * 64, rt="x" * 64, ct="x" * 64))
    gateway.core.described("n1", "r0", About())


def test_equal_ones_are_kept_once() -> None:
    gateway = in_session()
    for uid in ("n1", "n2"):
        gateway.seen(uid)
        gateway.core.described(uid, "led", msgspec.structs.replace(LED))
    nodes = gateway.core.registry.nodes
    assert nodes["n1"].abouts["led"] is nodes["n2"].abouts["led"]


def test_choices_are_of_several_types() -> None:
    gateway = in_session().with_node()
    choices: tuple[Choice, ...] = ("auto", True, 3, 2.5)
    gateway.core.described("n1", "mode", About(choices=choices, min=0, max=10.5, step=0.5))
    assert gateway.told()[0]["about"] == {"min": 0.0, "max": 10.5, "step": 0.5, "choices": ["auto", True, 3, 2.5]}


# How its liveness is judged


def test_the_pace_is_told_behind_new_and_when_it_is_known() -> None:
    gateway = in_session()
    gateway.seen("n1")
    assert of("liveness", gateway.told()) == [{"type": "liveness", "uid": "n1", "timeout": 120_000}]
    for _ in range(3):
        gateway.now += 5
        gateway.updated("n1", "temperature", "20°C")
    assert of("liveness", gateway.told()) == [{"type": "liveness", "uid": "n1", "timeout": 120_000, "interval": 5_000}]
    for _ in range(50):
        gateway.now += 5
        gateway.updated("n1", "temperature", "20°C")
    assert of("liveness", gateway.told()) == []


def test_a_change_is_told_and_not_too_often() -> None:
    gateway = in_session()
    gateway.seen("n1")
    for _ in range(5):
        gateway.now += 2
        gateway.updated("n1", "temperature", "20°C")
    gateway.told()
    moments: list[float] = []
    for _ in range(200):
        gateway.now += 2 if len(moments) % 2 else 5  # another one, each time one was told
        gateway.updated("n1", "temperature", "20°C")
        if of("liveness", gateway.told()):
            moments.append(gateway.now)
    assert len(moments) > 5
    assert min(after - before for before, after in pairwise(moments)) >= PACE_REST_S


def test_another_time_out_is_told() -> None:
    gateway = in_session().with_node()
    gateway.now += PACE_REST_S
    gateway.seen("n1", timeout_s=130.0)
    assert of("liveness", gateway.told()) == []
    gateway.seen("n1", timeout_s=3600.0)
    assert of("liveness", gateway.told()) == [{"type": "liveness", "uid": "n1", "timeout": 3_600_000}]


def test_where_the_connection_is_the_liveness_there_is_no_time_out() -> None:
    gateway = in_session(tells_timeout=False)
    gateway.seen("n1")
    assert of("liveness", gateway.told()) == []
    for _ in range(3):
        gateway.now += 30
        gateway.updated("n1", "temperature", "20°C")
    assert of("liveness", gateway.told()) == [{"type": "liveness", "uid": "n1", "interval": 30_000}]


def test_signs_of_life_that_are_not_told_do_not_count() -> None:
    """The broker cannot know them: a node that shows itself every second would be late in between."""
    gateway = in_session()
    gateway.seen("n1")
    for _ in range(60):
        gateway.now += 1
        gateway.seen("n1")
    assert of("liveness", gateway.told())[-1]["interval"] == 10_000


def test_details_that_find_no_room_are_told_again_with_all() -> None:
    gateway = in_session().with_node()
    gateway.core.described("n1", "led", LED)
    while not gateway.outbox.dropped[Kind.DETAIL]:
        gateway.outbox.append(b"{}", Kind.STATE)
    assert gateway.outbox.resync_due
