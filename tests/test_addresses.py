# SPDX-License-Identifier: BSD-3-Clause
"""Which addresses are one host's, and which are this one's."""

from __future__ import annotations

import pytest

from pyaiot.addresses import (
    address_of_another,
    broker_url,
    group_of,
    in_url,
    is_every_address,
    is_loopback,
    peer_address,
    reached_at,
)


@pytest.mark.parametrize(
    ("address", "group", "loopback"),
    [
        ("10.0.0.1", "10.0.0.1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", False),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        ("127.9.9.9", "127.9.9.9", True),
        ("fe80::1%eth0", "fe80::/64", False),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", False),
        ("::1", "::/64", True),
        ("0.0.0.0", "0.0.0.0", False),
        ("::", "::/64", False),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64", False),
        ("2001:db8:1:3::", "2001:db8:1:3::/64", False),
        ("", "", False),
        ("example.org", "example.org", False),
    ],
)
def test_addresses_of_one_host_are_one(address: str, group: str, loopback: bool) -> None:
    assert group_of(address) == group
    assert is_loopback(address) is loopback


@pytest.mark.parametrize(
    ("bound", "every", "reached"),
    [
        ("", True, "127.0.0.1"),
        ("0.0.0.0", True, "127.0.0.1"),
        ("::ffff:0.0.0.0", True, "127.0.0.1"),
        ("::", True, "::1"),
        ("[::]", True, "::1"),
        ("0:0::0", True, "::1"),
        ("localhost", False, "localhost"),
        ("[fd00::1]", False, "fd00::1"),
        ("10.0.0.0", False, "10.0.0.0"),
    ],
)
def test_what_listens_on_every_address_is_reached_on_loopback(bound: str, every: bool, reached: str) -> None:
    assert is_every_address(bound) is every
    assert reached_at(bound) == reached


def test_an_ipv6_address_has_brackets_in_a_url_and_nothing_else_has() -> None:
    assert [in_url(host) for host in ("fd00::1", "[fd00::1]", "10.0.0.1", "iot.example.org")] == [
        "[fd00::1]",
        "[fd00::1]",
        "10.0.0.1",
        "iot.example.org",
    ]


def test_the_broker_is_found_by_its_settings() -> None:
    assert broker_url("fe80::1%eth0", "8000", False, "/gw") == "ws://[fe80::1%eth0]:8000/gw"
    assert broker_url("iot.example.org", "", True, "/gw") == "wss://iot.example.org/gw"
    for host in ("", "a b", "http://host", "host/x", "user@host", "fe80::1%", "host\n"):
        with pytest.raises(ValueError, match=r"^--broker-host: .* is not the name or address of a host$"):
            broker_url(host, "8000", False, "/gw")


@pytest.mark.parametrize(
    ("peer", "own", "address"),
    [
        ("192.0.2.7", "192.0.2.1", "192.0.2.7"),
        ("192.0.2.1", "192.0.2.1", None),
        ("::ffff:192.0.2.1", "192.0.2.1", None),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.1", "192.0.2.7"),
        ("127.0.0.1", "192.0.2.1", None),
        ("::1", "::1", None),
        ("2001:db8::7", "2001:db8::1", "2001:db8::7"),
        ("", "192.0.2.1", None),
        ("no address", "192.0.2.1", None),
    ],
)
def test_an_address_of_another_host_is_told_from_this_hosts(peer: str, own: str, address: str | None) -> None:
    assert address_of_another(peer, own) == address


@pytest.mark.parametrize(
    ("peername", "address"),
    [
        (("192.0.2.1", 5), "192.0.2.1"),
        (("::ffff:192.0.2.1", 5, 0, 0), "192.0.2.1"),
        (("fe80::1%eth0", 5, 0, 2), "fe80::1"),
        (None, ""),
    ],
)
def test_the_address_of_a_peer_is_as_people_write_it(peername: tuple[object, ...] | None, address: str) -> None:
    assert peer_address(peername) == address
