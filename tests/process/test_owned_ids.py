# SPDX-License-Identifier: BSD-3-Clause
"""Whose a device's id is, end to end: gateways that are killed, impostors that hammer, ids that change hands."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from pyaiot.gateway.device_tokens.owner_file import load_or_none
from pyaiot.keys import Keys
from tests.process.processes import PATIENCE_S, Host, Process
from tests.process.test_actuations import Device, gateway_and_service, led
from tests.process.test_http_push import curl
from tests.process.test_up import PORTS
from tests.process.test_ws_devices import WS_LISTENS, device_program, ws_gateway
from tests.process.viewers import viewing

pytestmark = pytest.mark.needs("curl")

#: Refusals of each impostor that are waited for before a test goes on.
ENOUGH = 20
HTTP_LISTENS = r"Listening for HTTP devices on port (\d+)"


async def token_of(host: Host, account: str) -> str:
    made = await host.run("aiot", "device-token", "joe", "--account", account)
    assert made.code == 0, made.err
    return made.out.strip()


def bearer(token: str) -> list[str]:
    """What ``curl`` is told of it, if there is one."""
    return ["-H", f"Authorization: Bearer {token}"] if token else []


@asynccontextmanager
async def joe(port: int, token: str) -> AsyncIterator[Device]:
    """The device joe with this token, once it is let in."""
    async with asyncio.timeout(PATIENCE_S) as patience:
        while True:
            async with connect(
                f"ws://127.0.0.1:{port}/", proxy=None, subprotocols=[Subprotocol("echo-protocol")]
            ) as connection:
                device = Device(connection)
                await device.say({"type": "device", "deviceId": "joe", "deviceToken": token})
                if (await device.hear())["code"] == 200:
                    patience.reschedule(None)
                    yield device
                    return


@dataclass
class Impostor:
    """Wants the id joe, again and again; what it was told but that it may not."""

    refused: int = 0
    told: list[Any] = field(default_factory=list)

    async def hammer(self, port: int, path: str, first: Any, subprotocols: Any = None) -> None:
        while True:
            try:
                async with connect(f"ws://127.0.0.1:{port}{path}", proxy=None, subprotocols=subprotocols) as it:
                    try:
                        await it.send(json.dumps(first))
                        while True:
                            message = json.loads(await it.recv())
                            if message != {"code": 401, "content": "Invalid device token"}:
                                self.told.append(message)
                    except ConnectionClosed as closed:
                        self.refused += closed.rcvd is not None and closed.rcvd.code == 1008
            except (OSError, EOFError, WebSocketException, TimeoutError):
                await asyncio.sleep(0.01)  # the gateway is away

    async def again(self) -> None:
        """Wait until it has been refused some more."""
        before = self.refused
        async with asyncio.timeout(PATIENCE_S):
            while self.refused < before + ENOUGH:
                assert self.told == []
                await asyncio.sleep(0.01)


@asynccontextmanager
async def impostors(port: int, other_token: str) -> AsyncIterator[list[Impostor]]:
    """One without any token, and one with a good token for that id of another account."""
    introduction = {"type": "device", "deviceId": "joe", "deviceToken": other_token}
    both = [Impostor(), Impostor()]
    tasks = [
        asyncio.create_task(both[0].hammer(port, "/node?id=joe", {"type": "update", "data": {"stolen": 1}})),
        asyncio.create_task(both[1].hammer(port, "/", introduction, [Subprotocol("echo-protocol")])),
    ]
    try:
        yield both
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def is_refused(port: int) -> bool:
    """Whether who has no token may not be joe."""
    try:
        async with connect(f"ws://127.0.0.1:{port}/node?id=joe", proxy=None) as it:
            await (await it.ping())
    except ConnectionClosed as closed:
        return closed.rcvd is not None and closed.rcvd.code == 1008
    return False


async def saved(host: Host, account: str) -> None:
    """Wait until it is kept whose joe is."""
    async with asyncio.timeout(PATIENCE_S):
        while load_or_none(host.home / ".pyaiot" / "device-owners") != {"joe": account}:
            await asyncio.sleep(0.01)


async def ended(process: Process, how: str) -> None:
    await (process.kill() if how == "killed" else process.stop())


@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_whoever_hammers_for_an_id_gets_neither_it_nor_what_waits_for_it_when_the_gateway_is_back(
    host: Host, keys: Keys, how: str
) -> None:
    gateway, port, broker_port, service = await gateway_and_service(host, "--gateway-grace", "60")
    mine, other = await token_of(host, "acc-1"), await token_of(host, "acc-2")
    async with viewing(broker_port) as viewer, joe(port, mine):
        await viewer.until(lambda: viewer.view.get("ws/joe", {}).get("account") == "acc-1")
        await saved(host, "acc-1")
        async with impostors(port, other) as both:
            for each in both:
                await each.again()
            await ended(gateway, how)
            asked = led("1").replace('"deviceId"', '"accountId": "acc-1", "deviceId"')
            if how == "killed":
                status, answer = await service.ask(asked, "?ttl=60")
                assert (status, answer["state"]) == (202, "waiting")
            program = await device_program(host, port, "joe")  # one more impostor, as a process of its own
            gateway, _ = await ws_gateway(host, broker_port, port=port)
            for each in both:
                await each.again()
            assert "ws/joe" not in viewer.view or how == "killed"
            if how == "stopped":
                status, answer = await service.ask(asked, "?ttl=60")
                assert (status, answer["state"]) == (202, "waiting")
            async with joe(port, mine) as device:
                assert (await device.hear())["content"]["content"]["params"] == [{"name": "LED", "value": "1"}]
                assert (await service.until(answer["id"], "delivered"))["uid"] == "ws/joe"
                for each in both:
                    await each.again()
                await device.hears_nothing()
            assert [each.told for each in both] == [[], []]
        await program.kill()
    told = [message for message in viewer.heard if message.get("uid") == "ws/joe"]
    assert not {"stolen", "temperature"} & {message.get("endpoint") for message in told}
    assert {message["data"] for message in told if message.get("endpoint") == "account"} == {"acc-1"}
    assert "run: aiot device release joe" in gateway.text
    await gateway.stop()


async def test_a_released_id_changes_hands_and_what_is_for_the_first_account_is_not_done_by_the_other(
    host: Host, keys: Keys
) -> None:
    gateway, port, broker_port, service = await gateway_and_service(host)
    mine, other = await token_of(host, "acc-1"), await token_of(host, "acc-2")

    def asked(value: str, account: str) -> str:
        return led(value).replace('"deviceId"', f'"domainId": "{account}", "deviceId"')

    async with viewing(broker_port) as viewer:
        async with joe(port, mine) as device:
            await viewer.until(lambda: "ws/joe" in viewer.view)
            await saved(host, "acc-1")
            assert "token     joe  of acc-1\n" in (await host.run("aiot", "device", "list")).out
            released = await host.run("aiot", "device", "release", "joe")
            assert (released.code, released.err) == (0, "")
            with contextlib.suppress(ConnectionClosed):
                while (await device.hear())["code"] != 401:
                    pass
        await viewer.until(lambda: "ws/joe" not in viewer.view)
        status, waiting = await service.ask(asked("1", "acc-1"), "?ttl=60")
        assert status == 202
        assert (await service.ask(asked("1", "acc-2"), "?ttl=60"))[0] == 409, "it was last seen to be acc-1's"
        async with joe(port, other) as device:
            assert (await service.until(waiting["id"], "failed"))["code"] == "refused"
            status, answer = await service.ask(asked("2", "acc-1"))
            assert (status, answer["code"]) == (409, "refused")
            await device.hears_nothing()
            asking = asyncio.create_task(service.ask(asked("3", "acc-2")))
            assert (await device.hear())["content"]["content"]["accountId"] == "acc-2"
            assert (await asking)[0] == 200
            await saved(host, "acc-2")
    await gateway.stop()


async def test_an_id_proved_over_http_is_its_accounts_at_the_websocket_gateway_too_and_the_other_way_round(
    host: Host, keys: Keys
) -> None:
    """Gateways of one host share the owners file; in ``aiot up`` they are of one process."""
    together = await host.start("aiot", "up", *PORTS)
    port, http_port = await together.port(WS_LISTENS), await together.port(HTTP_LISTENS)
    mine, other = await token_of(host, "acc-1"), await token_of(host, "acc-2")

    async def post(token: str) -> int:
        return (await curl(*bearer(token), "-d", '{"x": 1}', f"http://localhost:{http_port}/v1/nodes/joe"))[0]

    async with asyncio.timeout(PATIENCE_S):
        while await post(mine) != 204:  # the gateway sees a new key within a second
            pass
        await saved(host, "acc-1")
        while not await is_refused(port):  # the WebSocket gateway looks at the file now and then
            pass
        assert await post("") == await post(other) == 401
        async with joe(port, mine):
            assert (await host.run("aiot", "device", "release", "joe")).code == 0
            async with joe(port, other):
                await saved(host, "acc-2")
                while await post(mine) != 401:
                    pass
                assert await post(other) == 204
    await together.stop()


async def test_a_broken_owners_file_is_one_line(host: Host, keys: Keys) -> None:
    path = host.home / ".pyaiot" / "device-owners"
    path.write_text("joe acc-1\n")
    path.chmod(0o600)
    for command in (("aiot-ws-gateway", "--gateway-port", "0"), ("aiot-http-gateway", "--http-port", "0")):
        done = await host.run(*command)
        assert (done.code, done.err.count("\n")) == (75, 1)
        assert "device-owners': it is cut short" in done.err
    done = await host.run("aiot", "device", "release", "joe")
    assert (done.code, done.err.count("\n")) == (78, 1)
