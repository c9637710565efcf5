# SPDX-License-Identifier: BSD-3-Clause
"""Ids that tokens have proved, on real sockets: over restarts, against impostors, released, and beside keys of ours."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from pyaiot import devices
from pyaiot.devices import Credential, Devices
from pyaiot.gateway.device_tokens import owner_file
from pyaiot.gateway.device_tokens.token_keys import TokenKeys
from pyaiot.gateway.ws.adapter import WsAdapter

from .conftest import MakeGateway
from .token_devices import ACCEPTED, INVALID, PLATFORM, PONG, keys_folder, token_device
from .ws_devices import Gateway, device

OTHER = [{"id": "acc-2"}]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A gateway's options, with which it is started again."""
    monkeypatch.setattr(owner_file, "LOOK_S", 0.02)
    monkeypatch.setattr("pyaiot.gateway.ws.ownership.LOOK_S", 0.02)
    (tmp_path / "private").mkdir(mode=0o700)
    return {
        "token_keys": TokenKeys(keys_folder(tmp_path / "keys", public=PLATFORM)),
        "device_file": str(tmp_path / "private" / "devices"),
        "device_owners": str(tmp_path / "private" / "device-owners"),
    }


async def saved(gateway: Gateway, files: dict[str, Any], *uids: str) -> None:
    """Wait until the file says that just these are owned."""
    await gateway.until(lambda: list(owner_file.load_or_none(files["device_owners"])) == list(uids))


async def test_a_proved_id_is_had_by_its_account_only_also_after_a_restart(
    make_gateway: MakeGateway, files: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    first = await make_gateway(**files)
    async with token_device(first, "joe"):
        await saved(first, files, "joe")
        second = await make_gateway(**files)  # as if the first had been killed: nothing was said at its end
        async with device(second, "?id=joe", asked=False) as thief:
            assert (await thief.closed())[0] == 1008
        async with device(second) as thief:
            await thief.update({"led": 1}, uid="joe")
            assert (await thief.closed())[0] == 1008
        assert second.adapter.counters.wrong_keys == 2
        async with token_device(second) as other:
            assert await other.introduce("joe", accounts=OTHER) == INVALID
            assert (await other.closed())[0] == 1008
        assert "run: aiot device release joe" in caplog.text
        assert second.log == []
        async with token_device(second, "joe"):
            assert second.core.registry.nodes["joe"].attributes["account"] == "acc-1"


async def test_a_released_id_is_had_by_who_proves_it_next(make_gateway: MakeGateway, files: dict[str, Any]) -> None:
    gateway = await make_gateway(**files)
    async with token_device(gateway, "joe") as joe, token_device(gateway, "jim") as jim:
        await saved(gateway, files, "joe", "jim")
        owner_file.store(files["device_owners"], {"jim": "acc-1"})
        assert await joe.closed_after(INVALID) == 1008
        async with token_device(gateway) as other:
            assert await other.introduce("joe", accounts=OTHER) == ACCEPTED
            await saved(gateway, files, "jim", "joe")
            async with token_device(gateway) as late:
                assert await late.introduce("joe") == INVALID
            await other.send({"type": "ping"})
            assert await other.hear() == PONG
        await jim.send({"type": "ping"})
        assert await jim.hear() == PONG
    assert gateway.adapter.counters.revoked == 1


async def test_a_key_of_ours_goes_before_what_a_token_has_proved(
    make_gateway: MakeGateway, files: dict[str, Any]
) -> None:
    """Else an id that was proved once could not be had with its key any more."""
    gateway = await make_gateway(**files)
    async with token_device(gateway, "joe") as joe:
        await saved(gateway, files, "joe")
        devices.store(files["device_file"], Devices({"joe": Credential.of("device", b"key")}))
        async with device(gateway, "?id=joe", additional_headers={"Authorization": "Bearer key"}) as owner:
            assert (await joe.closed())[0] in (1000, 1008), "replaced, or found before to have an id with a key"
            await owner.update({"led": 1})
            await gateway.until(lambda: gateway.told("joe", "led") == [1])
            assert "account" not in gateway.core.registry.nodes["joe"].attributes
            async with token_device(gateway) as again:
                assert await again.introduce("joe") == INVALID
            await owner.update({"led": 2})
            await gateway.until(lambda: gateway.told("joe", "led") == [1, 2])


async def test_what_the_gateway_states_of_it_a_device_cannot_report_nor_have_written(
    make_gateway: MakeGateway, files: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    gateway = await make_gateway(**files)
    async with token_device(gateway, "joe") as joe:
        await joe.update({"account": "acc-2", "ip": "192.0.2.1", "protocol": "CoAP", "led": 1})
        await gateway.until(lambda: gateway.told("joe", "led") == [1])
        assert gateway.adapter.counters.refused == gateway.core.counters.refused["reserved"] == 3
        assert gateway.core.registry.nodes["joe"].attributes == {"ip": "127.0.0.1", "account": "acc-1"}
        assert b"acc-2" not in gateway.core.registry.nodes["joe"].values["account"]
    async with device(gateway, "?id=open") as other:
        await other.update({"account": "acc-2", "ip": "192.0.2.1"})
        await gateway.until(lambda: gateway.told("open", "account"))
        assert gateway.core.counters.refused["reserved"] == 4, "nobody has said which account it is of"
    assert len([line for line in caplog.messages if "is not taken" in line]) == 2, "once a connection"


async def test_a_gateway_does_not_start_on_a_broken_file(tmp_path: Path, files: dict[str, Any]) -> None:
    Path(files["device_owners"]).write_text("joe")
    Path(files["device_owners"]).chmod(0o600)
    adapter = WsAdapter(host="127.0.0.1", port=0, **files)
    with pytest.raises(owner_file.OwnerFileError, match="it is cut short"):
        await adapter.start(Gateway())
    await adapter.stop()
