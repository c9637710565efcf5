# SPDX-License-Identifier: BSD-3-Clause
"""How people write a broker's address."""

from __future__ import annotations

import pytest

from pyaiot.addresses import without_zone
from pyaiot.cli.talking import make_parser
from pyaiot.client import Client
from pyaiot.client.address import BadAddress, rpc_url
from pyaiot.options import ConfigurationError


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


@pytest.mark.parametrize(
    "address", ["", " ", "ftp://x", "http://", "a:b", "localhost:99999", "x y", "http://me@x", "a..b", ".", "a" * 70]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(BadAddress, match="is no address of a broker, such as"):
        rpc_url(address)


@pytest.mark.parametrize(
    ("environment", "broker"),
    [
        ({}, "localhost:8000"),
        ({"PORT": "9000"}, "localhost:9000"),
        ({"HOST": "pi.local", "PORT": ""}, "pi.local:8000"),
        ({"HOST": "fd00::1", "PORT": "9000"}, "[fd00::1]:9000"),
        ({"HOST": "0.0.0.0", "PORT": "9000"}, "localhost:9000"),
        ({"HOST": "::"}, "localhost:8000"),
        ({"": "https://iot.example.org", "HOST": "pi.local", "PORT": "9000"}, "https://iot.example.org"),
    ],
)
def test_what_tells_the_services_where_the_broker_is_tells_the_verbs(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], broker: str
) -> None:
    for name in ("", "HOST", "PORT"):
        monkeypatch.delenv(f"AIOT_BROKER_{name}".rstrip("_"), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(f"AIOT_BROKER_{name}".rstrip("_"), value)
    assert make_parser("ls", "").get_default("broker") == broker


def test_a_ca_is_of_no_use_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"^--ca is of no use at pi\.local:8000, called without TLS"):
        Client("pi.local:8000", ca="ca.pem")
    monkeypatch.setenv("AIOT_BROKER_CA", "ca.pem")  # which may be meant for other brokers
    Client("pi.local:8000")


@pytest.mark.parametrize("zone", ["%eth0", "%25eth0"])
def test_nobody_else_is_told_a_zone(zone: str) -> None:
    url = rpc_url(f"http://[fe80::1{zone}]:8000")
    assert without_zone(url) == ("ws://[fe80::1]:8000/rpc", {"host": "fe80::1%eth0"})
    assert without_zone("ws://[fe80::1]:8000/rpc?a=[::%1]") == ("ws://[fe80::1]:8000/rpc?a=[::%1]", {})
