# SPDX-License-Identifier: BSD-3-Clause
"""Who may speak for which device."""

from __future__ import annotations

import random
from base64 import b64encode
from typing import Any

import pytest

from pyaiot.devices import Credential, Devices
from pyaiot.gateway.device_tokens.owners import Owners
from pyaiot.gateway.device_tokens.tokens import BadToken, Grant
from pyaiot.gateway.http.access import (
    MAX_AUTHORIZATION,
    Access,
    Claim,
    Denied,
    Request,
    check_owner,
    parse_authorization,
)

DEVICES = Devices(
    {
        "joe": Credential.of("device", b"secret"),
        "ann": Credential.of("device", b"other"),
        "gw": Credential.of("gateway", b"all"),
    }
)
LOCAL = Access(trust_this_host=True, names=frozenset(("localhost", "iot.example")))
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:60.0) Gecko/20100101 Firefox/60.0"
PUBLIC = Access(trust_this_host=False, names=frozenset(("localhost",)))


def asking(**more: Any) -> Request:
    return Request(**{"peer": "127.0.0.1", "host": "localhost:8002", **more})


def basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


GRANT = Grant("joe", "acc-1", 2e9, b"")


def owned(by: str | None = "acc-1", uid: str = "joe") -> Owners:
    owners = Owners()
    owners.prove(uid, by)
    return owners


def grant(token: str, uid: str) -> Grant:
    """One token is good, and for one device."""
    if (token, uid) != ("a.good.one", "joe"):
        raise BadToken("no key of ours has signed it")
    return GRANT


def verdict(access: Access, request: Request, uid: str = "joe", owners: Owners | None = None) -> int:
    try:
        access.check_sender(request)
        access.check_device(request, uid, DEVICES.verify, grant, owners or Owners())
    except Denied as denied:
        return denied.status if str(denied) else 0
    return 200


def test_on_loopback_a_program_of_this_host_speaks_for_every_device() -> None:
    for peer in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        assert verdict(LOCAL, asking(peer=peer)) == 200
        assert verdict(LOCAL, asking(peer=peer), "nobody") == 200


def test_who_comes_through_a_proxy_or_from_elsewhere_needs_a_password_there_too() -> None:
    assert verdict(LOCAL, asking(proxied=True)) == 401
    assert verdict(LOCAL, asking(peer="192.0.2.1")) == 401
    assert verdict(LOCAL, asking(proxied=True, authorization=basic("joe", "secret"))) == 200


def test_elsewhere_each_device_needs_its_own_password() -> None:
    assert verdict(PUBLIC, asking()) == 401
    assert verdict(PUBLIC, asking(authorization=basic("joe", "secret"))) == 200
    assert verdict(PUBLIC, asking(authorization="Bearer secret")) == 200
    assert verdict(PUBLIC, asking(authorization="bearer secret")) == 200
    assert verdict(PUBLIC, asking(authorization=basic("ann", "other"))) == 403
    assert verdict(PUBLIC, asking(authorization="Bearer other")) == 401


@pytest.mark.parametrize("access", [LOCAL, PUBLIC])
@pytest.mark.parametrize(
    "authorization",
    [
        basic("joe", "Secret"), basic("joe", ""), basic("", "secret"), basic("nobody", "secret"), basic("gw", "all"),
        "Bearer a.bad.one", basic("joe", "a.good.one"), "Bearer x", "Bearer ",
        "Bearer", "Basic", "Basic !!!", "Basic am9l", "Basic " + b64encode(b"\xff:x").decode(),
        "Digest username=joe", "", "Bearer " + "x" * MAX_AUTHORIZATION, "Bearer \udcff",
    ],
)  # fmt: skip
def test_a_password_that_is_wrong_is_wrong_on_loopback_too(access: Access, authorization: str) -> None:
    with pytest.raises(Denied) as caught:
        access.check_device(asking(authorization=authorization), "joe", DEVICES.verify, grant, Owners())
    assert (caught.value.status, caught.value.guessed != "") == (401, True)


@pytest.mark.parametrize("access", [LOCAL, PUBLIC])
def test_a_token_speaks_for_its_device_alone(access: Access) -> None:
    good = asking(authorization="Bearer a.good.one")
    assert access.check_device(good, "joe", DEVICES.verify, grant, Owners()) is GRANT
    assert verdict(access, good, "ann") == 401
    assert verdict(access, asking(peer="192.0.2.1", authorization="Bearer a.good.one")) == 200


