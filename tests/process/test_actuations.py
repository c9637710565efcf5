# SPDX-License-Identifier: BSD-3-Clause
"""``POST /v1/actuations`` end to end: ``curl``, a real broker, a real gateway, and a device with a token that obeys."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from pyaiot.keys import Keys
from tests.lasting_ports import lasting_port
from tests.patience import PATIENCE_S, TRIES
from tests.process.processes import CONNECTED, Host, Process
from tests.process.test_http_push import curl
from tests.process.test_ws_devices import ws_gateway
from tests.process.viewers import viewing

pytestmark = pytest.mark.needs("curl")

#: What an OISP service sends, to the letter.
OI_9 = """{"type":"command","transport":"ws","content":{"accountId":"acc-1","deviceId":"joe","gatewayId":"joe",
"componentId":"436e7e74-6771-4898-9057-26932f5eb7e1","command":"LED.v1.0","params":[{"name":"LED","value":"1"}]}}"""
MAP = '[devices.joe.led]\ncomponent = "436e7e74-6771-4898-9057-26932f5eb7e1"\n'
LED = {"type": "command", "content": {"deviceId": "joe", "componentId": "led", "command": "LED.v1.0"}}


def led(value: Any, device: str = "joe", **more: Any) -> str:
    """An actuation of a device's LED, without any map."""
    content = {**LED["content"], "deviceId": device, "params": [{"name": "LED", "value": value}]}  # type: ignore[dict-item]
    return json.dumps({**LED, "content": content, **more})


class Service:
    """One that asks for actuations, with ``curl``."""

    def __init__(self, port: int, *options: str) -> None:
        self.url = f"http://localhost:{port}/v1/actuations"
        self._options = options

    async def ask(self, body: str, query: str = "", *options: str) -> tuple[int, Any]:
        """The status, and the answer."""
        status, text = await curl(*self._options, *options, "-d", body, self.url + query)
        return status, json.loads(text)

    async def state(self, id: str) -> Any:
        """What became of the actuation ``id``."""
        status, text = await curl(*self._options, f"{self.url}/{id}")
        assert status == 200
        return json.loads(text)

    async def until(self, id: str, state: str, within_s: float = PATIENCE_S) -> Any:
        """Wait until it is so."""
        end = time.monotonic() + within_s
        while (found := await self.state(id))["state"] != state:
            assert time.monotonic() < end, found
        return found


class Device:
    """A device with a token; what it is told is read one by one."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def say(self, message: Any) -> None:
        await self._connection.send(json.dumps(message))

    async def hear(self) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            return json.loads(await self._connection.recv())

    async def hears_nothing(self) -> None:
        """All that was sent to it has been read."""
        await self.say({"type": "ping"})
        assert await self.hear() == {"code": 202, "content": "PONG"}


@asynccontextmanager
async def token_device(host: Host, port: int, name: str = "joe") -> AsyncIterator[Device]:
    """One that is connected, and accepted."""
    made = await host.run("aiot", "device-token", name, "--account", "acc-1")
    assert made.code == 0, made.err
    url = f"ws://127.0.0.1:{port}/"
    async with asyncio.timeout(PATIENCE_S):  # the gateway sees a new key within a second
        while True:
            async with connect(url, proxy=None, subprotocols=[Subprotocol("echo-protocol")]) as connection:
                device = Device(connection)
                await device.say({"type": "device", "deviceId": name, "deviceToken": made.out.strip()})
                if (await device.hear())["code"] == 200:
                    yield device
                    return


async def gateway_and_service(host: Host, *broker_options: str) -> tuple[Process, int, int, Service]:
    """The gateway with its port, the broker's port, and a service of this host."""
    _, broker_port = await host.broker(*broker_options)
    options = [option for option in broker_options if "map" in option]
    gateway, port = await ws_gateway(host, broker_port, *options, port=lasting_port())
    return gateway, port, broker_port, Service(broker_port)


def first_outcome(**more: Any) -> Callable[[Any], bool]:
    return lambda answer: all(answer["outcomes"][0].get(key) == value for key, value in more.items())


async def test_OI_9_a_services_actuation_is_what_the_device_is_told(host: Host, keys: Keys) -> None:
    (host.home / "map.toml").write_text(MAP)
    _, port, broker_port, service = await gateway_and_service(host, "--actuation-map=map.toml")
    async with token_device(host, port) as device, viewing(broker_port) as viewer:
        await viewer.until(lambda: "ws/joe" in viewer.view)
        began = time.monotonic()
        asking = asyncio.create_task(service.ask(OI_9))
        assert await device.hear() == {"code": 1024, "content": json.loads(OI_9)}
        status, answer = await asking
        took = time.monotonic() - began
        assert (status, answer["state"], answer["uid"]) == (200, "delivered", "ws/joe")
        assert answer["outcomes"] == [{"name": "LED", "resource": "led", "ok": True}]
        await device.hears_nothing()
    print(f"from curl's start to its end: {1000 * took:.0f} ms")


