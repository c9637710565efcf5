# SPDX-License-Identifier: BSD-3-Clause
"""What decides at the door and about time, with literals: pace, deadlines, places, requests."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

import pytest

from pyaiot import options
from pyaiot.gateway.ws import admission
from pyaiot.gateway.ws.admission import Claim, NotAdmitted, Places, admit, parse_origins
from pyaiot.gateway.ws.deadlines import Deadlines
from pyaiot.gateway.ws.pace import MAX_BURST, MAX_UPDATES_PER_S, MIN_PAUSE_S, Pace
from pyaiot.options import ConfigurationError
from pyaiot.settings import ALL_SETTINGS, BrokerSettings, WsGatewaySettings

# Pace


def test_a_burst_is_free_and_then_the_rate_holds() -> None:
    pace, now, taken = Pace(100.0, MAX_BURST), 100.0, 0
    while pace.take(1, now) == 0.0:
        taken += 1
    assert taken == MAX_BURST
    for _ in range(100):
        pause_s = 0.0
        while not pause_s:
            pause_s = pace.take(1, now)
            taken += 1
        assert pause_s >= MIN_PAUSE_S
        now += pause_s
    assert taken == pytest.approx(MAX_BURST + (now - 100.0) * MAX_UPDATES_PER_S, rel=0.02)


def test_a_long_message_is_paid_for_afterwards_and_rest_is_not_saved_up_for_ever() -> None:
    pace = Pace(0.0, MAX_BURST)
    assert pace.take(int(MAX_BURST), 0.0) == 0.0
    assert pace.take(2_500, 0.0) == pytest.approx(2_500 / MAX_UPDATES_PER_S)
    assert pace.take(1, 1_000.0) == 0.0
    assert pace.take(int(MAX_BURST), 1_000.0) > 0.0


# Deadlines


def test_who_began_first_is_due_first_and_a_new_beginning_counts_from_then() -> None:
    deadlines: Deadlines[str] = Deadlines(5.0)
    assert deadlines.next() is None
    for number, who in enumerate("abcd"):
        deadlines.begin(who, float(number))
    assert (len(deadlines), deadlines.next()) == (4, 5.0)
    deadlines.begin("a", 3.5)
    deadlines.end("c")
    deadlines.end("nobody")
    assert deadlines.due(5.9, 10) == []
    assert deadlines.due(8.4, 10) == ["b", "d"]
    assert deadlines.next() == 8.5
    assert deadlines.due(8.5, 10) == ["a"]
    assert deadlines.next() is None


def test_only_so_many_are_due_at_once() -> None:
    deadlines: Deadlines[int] = Deadlines(1.0)
    for number in range(10):
        deadlines.begin(number, 0.0)
    assert deadlines.due(2.0, 4) == [0, 1, 2, 3]
    assert deadlines.due(2.0, 4) == [4, 5, 6, 7]
    assert deadlines.due(2.0, 4) == [8, 9]


# Places


def test_places_are_bounded_for_an_address_and_in_all_and_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_CONNECTIONS_PER_ADDRESS", 2)
    places = Places()
    places.limit = 3
    groups = [places.enter(address) for address in ("a", "a", "a", "b", "c")]
    assert [group is not None for group in groups] == [True, True, False, True, False]
    assert groups[0] is groups[1] is not groups[3]
    places.leave("a")
    assert places.enter("c")
    for address in "abc":
        places.leave(address)
    assert (places.total, places._groups) == (0, {})


def test_addresses_that_one_host_can_have_at_will_share_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_CONNECTIONS_PER_ADDRESS", 3)
    places = Places()
    host = [f"2001:db8:1:2::{number:x}" for number in range(1, 5)]
    assert [places.enter(address) is not None for address in host] == [True, True, True, False]
    assert places.enter("2001:db8:1:3::1"), "the next host's network"
    places.leave(host[0])
    assert places.enter(host[3])
    for address in (*host[1:], "2001:db8:1:3::1"):
        places.leave(address)
    assert (places.total, places._groups) == (0, {})


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_behind_a_proxy_on_this_host_there_are_as_many_places_as_there_are(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(admission, "MAX_CONNECTIONS_PER_ADDRESS", 2)
    places = Places()
    places.limit = 5
    assert [places.enter(address) is not None for _ in range(6)] == [True] * 5 + [False]


# Requests


def test_who_a_request_is_from() -> None:
    def basic(text: str) -> list[str]:
        return [f"Basic {b64encode(text.encode()).decode()}"]

    nobody: Sequence[str] = ()
    for path, authorization, claim in (
        ("/node", nobody, Claim()),
        ("/node?id=lamp", nobody, Claim("lamp")),
        ("/node?x=1&id=a%20b", nobody, Claim("a b")),
        ("/node", basic("lamp:key"), Claim("lamp", b"key")),
        ("/node", basic("lamp:a:b"), Claim("lamp", b"a:b")),
        ("/node?id=lamp", basic("lamp:"), Claim("lamp", b"")),
        ("/node?id=lamp", ["bearer  key "], Claim("lamp", b"key")),
    ):
        assert admit(path, [], authorization, frozenset()) == claim


@pytest.mark.parametrize(
    ("path", "origins", "authorization", "status"),
    [
        ("/", [], [], 404),
        ("/node/", [], [], 404),
        ("http://x/node", [], [], 404),
        ("/node", ["https://evil.example"], [], 403),
        ("/node", ["https://good.example", "https://evil.example"], [], 403),
        ("/node", ["null"], [], 403),
        ("/node", [""], [], 403),
        ("/node?id=a&id=b", [], [], 400),
        ("/node?id=%ff", [], [], 400),
        ("/node?" + "&".join(f"p{number}=1" for number in range(9)), [], [], 400),
        ("/node", [], ["Bearer key"], 401),
        ("/node?id=a", [], ["Bearer "], 401),
        ("/node?id=a", [], ["Bearer x", "Bearer y"], 401),
        ("/node?id=a", [], ["Basic " + b64encode(b"b:key").decode()], 401),
        ("/node?id=a", [], ["Basic " + b64encode(b"nokey").decode()], 401),
        ("/node?id=a", [], ["Basic " + b64encode(b"\xff:key").decode()], 401),
        ("/node?id=a", [], ["Basic é"], 401),
        ("/node?id=a", [], ["Negotiate x"], 401),
        ("/node?id=a", [], [""], 401),
    ],
)
def test_what_is_not_admitted(path: str, origins: list[str], authorization: list[str], status: int) -> None:
    with pytest.raises(NotAdmitted) as refused:
        admit(path, origins, authorization, frozenset(("https://good.example",)))
    assert refused.value.status == status


def test_origins_are_listed_as_browsers_say_them() -> None:
    assert parse_origins("") == frozenset()
    assert parse_origins(" https://A.example/ ,http://b:81,") == {"https://a.example", "http://b:81"}
    for wrong in ("example.org", "https://", "https://a/b", "*"):
        with pytest.raises(ConfigurationError, match="--device-origins"):
            parse_origins(wrong)


def test_a_page_that_may_read_is_no_device_by_that(tmp_path: Path) -> None:
    """One file serves all services."""
    file = tmp_path / "pyaiot.toml"
    file.write_text('allowed_origins = "https://read.example"\ndevice_origins = "https://device.example"\n')
    arguments = ("--config", str(file))
    broker = options.load(
        BrokerSettings, program="b", description="", arguments=arguments, environment={}, known=ALL_SETTINGS
    )
    gateway = options.load(
        WsGatewaySettings, program="g", description="", arguments=arguments, environment={}, known=ALL_SETTINGS
    )
    assert broker.allowed_origins == "https://read.example"
    assert parse_origins(gateway.device_origins) == {"https://device.example"}
    assert not hasattr(gateway, "allowed_origins")
