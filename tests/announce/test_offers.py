# SPDX-License-Identifier: BSD-3-Clause
"""What DNS-SD says of a service: conformant types, short names, small TXT records, a host name of its own."""

from __future__ import annotations

import re

from pyaiot import __version__
from pyaiot.addresses import InterfaceAddress
from pyaiot.announce.announcer import mdns_interfaces
from pyaiot.announce.offers import MAX_VALUE, TLS_TYPES, TYPES, Offer, target
from pyaiot.http_origin import allowed_hosts, may_be_asked_for

KEY = "e8CN-KPxJ3ezFwuruypNcUtpMDzKVHkixQixW-iilq0"
ETH0 = InterfaceAddress("eth0", 2, "10.0.0.5")


def test_rfc_6335_types_are_names_of_services() -> None:
    for types in (*TYPES.values(), *TLS_TYPES.values()):
        for type_ in types:
            found = re.fullmatch(r"_([a-z0-9]+(?:-[a-z0-9]+)*)\._(?:tcp|udp)\.local\.", type_)
            assert found is not None
            assert len(found[1]) <= 15


def test_what_is_told_of_a_broker() -> None:
    """Of its key too little to be trusted by mistake, and enough to be compared."""
    offer = Offer("broker", "pyaiot broker", "10.0.0.5", 8000, key=KEY)
    assert offer.types == ("_aiot-broker._tcp.local.",)
    assert offer.txt(offer.types[0]) == {
        "txtvers": "1",
        "aiot": __version__,
        "path": "/",
        "tls": "0",
        "key": "e8CN-KPxJ3ezFwur",
    }
    assert next(iter(offer.txt(offer.types[0]))) == "txtvers"  # RFC 6763 section 6.7
    assert offer.instance("hut") == "pyaiot broker on hut"
    assert Offer("broker", "pyaiot broker", "", 9000).instance("hut") == "pyaiot broker on hut:9000"


def test_a_page_behind_tls_and_a_resource_directory() -> None:
    assert Offer("dashboard", "x", "", 443, tls=True).types == ("_https._tcp.local.",)
    assert Offer("mqtt", "x", "", 8883, tls=True).types == ("_secure-mqtt._tcp.local.",)
    by_tls = Offer("ws", "WebSocket gateway", "", 8801, tls=True)
    assert (by_tls.types, by_tls.instance("hut")) == (("_aiot-ws._tcp.local.",), "WebSocket gateway on hut:8801")
    gateway = Offer("coap", "CoAP gateway", "::", 5683, path="/.well-known/core", gateway="coap")
    told = {type_: gateway.txt(type_) for type_ in gateway.types}
    assert told["_coap._udp.local."]["path"] == "/.well-known/core"
    assert told["_core-rd._udp.local."]["path"] == "/rd"
    assert told["_coap._udp.local."]["gw"] == "coap"


def test_names_and_values_stay_short_whatever_somebody_has_chosen() -> None:
    offer = Offer("dashboard", "Wärme\n" * 60, "", 80, gateway="ü" * 200, path="/" * 300)
    instance = offer.instance("hüt" * 50)
    assert len(instance.encode()) <= 60
    assert instance.isprintable()
    assert all(len(value.encode()) <= MAX_VALUE for value in offer.txt(offer.types[0]).values())
    assert Offer("dashboard", "\n", "", 80).instance("hut") == "dashboard on hut:80"


def test_the_host_name_says_which_addresses() -> None:
    """So two services of one host with other addresses, or two hosts of one name, never speak for one another."""
    other = InterfaceAddress("eth0", 2, "10.0.0.6")
    name = target("hut.example.org", [ETH0, other])
    assert re.fullmatch(r"hut-[0-9a-f]{8}\.local\.", name)
    assert name == target("hut", [other, ETH0])
    assert name != target("hut", [ETH0])
    assert target("…", [ETH0]).startswith("host-")


def test_a_browser_that_found_the_name_is_served() -> None:
    name = target("hut", [ETH0]).rstrip(".")
    assert may_be_asked_for(name, allowed_hosts("", "0.0.0.0", "hut"))
    assert not may_be_asked_for(name, allowed_hosts("", "0.0.0.0", "barn"))
    for host in ("hut.example.org", "Weather_Hut", "h" * 63):
        name = target(host, [ETH0]).rstrip(".").lower()
        assert may_be_asked_for(name, allowed_hosts("", "0.0.0.0", host))
    assert not may_be_asked_for("evil-12345678.example", allowed_hosts("", "0.0.0.0", "evil"))


def test_one_address_of_each_interface_and_family_speaks() -> None:
    addresses = [
        ETH0,
        InterfaceAddress("eth0", 2, "10.0.0.6"),
        InterfaceAddress("eth0", 2, "fd00::5"),
        InterfaceAddress("eth0", 2, "fe80::5"),
        InterfaceAddress("tap0", 3, "fd01::5"),
    ]
    assert mdns_interfaces(addresses) == ["10.0.0.5", "fe80::5", "fd01::5"]
