# SPDX-License-Identifier: BSD-3-Clause
"""What a device's links say of its resources."""

from __future__ import annotations

import pytest

from pyaiot.gateway.coap.link_about import MAX_TEXT, about_of
from pyaiot.gateway.coap.linkformat import parse_links
from pyaiot.wire.messages import About


@pytest.mark.parametrize(
    ("link", "about"),
    [
        ("</led>", About()),
        ("</led>;obs;sz=5;colour=red", About()),
        (
            '</led>;title="Lamp, left";rt="light";if="core.a";ct=0',
            About(title="Lamp, left", rt="light", interface="core.a", ct="0", writable=True),
        ),
        ('</t>;if="core.s"', About(interface="core.s", writable=False)),
        ("</t>;if=core.rp", About(interface="core.rp", writable=False)),
        ('</t>;if="core.s core.p"', About(interface="core.s core.p", writable=True)),
        ('</t>;if="core.ll";title=""', About(interface="core.ll")),
        (f'</t>;title="{"é" * 99}"', About(title="é" * MAX_TEXT)),
    ],
)
def test_attributes_become_what_is_known(link: str, about: About) -> None:
    assert about_of(parse_links(link.encode())[0]) == about
