# SPDX-License-Identifier: BSD-3-Clause
"""Who a device is: by its URL, its first update, its key; and what becomes of two that are the same."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from pyaiot import devices
from pyaiot.devices import Credential, Devices
from pyaiot.gateway.ws import ownership
from pyaiot.gateway.ws.adapter import WsAdapter
from pyaiot.wire.names import is_name
from tests.gateway.ws.conftest import MakeGateway
from tests.gateway.ws.ws_devices import Gateway, device, raw
from tests.patience import PATIENCE_S
from tests.raw_sockets import frame

KEY = "a-key-of-the-owner"


def write_keys(path: Path, *names: str) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    devices.store(path, Devices({name: Credential.of("device", KEY.encode()) for name in names}))


@pytest.fixture
def device_file(tmp_path: Path) -> Path:
    """A device file in which ``owned`` has a key."""
    path = tmp_path / "private" / "devices"
    write_keys(path, "owned")
    return path


@pytest.fixture
async def guarded(make_gateway: MakeGateway, device_file: Path) -> Gateway:
    """A gateway with that file."""
    return await make_gateway(device_file=str(device_file))


def basic(user: str, key: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{user}:{key}'.encode()).decode()}"}


async def test_PB_36_a_device_has_the_same_uid_at_every_connection(gateway: Gateway) -> None:
    for number in range(3):
        async with device(gateway, "?id=lamp") as one:
            await one.update({"count": number})
            await gateway.until(lambda number=number: gateway.told("lamp", "count")[-1:] == [number])
        await gateway.until(lambda number=number: gateway.count("gone", "lamp") == number + 1)
    for number in range(2):
        async with device(gateway) as one:
            await one.update({"count": number}, uid="stove")
            await gateway.until(lambda number=number: gateway.told("stove", "count")[-1:] == [number])
    assert {line[1] for line in gateway.log} == {"lamp", "stove"}


async def test_a_device_that_gives_no_name_gets_one_that_nobody_has(gateway: Gateway) -> None:
    async with device(gateway) as one, device(gateway) as other:
        assert gateway.log == [], "it is a node when it has said something"
        await one.update({"who": 1})
        await other.update({"who": 2})
        await one.update({"who": 3})
        await gateway.until(lambda: gateway.count("update") == 3)
        first, second = sorted({line[1] for line in gateway.log}, key=lambda uid: gateway.told(uid, "who"))
        assert gateway.told(first, "who") == [1, 3]
        assert gateway.told(second, "who") == [2]
        assert is_name(first)
        assert len(first) == 12


@pytest.mark.parametrize(
    ("query", "messages", "words"),
    [
        ("?id=a b", [], "an id is"),
        ("?id=" + "x" * 65, [], "an id is"),
        ("?id=%C3%A9", [], "an id is"),
        ("?id=", [{}], ""),
        ("", [{"uid": "a/b"}], "an id is"),
        ("?id=a", [{"uid": "b"}], "another uid"),
        ("", [{"uid": "a"}, {"uid": "b"}], "another uid"),
        ("", [{}, {"uid": "b"}], "another uid"),
        ("", [{"key": "k"}], "of no use"),
    ],
)
async def test_a_name_that_is_none_or_changes_is_refused(
    gateway: Gateway, query: str, messages: list[dict[str, str]], words: str
) -> None:
    async with device(gateway, query.replace(" ", "%20"), asked=False) as one:
        for more in messages:
            await one.update({"n": 1}, **more)
        if words:
            code, reason = await one.closed()
            assert (code, words in reason) == (1003, True), reason
        else:
            await gateway.until(lambda: gateway.count("update"))


async def test_the_newest_connection_has_the_node_and_nothing_of_the_older_is_told_any_more(gateway: Gateway) -> None:
    """Two live programs with one identity: no interleaving (OI-7)."""
    async with raw(gateway, "/node?id=lamp") as (reader, writer):
        writer.write(frame(1, b'{"type":"update","data":{"of":"old"}}'))
        await gateway.until(lambda: gateway.told("lamp", "of"))
        async with device(gateway, "?id=lamp") as new:
            assert await new.connection.ping() is not None
            writer.write(frame(1, b'{"type":"update","data":{"of":"old, late"}}') * 50)
            await new.update({"of": "new"})
            await gateway.until(lambda: "new" in gateway.told("lamp", "of"))
            answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
            assert (1000).to_bytes(2, "big") + b"replaced by a newer connection with this id" in answer
            writer.transport.abort()
            await new.update({"of": "new again"})
            await gateway.until(lambda: "new again" in gateway.told("lamp", "of"))
            assert gateway.told("lamp", "of") == ["old", "new", "new again"]
            assert gateway.count("gone") == 0, "the late close of the older touches nothing"
            assert gateway.count("new") == 1
            write = asyncio.create_task(gateway.adapter.write("lamp", "led", "1"))
            assert await new.hear() == {"endpoint": "led", "payload": "1"}
            await new.update({"led": "1"})
            await write
        await gateway.until(lambda: gateway.count("gone") == 1)
    assert gateway.adapter.counters.replaced == 1


async def test_devices_that_fight_for_a_name_end_as_one(gateway: Gateway) -> None:
    async def one(number: int) -> tuple[int, str]:
        async with device(gateway, "?id=lamp", asked=False) as fighter:
            return await fighter.closed()

    others = [asyncio.create_task(one(number)) for number in range(30)]
    await gateway.until(lambda: gateway.adapter.counters.opened == 30)
    async with device(gateway, "?id=lamp") as last:
        ends = await asyncio.gather(*others)
        assert set(ends) == {(1000, "replaced by a newer connection with this id")}
        await last.update({"led": "1"})
        await gateway.until(lambda: gateway.told("lamp", "led"))
    await gateway.until(lambda: gateway.count("gone") == 1)
    assert gateway.count("new") == 1


async def test_an_id_with_a_key_is_only_had_with_it(guarded: Gateway) -> None:
    for query, headers in (
        ("", basic("owned", "wrong")),
        ("?id=other", basic("owned", KEY)),
        ("?id=owned", {"Authorization": "Bearer wrong"}),
        ("?id=owned", {"Authorization": "Bearer"}),
        ("?id=owned", {"Authorization": f"Digest {KEY}"}),
        ("?id=nobody", {"Authorization": f"Bearer {KEY}"}),
        ("", {"Authorization": f"Bearer {KEY}"}),
        ("", {"Authorization": "Basic !"}),
    ):
        with pytest.raises(InvalidStatus) as refused:
            async with device(guarded, query, additional_headers=headers):
                pass
        assert refused.value.response.status_code == 401
        assert refused.value.response.headers["WWW-Authenticate"].startswith("Basic ")
    for query, more in (("?id=owned", {}), ("?id=owned", {"key": "wrong"}), ("", {"uid": "owned"})):
        async with device(guarded, query) as thief:
            await thief.update({"led": "1"}, **more)
            assert (await thief.closed())[0] == 1008
    assert guarded.log == []
    assert guarded.adapter.counters.wrong_keys == 6


async def test_the_owner_of_an_id_says_its_key_in_a_header_or_in_its_first_update(guarded: Gateway) -> None:
    for query, headers, more in (
        ("", basic("owned", KEY), {}),
        ("?id=owned", basic("owned", KEY), {"uid": "owned"}),
        ("?id=owned", {"Authorization": f"Bearer {KEY}"}, {}),
        ("?id=owned", {}, {"key": KEY}),
        ("", {}, {"uid": "owned", "key": KEY}),
    ):
        before = guarded.count("update")
        async with device(guarded, query, additional_headers=headers) as owner:
            await owner.update({"led": "1"}, **more)
            await guarded.until(lambda before=before: guarded.count("update") == before + 1)
    assert {line[1] for line in guarded.log} == {"owned"}


async def test_who_tries_for_an_id_with_a_wrong_key_does_not_disturb_its_owner(guarded: Gateway) -> None:
    async with device(guarded, additional_headers=basic("owned", KEY)) as owner:
        for number in range(50):
            async with device(guarded, "?id=owned") as thief:
                await thief.update({"led": "stolen"}, key=f"guess {number}")
                assert (await thief.closed())[0] == 1008
        await owner.update({"led": "1"})
        await guarded.until(lambda: guarded.told("owned", "led"))
    await guarded.until(lambda: guarded.count("gone"))
    assert guarded.told("owned", "led") == ["1"]
    assert (guarded.count("new"), guarded.count("gone"), guarded.adapter.counters.replaced) == (1, 1, 0)


async def test_keys_count_from_when_they_are_in_the_file(guarded: Gateway, device_file: Path) -> None:
    async with device(guarded, "?id=later") as one:
        await one.update({"led": "1"})
        await guarded.until(lambda: guarded.told("later", "led"))
    write_keys(device_file, "owned", "later")
    async with device(guarded, "?id=later") as one:
        await one.update({"led": "2"})
        assert await one.closed() == (1008, "this id needs its key")
    device_file.write_text("nonsense")
    async with device(guarded, "?id=later") as one:  # what was known still counts
        await one.update({"led": "3"})
        assert (await one.closed())[0] == 1008
    device_file.unlink()
    async with device(guarded, "?id=owned") as one:
        await one.update({"led": "4"})
        assert (await one.closed())[0] == 1008
    assert guarded.told("later", "led") == ["1"]


REVOKED = (1008, "the key of its id was changed or removed")


async def test_a_key_that_is_removed_or_renewed_ends_its_open_connection_within_seconds(
    guarded: Gateway, device_file: Path
) -> None:
    """As at the MQTT broker; also of who had the id before it had a key. Nobody else notices."""
    names = ("owned", "renewed", "kept")
    write_keys(device_file, *names)
    kept = devices.load(device_file).accounts["kept"]
    async with AsyncExitStack() as stack:
        owned, renewed, same = [
            await stack.enter_async_context(device(guarded, additional_headers=basic(name, KEY))) for name in names
        ]
        squatter, other = [await stack.enter_async_context(device(guarded, f"?id={id_}")) for id_ in ("new", "open")]
        accounts = {name: Credential.of("device", KEY.encode()) for name in ("renewed", "new")}
        devices.store(device_file, Devices({**accounts, "kept": kept}))
        async with asyncio.timeout(PATIENCE_S):
            assert [await each.closed() for each in (owned, renewed, squatter)] == [REVOKED] * 3
        await guarded.until(lambda: guarded.count("gone") == 3)
        assert guarded.adapter.counters.revoked == 3
        for each, uid in ((same, "kept"), (other, "open")):
            await each.update({"led": "1"})
            await guarded.until(lambda uid=uid: guarded.told(uid, "led"))
    async with device(guarded, additional_headers=basic("renewed", KEY)) as again:
        await again.update({"led": "2"})
        await guarded.until(lambda: guarded.told("renewed", "led") == ["2"])


async def test_who_comes_with_the_new_key_before_the_old_connection_ends_stays(
    guarded: Gateway, device_file: Path
) -> None:
    async with device(guarded, additional_headers=basic("owned", KEY)) as older:
        devices.store(device_file, Devices({"owned": Credential.of("device", b"renewed")}))
        async with device(guarded, additional_headers=basic("owned", "renewed")) as newer:
            assert await older.closed() == (1000, "replaced by a newer connection with this id")
            timer = guarded.adapter._ownership._looks._timer
            await guarded.until(
                lambda: guarded.adapter._ownership._looks._timer is not timer
            )  # it has looked once more
            await newer.update({"led": "1"})
            await guarded.until(lambda: guarded.told("owned", "led"))
    assert guarded.adapter.counters.revoked == 0


async def test_connections_whose_keys_are_gone_end_a_few_at_a_time(
    make_gateway: MakeGateway, device_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "MAX_AT_ONCE", 2)
    names = [f"d{number}" for number in range(7)]
    write_keys(device_file, *names)
    gateway = await make_gateway(device_file=str(device_file))
    async with AsyncExitStack() as stack:
        owners = [device(gateway, additional_headers=basic(name, KEY)) for name in names]
        those = [await stack.enter_async_context(owner) for owner in owners]
        device_file.unlink()
        async with asyncio.timeout(PATIENCE_S):
            assert [await each.closed() for each in those] == [REVOKED] * 7
    async with device(gateway, "?id=d0") as one:  # a file that is lost opens no door
        await one.update({"led": "1"})
        assert await one.closed() == (1008, "this id needs its key")
    write_keys(device_file)
    async with device(gateway, "?id=d0") as one:  # an empty one does
        await one.update({"led": "1"})
        await gateway.until(lambda: gateway.told("d0", "led"))


async def test_who_never_says_who_it_is_is_closed(make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyaiot.gateway.ws.server.INTRODUCTION_S", 0.2)
    gateway = await make_gateway()
    async with device(gateway, "?id=named") as named, device(gateway) as said, device(gateway) as silent:
        await said.update({})
        assert await silent.closed() == (1013, "nothing was said: send an update")
        await named.update({"led": "1"})
        await said.update({"led": "1"})
        await gateway.until(lambda: gateway.count("update") == 2)
    assert gateway.adapter.counters.unnamed == 1


async def test_a_full_gateway_says_so(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.core.registry._max_nodes = 1  # type: ignore[attr-defined]
    async with device(gateway, "?id=first"), device(gateway, "?id=second", asked=False) as second:
        assert (await second.closed())[0] == 1013
    assert gateway.count("new") == 1


async def test_where_a_key_is_required_no_id_is_had_without(make_gateway: MakeGateway, device_file: Path) -> None:
    gateway = await make_gateway(device_file=str(device_file), require_key=True)
    for path, said in (("?id=joe", {}), ("", {"uid": "joe"}), ("", {}), ("?id=owned", {})):
        async with device(gateway, path) as thief:
            await thief.update({"led": 1}, **said)
            assert (await thief.closed())[0] == 1008
    for path, said in (("?id=joe", {"key": KEY}), ("", {"uid": "owned", "key": "wrong"})):
        async with device(gateway, path) as thief:
            await thief.update({"led": 1}, **said)
            assert (await thief.closed())[0] == 1008
    with pytest.raises(InvalidStatus) as refused:
        async with device(gateway, "?id=joe", additional_headers=basic("joe", KEY)):
            pass
    assert refused.value.response.status_code == 401
    assert gateway.log == []
    assert gateway.adapter.counters.wrong_keys == 7
    async with device(gateway, additional_headers=basic("owned", KEY)) as owned:
        await owned.update({"led": 1})
        await gateway.until(lambda: gateway.told("owned", "led") == [1])
    async with device(gateway) as owned:
        await owned.update({"led": 2}, uid="owned", key=KEY)
        await gateway.until(lambda: gateway.told("owned", "led") == [1, 2])


@pytest.mark.parametrize(
    ("host", "require_key", "told"),
    [("::", False, 1), ("::", True, 0), ("127.0.0.1", False, 0), ("localhost", False, 0)],
)
async def test_it_is_said_at_the_start_that_everybody_is_let_in(
    host: str, require_key: bool, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    adapter = WsAdapter(host=host, port=0, require_key=require_key)
    await adapter.start(Gateway())
    await adapter.stop()
    assert sum("--ws-require-key" in record.getMessage() for record in caplog.records) == told
