# SPDX-License-Identifier: BSD-3-Clause
"""The CoRE link format, RFC 6690."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyaiot.gateway.coap.linkformat import MAX_ATTRIBUTES, MAX_LINKS, BadLinks, Link, encode_links, parse_links


def test_fw_1_links_without_attributes() -> None:
    links = parse_links(b"</board>,</led>,</temperature>")
    assert [link.resource for link in links] == ["board", "led", "temperature"]


def test_pb_25_commas_and_semicolons_inside_quotes_do_not_split() -> None:
    links = parse_links(b'</a>;title="one, two; </x>, \\"three\\"";rt="t",</b>')
    assert [link.target for link in links] == ["/a", "/b"]
    assert links[0].attributes == {"title": 'one, two; </x>, "three"', "rt": "t"}


def test_rfc_6690_example() -> None:
    body = (
        b'</sensors>;ct=40;title="Sensor Index",</sensors/temp>;rt="temperature-c";if="sensor",'
        b'<http://www.example.com/sensors/t123>;anchor="/sensors/temp";rel="describedby",</t>;anchor="/x";rel="alternate"'
    )
    links = parse_links(body)
    assert [link.target for link in links] == ["/sensors", "/sensors/temp", "http://www.example.com/sensors/t123", "/t"]
    assert links[0].attributes == {"ct": "40", "title": "Sensor Index"}
    assert links[2].resource is None


def test_pb_25_white_space_and_a_trailing_comma_are_taken() -> None:
    assert [link.target for link in parse_links(b" </a> ; obs ; ct = 0 ,\r\n </b>, ")] == ["/a", "/b"]


def test_attributes_are_kept_the_first_of_two_counts_and_case_does_not() -> None:
    (link,) = parse_links(b"</a>;OBS;rt=x;rt=y;sz=12")
    assert link.attributes == {"obs": None, "rt": "x", "sz": "12"}
    assert link.observable


@pytest.mark.parametrize("body", [b"", b"  ", b"\0\0"])
def test_no_links(body: bytes) -> None:
    assert parse_links(body) == []


@pytest.mark.parametrize(
    ("target", "resource"),
    [
        ("/led", "led"),
        ("/sensors/temp", "sensors/temp"),
        ("/a%2Db", "a-b"),
        ("/a%20b", None),
        ("/a%2Fb", None),
        ("/%ff", None),
        ("//host/x", None),
        ("led", None),
        ("/", None),
        ("/a//b", None),
        ("/a?b=c", None),
        ("coap://x/y", None),
        ("/" + "x" * 65, None),
    ],
)
def test_which_targets_are_resources(target: str, resource: str | None) -> None:
    assert Link(target).resource == resource


@pytest.mark.parametrize(
    "body",
    [
        b"led",
        b"</a",
        b"</a></b>",
        b"</a>,,</b>",
        b"</a>;",
        b"</a>;=1",
        b'</a>;t="open',
        b"</a>;t=",
        b"</a> b",
        b"\xff",
        b",".join([b"</a>"] * (MAX_LINKS + 1)),
        b"</a>" + b";a" * (MAX_ATTRIBUTES + 1),
        b"x" * 65537,
        b"Not found",
    ],
)
def test_what_is_no_link_format_is_refused(body: bytes) -> None:
    with pytest.raises(BadLinks):
        parse_links(body)


names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=8)
links = st.builds(
    Link,
    st.text(st.characters(codec="utf-8", exclude_characters="<>\0"), max_size=12),
    st.dictionaries(
        names, st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12), max_size=4
    ),
)


@given(st.lists(links, max_size=5))
def test_what_is_written_is_read_back(written: list[Link]) -> None:
    assert parse_links(encode_links(written)) == written


def test_fuzz_200_000_bodies_raise_only_the_declared_error() -> None:
    rng = random.Random(11)
    seeds = [b"</board>,</led>", b'</a>;title="x, y";obs,</b>;ct=40', b'<coap://x>;rt="a\\"b"', b';=",<>\\ ']
    for turn in range(200_000):
        mutant = bytearray(seeds[turn & 3])
        for _ in range(rng.randrange(1, 4)):
            where = rng.randrange(len(mutant) + 1)
            match rng.randrange(3):
                case 0:
                    mutant.insert(where, rng.choice(b'<>;,="\\ a\xff'))
                case 1:
                    del mutant[where : where + rng.randrange(4)]
                case 2:
                    mutant[where:where] = rng.choice(seeds)
        try:
            for link in parse_links(bytes(mutant)):
                assert link.resource is None or link.path is not None
        except BadLinks:
            pass


def test_hostile_bodies_cost_no_more_than_their_length() -> None:
    for body in (b'</a>;t="' + b"\\" * 65000, b"<" * 65000, b" " * 65000 + b"x", b"</a>;" + b"a" * 65000 + b"\x01"):
        with pytest.raises(BadLinks):
            parse_links(body)
