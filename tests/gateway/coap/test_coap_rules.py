# SPDX-License-Identifier: BSD-3-Clause
"""The pure rules: who is where, what was seen before, which notification is newer."""

from __future__ import annotations

import random

import pytest

from pyaiot.gateway.coap.contacts import MAX_STRANGERS, Contacts, SockAddr, is_link_local, readable
from pyaiot.gateway.coap.exchanges import Exchanges
from pyaiot.gateway.coap.freshness import Freshness

FAR = "2001:db8::1"


def at(port: int, host: str = FAR, zone: int = 0) -> SockAddr:
    return (host, port, 0, zone)


def test_fw_2_a_lone_device_is_asked_at_the_standard_port_whatever_it_sends_from() -> None:
    contacts = Contacts()
    contacts.bind("a", at(40001))
    assert contacts.candidates("a") == [5683, 40001]
    assert contacts.identify(at(40002)) == "a"


def test_pb_27_two_devices_of_one_address_are_asked_at_their_own_ports() -> None:
    contacts = Contacts()
    contacts.bind("a", at(40001))
    contacts.bind("b", at(40002))
    assert contacts.candidates("a") == [40001, 5683]
    assert contacts.identify(at(40001)) == "a"
    assert contacts.identify(at(40002)) == "b"
    assert contacts.identify(at(40003)) is None
    contacts.settle("a", 5683)
    assert contacts.candidates("b") == [40002]
    contacts.forget("b")
    assert contacts.candidates("a") == [5683, 40001]


def test_pb_27_addresses_of_forgotten_devices_are_forgotten() -> None:
    contacts = Contacts()
    for number in range(100):
        contacts.bind(f"d{number}", at(number + 1))
    for number in range(100):
        contacts.forget(f"d{number}")
    contacts.forget("d0")
    assert len(contacts) == 0
    assert contacts._by_host == contacts._by_source == {}


def test_a_device_that_keeps_to_its_port_is_nobody_else() -> None:
    contacts = Contacts()
    contacts.bind("a", at(40001))
    assert contacts.identify(at(40001)) == "a"
    assert contacts.identify(at(40002)) is None


@pytest.mark.parametrize("kept", ["steady", "settled", "registered", "serves at source"])
def test_beside_devices_that_keep_to_their_ports_the_one_that_does_not_is_known_at_any(kept: str) -> None:
    """A first device made by hand with coap-client, beside the three of the demo."""
    contacts = Contacts()
    for number in range(3):
        uid, source = f"demo{number}", at(40000 + number)
        contacts.bind(uid, source)
        if kept == "steady":
            assert contacts.identify(source) == uid
        elif kept == "settled":
            contacts.settle(uid, source[1])
        else:
            contacts.register(uid, source[1] if kept == "registered" else None)
    assert contacts.identify(at(50000)) is None
    contacts.bind("my-first-device", at(50001))
    assert contacts.identify(at(50002)) == "my-first-device"
    contacts.bind("my-second-device", at(50003))
    assert contacts.identify(at(50004)) is None


def test_a_lone_device_that_answers_where_it_sends_alive_from_may_send_values_from_elsewhere() -> None:
    contacts = Contacts()
    contacts.bind("a", at(5683))
    contacts.settle("a", 5683)
    assert contacts.identify(at(40002)) == "a"


def test_who_registers_from_where_a_stranger_spoke_keeps_to_its_port() -> None:
    """After a restart of the gateway: what comes from another port now is somebody who is still to register."""
    contacts = Contacts()
    assert contacts.identify(at(40001)) is None
    assert contacts.identify(at(40002)) is None
    contacts.bind("a", at(40001))
    assert contacts.identify(at(40002)) is None
    contacts.bind("b", at(40002))
    assert (contacts.identify(at(40001)), contacts.identify(at(40002))) == ("a", "b")


def test_fw_3_beacons_from_one_port_and_values_from_another_are_one_device() -> None:
    contacts = Contacts()
    for _ in range(3):
        contacts.bind("a", at(40001))
    assert contacts.identify(at(40002)) == "a"


def test_strangers_are_bounded() -> None:
    contacts = Contacts()
    for number in range(3 * MAX_STRANGERS):
        contacts.identify(at(number % 65536, f"2001:db8::{number // 65536:x}"))
    assert len(contacts._strangers) == MAX_STRANGERS


def test_a_move_is_told_and_forgets_where_it_answered() -> None:
    contacts = Contacts()
    assert contacts.bind("a", at(40001))
    contacts.settle("a", 40001)
    assert not contacts.bind("a", at(40001))
    assert contacts.bind("a", at(40002))
    assert contacts.bind("a", at(40002, "2001:db8::2"))
    assert contacts.identify(at(40001)) is None
    assert contacts.target("a") == at(5683, "2001:db8::2")


def test_a_new_source_port_alone_moves_nobody_who_is_asked_at_the_standard_port() -> None:
    contacts = Contacts()
    contacts.bind("a", at(40001))
    contacts.settle("a", 5683)
    assert not contacts.bind("a", at(40002))
    assert contacts.target("a") == at(5683)


def test_the_address_and_port_of_another_are_taken_over() -> None:
    contacts = Contacts()
    contacts.bind("a", at(40001))
    contacts.bind("b", at(40001))
    assert contacts.identify(at(40001)) == "b"
    assert contacts.target("a") is None


def test_the_gateway_is_no_device() -> None:
    contacts = Contacts()
    contacts.own_port = 5683
    contacts.bind("a", at(40001, "::ffff:127.0.0.1"), local=True)
    assert contacts.candidates("a") == [40001]


