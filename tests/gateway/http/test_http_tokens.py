# SPDX-License-Identifier: BSD-3-Clause
"""Devices that prove their id by a token (``Authorization: Bearer``), over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pyaiot import devices
from pyaiot.devices import Credential, Devices
from pyaiot.gateway.device_tokens import authority, owner_file
from pyaiot.gateway.device_tokens.owners import Accounts
from pyaiot.gateway.device_tokens.token_keys import TokenKeys
from pyaiot.gateway.http import request_handler
from pyaiot.gateway.http.access import Access
from pyaiot.gateway.http.adapter import HttpAdapter
from pyaiot.options import ConfigurationError
from tests.gateway.device_tokens.issuer import HOUR, NOW, Issuer, claims_of
from tests.gateway.http.http_devices import Connection, Gateway, running
from tests.patience import PATIENCE_S

ES256 = Issuer("ES256")
RS256 = Issuer("RS256")
OTHER = [{"id": "acc-2"}]


class Clock:
    """What time it is for the gateway's tokens."""

    def __init__(self) -> None:
        self.now = NOW

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(authority, "time", SimpleNamespace(time=clock.time))
    monkeypatch.setattr(authority, "LOOK_S", 0.02)
    monkeypatch.setattr(owner_file, "LOOK_S", 0.02)
    monkeypatch.setattr(request_handler, "PENALTY_S", 0.01)
    return clock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "device-keys"
    folder.mkdir()
    (folder / "one.pem").write_bytes(ES256.pem)
    (folder / "other.pem").write_bytes(RS256.pem)
    return folder


@pytest.fixture
async def public(folder: Path, clock: Clock) -> AsyncIterator[Gateway]:
    """As on any bind but loopback."""
    async with running(trust=False, token_keys=TokenKeys(folder)) as gateway:
        yield gateway


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def token(issuer: Issuer = ES256, **claims: Any) -> dict[str, str]:
    return bearer(issuer.token(claims_of(**claims)))


async def test_a_token_is_as_good_as_a_password(public: Gateway) -> None:
    for issuer in (ES256, RS256):
        assert (await public.device("joe", token(issuer)).post({issuer.algorithm: 1})).status == 204
    await public.until(lambda: public.values("joe").get("RS256") == public.values("joe").get("ES256") == 1)
    assert (await public.device("joe", token()).ask("GET")).status == 204
    assert (await public.device("joe", token()).ask("DELETE")).status == 204


async def test_a_token_is_of_its_device_only_and_of_its_time(public: Gateway, clock: Clock) -> None:
    stranger = Issuer("ES256")
    for headers in (token(device="ann"), token(exp=NOW), token(stranger), bearer("a.b.c"), bearer("x" * 8_192)):
        for method in ("POST", "GET", "DELETE"):
            answer = await public.device("joe", headers).ask(method)
            assert answer.status == 401
    assert public.adapter.counters.wrong_passwords == 15
    assert not public.service.known("joe")
    assert (await public.device("joe", token()).post({"x": 1})).status == 204
    clock.now += HOUR
    answer = await public.device("joe", token()).post({"x": 1})
    assert (answer.status, answer.text) == (401, "the token is not good")


async def test_a_poll_is_over_when_its_token_is(public: Gateway, clock: Clock) -> None:
    poll = asyncio.create_task(public.device("joe", token()).ask("GET", query="?wait=60"))
    await public.polled("joe")
    clock.now += HOUR
    assert (await poll).status == 401
    await public.write("joe", "led", "1")
    await public.waits()
    assert (await public.device("joe", token()).ask("GET")).status == 401
    assert public.adapter.counters.commands == 0


async def test_a_poll_is_over_when_the_key_is_gone_that_signed_its_token(public: Gateway, folder: Path) -> None:
    poll = asyncio.create_task(public.device("joe", token()).ask("GET", query="?wait=60"))
    other = asyncio.create_task(public.device("ann", token(RS256, device="ann")).fetch(60))
    await public.polled("joe")
    await public.polled("ann")
    (folder / "one.pem").unlink()
    assert (await poll).status == 401
    await public.write("ann", "led", "1")
    assert [each["value"] for each in await other] == ["1"]
    assert len(public.adapter._authority._grants) == 0


async def test_what_a_token_has_proved_is_not_had_without_one(folder: Path, clock: Clock, tmp_path: Path) -> None:
    path = tmp_path / "devices"
    devices.store(path, Devices({"joe": Credential.of("device", b"joe's")}))
    async with running(token_keys=TokenKeys(folder), device_file=str(path)) as gateway:
        joe = gateway.device("joe")
        assert (await joe.post({"x": 1})).status == 204  # on loopback, until a token has proved it
        assert (await gateway.device("joe", token()).post({"x": 2})).status == 204
        for headers in ({}, bearer("joe's")):
            for method in ("POST", "GET", "DELETE"):
                answer = await gateway.device("joe", headers).ask(method)
                assert (answer.status, answer.text) == (401, "this id is only had with its token")
        assert (await gateway.device("ann").post({"x": 1})).status == 204
        clock.now += HOUR  # nor when the token is good no longer
        assert (await joe.post({"x": 3})).status == 401


async def test_a_poll_without_a_token_gets_nothing_once_the_id_is_proved(folder: Path, clock: Clock) -> None:
    async with running(token_keys=TokenKeys(folder)) as gateway:
        thief = asyncio.create_task(gateway.device("joe").ask("GET", query="?wait=60"))
        await gateway.polled("joe")
        assert (await gateway.device("joe", token()).post({"x": 1})).status == 204
        assert (await thief).status == 401
        assert await gateway.device("joe", token()).fetch() == []
        await gateway.write("joe", "led", "1")
        await gateway.waits()
        assert [each["value"] for each in await gateway.device("joe", token()).fetch()] == ["1"]


