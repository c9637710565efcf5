# SPDX-License-Identifier: BSD-3-Clause
"""``/v1/actuations`` on real sockets: what another device's id, or a token that was revoked, does not get done."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pyaiot import keys as keyfile
from pyaiot.broker.sequence import WINDOW
from pyaiot.broker.server import Broker
from pyaiot.keys import ClientToken, Keys, token_digest
from pyaiot.wire.messages import New, Out, Result, Sync
from tests.broker.peers import Gateway, gateway
from tests.broker.test_actuation_requests import JOE, actuation, obey, service, ws
from tests.patience import PATIENCE_S

ANN = "a" * 43


async def tell(link: Gateway, *messages: New | Out | Sync) -> None:
    """Say it, and wait until the broker knows it."""
    await link.say(*messages)
    await link.acknowledged(link.next - 1)


async def admit_ann(broker: Broker, keys: Keys, key_file: Path, *, admitted: bool) -> None:
    """Give Ann her token or revoke it, and wait until the broker has read it."""
    keys.clients.pop("ann", None)
    if admitted:
        keys.clients["ann"] = ClientToken("operator", token_digest(ANN))
    keyfile.store(key_file, keys)
    async with asyncio.timeout(PATIENCE_S):
        while (broker.hub.gatekeeper.role_of(token_digest(ANN)) is not None) != admitted:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("transport", ["auto", "ws"])
async def test_a_devices_id_taken_at_another_gateway_neither_gets_nor_stops_its_actuations(
    broker: Broker, keys: Keys, transport: str
) -> None:
    async with gateway(broker.port, keys, "coap") as real, ws(broker, keys) as impostor, service(broker) as program:
        await tell(real, New(uid="joe", protocol="coap", at=1), Sync(uids=["joe"]))
        status, answer = await program.ask(actuation("1"))
        assert (status, answer["code"]) == (409, "ambiguous")
        assert "coap/joe and ws/joe" in answer["reason"]
        program.send(actuation("2", device="coap/joe"))
        assert (await obey(real)).data == "2"
        assert (await program.hear())[0] == 200

        await tell(impostor, Out(uid="joe", why="closed", at=2))
        for more in ({}, {"ttl": 60}):
            program.send(actuation("3", transport=transport, **more))
            assert (await obey(real)).data == "3"
            status, _, answer = await program.hear()
            assert (status, answer["uid"]) == (200, "coap/joe")

        await tell(real, Out(uid="joe", why="closed", at=3))
        for more in ({}, {"ttl": 60}):
            status, answer = await program.ask(actuation("4", transport=transport, **more))
            assert (status, answer["code"]) == (409, "ambiguous"), "it does not wait for whoever comes first"
        status, answer = await program.ask(actuation("5", device="coap/joe", ttl=60))
        assert (status, answer["uid"]) == (202, "coap/joe")
        await tell(impostor, JOE)
        await real.say(New(uid="joe", protocol="coap", at=4))
        assert (await obey(real)).data == "5"


async def test_an_actuation_for_a_device_of_another_account_is_not_done(broker: Broker, keys: Keys) -> None:
    """Whether it is asked for now, waits, or is under way when the id changes hands."""
    joe = {account: New(uid="joe", protocol="ws", account=account, at=1) for account in ("acc-1", "acc-2")}
    async with ws(broker, keys, joe["acc-1"]) as link, service(broker) as program:
        status, answer = await program.ask(actuation("1", account="acc-2"))
        assert (status, answer["code"], answer["reason"]) == (409, "refused", "the device belongs to another account")
        for account in ("acc-1", ""):
            program.send(actuation("2", account=account))
            assert (await obey(link)).data == "2"
            assert (await program.hear())[0] == 200

        program.send(actuation(*range(WINDOW + 1), account="acc-1"))
        writes = [await link.write() for _ in range(WINDOW)]
        await tell(link, joe["acc-2"])
        await link.say(*(Result(id=write.id, ok=True) for write in writes))
        status, _, answer = await program.hear()
        assert (status, answer["state"], answer["code"]) == (409, "failed", "refused")
        assert [each["ok"] for each in answer["outcomes"]] == [True] * WINDOW + [False]

        await tell(link, Out(uid="joe", why="closed", at=2))
        assert (await program.ask(actuation("3", account="acc-1", ttl=60)))[0] == 409
        waiting = [(await program.ask(actuation(value, account="acc-2", ttl=60)))[1]["id"] for value in "45"]
        await tell(link, joe["acc-1"])
        for each in waiting:
            async with asyncio.timeout(PATIENCE_S):
                while (found := await program.state(each))["state"] == "waiting":
                    pass
            assert (found["state"], found["code"]) == ("failed", "refused")
        program.send(actuation("6", account="acc-1"))
        assert (await obey(link)).data == "6", "the only one that it has been told since"
        assert (await program.hear())[0] == 200


async def test_a_token_revoked_meanwhile_begins_no_other_write(broker: Broker, keys: Keys, key_file: Path) -> None:
    await admit_ann(broker, keys, key_file, admitted=True)
    async with ws(broker, keys) as link, service(broker, ANN) as ann, service(broker) as other:
        ann.send(actuation(*range(2 * WINDOW)))
        begun = [await link.write() for _ in range(WINDOW)]
        await admit_ann(broker, keys, key_file, admitted=False)
        await link.say(*(Result(id=write.id, ok=True) for write in begun))
        status, _, answer = await ann.hear()
        assert (status, answer["state"], answer["code"]) == (403, "failed", "forbidden")
        assert [each.get("code") for each in answer["outcomes"]] == [None] * WINDOW + ["forbidden"] * WINDOW
        other.send(actuation("next"))
        assert (await obey(link)).data == "next", "nothing of Ann's was before it"
        assert (await other.hear())[0] == 200


async def test_a_token_revoked_while_what_had_waited_runs_begins_no_other_write(
    broker: Broker, keys: Keys, key_file: Path
) -> None:
    await admit_ann(broker, keys, key_file, admitted=True)
    async with ws(broker, keys) as link, service(broker, ANN) as ann, service(broker) as other:
        await tell(link, Out(uid="joe", why="closed", at=2))
        status, waiting = await ann.ask(actuation(*range(2 * WINDOW), ttl=60))
        assert status == 202
        await link.say(JOE)
        begun = [await link.write() for _ in range(WINDOW)]
        await admit_ann(broker, keys, key_file, admitted=False)
        assert (await other.state(waiting["id"]))["state"] == "waiting", "of those begun the outcome is still awaited"
        await link.say(*(Result(id=write.id, ok=True) for write in begun))
        async with asyncio.timeout(PATIENCE_S):
            while (found := await other.state(waiting["id"]))["state"] == "waiting":
                await asyncio.sleep(0.01)
        assert (found["state"], found["code"]) == ("failed", "forbidden")
        assert [each.get("code") for each in found["outcomes"]] == [None] * WINDOW + ["forbidden"] * WINDOW
        other.send(actuation("next"))
        assert (await obey(link)).data == "next", "nothing of Ann's was before it"
