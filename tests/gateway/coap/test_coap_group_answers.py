# SPDX-License-Identifier: BSD-3-Clause
"""RFC 7252 section 8.2 in numbers: what is answered of what a group is asked, how soon, and how often."""

from __future__ import annotations

import pytest

from pyaiot.gateway.coap.group_answers import (
    ALL_BURST,
    ALL_PER_S,
    MAX_LEISURE_S,
    MAX_REQUEST,
    MAX_SOURCES,
    PACKED_GROUPS,
    SOURCE_BURST,
    SOURCE_PER_S,
    Allowance,
    is_question,
    leisure_s,
)
from pyaiot.gateway.coap.linkformat import Link, encode_links, matching

LINKS = [Link("/rd", {"rt": "core.rd", "ct": "40"}), Link("/a", {"rt": "x pyaiot.alive", "if": "s"}), Link("/b")]


@pytest.mark.parametrize(
    ("datagram", "expected"),
    [
        (b"\x50\x01\0\1", True),
        (b"\x52\x01\0\1ab", True),
        (b"\x40\x01\0\1", False),  # confirmable
        (b"\x50\x02\0\1", False),  # POST: nobody signs on by multicast
        (b"\x50\x03\0\1", False),
        (b"\x50\x45\0\1", False),  # an answer
        (b"\x60\0\0\1", False),
        (b"\x50\x01\0", False),
        (b"", False),
        (b"\x50\x01\0\1" + bytes(MAX_REQUEST), False),
    ],
)
def test_only_non_confirmable_gets_are_questions_to_a_group(datagram: bytes, expected: bool) -> None:
    assert is_question(datagram) is expected


def test_rfc_7252_8_2_the_leisure_grows_with_the_answer_and_has_a_bound() -> None:
    assert leisure_s(100, 0.0) == 0.0
    assert leisure_s(100, 1.0) == pytest.approx(1.6)
    assert leisure_s(100, 0.5) == pytest.approx(0.8)
    assert leisure_s(4_000, 1.0) == MAX_LEISURE_S


def test_a_source_has_only_so_many_answers_and_more_with_time() -> None:
    allowance = Allowance()
    assert sum(allowance.take("192.0.2.1", 100.0) for _ in range(50)) == SOURCE_BURST
    assert allowance.take("192.0.2.2", 100.0)
    assert not allowance.take("192.0.2.1", 100.0 + 0.9 / SOURCE_PER_S)
    assert allowance.take("192.0.2.1", 100.0 + 1.1 / SOURCE_PER_S)


def test_addresses_of_one_network_share_and_all_together_have_a_bound() -> None:
    allowance = Allowance()
    assert sum(allowance.take(f"fd00::{number:x}", 0.0) for number in range(50)) == SOURCE_BURST
    flood = Allowance()
    granted = sum(flood.take(f"10.{n >> 8 & 255}.{n & 255}.1", n / 1_000) for n in range(10_000))
    assert granted <= ALL_BURST + 10 * ALL_PER_S
    assert len(flood._sources) <= MAX_SOURCES


def test_groups_are_all_coap_nodes_and_no_others() -> None:
    """Neither the broadcast address, nor all nodes of a link."""
    assert bytes.fromhex("00000000000000000000ffffe00001bb") in PACKED_GROUPS
    assert bytes.fromhex("ff0200000000000000000000000000fd") in PACKED_GROUPS
    assert bytes.fromhex("ff020000000000000000000000000001") not in PACKED_GROUPS
    assert bytes.fromhex("00000000000000000000ffffffffffff") not in PACKED_GROUPS


@pytest.mark.parametrize(
    ("query", "targets"),
    [
        ([], ["/rd", "/a", "/b"]),
        (["rt=core.rd"], ["/rd"]),
        (["rt=core.rd*"], ["/rd"]),
        (["rt=core"], []),
        (["rt=*"], ["/rd", "/a"]),
        (["rt=pyaiot.alive"], ["/a"]),
        (["RT=x"], ["/a"]),
        (["href=/b"], ["/b"]),
        (["href=/*"], ["/rd", "/a", "/b"]),
        (["ct=40"], ["/rd"]),
        (["rt=x", "if=s"], ["/a"]),
        (["rt=x", "if=t"], []),
        (["title=x"], []),
        (["rt"], []),
    ],
)
def test_rfc_6690_4_1_filters(query: list[str], targets: list[str]) -> None:
    assert [link.target for link in matching(LINKS, query)] == targets
    assert encode_links(matching(LINKS, ["rt=nothing"])) == b""
