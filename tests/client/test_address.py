# SPDX-License-Identifier: BSD-3-Clause
"""How people write a broker's address."""

from __future__ import annotations

import pytest

from pyaiot.client.address import BadAddress, rpc_url


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("localhost", "ws://localhost:8000/rpc"),
        ("pi.local:9000", "ws://pi.local:9000/rpc"),
        ("http://pi.local", "ws://pi.local:8000/rpc"),
        ("ws://localhost:8000/rpc", "ws://localhost:8000/rpc"),
        ("ws://localhost/rpc", "ws://localhost/rpc"),
        ("https://iot.example.org", "wss://iot.example.org/rpc"),
        ("https://iot.example.org/farm/", "wss://iot.example.org/farm/rpc"),
        ("wss://iot.example.org:444/farm/rpc", "wss://iot.example.org:444/farm/rpc"),
        ("[::1]:8000", "ws://[::1]:8000/rpc"),
    ],
)
def test_an_address_is_understood(address: str, url: str) -> None:
    assert rpc_url(address) == url


@pytest.mark.parametrize("address", ["", " ", "ftp://x", "http://", "a:b", "localhost:99999", "x y", "http://me@x"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(BadAddress, match="is no address of a broker, such as"):
        rpc_url(address)
