# SPDX-License-Identifier: BSD-3-Clause
"""Gateways at the broker's ``/gw``, over real sockets (PROTOCOL.md section 2)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import connect

from pyaiot import keys as keyfile
from pyaiot.broker import gateway_session
from pyaiot.broker.server import Broker
from pyaiot.cli import generate_keys
from pyaiot.keys import Keys, new_private_key
from pyaiot.wire import codec, handshake
from pyaiot.wire.errors import HandshakeFailed
from pyaiot.wire.messages import New, Refused, Result, Sync, Update
from pyaiot.wire.signing import PrivateKey
from tests.broker.peers import client, closed, gateway, raw_link
from tests.patience import PATIENCE_S, keeps_within


def led(data: str, at: int = 1) -> Update:
    return Update(uid="1", resource="led", data=data, value=data, at=at)


NEW = New(uid="1", protocol="coap", at=1)


async def test_what_a_gateway_says_is_applied_and_acknowledged(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link:
        assert link.ack == 0
        await link.say(NEW, led("0"))
        await link.say(led("1", 2))
        await link.acknowledged(3)
        assert broker.hub.directory.nodes["coap/1"].resources["led"].data == "1"


async def test_a_session_resumes_behind_what_was_applied(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys, epoch="ab" * 8) as link:
        await link.say(NEW, led("0"))
        await link.acknowledged(2)
    async with gateway(broker.port, keys, epoch="ab" * 8) as link:
        assert link.ack == 2
    async with gateway(broker.port, keys, epoch="cd" * 8) as link:
        assert link.ack == 0


async def test_a_check_proves_both_keys_and_displaces_nobody(broker: Broker, keys: Keys) -> None:
    async def check(key: PrivateKey) -> tuple[int | None, str | None]:
        async with raw_link(broker.port) as socket:
            answer = handshake.answer_hello(
                str(await socket.recv()),
                key=key,
                name="coap",
                broker=broker.hub.key.public,
                nonce=bytes(32),
                epoch="0" * 16,
                check=True,
            )
            await socket.send(answer.auth)
            with contextlib.suppress(websockets.ConnectionClosed):
                assert handshake.read_welcome(answer, str(await socket.recv())).ack == 0
            return await closed(socket)

    async with gateway(broker.port, keys) as link:
        await link.say(NEW)
        assert await check(keys.gateways["coap"]) == (1000, "checked")
        assert await check(new_private_key()) == (4401, "not authenticated")
        await link.say(led("0"))
        await link.acknowledged(2)
        assert len(broker.hub.gateways) == 1


async def test_a_broker_that_would_take_a_check_for_a_session_is_not_asked() -> None:
    broker = new_private_key()
    hello = handshake.make_hello(broker.public, bytes(32))
    with pytest.raises(HandshakeFailed, match="older"):
        handshake.answer_hello(
            hello, key=broker, name="g", broker=broker.public, nonce=bytes(32), epoch="0" * 16, check=True
        )


async def test_acknowledgements_of_many_frames_are_few(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link:
        await link.say(NEW)
        for n in range(300):
            await link.say(led(str(n), n))
        await link.acknowledged(301)
        assert len(link.frames) < 30


@pytest.mark.parametrize(
    "attack", ["bad name", "wrong key", "wrong broker", "garbage", "binary", "too long", "unsigned"]
)
async def test_who_cannot_show_who_it_is_gets_one_and_the_same_answer(broker: Broker, keys: Keys, attack: str) -> None:
    assert keys.trusted_broker is not None
    async with raw_link(broker.port) as socket:
        hello = str(await socket.recv())
        stranger = new_private_key()
        name = "nobody" if attack == "bad name" else "coap"
        key = stranger if attack == "wrong key" else keys.gateways["coap"]
        broker_key = keys.trusted_broker
        if attack == "wrong broker":
            hello = handshake.make_hello(stranger.public, b"n" * 32)
            broker_key = stranger.public
        auth: str | bytes = handshake.answer_hello(
            hello, key=key, name=name, broker=broker_key, nonce=b"m" * 32, epoch="0" * 16
        ).auth
        assert isinstance(auth, str)
        if attack == "garbage":
            auth = "x" * 200
        elif attack == "binary":
            auth = auth.encode()
        elif attack == "too long":
            auth = auth + " " * 4096
        elif attack == "unsigned":
            auth = auth[87:]
        await socket.send(auth)
        code, reason = await closed(socket)
    if attack == "too long":
        assert code in (1009, 1006, 4401)
    else:
        assert (code, reason) == (4401, "not authenticated")
    assert broker.hub.gateways == {}


async def test_a_handshake_has_5_seconds(broker: Broker, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gateway_session.HANDSHAKE_TIMEOUT_S == 5.0
    monkeypatch.setattr(gateway_session, "HANDSHAKE_TIMEOUT_S", 0.05)
    async with raw_link(broker.port) as socket:
        assert await closed(socket) == (4401, "not authenticated")


async def test_who_says_nothing_keeps_no_gateway_out(
    broker: Broker, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker.hub.handshakes, "places", 2)
    async with raw_link(broker.port) as oldest, raw_link(broker.port), gateway(broker.port, keys) as link:
        await link.say(NEW)
        await link.acknowledged(1)
        assert (await closed(oldest))[0] in (None, 1006)
        assert len(broker.hub.handshakes) == 1
        assert broker.hub.counters.evicted == 1


async def test_pb10_an_old_gateway_is_told_401(broker: Broker) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with connect(f"ws://127.0.0.1:{broker.port}/gw", subprotocols=["token", "gAAAA"], proxy=None):  # type: ignore[list-item]
            pass
    assert refused.value.response.status_code == 401
    assert b"pyaiot.gw.1" in (refused.value.response.body or b"")


async def test_a_web_page_is_not_a_gateway(broker: Broker) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with connect(
            f"ws://127.0.0.1:{broker.port}/gw",
            subprotocols=[handshake.SUBPROTOCOL],  # type: ignore[list-item]
            origin=f"http://127.0.0.1:{broker.port}",  # type: ignore[arg-type]
            proxy=None,
        ):
            pass
    assert refused.value.response.status_code == 403


async def test_a_frame_with_a_wrong_signature_ends_the_session_and_changes_nothing(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link:
        await link.say(NEW, led("0"))
        frame = link.answer.sealer.seal(codec.encode_gateway_frame(3, [codec.encode(led("1"))]))
        await link.socket.send(frame[:-4] + "9" + frame[-3:])
        assert await link.closed() == (4401, "not authenticated")
    assert broker.hub.directory.nodes["coap/1"].resources["led"].data == "0"
    assert broker.hub.counters.frames_bad == 1


async def test_a_replayed_frame_ends_the_session(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link:
        frame = link.answer.sealer.seal(codec.encode_gateway_frame(1, [codec.encode(NEW)]))
        await link.socket.send(frame)
        await link.socket.send(frame)
        assert (await link.closed())[0] == 4401


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"first":0,"messages":[]}', b'{"first":1,"messages":[{"type":"x"}]}'])
async def test_a_signed_frame_that_makes_no_sense_ends_the_session(broker: Broker, keys: Keys, body: bytes) -> None:
    async with gateway(broker.port, keys) as link:
        await link.send(body)
        assert await link.closed() == (4400, "malformed frame")


async def test_a_newer_session_replaces_the_older_and_its_late_end_does_no_harm(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as older:
        await older.say(NEW, led("0"))
        await older.acknowledged(2)
        async with gateway(broker.port, keys) as newer:
            assert await older.closed() == (4409, "replaced by a newer session")
            await older.socket.close()
            await newer.say(NEW, led("0"), Sync(uids=["1"]))
            await newer.acknowledged(3)
            assert broker.hub.directory.nodes["coap/1"].state == "online"
            assert list(broker.hub.gateways) == ["coap"]


async def test_what_the_broker_does_not_take_comes_back_with_a_reason(broker: Broker, keys: Keys) -> None:
    async with gateway(broker.port, keys) as link:
        await link.say(NEW, Update(uid="2", resource="led", data="0", value=0, at=1))
        frame = await link.read()
        assert [type(message) for message in frame.messages] == [Refused]
        await link.acknowledged(2)


async def test_revoke_ends_a_live_session_within_a_second(broker: Broker, keys: Keys, key_file: Path) -> None:
    async def ends() -> float:
        generate_keys.run(["--key-file", str(key_file), "--authorize", "coap", str(keys.gateways["coap"].public)])
        async with asyncio.timeout(PATIENCE_S):
            while "coap" not in broker.hub.authorized:
                await asyncio.sleep(0.02)
        async with gateway(broker.port, keys) as link:
            await link.say(NEW)
            await link.acknowledged(1)
            began = time.monotonic()
            generate_keys.run(["--key-file", str(key_file), "--revoke", "coap"])
            assert await link.closed() == (4401, "not authenticated")
            took = time.monotonic() - began
        assert broker.hub.gateways == {}
        return took

    await keeps_within(1.0, ends)


async def test_authorize_admits_a_gateway_while_the_broker_runs(broker: Broker, keys: Keys, key_file: Path) -> None:
    remote = new_private_key()
    generate_keys.run(["--key-file", str(key_file), "--authorize", "greenhouse", str(remote.public)])
    keys.gateways["greenhouse"] = remote
    async with asyncio.timeout(PATIENCE_S):
        while "greenhouse" not in broker.hub.authorized:
            await asyncio.sleep(0.02)
    async with gateway(broker.port, keys, "greenhouse") as link:
        await link.say(NEW)
        await link.acknowledged(1)
    assert "greenhouse/1" in broker.hub.directory.nodes


async def test_a_damaged_key_file_changes_nothing(
    broker: Broker, keys: Keys, key_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with gateway(broker.port, keys) as link:
        key_file.write_text("[nonsense]\n")
        async with asyncio.timeout(PATIENCE_S):
            while "stay in force" not in caplog.text:
                await asyncio.sleep(0.02)
        await link.say(NEW)
        await link.acknowledged(1)


async def test_a_write_reaches_the_owner_only_and_its_outcome_the_client(broker: Broker, keys: Keys) -> None:
    async with (
        gateway(broker.port, keys, "coap") as owner,
        gateway(broker.port, keys, "mqtt") as other,
        client(broker.port) as asker,
    ):
        await owner.say(NEW, led("0"))
        await other.say(NEW, led("0"))
        await owner.acknowledged(2)
        await other.acknowledged(2)
        await asker.join("results")
        await asker.sees({"coap/1": {"led": "0"}, "mqtt/1": {"led": "0"}})
        await asker.send({"type": "update", "id": "a", "data": {"uid": "coap/1", "endpoint": "led", "payload": "1"}})
        write = await owner.write()
        assert (write.uid, write.resource, write.data, write.ttl_ms) == ("1", "led", "1", 10_000)
        await owner.say(led("1", 2), Result(id=write.id, ok=True))
        assert (await asker.until("update"))["data"] == "1"
        assert await asker.read() == {"type": "result", "id": "a", "ok": True}
        await other.say(led("7", 3))
        await other.acknowledged(3)
        assert not any(frame.messages for frame in other.frames), "pb16: nobody else hears of it"


async def test_one_gateway_cannot_tell_the_outcome_of_anothers_write(broker: Broker, keys: Keys) -> None:
    async with (
        gateway(broker.port, keys, "coap") as owner,
        gateway(broker.port, keys, "mqtt") as other,
        client(broker.port) as asker,
    ):
        await owner.say(NEW, led("0"))
        await owner.acknowledged(2)
        await asker.join("results")
        await asker.sees({"coap/1": {"led": "0"}})
        await asker.send({"type": "update", "id": 5, "data": {"uid": "coap/1", "endpoint": "led", "payload": "1"}})
        write = await owner.write()
        await other.say(Result(id=write.id, ok=True))
        await other.acknowledged(1)
        await owner.say(Result(id=write.id, ok=False, code="refused", reason="4.05 Method Not Allowed"))
        result = await asker.until("result")
        assert result == {
            "type": "result",
            "id": 5,
            "ok": False,
            "code": "refused",
            "reason": "4.05 Method Not Allowed",
        }


async def test_a_result_may_come_in_the_next_session(broker: Broker, keys: Keys) -> None:
    async with client(broker.port) as asker:
        async with gateway(broker.port, keys, epoch="ab" * 8) as link:
            await link.say(NEW, led("0"))
            await link.acknowledged(2)
            await asker.join("results")
            await asker.sees({"coap/1": {"led": "0"}})
            await asker.send({"type": "update", "id": 5, "data": {"uid": "coap/1", "endpoint": "led", "payload": "1"}})
            write = await link.write()
        async with gateway(broker.port, keys, epoch="ab" * 8) as link:
            await link.say(Result(id=write.id, ok=True))
            assert (await asker.until("result"))["ok"] is True


async def test_the_end_of_a_session_makes_nodes_unreachable_and_then_out(broker: Broker, keys: Keys) -> None:
    broker.hub.directory.grace_s = 0.2
    async with client(broker.port) as watcher:
        async with gateway(broker.port, keys) as link:
            await link.say(NEW, led("0"))
            await watcher.join("results")
            await watcher.sees({"coap/1": {"led": "0"}})
        await watcher.send({"type": "update", "id": 1, "data": {"uid": "coap/1", "endpoint": "led", "payload": "1"}})
        answers = [await watcher.read(), await watcher.read()]
        by_type: dict[str, Any] = {answer["type"]: answer for answer in answers}
        assert by_type["result"]["code"] == "offline"
        assert by_type["out"]["uid"] == "coap/1"


async def test_a_gateway_that_does_not_read_is_cut_off(
    broker: Broker, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway_session, "MAX_WAITING_BYTES", 20_000)
    async with gateway(broker.port, keys) as link, client(broker.port) as asker:
        await link.say(NEW, led("0"))
        await asker.join("results")
        await asker.sees({"coap/1": {"led": "0"}})
        link.socket.transport.pause_reading()
        payload = "x" * 15_000
        async with asyncio.timeout(PATIENCE_S):
            while broker.hub.gateways:
                await asker.send({"type": "update", "data": {"uid": "coap/1", "endpoint": "led", "payload": payload}})
                await asyncio.sleep(0)
                if len(broker.hub.writes) > 60:
                    broker.hub.writes.expire(float("inf"))
        link.socket.transport.abort()


async def test_the_broker_says_goodbye_with_everything_acknowledged(key_file: Path, keys: Keys) -> None:
    from pyaiot.lifecycle import started
    from pyaiot.settings import BrokerSettings

    broker = Broker(BrokerSettings(key_file=str(key_file), broker_port="0"))
    async with started(broker, "broker"):
        link_context = gateway(broker.port, keys)
        link = await link_context.__aenter__()
        await link.say(NEW, led("0"))
        async with asyncio.timeout(PATIENCE_S):
            while not broker.hub.counters.frames:
                await asyncio.sleep(0)
        reading = asyncio.create_task(link.acknowledged(2))
        closing = asyncio.create_task(link.socket.wait_closed())
    await reading
    await closing
    assert (link.socket.close_code, link.socket.close_reason) == (1001, "the broker stops")
    await link_context.__aexit__(None, None, None)


async def test_keys_stay_secret(broker: Broker, keys: Keys, key_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with gateway(broker.port, keys) as link:
        await link.say(NEW)
        await link.acknowledged(1)
    text = keyfile.render(keys)
    secrets = [line.split(" = ")[1] for line in text.splitlines() if line.startswith("private")]
    assert len(secrets) == 1 + len(keys.gateways) >= 5
    assert not any(secret in caplog.text for secret in secrets)
