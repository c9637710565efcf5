# SPDX-License-Identifier: BSD-3-Clause
"""Devices with tokens on real sockets: who is let in, who is not, what each is told, and when it is over."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any, NoReturn

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from pyaiot import devices
from pyaiot.devices import Credential, Devices
from pyaiot.gateway.adapter import Refused
from pyaiot.gateway.device_tokens.token_keys import TokenKeys
from pyaiot.gateway.ws.sessions.token import MAX_EARLY
from tests.raw_sockets import converse

from .conftest import MakeGateway
from .token_devices import (
    ACCEPTED,
    ECHO,
    FAULT,
    INVALID,
    PLATFORM,
    PONG,
    STRANGER,
    WRONG_FORMAT,
    keys_folder,
    token_device,
    token_for,
)
from .ws_devices import Gateway, device, upgrade


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return keys_folder(tmp_path / "keys", public=PLATFORM)


@pytest.fixture
async def gateway(make_gateway: MakeGateway, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """One that has the platform's key, and looks often whether it still has."""
    monkeypatch.setattr("pyaiot.gateway.device_tokens.authority.LOOK_S", 0.02)
    return await make_gateway(token_keys=TokenKeys(folder))


@pytest.mark.parametrize("path", ["/", "/node", "/any/path?x=1"])
async def test_the_subprotocol_is_selected_on_any_path_OI_1(gateway: Gateway, path: str) -> None:
    async with token_device(gateway, "joe", path) as joe:
        assert joe.connection.subprotocol == "echo-protocol"
        assert gateway.known("joe")
    async with token_device(gateway, "joe", path, subprotocols=[Subprotocol("x"), ECHO]) as joe:
        assert joe.connection.subprotocol == "echo-protocol"


@pytest.mark.parametrize("offered", [None, [Subprotocol("echo")], [Subprotocol("Echo-Protocol")]])
async def test_without_the_subprotocol_there_is_nothing_at_other_paths_OI_1(gateway: Gateway, offered: Any) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{gateway.adapter.port}/", subprotocols=offered, proxy=None)
    assert refused.value.response.status_code == 404


async def test_a_page_may_not_play_device_with_a_token_either(gateway: Gateway) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with token_device(gateway, origin="https://evil.example"):
            pass
    assert refused.value.response.status_code == 403


async def test_a_good_token_makes_a_node_and_is_answered_OI_4_OI_B1(gateway: Gateway) -> None:
    async with token_device(gateway) as joe:
        assert not gateway.known("joe")
        assert await joe.introduce("joe") == ACCEPTED
        assert gateway.count("new", "joe") == 1
    await gateway.until(lambda: gateway.count("gone", "joe") == 1)


async def test_a_ping_is_answered_also_before_the_token_OI_2(gateway: Gateway) -> None:
    async with token_device(gateway) as joe:
        for _ in range(3):
            await joe.send({"type": "ping"})
            assert await joe.hear() == PONG
        await joe.send({"type": "whatever", "deviceId": 1})
        assert await joe.introduce("joe") == ACCEPTED
        await joe.send({"type": "ping"})
        assert await joe.hear() == PONG


async def test_who_does_not_say_who_he_is_may_not_go_on_OI_B8(gateway: Gateway) -> None:
    async with token_device(gateway) as joe:
        for _ in range(MAX_EARLY + 1):
            await joe.send({"type": "ping"})
        for _ in range(MAX_EARLY):
            assert await joe.hear() == PONG
        assert (await joe.closed())[0] == 1008
    async with token_device(gateway) as joe:
        await joe.update({"led": 1})
        assert (await joe.closed())[0] == 1008
    assert gateway.log == []
    assert gateway.adapter.counters.unnamed == 0, "it was late, which is something else"


async def test_who_has_a_token_has_5_s_to_say_so_OI_B8(gateway: Gateway) -> None:
    server = gateway.adapter._server
    async with token_device(gateway):
        due = server._hurried.next()
        assert due is not None
        assert due <= asyncio.get_running_loop().time() + 5.0
        # uvloop tells the time of a timer in whole milliseconds.
        assert (server._timer.when() if server._timer else due + 1.0) <= due + 0.001


