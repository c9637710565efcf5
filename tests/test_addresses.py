# SPDX-License-Identifier: BSD-3-Clause
"""Which addresses are one host's, and which are this one's."""

from __future__ import annotations

import pytest

from pyaiot.addresses import group_of, is_loopback


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