async def test_OI_10_silence_is_never_the_answer(host: Host, keys: Keys) -> None:
    gateway, port, broker_port, service = await gateway_and_service(host)
    status, answer = await service.ask(led("1"))
    assert (status, answer["code"]) == (404, "unknown")
    async with viewing(broker_port) as viewer:
        async with token_device(host, port) as device:
            await viewer.until(lambda: "ws/joe" in viewer.view)
            # It says that it has a LED, and then does something else than it was told.
            await device.say({"type": "update", "data": {"led": "0"}})
            await viewer.until(lambda: viewer.view["ws/joe"].get("led") == "0")
            asking = asyncio.create_task(service.ask(led("1")))
            assert (await device.hear())["content"]["content"]["params"] == [{"name": "LED", "value": "1"}]
            await device.say({"type": "update", "data": {"led": "0"}})
            status, answer = await asking
            assert (status, answer["code"], answer["state"]) == (409, "refused", "failed")
            assert answer["reason"] == answer["outcomes"][0]["reason"]
            status, answer = await service.ask(led("1").replace("LED.v1.0", "LED.v2.0"))
            assert (status, answer["code"]) == (404, "unknown")
        await viewer.until(lambda: "ws/joe" not in viewer.view)
    status, answer = await service.ask(led("1"))
    assert (status, answer["code"]) == (503, "offline")
    await gateway.stop()
    for body in ("", "{", "[]", led("1") * 2, led(None).replace("null", "NaN"), led("1", ttl=0), led("1", ttl=86_401)):
        status, answer = await service.ask(body)
        assert (status, answer["code"]) == (400, "malformed"), body
    status, answer = await service.ask(led("x" * 17_000))
    assert (status, answer["code"]) == (413, "malformed")
    assert (await curl(service.url))[0] == 405


async def test_a_device_that_is_away_is_told_when_it_is_back_and_once(host: Host, keys: Keys) -> None:
    gateway, port, broker_port, service = await gateway_and_service(host)
    async with viewing(broker_port) as viewer:
        async with token_device(host, port):
            await viewer.until(lambda: "ws/joe" in viewer.view)
        await viewer.until(lambda: "ws/joe" not in viewer.view)
        ids = []
        for value in ("1", "0", "2"):
            status, answer = await service.ask(led(value), "?ttl=60")
            assert (status, answer["state"], answer["uid"]) == (202, "waiting", "ws/joe")
            ids.append(answer["id"])
        assert (await service.state(ids[0])) == {"id": ids[0], "uid": "ws/joe", "state": "waiting"}
        status, answer = await service.ask(led("9", ttl=1))
        assert status == 202
        expired = await service.until(answer["id"], "expired")
        assert expired["code"] == expired["outcomes"][0]["code"] == "expired"
        async with token_device(host, port) as device:
            told = [(await device.hear())["content"]["content"]["params"][0]["value"] for _ in ids]
            assert told == ["1", "0", "2"]
            for id in ids:
                assert first_outcome(ok=True, resource="led")(await service.until(id, "delivered"))
            await device.hears_nothing()
            # It is there: no need to wait.
            asking = asyncio.create_task(service.ask(led("3"), "?ttl=60"))
            assert (await device.hear())["code"] == 1024
            assert (await asking)[0] == 200
        async with token_device(host, port) as device:
            await device.hears_nothing()
        metrics = (await curl(f"http://localhost:{broker_port}/metrics"))[1]
        for line in (
            'aiot_actuations_ended_total{state="delivered"} 3.0',
            'aiot_actuations_ended_total{state="expired"} 1.0',
            'aiot_actuation_requests_total{answer="waiting"} 4.0',
            "aiot_actuations_waiting 0.0",
        ):
            assert line in metrics.splitlines()
    await gateway.stop()


async def test_it_waits_for_a_gateway_that_was_killed(host: Host, keys: Keys) -> None:
    gateway, port, broker_port, service = await gateway_and_service(host, "--gateway-grace", "60")
    async with viewing(broker_port) as viewer:
        async with token_device(host, port):
            await viewer.until(lambda: "ws/joe" in viewer.view)
            await gateway.kill()
        status, answer = await service.ask(led("1"))
        assert (status, answer["code"]) == (503, "offline")
        status, answer = await service.ask(led("1"), "?ttl=60")
        assert status == 202
        gateway, port = await ws_gateway(host, broker_port, port=port)
        async with token_device(host, port) as device:
            assert (await device.hear())["content"]["content"]["params"] == [{"name": "LED", "value": "1"}]
            await service.until(answer["id"], "delivered")
    await gateway.stop()