@pytest.mark.parametrize("what", ["values", "nonsense", "a poll"])
async def test_a_token_makes_void_what_was_said_and_asked_without_one(folder: Path, clock: Clock, what: str) -> None:
    async with running(token_keys=TokenKeys(folder)) as gateway:
        squatter, owner = gateway.device("joe"), gateway.device("joe", token())
        assert await squatter.fetch() == []
        assert (await squatter.post({"alarm": "FIRE", **{f"j{number}": number for number in range(100)}})).status == 200
        number = await gateway.write("joe", "led", "1")
        await gateway.waits()
        if what == "values":
            assert (await owner.post({"temperature": 21.5})).status == 204
        elif what == "nonsense":
            assert (await owner.post(b"{")).status == 400
            assert not gateway.service.known("joe")
            assert (await owner.post({"temperature": 21.5})).status == 204
        else:
            assert await owner.fetch() == []
            assert (await owner.post({"temperature": 21.5})).status == 204
        assert await gateway.result(number) == ("offline", "the device had not fetched it")
        await gateway.until(lambda: gateway.values("joe").get("temperature") == 21.5)
        node = gateway.service.core.registry.nodes["joe"]
        assert set(node.values) == {"ip", "account", "protocol", "temperature"}
        told = [each for _, each in gateway.session.messages if each.get("uid") == "joe"]
        (out,) = [number for number, each in enumerate(told) if each["type"] == "out"]
        assert (told[out + 1]["type"], told[out + 1]["account"]) == ("new", "acc-1")
        assert all("account" not in each for each in told[:out])
        assert (await gateway.device("joe", token(RS256)).post({"temperature": 22})).status == 204
        assert gateway.service.core.registry.nodes["joe"] is node, "that is the same owner"
        assert gateway.service.core.counters.out == {"closed": 1}


async def saved(path: Path, accounts: Accounts) -> None:
    """Wait until the owners file says just that."""
    async with asyncio.timeout(PATIENCE_S):
        while owner_file.load_or_none(path) != accounts:
            await asyncio.sleep(0.01)


async def test_an_id_is_its_accounts_also_after_a_restart(
    folder: Path, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "private" / "device-owners"
    options: dict[str, Any] = {"token_keys": TokenKeys(folder), "device_owners": str(path)}
    async with running(**options) as first:
        assert (await first.device("joe", token()).post({"x": 1})).status == 204
        await first.until(lambda: first.values("joe").get("account") == "acc-1")
        await saved(path, {"joe": "acc-1"})
        async with running(**options) as gateway:  # as if the first had been killed: nothing was said at its end
            for headers in ({}, token(accounts=OTHER), token(accounts=[])):
                for method in ("POST", "GET", "DELETE"):
                    assert (await gateway.device("joe", headers).ask(method)).status == 401
            assert "run: aiot device release joe" in caplog.text
            assert not gateway.service.known("joe")
            assert (await gateway.device("joe", token(RS256)).post({"x": 2})).status == 204


async def test_a_released_id_is_had_by_the_account_that_proves_it_next_and_nothing_of_the_other_is_left(
    folder: Path, clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "private" / "device-owners"
    async with running(token_keys=TokenKeys(folder), device_owners=str(path)) as gateway:
        poll = asyncio.create_task(gateway.device("joe", token()).ask("GET", query="?wait=60"))
        slow = await Connection.open(gateway.port)
        slow.ask("POST", "/v1/nodes/joe", headers={**token(), "Content-Length": "8"})
        await gateway.polled("joe")
        await saved(path, {"joe": "acc-1"})
        owner_file.store(path, {})  # as aiot device release does
        assert (await poll).status == 401
        await gateway.until(lambda: not gateway.service.known("joe"))
        assert (await gateway.device("joe", token(accounts=OTHER)).post({"x": 1})).status == 204
        await saved(path, {"joe": "acc-2"})
        slow.writer.write(b'{"y": 1}')
        assert (await slow.answer()).status == 401, "it was let in when the id was another's"
        slow.close()
        assert (await gateway.device("joe", token()).post({"y": 2})).status == 401
        await gateway.until(lambda: gateway.values("joe").get("account") == "acc-2")
        assert "y" not in gateway.values("joe")


async def test_a_gateway_does_not_start_on_a_broken_owners_file(tmp_path: Path) -> None:
    path = tmp_path / "device-owners"
    path.write_text("joe")
    path.chmod(0o600)
    adapter = HttpAdapter(Access(False, frozenset()), host="127.0.0.1", port=0, device_owners=str(path))
    events: Any = object()
    with pytest.raises(ConfigurationError, match="it is cut short"):
        await adapter.start(events)


async def test_a_token_is_for_the_audience_of_the_gateway(folder: Path, clock: Clock) -> None:
    async with running(trust=False, token_keys=TokenKeys(folder), audience="garden") as gateway:
        assert (await gateway.device("joe", token()).post({"x": 1})).status == 401
        assert (await gateway.device("joe", token(aud="garden")).post({"x": 1})).status == 204


async def test_keys_that_cannot_be_used_are_said_before_anything_starts(folder: Path) -> None:
    (folder / "one.pem").write_text("nonsense")
    adapter = HttpAdapter(Access(False, frozenset()), host="127.0.0.1", port=0, token_keys=TokenKeys(folder))
    events: Any = object()
    with pytest.raises(ConfigurationError, match=r"--device-keys: .*one\.pem: it is no public key"):
        await adapter.start(events)
