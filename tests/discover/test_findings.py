# SPDX-License-Identifier: BSD-3-Clause
"""What was found: read with bounds whatever it says, each service once, at the likeliest of its addresses."""

from __future__ import annotations

from pyaiot.announce.offers import TLS_TYPES, TYPES, Offer, target
from pyaiot.discover.findings import (
    LOOKED_FOR,
    MAX_ADDRESSES,
    MAX_RESOURCES,
    MAX_TEXT,
    Found,
    from_coap,
    from_service,
    merge,
    sort_addresses,
)

COAP = "_coap._udp.local."
OURS = {b"txtvers": b"1", b"aiot": b"0.1.0", b"path": b"/.well-known/core", b"tls": b"0", b"gw": b"coap"}


def service(type_: str, txt: dict[bytes, bytes | None], *addresses: str, port: int = 5683) -> Found | None:
    return from_service(type_, addresses or ("10.0.0.5",), port, "hut-0123abcd.local.", txt)


def url(found: Found | None) -> str:
    assert found is not None
    return found.url


def test_all_that_is_announced_is_looked_for() -> None:
    """But for a second name of what is found by its first."""
    assert {*sum((*TYPES.values(), *TLS_TYPES.values()), ())} == {*LOOKED_FOR, "_core-rd._udp.local."}


def test_what_is_announced_is_found_as_it_was_meant() -> None:
    for offer, expected in (
        (Offer("dashboard", "Huts", "", 8080), "http://10.0.0.5:8080/"),
        (Offer("dashboard", "Huts", "", 443, tls=True), "https://10.0.0.5/"),
        (Offer("broker", "b", "", 8000, key="k" * 43), "ws://10.0.0.5:8000"),
        (Offer("broker", "b", "", 8000, tls=True), "wss://10.0.0.5:8000"),
        (Offer("coap", "c", "", 5683, path="/.well-known/core"), "coap://10.0.0.5"),
        (Offer("mqtt", "m", "", 1886), "mqtt://10.0.0.5:1886"),
        (Offer("ws", "w", "", 8001, path="/node"), "ws://10.0.0.5:8001/node"),
        (Offer("http", "h", "", 8002, path="/v1/nodes/"), "http://10.0.0.5:8002/v1/nodes/"),
    ):
        type_ = offer.types[0]
        txt: dict[bytes, bytes | None] = {k.encode(): v.encode() for k, v in offer.txt(type_).items()}
        found = from_service(type_, ["10.0.0.5"], offer.port, target("hut", []), txt)
        assert url(found) == expected
        assert found is not None
        assert (found.kind, found.host_name, found.tls) == (offer.kind, "hut", offer.tls)


def test_a_page_is_shown_by_its_title() -> None:
    page = from_service("_http._tcp.local.", ["10.0.0.5"], 8080, "hut.local.", {b"aiot": b"0.1.0"}, "Huts on hut" * 99)
    assert page is not None
    assert page.tells["name"].startswith("Huts on hut")
    assert len(page.tells["name"]) == MAX_TEXT


def test_others_are_shown_unless_they_are_just_any_page() -> None:
    assert service("_http._tcp.local.", {b"path": b"/printer"}) is None
    other = service("_mqtt._tcp.local.", {}, port=1883)
    assert (url(other), other is not None and other.ours) == ("mqtt://10.0.0.5:1883", False)
    assert url(service("_secure-mqtt._tcp.local.", {}, port=8883)) == "mqtts://10.0.0.5:8883"


def test_what_cannot_be_reached_is_not_shown() -> None:
    for addresses in (["127.0.0.1"], ["::1"], ["224.0.1.187"], ["0.0.0.0"], ["nonsense"], []):
        assert from_service(COAP, addresses, 5683, "x", OURS) is None
    assert from_service(COAP, ["10.0.0.5"], 0, "x", OURS) is None
    assert from_service(COAP, ["10.0.0.5"], None, None, OURS) is None


def test_texts_of_any_length_and_kind_are_cut() -> None:
    found = service(COAP, {b"aiot": b"\xff" * 9_000, b"gw": b"\x1b[31m" * 2_000, b"key": None, b"path": b"no slash"})
    assert found is not None
    assert len(found.version) == len(found.tells["gateway"]) == MAX_TEXT
    assert found.path == ""
    many = from_service(COAP, [f"10.0.0.{n}" for n in range(1, 250)], 5683, "x" * 5_000, OURS)
    assert many is not None
    assert (len(many.addresses), len(many.host)) == (MAX_ADDRESSES, MAX_TEXT)
    device = from_coap("10.0.0.9", 5683, (f"/{'a' * 500}{n}" for n in range(10**9)), [], b"")
    assert len(device.tells["resources"]) <= MAX_RESOURCES * (MAX_TEXT + 1)


def test_the_address_that_is_the_likeliest_to_work_comes_first() -> None:
    given = ["fe80::1%eth0", "2001:db8::1", "fd00::1", "203.0.113.1", "10.0.0.1", "::ffff:10.0.0.1", "10.0.0.1"]
    assert sort_addresses(given) == ("10.0.0.1", "203.0.113.1", "fd00::1", "2001:db8::1", "fe80::1%eth0")


def test_one_gateway_is_shown_once_however_often_it_answers() -> None:
    announced = service(COAP, {**OURS})
    links = ["/alive", "/server"], ["pyaiot.alive", "pyaiot.server"]
    answers = [from_coap(each, 5683, *links, b"ours") for each in ("fe80::5%eth0", "10.0.0.5")]
    neighbour = from_coap("10.0.0.6", 5683, *links, b"theirs")
    device = from_coap("fe80::9%eth0", 5683, ["/led"], [], b"")
    assert announced is not None
    found = merge([announced, announced, device, *answers, neighbour])
    assert [each.addresses for each in found] == [("10.0.0.6",), ("10.0.0.5", "fe80::5%eth0"), ("fe80::9%eth0",)]
    assert [each.title for each in found] == ["CoAP gateway", "CoAP gateway", "CoAP server"]
    assert (found[1].by, found[1].version, found[1].host_name) == (("coap", "mdns"), "0.1.0", "hut")
    assert "etag" not in found[1].tells
    assert merge(reversed(found)) == found


def test_two_servers_without_etags_stay_two() -> None:
    assert len(merge([from_coap(f"10.0.0.{n}", 5683, ["/led"], [], b"") for n in range(3)])) == 3