async def test_who_may_ask(host: Host, keys: Keys) -> None:
    tokens = {}
    for name, role in (("ann", "operator"), ("bob", "admin"), ("eve", "viewer")):
        made = await host.run("aiot-generate-keys", "--client", name, "--role", role)
        assert made.code == 0, made.err
        (tokens[name],) = [word for word in made.out.split() if len(word) > 30]
    _, port, broker_port, _ = await gateway_and_service(host, "--require-token")

    def service(token: str) -> Service:
        return Service(broker_port, "-H", f"Authorization: Bearer {token}")

    async with token_device(host, port) as device:
        for token, expected in (
            *((tokens["eve"], 403), (tokens["ann"][:-1], 401), (tokens["ann"] + "x", 401), ("x" * 4_000, 401)),
            *(("", 401), ("é", 401)),
        ):
            status, answer = await service(token).ask(led("1"))
            assert (status, answer["code"]) == (expected, "forbidden"), token
            assert (await curl("-H", f"Authorization: Bearer {token}", f"{service('').url}/{'0' * 32}"))[0] == expected
        status, _ = await Service(broker_port).ask(led("1"))
        assert status == 401
        ann = service(tokens["ann"])
        for wrong in ("Host: evil.example", "Origin: https://evil.example"):
            status, answer = await ann.ask(led("1"), "", "-H", wrong)
            assert (status, answer["code"]) == (403, "forbidden")
        await device.hears_nothing()
        for name in ("ann", "bob"):
            asking = asyncio.create_task(service(tokens[name]).ask(led("1")))
            assert (await device.hear())["code"] == 1024
            assert (await asking)[0] == 200


async def test_what_waits_of_a_revoked_token_is_not_done(host: Host, keys: Keys) -> None:
    made = await host.run("aiot-generate-keys", "--client", "ann", "--role", "operator")
    (token,) = [word for word in made.out.split() if len(word) > 30]
    _, port, broker_port, own = await gateway_and_service(host)
    ann = Service(broker_port, "-H", f"Authorization: Bearer {token}")
    async with viewing(broker_port) as viewer:
        async with token_device(host, port):
            await viewer.until(lambda: "ws/joe" in viewer.view)
        await viewer.until(lambda: "ws/joe" not in viewer.view)
        status, answer = await ann.ask(led("1"), "?ttl=60")
        assert status == 202
        assert (await host.run("aiot-generate-keys", "--revoke-client", "ann")).code == 0
        failed = await own.until(answer["id"], "failed")
        assert failed["code"] == "forbidden"
        async with token_device(host, port) as device:
            await device.hears_nothing()


async def test_whoever_waits_is_answered_when_the_broker_stops(host: Host, keys: Keys) -> None:
    broker, broker_port = await host.broker()
    _, port = await ws_gateway(host, broker_port)
    service = Service(broker_port)
    async with token_device(host, port) as device:
        await device.say({"type": "update", "data": {"led": "0"}})
        async with viewing(broker_port) as viewer:
            await viewer.until(lambda: viewer.view.get("ws/joe", {}).get("led") == "0")
        asking = asyncio.create_task(service.ask(led("1")))
        assert (await device.hear())["code"] == 1024
        await broker.stop(signal.SIGTERM)
        status, answer = await asking
        assert (status, answer["code"]) == (503, "timeout")


async def test_a_map_that_is_wrong_is_one_line(host: Host, keys: Keys) -> None:
    (host.home / "map.toml").write_text("[led]")
    finished = await host.run("aiot-broker", "--broker-port", "0", "--actuation-map", "map.toml")
    assert (finished.code, finished.err.count("\n")) == (75, 1)
    assert "--actuation-map: map.toml: [led] is neither" in finished.err


async def test_OI_9_a_device_of_any_protocol_can_be_meant(host: Host, keys: Keys) -> None:
    """Here an HTTP device, beside which a WebSocket device has the same id now and then."""
    _, port, broker_port, service = await gateway_and_service(host)
    # It knows no owners: else it would not let the HTTP device in any more, once it has seen who proved the same id.
    options = ("--broker-port", str(broker_port), "--http-port", "0", "--device-owners=")
    process = await host.start("aiot-http-gateway", *options)
    http_port = await process.port(r"Listening for HTTP devices on port (\d+)")
    await process.says(CONNECTED)
    joe = f"http://localhost:{http_port}/v1/nodes/joe"
    assert (await curl(joe))[0] == 204

    async def fetch_and_obey() -> Any:
        (write,) = json.loads((await curl(f"{joe}?wait=20"))[1])["writes"]
        await curl("-d", json.dumps({write["resource"]: write["value"]}), joe)
        return write["value"]

    async with viewing(broker_port) as viewer:
        await viewer.until(lambda: "http/joe" in viewer.view)
        for device in ("joe", "http/joe", "joe"):
            await viewer.until(lambda: "ws/joe" not in viewer.view)
            for _ in range(TRIES):  # on a machine that stands still for 5 s, curl is too late to confirm, or to fetch
                obeying = asyncio.create_task(fetch_and_obey())
                status, answer = await service.ask(led(1, device))
                (obeyed,) = await asyncio.gather(obeying, return_exceptions=True)
                if status == 200:
                    break
                assert status in (503, 504), (status, answer, obeyed)
            assert (status, obeyed) == (200, 1), answer
            if device == "joe":
                async with token_device(host, port) as ws:
                    await viewer.until(lambda: "ws/joe" in viewer.view)
                    status, answer = await service.ask(led("1", transport="auto"))
                    assert (status, answer["code"]) == (409, "ambiguous")
                    asking = asyncio.create_task(service.ask(led("1", transport="ws")))
                    assert (await ws.hear())["code"] == 1024
                    assert (await asking)[0] == 200