@pytest.mark.parametrize("account", ["acc-1", "acc-2", None])
def test_what_a_token_has_proved_is_had_with_a_token_of_that_account_only(account: str | None) -> None:
    good = asking(authorization="Bearer a.good.one")
    assert verdict(LOCAL, good, owners=owned(account)) == (200 if account == GRANT.account else 401)
    for request in (asking(), asking(authorization=basic("joe", "secret")), asking(authorization="Bearer secret")):
        assert verdict(LOCAL, request, owners=owned(account)) == 401
        assert verdict(LOCAL, request, owners=owned(account, "ann")) == 200


def test_who_has_a_token_of_another_account_is_told_as_of_a_bad_one_and_our_log_what_to_do() -> None:
    with pytest.raises(Denied, match="the token is not good") as caught:
        LOCAL.check_device(asking(authorization="Bearer a.good.one"), "joe", DEVICES.verify, grant, owned("acc-2"))
    assert "acc-2" not in caught.value.guessed
    assert "run: aiot device release joe" in caught.value.guessed


def test_what_was_let_in_is_asked_again_whose_the_id_is() -> None:
    check_owner("joe", None, Owners())
    check_owner("joe", GRANT, owned())
    for granted, owners in ((None, owned()), (GRANT, Owners()), (GRANT, owned("acc-2"))):
        with pytest.raises(Denied) as caught:
            check_owner("joe", granted, owners)
        assert (caught.value.status, caught.value.guessed) == (401, "")


def test_nothing_is_said_of_which_devices_there_are() -> None:
    answers = set()
    for uid in ("joe", "nobody"):
        with pytest.raises(Denied) as caught:
            PUBLIC.check_device(asking(authorization=basic(uid, "guess")), uid, DEVICES.verify, grant, Owners())
        answers.add(str(caught.value))
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"host": "127.0.0.1:8002"}, 200), ({"host": "[::1]:8002"}, 200), ({"host": "iot.example"}, 200),
        ({"host": "IOT.example:80"}, 200), ({"host": "evil.example"}, 403), ({"host": ""}, 403), ({"host": "a b"}, 403),
        ({"origin": "http://localhost:8002"}, 403), ({"origin": "null"}, 403), ({"origin": ""}, 403),
        ({"user_agent": FIREFOX}, 403), ({"user_agent": "Opera/9.80 (X11; Linux)"}, 403),
        ({"user_agent": FIREFOX, "site": "none"}, 403), ({"user_agent": "curl/8.14.1"}, 200),
        ({"user_agent": "ESP8266HTTPClient"}, 200), ({"user_agent": "python-requests/2 (not Mozilla/5.0)"}, 200),
        ({"site": "cross-site"}, 403), ({"site": "same-origin"}, 403), ({"site": "none"}, 403),
    ],
)  # fmt: skip
def test_pages_and_other_names_are_refused_also_with_the_password(more: dict[str, str], status: int) -> None:
    assert verdict(LOCAL, asking(**more)) == status
    assert verdict(LOCAL, asking(**more, authorization=basic("joe", "secret"))) == status


def test_authorization_is_read() -> None:
    assert parse_authorization(basic("joe", "a:b")) == Claim("joe", b"a:b")
    assert parse_authorization("BASIC am9lOng=") == Claim("joe", b"x")
    assert parse_authorization("Bearer abc") == Claim(None, b"abc")
    longest = "Bearer ".ljust(MAX_AUTHORIZATION, "x")
    assert parse_authorization(longest) is not None
    assert parse_authorization(longest + "x") is None


def test_50_000_mutated_headers_raise_nothing_and_open_nothing() -> None:
    rng = random.Random(1)
    seeds = [basic("joe", "wrong"), "Bearer wrong", "Basic am9lOng="]
    for turn in range(50_000):
        text = list(seeds[turn % 3])
        for _ in range(rng.randrange(1, 5)):
            text[rng.randrange(len(text))] = chr(rng.choice([rng.randrange(256), rng.randrange(0x110000)]))
        with pytest.raises(Denied):
            PUBLIC.check_device(asking(authorization="".join(text)), "joe", DEVICES.verify, grant, Owners())
