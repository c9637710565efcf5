# SPDX-License-Identifier: BSD-3-Clause
"""Where a service is announced: never on loopback, by itself only at private addresses, always what is really bound."""

from __future__ import annotations

import pytest

from pyaiot.addresses import InterfaceAddress, is_private
from pyaiot.announce.policy import MAX_ADDRESSES, announced, may_be_announced

LAN4, LAN6, LINK = "192.168.1.5", "fd00::5", "fe80::5"
PUBLIC4, PUBLIC6 = "203.0.113.5", "2001:db8::5"
OWN = [InterfaceAddress("eth0", 2, each) for each in (LAN4, LAN6, LINK, PUBLIC4, PUBLIC6)]
EVERY4, EVERY6 = [LAN4, PUBLIC4], [LAN6, LINK, PUBLIC6]


@pytest.mark.parametrize(
    ("mode", "host", "dual", "expected"),
    [
        ("auto", LAN4, False, [LAN4]),
        ("auto", f"[{LAN6}]", False, [LAN6]),
        ("auto", f"{LINK}%eth0", False, [LINK]),
        ("auto", PUBLIC4, False, []),
        ("auto", PUBLIC6, False, []),
        ("auto", "::", True, []),
        ("auto", "0.0.0.0", False, []),
        ("auto", "", False, []),
        ("auto", "localhost", False, []),
        ("yes", "127.0.0.1", False, []),
        ("yes", "::1", False, []),
        ("yes", PUBLIC4, False, [PUBLIC4]),
        ("yes", "0.0.0.0", False, EVERY4),
        ("yes", "0.0.0.0", True, EVERY4),
        ("yes", "::", False, EVERY6),
        ("yes", "[::]", True, [LAN4, LAN6, LINK, PUBLIC4, PUBLIC6]),
        ("yes", "", False, [LAN4, LAN6, LINK, PUBLIC4, PUBLIC6]),
        ("no", LAN4, False, []),
        ("no", "", False, []),
        ("yes", "192.168.1.6", False, []),  # is on no interface of this host
    ],
)
def test_where_a_service_is_announced(mode: str, host: str, dual: bool, expected: list[str]) -> None:
    resolved = {host.strip("[]").partition("%")[0]}
    assert [each.address for each in announced(mode, host, resolved, OWN, dual=dual)] == expected


def test_a_name_is_announced_at_its_private_addresses() -> None:
    assert [each.address for each in announced("auto", "hut.example", {LAN4, PUBLIC6}, OWN)] == [LAN4]


def test_what_is_never_announced_needs_no_look_at_addresses() -> None:
    """So nothing is imported, resolved or asked in the usual case."""
    assert not any(may_be_announced("auto", host) for host in ("localhost", "127.0.0.1", "::1", "::", "0.0.0.0", ""))


def test_addresses_are_bounded() -> None:
    many = [InterfaceAddress(f"veth{number}", number, f"10.0.0.{number}") for number in range(1, 200)]
    assert len(announced("yes", "", (), many)) == MAX_ADDRESSES


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("10.0.0.1", True),
        ("172.31.255.255", True),
        ("172.32.0.0", False),
        ("192.168.0.1", True),
        ("169.254.3.4", True),
        ("fd12::1", True),
        ("febf::1%eth0", True),
        ("fec0::1", False),
        ("::ffff:10.0.0.1", True),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("::1", False),
        ("0.0.0.0", False),
        ("hut.local", False),
    ],
)
def test_private_addresses(address: str, private: bool) -> None:
    assert is_private(address) is private
