# SPDX-License-Identifier: BSD-3-Clause
"""Who is let in, and who may do what."""

from __future__ import annotations

import ipaddress
import string
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from pyaiot.addresses import is_loopback
from pyaiot.broker.authorisation import (
    MAY,
    Gatekeeper,
    Request,
    allowed_origins,
    hosts_of,
)
from pyaiot.http_origin import allowed_hosts, bearer, seen_by_proxy
from pyaiot.keys import ROLES, ClientToken, token_digest
from pyaiot.options import ConfigurationError

TOKENS = {"alice": "a" * 43, "bob": "b" * 43, "root": "r" * 43}
CLIENTS = {
    "alice": ClientToken("viewer", token_digest(TOKENS["alice"])),
    "bob": ClientToken("operator", token_digest(TOKENS["bob"])),
    "root": ClientToken("admin", token_digest(TOKENS["root"])),
}


def gatekeeper(*, loopback: bool = True, anonymous: bool = False, origins: str = "", hosts: str = "") -> Gatekeeper:
    return Gatekeeper(
        trust_this_host=loopback,
        origins=allowed_origins(origins, 8080),
        hosts=allowed_hosts(hosts, "localhost" if loopback else "0.0.0.0", "farm"),
        clients=CLIENTS,
        anonymous_read=anonymous,
    )


def request(
    peer: str = "127.0.0.1", host: str = "localhost:8000", origin: str | None = None, **more: object
) -> Request:
    return Request(peer=peer, host=host, origin=origin, **more)  # type: ignore[arg-type]


def test_the_table() -> None:
    assert set(MAY) == set(ROLES)
    assert {role: sorted(MAY[role]) for role in ROLES} == {
        "viewer": ["read"],
        "operator": ["read", "write"],
        "admin": ["administer", "read", "write"],
    }


# Host and Origin


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8000",
        "127.0.0.1",
        "127.0.0.1:1",
        "192.0.2.7:65535",
        "[::1]:8000",
        "[fe80::1]",
        "farm",
        "farm.local:80",
        "farm-0123abcd.local:8000",
    ],
)
def test_hosts_that_are_ours(host: str) -> None:
    assert gatekeeper(loopback=False).refusal(request(host=host)) is None
    # Anybody in the network can have mDNS say that such a name is loopback.
    assert (gatekeeper().refusal(request(host=host)) is None) is (".local" not in host)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            " ",
            ":",
            ":8000",
            "localhost:",
            "localhost:x",
            "localhost:123456",
            "localhost:8000:1",
            "a b",
            "[::1",
            "::1",
        ),
        *("localhost\n", "localhost/", "user@localhost", "localhost#", "[localhost]", "é", "localhost:٣", "%"),
    ],
)
def test_what_is_no_host(host: str) -> None:
    assert gatekeeper().refusal(request(host=host)) == "bad Host"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "127.0.0.01",
        "farm.evil",
    ],
)
def test_names_of_others_are_refused_on_loopback_too(host: str) -> None:
    """A hostile page whose name is bound to 127.0.0.1 afterwards."""
    refused = gatekeeper().refusal(request(host=host))
    assert refused == "this Host is not allowed (see --allowed-hosts)"
    if host != "localhost.":
        assert gatekeeper(hosts=f"x.example, {host.upper()} ").refusal(request(host=f"{host}:8000")) is None


@pytest.mark.parametrize(
    "origin", [None, "http://localhost:8080", "http://127.0.0.1:8080", "HTTP://LOCALHOST:8080", "http://[::1]:8080"]
)
def test_origins_of_this_hosts_dashboard(origin: str | None) -> None:
    assert gatekeeper().refusal(request(origin=origin)) is None


@pytest.mark.parametrize(
    "origin",
    [
        *(
            "",
            "null",
            "*",
            "http://localhost",
            "http://localhost:8081",
            "https://localhost:8080",
            "http://evil.example",
        ),
        *(
            "http://localhost:8080.evil.example",
            "http://localhost:8080/",
            "http://localhost:8080 ",
            "http://localhost:80800",
        ),
        *("http://evil.example#http://localhost:8080", "file://", "chrome-extension://abc"),
    ],
)
def test_origins_of_others(origin: str) -> None:
    assert gatekeeper().refusal(request(origin=origin)) == "this Origin is not allowed (see --allowed-origins)"