def test_a_registered_base_counts_most() -> None:
    contacts = Contacts()
    contacts.bind("a", at(40001))
    contacts.settle("a", 40001)
    contacts.register("a", 6000)
    assert contacts.candidates("a") == [6000]
    contacts.bind("a", at(40002))
    assert contacts.candidates("a") == [6000]


def test_rfc_9176_5_without_a_base_the_source_port_is_meant() -> None:
    contacts = Contacts()
    contacts.bind("a", at(40001))
    contacts.register("a", None)
    assert contacts.candidates("a") == [40001, 5683]
    assert contacts.candidates("b") == []


@pytest.mark.parametrize(("host", "zone", "expected"), [("fe80::1", 3, 7), ("fe80::1", 0, 7), (FAR, 0, 0)])
def test_pb_26_requests_to_link_local_devices_go_through_the_interface(host: str, zone: int, expected: int) -> None:
    """Writes and discovery alike: both ask ``target``."""
    contacts = Contacts(zone=7)
    contacts.bind("a", at(40001, host, zone))
    assert contacts.target("a") == at(5683, host, expected)
    assert contacts.target("a", 40001) == at(40001, host, expected)


def test_without_an_interface_the_zone_is_the_senders() -> None:
    contacts = Contacts()
    contacts.bind("a", at(40001, "fe80::1", 3))
    assert contacts.target("a") == at(5683, "fe80::1", 3)


@pytest.mark.parametrize(("host", "text"), [("::ffff:192.0.2.1", "192.0.2.1"), ("fd00::1", "fd00::1"), ("::1", "::1")])
def test_addresses_are_shown_as_people_write_them(host: str, text: str) -> None:
    assert readable(host) == text


def test_link_local() -> None:
    assert is_link_local("fe80::1")
    assert is_link_local("febf::1")
    assert not is_link_local("fec0::1")
    assert not is_link_local("::ffff:1.2.3.4")


def test_any_order_of_events_keeps_the_tables_of_contacts_in_step() -> None:
    rng = random.Random(5)
    contacts = Contacts()
    for _ in range(20_000):
        uid = f"d{rng.randrange(6)}"
        match rng.randrange(5):
            case 0 | 1:
                contacts.bind(uid, at(rng.randrange(1, 6), rng.choice(("::1", "::2"))), local=rng.random() < 0.3)
            case 2:
                contacts.forget(uid)
            case 3:
                contacts.settle(uid, rng.randrange(1, 6))
            case 4:
                contacts.identify(at(rng.randrange(1, 6), rng.choice(("::1", "::2"))))
        devices = contacts._devices
        assert {d.uid: d for d in contacts._by_source.values()} == devices
        assert {uid: d for group in contacts._by_host.values() for uid, d in group.items()} == devices
        assert all(contacts._by_source[d.source] is d for d in devices.values())


def message(mid: int, body: bytes = b"body") -> bytes:
    return b"\x40\x02" + mid.to_bytes(2, "big") + body


def test_rfc_7252_4_5_a_duplicate_gets_the_same_answer() -> None:
    exchanges = Exchanges()
    assert exchanges.seen(at(1), message(7), 0.0) is False
    assert exchanges.seen(at(1), message(7), 1.0) is True
    exchanges.answered(at(1), message(7, b"answer"))
    assert exchanges.seen(at(1), message(7), 2.0) == message(7, b"answer")
    assert exchanges.seen(at(2), message(7), 2.0) is False
    assert exchanges.seen(at(1), message(8), 2.0) is False


def test_the_same_id_with_another_content_is_no_duplicate() -> None:
    """A device that rebooted counts from the start again, sooner than RFC 7252 allows."""
    exchanges = Exchanges()
    exchanges.seen(at(1), message(7), 0.0)
    assert exchanges.seen(at(1), message(7, b"other"), 1.0) is False


def test_exchanges_are_forgotten_after_their_lifetime() -> None:
    exchanges = Exchanges(lifetime_s=247)
    exchanges.seen(at(1), message(7), 0.0)
    exchanges.seen(at(1), message(8), 246.0)
    assert exchanges.seen(at(1), message(7), 246.9) is True
    exchanges.seen(at(1), message(9), 500.0)
    exchanges.seen(at(1), message(10), 1000.0)
    assert exchanges.seen(at(1), message(7), 1000.0) is False


def test_exchanges_are_bounded() -> None:
    exchanges = Exchanges(limit=100)
    for mid in range(10_000):
        exchanges.seen(at(1), message(mid), 0.0)
        assert len(exchanges) <= 100
        assert exchanges.seen(at(1), message(max(0, mid - 40)), 0.0) is True


@pytest.mark.parametrize(
    ("numbers", "newer"),
    [
        ([1, 2, 3], [True, True, True]),
        ([5, 4, 6], [True, False, True]),
        ([5, 5], [True, False]),
        ([2**24 - 1, 0, 1], [True, True, True]),
        ([0, 2**23 + 1], [True, False]),
        ([0, 2**23 - 1], [True, True]),
    ],
)
def test_rfc_7641_3_4_order_of_notifications(numbers: list[int], newer: list[bool]) -> None:
    freshness = Freshness()
    assert [freshness.is_newer(number, 0.0) for number in numbers] == newer


def test_rfc_7641_3_4_after_128_seconds_any_number_is_newer() -> None:
    freshness = Freshness()
    freshness.is_newer(100, 0.0)
    assert not freshness.is_newer(50, 128.0)
    assert freshness.is_newer(50, 128.1)