async def test_who_does_not_say_in_time_who_he_is_is_disconnected_OI_B8(
    make_gateway: MakeGateway, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyaiot.gateway.ws.server.HURRY_S", 0.1)
    gateway = await make_gateway(token_keys=TokenKeys(folder))
    async with token_device(gateway) as silent, token_device(gateway, "joe") as joe:
        assert (await silent.closed())[0] == 1008
        await joe.send({"type": "ping"})
        assert await joe.hear() == PONG
    assert gateway.adapter.counters.unnamed == 1


@pytest.mark.parametrize(
    ("device", "token"),
    [
        ("joe", "x"),
        ("joe", ""),
        ("joe", token_for("joe", STRANGER)),
        ("joe", token_for("jim")),
        ("joe", token_for("joe", seconds=-1)),
        ("joe", "A" * 9000),
    ],
    ids=["no token", "empty", "another's key", "another device's", "expired", "huge"],
)
async def test_a_bad_token_is_answered_and_closed_OI_3(
    gateway: Gateway, device: str, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with token_device(gateway) as joe:
        assert await joe.introduce(device, token) == INVALID
        assert await joe.closed() == (1008, "invalid device token")
    assert gateway.log == []
    assert gateway.adapter.counters.bad_tokens == 1
    assert [record.levelname for record in caplog.records if "is refused" in record.getMessage()] == ["WARNING"]
    assert len(token) < 2 or token not in "".join(
        record.getMessage() for record in caplog.records if record.name.startswith("pyaiot")
    ), "a token is in the log"


@pytest.mark.parametrize(
    "message",
    [
        "", "ping", "[]", '{"type":1}', '{"type":"device"}', '{"type":"device","deviceId":"j o","deviceToken":"x"}',
        b'{"type":"ping"}', b"",
    ],
)  # fmt: skip
async def test_a_wrong_format_is_answered_and_closed_OI_3_OI_B6(gateway: Gateway, message: str | bytes) -> None:
    async with token_device(gateway) as joe:
        await joe.send(message)
        assert await joe.closed_after(WRONG_FORMAT) == 1003


async def test_what_is_no_fault_of_the_device_is_answered_so_OI_3(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(uid: str, **more: Any) -> NoReturn:
        raise Refused("the gateway is full")

    monkeypatch.setattr(gateway, "seen", full)
    async with token_device(gateway) as joe:
        assert await joe.introduce("joe") == FAULT
        assert (await joe.closed())[0] == 1000


async def test_a_fault_of_ours_is_not_taken_for_the_devices_OI_B6(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> NoReturn:
        raise RuntimeError("broken")

    monkeypatch.setattr(gateway.adapter._authority, "grant", broken)
    async with token_device(gateway) as joe:
        assert await joe.introduce("joe") == FAULT
        assert (await joe.closed())[0] == 1000
    assert gateway.adapter.counters.internal_errors == 1
    gateway.adapter.counters.internal_errors = 0
    assert any(record.exc_info for record in caplog.records)


async def test_a_token_without_an_account_is_taken_OI_B3(gateway: Gateway) -> None:
    async with token_device(gateway) as joe:
        assert await joe.introduce("joe", accounts=None) == ACCEPTED


async def test_the_newest_connection_wins_once_its_token_is_good_OI_7(gateway: Gateway) -> None:
    async with token_device(gateway, "joe") as older:
        async with token_device(gateway) as thief:
            assert await thief.introduce("joe", token_for("joe", STRANGER)) == INVALID
        await older.send({"type": "ping"})
        assert await older.hear() == PONG
        async with token_device(gateway, "joe") as newer:
            assert (await older.closed())[0] == 1000
            await older.connection.wait_closed()
            await newer.send({"type": "ping"})
            assert await newer.hear() == PONG
            assert gateway.count("gone", "joe") == 0
            assert len(gateway.adapter._residents) == 1
    await gateway.until(lambda: gateway.count("gone", "joe") == 1)


async def test_devices_of_two_accounts_with_one_id_do_not_take_each_others_place_OI_6(gateway: Gateway) -> None:
    async with token_device(gateway, "joe") as joe:
        async with token_device(gateway) as other:
            assert await other.introduce("joe", accounts=[{"id": "acc-2"}]) == INVALID
            assert (await other.closed())[0] == 1008
        await joe.send({"type": "ping"})
        assert await joe.hear() == PONG
    await gateway.until(lambda: gateway.count("gone", "joe") == 1)
    for accounts in ([{"id": "acc-2"}], []):
        async with token_device(gateway) as other:
            assert await other.introduce("joe", accounts=accounts) == INVALID, "it is the first one's, there or not"
            assert (await other.closed())[0] == 1008
    assert gateway.adapter.counters.bad_tokens == 3
    async with token_device(gateway, "joe"):
        assert gateway.known("joe")


async def test_one_connection_is_one_device_OI_B4(gateway: Gateway) -> None:
    async with token_device(gateway, "joe") as joe:
        assert await joe.introduce("jim") == INVALID
        assert (await joe.closed())[0] == 1008
    await gateway.until(lambda: gateway.count("gone", "joe") == 1)
    assert not gateway.known("jim")


async def test_an_open_device_cannot_have_an_id_that_a_token_has_proved(gateway: Gateway) -> None:
    # The first one has the id already, but cannot prove that it is its own.
    async with device(gateway, "?id=joe") as first, token_device(gateway, "joe") as joe:
        assert (await first.closed())[0] == 1000
        async with device(gateway, "?id=joe", asked=False) as thief:
            assert (await thief.closed())[0] == 1008
        async with device(gateway) as thief:
            await thief.update({"led": 1}, uid="joe")
            assert (await thief.closed())[0] == 1008
        await joe.send({"type": "ping"})
        assert await joe.hear() == PONG
    await gateway.until(lambda: gateway.count("gone", "joe") == 2)
    async with device(gateway, "?id=joe", asked=False) as thief:
        assert (await thief.closed())[0] == 1008


async def test_what_an_open_device_said_is_void_once_a_token_has_proved_its_id(gateway: Gateway) -> None:
    async with device(gateway, "?id=joe") as squatter:
        await squatter.update({"alarm": "FIRE", **{f"j{number}": number for number in range(100)}})
        await gateway.until(lambda: "j50" in gateway.nodes["joe"])
        async with token_device(gateway, "joe") as joe:
            assert (await squatter.closed())[0] == 1000
            assert gateway.nodes["joe"] == {"ip": "127.0.0.1", "account": "acc-1"}
            await joe.send({"type": "update", "data": {"temperature": 21.5}})
            await gateway.until(lambda: gateway.nodes["joe"].get("temperature") == 21.5)
            async with token_device(gateway, "joe") as again:
                assert (await joe.closed())[0] == 1000
                assert "temperature" in gateway.nodes["joe"], "that is the same owner"
                await again.send({"type": "ping"})
                assert await again.hear() == PONG


async def test_where_a_key_is_required_a_token_is_enough_also_after_a_restart(
    make_gateway: MakeGateway, folder: Path
) -> None:
    for _ in range(2):
        gateway = await make_gateway(token_keys=TokenKeys(folder), require_key=True)
        async with device(gateway, "?id=joe") as thief:
            await thief.update({"led": 1})
            assert (await thief.closed())[0] == 1008
        assert not gateway.known("joe")
        async with token_device(gateway, "joe"):
            assert gateway.known("joe")


async def test_an_id_with_a_key_of_ours_is_not_had_with_a_token(
    make_gateway: MakeGateway, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = await make_gateway(token_keys=TokenKeys(folder))
    monkeypatch.setattr(gateway.adapter._residents, "may_be", lambda uid, key: uid != "joe")
    async with token_device(gateway) as joe, token_device(gateway, "jim"):
        assert await joe.introduce("joe") == INVALID
        assert (await joe.closed())[0] == 1008


async def test_an_id_that_gets_a_key_of_ours_ends_what_a_token_has_let_in(
    make_gateway: MakeGateway, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "private" / "devices"
    path.parent.mkdir(mode=0o700)
    gateway = await make_gateway(token_keys=TokenKeys(folder), device_file=str(path))
    async with token_device(gateway, "joe") as joe, token_device(gateway, "ann") as ann:
        devices.store(path, Devices({"joe": Credential.of("device", b"key")}))
        assert await joe.closed_after(INVALID) == 1008
        await ann.send({"type": "ping"})
        assert await ann.hear() == PONG
    assert gateway.adapter.counters.revoked == 1


async def test_a_token_ends_its_connection_when_it_expires_OI_B9(gateway: Gateway) -> None:
    async with token_device(gateway, "jim") as jim, token_device(gateway) as joe:
        assert await joe.introduce("joe", seconds=1) == ACCEPTED
        assert await joe.closed_after(INVALID) == 1008
        await gateway.until(lambda: gateway.count("gone", "joe") == 1)
        await jim.send({"type": "ping"})
        assert await jim.hear() == PONG
    assert gateway.adapter.counters.revoked == 1


async def test_a_newer_token_takes_the_place_of_the_older(gateway: Gateway) -> None:
    async with token_device(gateway) as joe:
        assert await joe.introduce("joe", seconds=1) == ACCEPTED
        assert await joe.introduce("joe", seconds=2) == ACCEPTED
        begin = asyncio.get_running_loop().time()
        assert await joe.closed_after(INVALID) == 1008
        assert asyncio.get_running_loop().time() - begin > 1.5
    assert gateway.count("new", "joe") == 1


async def test_a_newer_token_that_is_not_good_ends_the_connection(gateway: Gateway) -> None:
    for token in (token_for("joe", STRANGER), token_for("joe", accounts=[{"id": "acc-2"}])):
        async with token_device(gateway, "joe") as joe:
            assert await joe.introduce("joe", token) == INVALID
            assert (await joe.closed())[0] == 1008


async def test_a_key_that_is_removed_ends_what_it_let_in_and_one_that_is_added_counts(
    gateway: Gateway, folder: Path
) -> None:
    async with token_device(gateway, "joe") as joe:
        keys_folder(folder, other=STRANGER)
        await gateway.until(lambda: len(gateway.adapter._authority._keys.keys) == 2)
        async with token_device(gateway) as jim:
            assert await jim.introduce("jim", token_for("jim", STRANGER)) == ACCEPTED
            (folder / "public.pem").unlink()
            assert await joe.closed_after(INVALID) == 1008
            await jim.send({"type": "ping"})
            assert await jim.hear() == PONG


async def test_the_same_key_under_another_name_ends_nothing(gateway: Gateway, folder: Path) -> None:
    async with token_device(gateway, "joe") as joe:
        (folder / "public.pem").rename(folder / "renamed.pem")
        keys = gateway.adapter._authority._keys
        await gateway.until(lambda: [key.name for key in keys.keys] == ["renamed"])
        await joe.send({"type": "ping"})
        assert await joe.hear() == PONG


async def test_an_audience_is_asked_for_only_where_an_option_names_one(make_gateway: MakeGateway, folder: Path) -> None:
    gateway = await make_gateway(token_keys=TokenKeys(folder), audience="gateways")
    async with token_device(gateway) as joe:
        assert await joe.introduce("joe", aud=["gateways", "x"]) == ACCEPTED
    async with token_device(gateway) as joe:
        assert await joe.introduce("joe") == INVALID


async def test_without_any_key_no_token_is_good(make_gateway: MakeGateway, tmp_path: Path) -> None:
    for options in ({"token_keys": TokenKeys(tmp_path / "missing")}, {}):
        gateway = await make_gateway(**options)
        async with token_device(gateway) as joe:
            assert await joe.introduce("joe") == INVALID


@pytest.mark.parametrize("offered", ["echo-protocol, x y", "echo-protocol,,\x01", "echo-protocol;q=1, echo-protocol"])
async def test_an_offer_that_cannot_be_read_is_a_bad_request_and_leaves_nothing(gateway: Gateway, offered: str) -> None:
    answer = await converse(gateway.adapter.port, upgrade("/", f"Sec-WebSocket-Protocol: {offered}\r\n"))
    assert answer.startswith(b"HTTP/1.1 400")
    assert gateway.adapter.counters.opened == 0


async def test_every_device_is_told_when_the_gateway_stops(make_gateway: MakeGateway, folder: Path) -> None:
    gateway = await make_gateway(token_keys=TokenKeys(folder))
    async with token_device(gateway, "joe") as joe, token_device(gateway) as nobody:
        await gateway.adapter.stop()
        assert (await joe.closed())[0] == 1001
        assert (await nobody.closed())[0] == 1001
    assert gateway.count("gone") == 0, "nothing is told after the stop"