def test_listed_origins_replace_the_defaults() -> None:
    keeper = gatekeeper(origins=" https://IoT.example.org/ ,http://192.0.2.1:8080,")
    assert keeper.refusal(request(origin="https://iot.example.org")) is None
    assert keeper.refusal(request(origin="http://192.0.2.1:8080")) is None
    assert keeper.refusal(request(origin="http://localhost:8080")) is not None
    assert allowed_origins("", 80) == {"http://localhost", "http://127.0.0.1", "http://[::1]"}


@pytest.mark.parametrize(
    "listed", ["*", "null", "iot.example.org", "https://", "https://a b", "https://a/b", "https://a:x"]
)
def test_what_no_browser_sends_is_a_mistake(listed: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--allowed-origins: .* is not an origin"):
        allowed_origins(f"https://good.example,{listed}", 8080)


@pytest.mark.parametrize("listed", ["*", "a b", "http://a", "a:8000", "a/b", "é"])
def test_what_is_no_name_is_a_mistake(listed: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--allowed-hosts: .* is not a name"):
        allowed_hosts(f"good.example,{listed}", "localhost", "farm")


# Roles


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
def test_on_loopback_programs_of_this_host_may_write(peer: str) -> None:
    assert gatekeeper().role(request(peer)) == "operator"


@pytest.mark.parametrize(
    "peer", ["192.0.2.1", "::", "0.0.0.0", "fe80::1%eth0", "::ffff:192.0.2.1", "", "localhost.evil", "128.0.0.1"]
)
def test_nobody_else_may(peer: str) -> None:
    assert gatekeeper().role(request(peer)) is None
    assert gatekeeper(anonymous=True).role(request(peer)) == "viewer"


def test_who_comes_through_a_proxy_is_not_of_this_host() -> None:
    assert gatekeeper().role(request(proxied=True)) is None
    assert gatekeeper(anonymous=True).role(request(proxied=True)) == "viewer"
    assert gatekeeper().role(request(proxied=True, bearer=TOKENS["bob"])) == "operator"


def test_on_any_other_bind_a_token_is_needed() -> None:
    keeper = gatekeeper(loopback=False)
    assert keeper.role(request()) is None
    for name, token in TOKENS.items():
        assert keeper.role(request(bearer=token)) == CLIENTS[name].role
        assert keeper.role(request(), token) == CLIENTS[name].role
    assert gatekeeper(loopback=False, anonymous=True).role(request()) == "viewer"


@pytest.mark.parametrize(
    "token", ["x", "a" * 42, "a" * 44, "A" * 43, token_digest(TOKENS["alice"]).hex(), " ", "\ud800", "é"]
)
def test_a_wrong_token_gives_nothing_at_all(token: str) -> None:
    """Not even what the client would have without one: it should learn that the token is wrong."""
    for keeper in (gatekeeper(), gatekeeper(loopback=False, anonymous=True)):
        assert keeper.role(request(), token) is None
        assert keeper.role(request(bearer=token)) is None


def test_the_message_wins_over_the_header() -> None:
    assert gatekeeper().role(request(bearer=TOKENS["alice"]), TOKENS["root"]) == "admin"
    assert gatekeeper().role(request(bearer=TOKENS["root"]), "wrong") is None


@pytest.mark.parametrize(
    ("header", "token"),
    [
        (None, None),
        ("", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("Bearer   ", None),
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER  abc ", "abc"),
        ("Basic abc", None),
        ("Bearerabc", None),
        (" Bearer abc", None),
    ],
)
def test_bearer(header: str | None, token: str | None) -> None:
    assert bearer(header) == token


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *(
            (host, True)
            for host in ("localhost", "LocalHost", "127.0.0.1", "127.255.255.254", "::1", "[::1]", "::ffff:127.0.0.1")
        ),
        *(
            (host, False)
            for host in ("", "0.0.0.0", "::", "10.0.0.1", "farm", "localhost.example", "127.0.0.1.example")
        ),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


# Whatever comes


def test_no_header_is_ever_a_fault() -> None:
    """And what is let in is what a plain reading of the rules lets in."""
    chance = Random("headers")
    keeper = gatekeeper(origins="https://iot.example.org", hosts="iot.example.org")
    characters = string.printable + "é\0\x85٣\ud800K[]:.%"
    seeds = [
        "localhost:8000",
        "127.0.0.1:8000",
        "[::1]:8000",
        "iot.example.org",
        "https://iot.example.org",
        "Bearer abc",
    ]
    seeds += ["Bearer " + TOKENS["bob"], "::ffff:127.0.0.1", "fe80::1%eth0", "192.0.2.1", "", "null"]
    admitted = 0
    for _ in range(200_000):
        text = chance.choice(seeds)
        for _ in range(chance.randrange(3)):
            place = int(chance.random() * (len(text) + 1))
            text = text[:place] + chance.choice(characters) + text[place + chance.randrange(2) :]
        assert bearer(text) is None or text.lower().startswith("bearer ")
        is_loopback(text)
        assert (
            keeper.refusal(request(host="localhost", origin=text)) is None or text.lower() != "https://iot.example.org"
        )
        if keeper.refusal(request(host=text)) is None:
            admitted += 1
            assert plainly_ours(text), text
        role = keeper.role(request(text, bearer=bearer(text)))
        assert role in (None, "operator")
    assert admitted > 10_000


def plainly_ours(host: str) -> bool:
    name, colon, port = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, "", "")
    if colon and not (port.isascii() and port.isdigit()):
        return False
    if name.startswith("["):
        return name.endswith("]") and set(name[1:-1]) <= set("0123456789abcdefABCDEF:.%")
    if name.lower() in ("localhost", "farm", "farm.local", "iot.example.org"):
        return True
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


def test_random_lists_are_taken_or_a_mistake() -> None:
    chance = Random("lists")
    takes: list[Callable[[str], frozenset[str]]] = [
        lambda text: allowed_origins(text, 80),
        lambda text: allowed_hosts(text, "localhost", "farm"),
    ]
    characters = string.printable + "é\0٣\ud800" + "htps:/.," * 8
    for _ in range(20_000):
        text = "https://a.example," * chance.randrange(2) + "".join(chance.choices(characters, k=chance.randrange(10)))
        for take in takes:
            try:
                found = take(text)
            except ConfigurationError:
                continue
            assert all(each == each.lower() and each.isprintable() for each in found)


def test_by_default_this_hosts_dashboard_may_connect_wherever_the_host_is_reached() -> None:
    gatekeeper = Gatekeeper(
        trust_this_host=False,
        origins=allowed_origins("", 8080),
        hosts=frozenset(("localhost", "pi.local")),
        clients={},
        own_page_port=8080,
    )

    def refusal(host: str, origin: str) -> str | None:
        return gatekeeper.refusal(Request(peer="192.0.2.7", host=host, origin=origin))

    assert refusal("192.0.2.1:8000", "http://192.0.2.1:8080") is None
    assert refusal("pi.local:8000", "http://pi.local:8080") is None
    assert refusal("[2001:db8::1]:8000", "http://[2001:db8::1]:8080") is None
    assert refusal("192.0.2.1:8000", "http://pi.local:8080") is None
    assert refusal("192.0.2.1:8000", "http://pi-0123abcd.local:8080") is None
    trusting = replace(gatekeeper, trust_this_host=True)
    assert trusting.refusal(Request(peer="127.0.0.1", host="localhost:8000", origin="http://pi.local:8080")) is not None
    for host, origin in (
        ("192.0.2.1:8000", "http://pi-evil.local:8080"),
        ("192.0.2.1:8000", "http://pi.local:8081"),
        ("192.0.2.1:8000", "http://pi.local:8080/"),
        ("192.0.2.1:8000", "http://192.0.2.66:8080"),
        ("192.0.2.1:8000", "http://192.0.2.1:8081"),
        ("192.0.2.1:8000", "https://192.0.2.1:8080"),
        ("pi.local:8000", "http://evil.example:8080"),
        ("evil.example:8000", "http://evil.example:8080"),
    ):
        assert refusal(host, origin) is not None


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("10.0.0.1, forged, 192.0.2.7", "192.0.2.7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("192.0.2.7, unknown", None),
        ("\x1b[2J", None),
        ("", None),
        (None, None),
    ],
)
def test_what_a_proxy_has_seen(header: str | None, address: str | None) -> None:
    assert seen_by_proxy(header) == address


def test_the_hosts_of_pages_that_may_connect_are_names_of_ours() -> None:
    """One option is enough where a proxy serves page and broker; with TLS the own page is one of https."""
    origins = allowed_origins("https://iot.example.org, http://[2001:db8::7]:8080", 8080)
    assert hosts_of(origins) == {"iot.example.org", "[2001:db8::7]"}
    assert allowed_origins("", 443, "https") == {"https://localhost", "https://127.0.0.1", "https://[::1]"}
