# SPDX-License-Identifier: BSD-3-Clause
"""What the gateway tells the broker of its devices, and asks of the adapter. Names of tests carry ids of the
compatibility list where they guard one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyaiot.broker.directory import MAX_RESOURCES_PER_NODE as AT_THE_BROKER
from pyaiot.gateway.adapter import Refused
from pyaiot.gateway.core import MAX_TIMEOUT_S, SEEN_INTERVAL_S, GatewayCore
from pyaiot.gateway.orders import Discover, Forget
from pyaiot.gateway.outbox import Outbox
from pyaiot.gateway.updates import MAX_VALUE_BYTES
from pyaiot.nodes.registry import MAX_RESOURCES_PER_NODE, Registry
from pyaiot.wire.messages import Refused as RefusedByBroker
from tests.gateway.gateway_under_test import EPOCH, Gateway

AT = 1_700_001_000_000


def update(resource: str, data: Any, value: Any = None, **more: Any) -> dict[str, Any]:
    read = data if value is None else value
    return {"type": "update", "uid": "n1", "endpoint": resource, "data": data, "value": read, **more, "at": AT}


def test_PY_MSG_10_a_new_node_is_told_before_its_attributes_protocol_and_values() -> None:
    gateway = Gateway()
    assert gateway.seen("n1", attributes={"ip": "fd00::1"})
    assert gateway.ordered() == [Discover("n1")]
    gateway.updated("n1", "/led", "0")
    gateway.updated("n1", "temperature", "23.4°C")
    assert gateway.told() == [
        {"type": "new", "uid": "n1", "protocol": "coap", "at": AT},
        update("ip", "fd00::1"),
        update("protocol", "CoAP"),
        update("led", "0", 0),
        update("temperature", "23.4°C", 23.4, unit="Cel"),
    ]


def test_PY_MSG_11_a_leading_slash_of_a_resource_is_dropped() -> None:
    gateway = Gateway().with_node()
    gateway.updated("n1", "/sensors/led", "0")
    assert gateway.told() == [update("sensors/led", "0", 0)]


def test_what_the_gateway_states_of_a_node_the_device_cannot_report() -> None:
    gateway = Gateway()
    gateway.seen("n1", attributes={"ip": "fd00::1", "id": "1"})
    gateway.told()
    for resource, data in (("ip", "fd00::666"), ("/ip", "fd00::666"), ("protocol", "MQTT"), ("id", 2), ("ip", None)):
        with pytest.raises(Refused, match="the gateway itself states that"):
            gateway.updated("n1", resource, data)
    for resource, data in (("ip", "fd00::1"), ("id", "1"), ("id", 1), ("protocol", "CoAP")):
        gateway.updated("n1", resource, data)  # that is no news, and no fault
    assert gateway.told() == []
    assert gateway.core.counters.refused == {"reserved": 5}
    gateway.updated("n1", "account", "mine")
    gateway.seen("n2", attributes={"id": "n2"})
    gateway.updated("n2", "ip", "fd00::2")
    assert [each["endpoint"] for each in gateway.told() if each["type"] == "update"] == [
        *("account", "id", "protocol", "ip")
    ], "what was not stated of just that node is its own to tell"


def test_the_account_of_a_node_is_told_with_it_and_again_when_it_changes() -> None:
    gateway = Gateway()
    gateway.seen("n1", attributes={"account": "acc-1"})
    new = {"type": "new", "uid": "n1", "protocol": "coap", "account": "acc-1", "at": AT}
    assert gateway.told() == [new, update("account", "acc-1"), update("protocol", "CoAP")]
    gateway.seen("n1", attributes={"account": "acc-1"})
    assert gateway.told() == []
    gateway.seen("n1", attributes={"account": "2"})
    assert gateway.told() == [{**new, "account": "2"}, update("account", "2")]


def test_PB_05_a_beacon_of_a_known_node_tells_no_more_than_that_it_is_there() -> None:
    gateway = Gateway().with_node()
    for _ in range(10):
        gateway.now += 30
        assert not gateway.seen("n1", attributes={"ip": "fd00::1"})
    assert gateway.types() == ["seen"] * 10
    assert gateway.ordered() == []


def test_PB_08_a_reset_tells_again_and_discovers_again_without_an_out() -> None:
    gateway = Gateway().with_node()
    gateway.updated("n1", "led", "1")
    gateway.told()
    gateway.reset("n1")
    assert gateway.told() == [
        {"type": "reset", "uid": "n1", "at": AT},
        update("ip", "fd00::1"),
        update("protocol", "CoAP"),
    ]
    assert gateway.ordered() == [Discover("n1")]
    assert list(gateway.core.registry.nodes["n1"].values) == ["ip", "protocol"]


@pytest.mark.parametrize("uid", ["alive", "reset", "update", "all", "-", "..", "a:b:c", "_" * 64, "0", "None"])
def test_PB_19_any_legal_uid_is_just_a_node(uid: str) -> None:
    gateway = Gateway()
    gateway.seen(uid)
    gateway.updated(uid, "alive", "alive")
    gateway.reset(uid)
    gateway.core.gone(uid, "closed", gateway.at)
    assert [(message["type"], message["uid"]) for message in gateway.told()] == [
        (kind, uid) for kind in ("new", "update", "update", "reset", "update", "out")
    ]


def test_PB_27_a_node_is_its_uid_whatever_its_address() -> None:
    gateway = Gateway()
    gateway.seen("n1", attributes={"ip": "fd00::1"})
    gateway.seen("n2", attributes={"ip": "fd00::1"})
    gateway.told()
    assert not gateway.seen("n1", attributes={"ip": "fd00::2"})
    assert gateway.told() == [update("ip", "fd00::2")]
    gateway.now += 121
    gateway.expire()
    assert sorted(message["uid"] for message in gateway.told()) == ["n1", "n2"]


def test_PB_31_whatever_a_node_says_is_a_sign_of_life() -> None:
    gateway = Gateway().with_node()
    for step in range(40):
        gateway.now += 100
        if step % 4 == 0:
            gateway.updated("n1", "led", step)
        elif step % 4 == 1:
            gateway.seen("n1")
        elif step % 4 == 2:
            gateway.reset("n1")
        else:
            with pytest.raises(Refused):
                gateway.updated("n1", "led", float("nan"))
        gateway.expire()
    assert "n1" in gateway.core.registry
    gateway.told()
    gateway.now += 120
    gateway.expire()
    assert gateway.types() == ["out"]


def test_PB_32_nothing_a_device_says_fails_while_there_is_no_broker() -> None:
    gateway = Gateway(outbox=Outbox(EPOCH, max_messages=10))
    gateway.seen("n1")
    for number in range(100):
        gateway.updated("n1", "led", number)
    assert len(gateway.outbox) == 10
    assert gateway.told()[-1]["data"] == 99


def test_seen_is_told_once_in_ten_seconds_and_an_update_counts_as_one() -> None:
    gateway = Gateway().with_node()
    for _ in range(20):
        gateway.now += 1.0
        gateway.seen("n1")
    assert gateway.types() == ["seen", "seen"]
    gateway.now += SEEN_INTERVAL_S - 1
    gateway.updated("n1", "led", "0")
    gateway.now += 1
    gateway.seen("n1")
    assert gateway.types() == ["update"]


def test_a_silent_node_is_out_and_forgotten() -> None:
    gateway = Gateway().with_node()
    assert gateway.core.next_deadline() == 1120.0
    gateway.now = 1119.9
    gateway.expire()
    assert gateway.told() == []
    gateway.now = 1120.0
    gateway.expire()
    assert gateway.told() == [{"type": "out", "uid": "n1", "why": "timeout", "at": gateway.at}]
    assert gateway.ordered() == [Forget("n1", "timeout")]
    assert gateway.core.next_deadline() is None
    assert gateway.core.registry.stored_bytes == 0


@pytest.mark.parametrize("why", ["closed", "deregistered"])
def test_a_node_that_takes_its_leave_is_out(why: Any) -> None:
    gateway = Gateway().with_node()
    gateway.core.gone("n1", why, gateway.at)
    gateway.core.gone("n1", why, gateway.at)
    assert gateway.told() == [{"type": "out", "uid": "n1", "why": why, "at": AT}]
    assert gateway.ordered() == [Forget("n1", why)]
    assert gateway.core.counters.out == {why: 1}


def test_a_node_keeps_to_the_timeout_that_it_asked_for() -> None:
    gateway = Gateway()
    gateway.seen("n1", timeout_s=20.0)
    gateway.seen("n2", timeout_s=0.001)
    gateway.seen("n3", timeout_s=float("inf"))
    assert gateway.core.next_deadline() == 1001.0
    assert gateway.core.registry.nodes["n3"].timeout_s == MAX_TIMEOUT_S
    gateway.seen("n1", timeout_s=10.0)
    gateway.now += 1
    gateway.expire()
    assert gateway.core.next_deadline() == 1010.0
    gateway.now += 9
    gateway.expire()
    assert list(gateway.core.registry.nodes) == ["n3"]


def test_a_long_timeout_counts_once_it_is_proven_and_a_short_one_at_once() -> None:
    gateway = Gateway()
    nodes = gateway.core.registry.nodes
    gateway.seen("n1", timeout_s=3600.0, proven=False)
    gateway.seen("n2", timeout_s=20.0, proven=False)
    assert (nodes["n1"].timeout_s, nodes["n2"].timeout_s) == (120.0, 20.0)
    gateway.seen("n1", timeout_s=3600.0)
    assert nodes["n1"].timeout_s == 3600.0
    gateway.seen("n1", timeout_s=3600.0, proven=False)  # it is elsewhere
    assert nodes["n1"].timeout_s == 120.0
    gateway.now += 121
    gateway.expire()
    assert not nodes


@pytest.mark.parametrize("timeout_s", [0.0, -1.0, float("nan")])
def test_a_timeout_that_is_none_is_refused(timeout_s: float) -> None:
    gateway = Gateway()
    with pytest.raises(Refused):
        gateway.seen("n1", timeout_s=timeout_s)
    assert gateway.told() == []


@pytest.mark.parametrize("uid", ["", "a b", "ü", "a/b", "x" * 65, "a\n", '"'])
def test_a_uid_that_no_node_can_have_is_refused(uid: str) -> None:
    gateway = Gateway()
    with pytest.raises(Refused):
        gateway.seen(uid)
    assert gateway.told() == []
    assert gateway.core.counters.refused == {"name": 1}


@pytest.mark.parametrize("resource", ["", "/", "//led", "led/", "a//b", "a b", "é", "x" * 65, "led\n"])
def test_a_name_that_no_resource_can_have_is_refused(resource: str) -> None:
    gateway = Gateway().with_node()
    with pytest.raises(Refused):
        gateway.updated("n1", resource, "0")
    assert gateway.told() == []


def test_what_an_unknown_device_says_is_refused() -> None:
    gateway = Gateway()
    with pytest.raises(Refused, match="register"):
        gateway.updated("n1", "led", "0")
    with pytest.raises(Refused, match="register"):
        gateway.reset("n1")
    assert gateway.told() == []
    assert gateway.core.counters.refused == {"unknown": 2}


NESTED: Any = "x"
for _ in range(13):
    NESTED = [NESTED]

BAD_VALUES = {
    "not finite": float("inf"),
    "too large an integer": 2**53,
    "nested too deep": NESTED,
    "a lone surrogate": "\ud800",
    "a lone surrogate as a key": {"\ud800": 1},
    "no JSON": object(),
    "no JSON inside": [{1, 2}],
    "a key that is no text": {1: 2},
    "too long": "x" * MAX_VALUE_BYTES,
    "too long inside": ["x" * 1000] * 17,
    "too long when escaped": "\x01" * (MAX_VALUE_BYTES // 5),
    "bytes": b"x",
}


@pytest.mark.parametrize("data", BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_a_value_that_the_link_cannot_carry_is_refused(data: Any) -> None:
    gateway = Gateway().with_node()
    with pytest.raises(Refused) as refused:
        gateway.updated("n1", "led", data)
    str(refused.value).encode()
    assert gateway.told() == []
    assert gateway.core.counters.refused == {"value": 1}
    gateway.updated("n1", "led", "0")


def test_PB_06_values_of_any_json_type_and_of_any_text_are_told() -> None:
    gateway = Gateway().with_node()
    for number, data in enumerate(["é°\x00", "", None, True, 1.5, [1, {"a": None}], {"x": "ü"}]):
        gateway.updated("n1", f"r{number}", data)
    assert [message["data"] for message in gateway.told()] == [
        "é°\x00",
        "",
        None,
        True,
        1.5,
        [1, {"a": None}],
        {"x": "ü"},
    ]


def test_a_node_has_so_many_resources_and_no_more() -> None:
    gateway = Gateway().with_node()
    for number in range(MAX_RESOURCES_PER_NODE - 2):
        gateway.updated("n1", f"r{number}", number)
    for data in (1, "x" * (MAX_VALUE_BYTES + 1)):  # which nobody has looked at
        with pytest.raises(Refused, match="resources"):
            gateway.updated("n1", "one-more", data)
    gateway.updated("n1", "r0", 7)
    assert len(gateway.told()) == MAX_RESOURCES_PER_NODE - 1


def test_what_the_gateway_states_finds_room_however_much_a_device_has_said() -> None:
    outbox = Outbox(EPOCH)
    registry = Registry(max_stored_bytes=25_000)
    gateway = Gateway(GatewayCore(outbox, protocol="coap", title="CoAP", timeout_s=120.0, registry=registry), outbox)
    gateway.with_node()
    gateway.updated("n1", "large", "x" * 5_000)
    with pytest.raises(Refused, match="bytes"):
        gateway.updated("n1", "too-large", "x" * 8_000)
    for number in range(100):
        try:
            gateway.updated("n1", f"r{number}", number)
        except Refused:
            break
    gateway.told()
    gateway.seen("n1", attributes={"ip": "fd00::2", "account": "acc-1", "id": "y" * 6_000})
    assert [(told["type"], told.get("endpoint", told.get("account"))) for told in gateway.told()] == [
        *(("new", "acc-1"), ("update", "ip"), ("update", "account"), ("update", "id"))
    ]
    assert len(registry.nodes["n1"].values) == AT_THE_BROKER
    gateway.reset("n1")
    assert len(gateway.told()) == 5
    gateway.core.gone("n1", "closed", gateway.at)
    assert registry.stored_bytes == 0


def test_what_is_refused_of_a_sign_of_life_is_neither_told_nor_kept() -> None:
    gateway = Gateway().with_node()
    deadline = gateway.core.next_deadline()
    gateway.now += 60
    with pytest.raises(Refused):
        gateway.seen("n1", attributes={"account": "acc-1", "ip": "\ud800"}, timeout_s=30.0)
    assert (gateway.told(), gateway.ordered()) == ([], [])
    node = gateway.core.registry.nodes["n1"]
    assert (node.attributes, list(node.values)) == ({"ip": "fd00::1"}, ["ip", "protocol"])
    assert (node.last_seen, gateway.core.next_deadline()) == (1000.0, deadline)
    gateway.core.session_began()
    gateway.core.refill(gateway.at)
    assert "account" not in gateway.told()[0]


def test_a_full_gateway_takes_no_further_node() -> None:
    outbox = Outbox(EPOCH)
    core = GatewayCore(outbox, protocol="coap", title="CoAP", timeout_s=120.0, registry=Registry(max_nodes=1))
    gateway = Gateway(core, outbox).with_node()
    with pytest.raises(Refused, match="nodes"):
        gateway.seen("n2")
    assert gateway.told() == []
    assert gateway.ordered() == []
    core.gone("n1", "closed", gateway.at)
    assert gateway.seen("n2")


def test_an_attribute_that_cannot_be_told_does_not_keep_a_node_away() -> None:
    gateway = Gateway()
    assert gateway.seen("n1", attributes={"ip": "\ud800"})
    assert gateway.told()[1:] == [update("protocol", "CoAP")]


def test_what_the_broker_refused_is_counted_and_changes_nothing() -> None:
    gateway = Gateway().with_node()
    gateway.core.refused(RefusedByBroker(uid="n1", reason="the node is not known"))
    assert gateway.core.counters.refused_by_broker == 1
    assert (gateway.told(), gateway.ordered()) == ([], [])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=5), children, max_size=4),
    max_leaves=20,
)


@settings(max_examples=500, deadline=None)
@given(
    uid=st.text(max_size=70) | st.sampled_from(["n1"]),
    resource=st.text(max_size=70) | st.sampled_from(["led", "/led", "temperature"]),
    data=json_values | st.text(alphabet='[]{}",:0123456789.eE+-°Ch%pa ', max_size=300),
)
def test_whatever_devices_say_is_refused_or_fit_for_the_broker(uid: str, resource: str, data: Any) -> None:
    gateway = Gateway()
    try:
        gateway.seen(uid)
        gateway.updated(uid, resource, data)
    except Refused as refused:
        str(refused).encode()
    gateway.told()  # decodes strictly
