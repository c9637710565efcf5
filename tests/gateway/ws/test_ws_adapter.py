# SPDX-License-Identifier: BSD-3-Clause
"""What devices say and are told at /node, over real sockets."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from websockets.exceptions import InvalidStatus

from pyaiot.gateway.adapter import WriteFailed
from pyaiot.gateway.ws.adapter import WsAdapter
from pyaiot.lifecycle import StartupError
from pyaiot.options import ConfigurationError
from pyaiot.wire.messages import About, Door
from tests.gateway.ws.conftest import MakeGateway
from tests.gateway.ws.ws_devices import Gateway, device, raw, upgrade
from tests.patience import PATIENCE_S, is_within
from tests.raw_sockets import converse, frame


async def test_PB_01_PY_WSN_1_a_device_is_a_node_and_is_asked_for_its_values_once(gateway: Gateway) -> None:
    assert (WsAdapter.protocol, WsAdapter.title) == ("ws", "WebSocket")
    async with device(gateway, "?id=lamp", asked=False) as lamp:
        assert await lamp.hear() == {"request": "discover"}
        node = gateway.core.registry.nodes["lamp"]
        assert node.attributes["ip"] == "127.0.0.1"
        await gateway.until(lambda: gateway.discovered == ["lamp"])
        await lamp.update({"name": "x", "led": "0"})
        write = asyncio.create_task(gateway.adapter.write("lamp", "led", "1"))
        assert "endpoint" in await lamp.hear(), "it is asked once, not twice"
        await lamp.update({"led": "1"})
        await write


async def test_PY_WSN_2_each_resource_of_a_message_becomes_an_update_in_its_order(gateway: Gateway) -> None:
    async with device(gateway, "?id=lamp") as lamp:
        await lamp.update({"name": "x", "led": "0", "temperature": 21.5, "/imu": [1, {"a": None}]})
        await gateway.until(lambda: gateway.told("lamp", "imu"))
    assert gateway.log[:5] == [
        ("new", "lamp"),
        ("update", "lamp", "name", "x"),
        ("update", "lamp", "led", "0"),
        ("update", "lamp", "temperature", 21.5),
        ("update", "lamp", "imu", [1, {"a": None}]),
    ]


async def test_values_may_have_units_and_an_age(gateway: Gateway) -> None:
    async with device(gateway, "?id=lamp") as lamp:
        await lamp.update({"t": 21.5, "led": "0"}, units={"t": "Cel", "other": "V"}, age=90_000)
        await gateway.until(lambda: gateway.told("lamp", "led"))
    assert gateway.extras == [("Cel", 90_000), (None, 90_000)]


async def test_a_device_says_what_its_resources_are(gateway: Gateway) -> None:
    async with device(gateway, "?id=lamp") as lamp:
        said = {
            "led": {"title": "Lamp", "if": "core.a", "colour": [1]},
            "ip": {"title": "x"},
            "mode": {"choices": ["a"]},
        }
        await lamp.connection.send(json.dumps({"type": "about", "data": said}))
        await gateway.until(lambda: gateway.count("about") == 2)
    assert [entry[1:] for entry in gateway.log if entry[0] == "about"] == [
        ("lamp", "led", About(title="Lamp", interface="core.a")),
        ("lamp", "mode", About(choices=("a",))),
    ]
    assert gateway.adapter.doors == (Door(scheme="ws", port=gateway.adapter.port, host="127.0.0.1", path="/node"),)


@pytest.mark.parametrize("data", [{"led": {"title": 7}}, {"led": 1}, {"a b": {}}, [], {"led": {"title": "x" * 65}}])
async def test_what_is_said_badly_closes_as_a_bad_update_does(gateway: Gateway, data: object) -> None:
    async with device(gateway, "?id=lamp") as lamp:
        await lamp.connection.send(json.dumps({"type": "about", "data": data}))
        assert (await lamp.closed())[0] == 1003


async def test_PY_WSN_3_a_write_is_true_when_the_device_says_so(gateway: Gateway) -> None:
    async with device(gateway, "?id=lamp") as lamp:
        write = asyncio.create_task(gateway.adapter.write("lamp", "/led", "1"))
        assert await lamp.hear() == {"endpoint": "led", "payload": "1"}
        await lamp.update({"led": "0"})  # was on its way already
        await lamp.update({"led": True})
        assert await write is None
        assert gateway.told("lamp", "led") == ["0", True]


async def test_a_write_that_does_not_become_true_fails_and_says_why(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyaiot.gateway.ws.adapter.CONFIRM_S", 0.3)
    with pytest.raises(WriteFailed) as failed:
        await gateway.adapter.write("lamp", "led", "1")
    assert (failed.value.code, failed.value.reason) == ("offline", "the device is not connected")
    async with device(gateway, "?id=lamp") as lamp:
        with pytest.raises(WriteFailed) as failed:
            await gateway.adapter.write("lamp", "led", "1")
        assert failed.value.code == "timeout"
        await lamp.hear()
        write = asyncio.create_task(gateway.adapter.write("lamp", "led", "1"))
        await lamp.hear()
        await lamp.update({"led": "0"})
        with pytest.raises(WriteFailed, match='reports "0" instead') as failed:
            await write
        assert failed.value.code == "refused"
    counters = gateway.adapter.counters
    assert (counters.writes, counters.writes_failed) == (3, 3)


async def test_PY_WSN_4_other_messages_are_ignored_and_a_closed_connection_is_out(gateway: Gateway) -> None:
    async with device(gateway, "?id=lamp") as lamp:
        for message in ('{"type":"new","data":"node"}', '{"type":"out"}', '{"type":"reset","data":[1]}'):
            await lamp.connection.send(message)
        await lamp.update({})
        await gateway.until(lambda: gateway.count("seen", "lamp"))
    await gateway.until(lambda: gateway.count("gone", "lamp"))
    assert [line[0] for line in gateway.log] == ["new", "seen", "gone"]
    assert not gateway.known("lamp")


async def test_a_connection_that_breaks_is_out_at_once(gateway: Gateway) -> None:
    async with raw(gateway, "/node?id=lamp") as (_, writer):
        await gateway.until(lambda: gateway.known("lamp"))
        writer.transport.abort()
        await gateway.until(lambda: gateway.count("gone", "lamp"))


@pytest.mark.parametrize(
    ("message", "code", "words"),
    [
        ("hello", 1003, "not JSON"),
        ('{"data":1}', 1003, '"type"'),
        ('["type"]', 1003, '"type"'),
        ('{"type":"update","data":{"led":"1","no name":1}}', 1003, "a resource is"),
        ('{"type":"update","data":1,"x":"' + "°" * 200 + '"}', 1003, "object"),
        (b'{"type":"update","data":{"led":"1"}}', 1003, "not binary"),
        ('{"type":"update","data":{"led":"' + "x" * 16_384 + '"}}', 1009, ""),
    ],
)  # fmt: skip
async def test_PB_12_PB_13_a_bad_message_closes_its_connection_and_nothing_of_it_is_told(
    gateway: Gateway, message: str | bytes, code: int, words: str
) -> None:
    async with device(gateway, "?id=good") as good:
        async with device(gateway, "?id=bad") as bad:
            await bad.connection.send(message)
            closed = await bad.closed()
        assert closed[0] == code
        assert words in closed[1]
        assert len(closed[1].encode()) <= 123
        await gateway.until(lambda: gateway.count("gone", "bad"))
        assert gateway.count("update") == 0
        await good.update({"led": "1"})
        await gateway.until(lambda: gateway.told("good", "led"))


async def test_PB_12_text_that_is_not_utf_8_closes_with_1007(gateway: Gateway) -> None:
    async with raw(gateway) as (reader, writer):
        writer.write(frame(1, b'{"type":"update","data":{"a":"\xff"}}'))
        answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
    assert answer.partition(b'{"request":"discover"}')[2][2:4] == (1007).to_bytes(2, "big")


async def test_a_message_may_come_in_pieces(gateway: Gateway) -> None:
    async with raw(gateway, "/node?id=lamp") as (_, writer):
        message = b'{"type":"update","data":{"name":"K\xc3\xbcche"}}'
        for number, byte in enumerate(message):
            last = number == len(message) - 1
            writer.write(frame(0 if number else 1, bytes((byte,)), fin=last))
            if number == 20:
                writer.write(frame(9, b"in between"))
        data = frame(1, b'{"type":"update","data":{"led":"1"}}')
        for byte in data:  # and a frame in segments
            writer.write(bytes((byte,)))
            await asyncio.sleep(0)
        await gateway.until(lambda: gateway.told("lamp", "led"))
        assert gateway.told("lamp", "name") == ["Küche"]


async def test_what_the_gateway_does_not_take_is_left_out_and_said_once(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    async with device(gateway, "?id=lamp") as lamp:
        await lamp.update({f"r{number}": number for number in range(80)})
        await lamp.update({"more": 1})
        await lamp.update({"r0": "again"})
        await gateway.until(lambda: gateway.told("lamp", "r0") == [0, "again"])
    assert gateway.adapter.counters.refused > 10
    assert sum("is not taken" in record.getMessage() for record in caplog.records) == 1


# The door


async def test_only_node_is_there(gateway: Gateway) -> None:
    for path, status in (("/", 404), ("/nodes", 404), ("/node/x", 404), ("/gw", 404), ("/node?id=a&id=b", 400)):
        answer = await converse(gateway.adapter.port, upgrade(path))
        assert answer.startswith(f"HTTP/1.1 {status} ".encode()), path
    assert (await converse(gateway.adapter.port, b"GET /node HTTP/1.1\r\nHost: x\r\n\r\n")).startswith(b"HTTP/1.1 426 ")
    assert gateway.log == []
    assert gateway.adapter.counters.rejected == 6


async def test_a_page_of_anybody_cannot_play_device(make_gateway: MakeGateway) -> None:
    gateway = await make_gateway(origins=frozenset(("https://iot.example.org",)))
    for origin in ("https://evil.example", "null", "http://127.0.0.1", "https://iot.example.org.evil.example"):
        with pytest.raises(InvalidStatus) as refused:
            async with device(gateway, origin=origin):
                pass
        assert refused.value.response.status_code == 403
    more = "Origin: https://iot.example.org\r\nOrigin: https://evil.example\r\n"
    assert (await converse(gateway.adapter.port, upgrade(more=more))).startswith(b"HTTP/1.1 403 ")
    async with device(gateway, "?id=page", origin="https://IOT.example.org") as page:
        await page.update({"led": "1"})
        await gateway.until(lambda: gateway.told("page", "led"))


async def test_who_does_not_finish_its_request_is_cut_off(
    make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyaiot.gateway.ws.server.REQUEST_S", 0.3)
    gateway = await make_gateway()
    async with device(gateway, "?id=lamp") as lamp:
        answers = await asyncio.gather(
            converse(gateway.adapter.port, b"", end=False),
            converse(gateway.adapter.port, upgrade()[:-2], end=False),
            converse(gateway.adapter.port, b"GET /node HTTP/1.1\r\n" + b"x: y\r\n" * 20, end=False),
        )
        assert answers == [b"", b"", b""]
        assert gateway.adapter.counters.late_requests == 3
        await lamp.update({"led": "1"})
        await gateway.until(lambda: gateway.told("lamp", "led"))


async def test_a_request_has_a_bounded_length(gateway: Gateway) -> None:
    for data in (b"GET /node?" + b"x" * 60_000, upgrade(more="X: " + "y" * 8_000 + "\r\n")[:-2] + b"Z: 1\r\n" * 20_000):
        answer = await converse(gateway.adapter.port, data, end=False)
        assert b" 101 " not in answer
    assert gateway.adapter.counters.opened == 0


async def test_an_address_has_so_many_connections_and_others_have_theirs(
    make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyaiot.gateway.ws.admission.MAX_CONNECTIONS_PER_ADDRESS", 2)
    monkeypatch.setattr("pyaiot.gateway.ws.admission.is_loopback", lambda address: False)
    gateway = await make_gateway()
    async with device(gateway, "?id=a"), raw(gateway, "/node?id=b") as (_, writer):
        assert await converse(gateway.adapter.port, upgrade()) == b""
        async with device(gateway, "?id=c", local_addr=("127.0.0.2", 0)):
            await gateway.until(lambda: gateway.known("c"))
        writer.transport.abort()
        await gateway.until(lambda: not gateway.known("b"))
        async with device(gateway, "?id=d"):
            await gateway.until(lambda: gateway.known("d"))
    assert gateway.adapter.counters.crowded == 1


async def test_what_is_set_wrong_is_said_in_one_line(gateway: Gateway) -> None:
    other = WsAdapter(host="127.0.0.1", port=gateway.adapter.port)
    with pytest.raises(ConfigurationError, match=r"--gateway-port") as refused:
        await other.start(gateway)
    assert "\n" not in str(refused.value)
    await other.stop()
    assert issubclass(StartupError, ConfigurationError)


async def test_it_listens_on_every_address_by_default(make_gateway: MakeGateway) -> None:
    gateway = Gateway()
    gateway.adapter = WsAdapter(port=0)
    await gateway.adapter.start(gateway)
    for host in ("127.0.0.1", "::1"):
        reader, writer = await asyncio.open_connection(host, gateway.adapter.port)
        writer.write(upgrade(f"/node?id={'v6' if ':' in host else 'v4'}"))
        assert (await reader.readline()).startswith(b"HTTP/1.1 101")
        writer.close()
    await gateway.until(lambda: gateway.count("gone") == 2)
    assert gateway.core.registry.nodes == {}
    await gateway.adapter.stop()
    await gateway.close()


# The end


async def test_at_the_end_devices_are_told_and_nothing_is_reported(gateway: Gateway) -> None:
    async with device(gateway, "?id=polite") as polite, raw(gateway, "/node?id=deaf") as (_, writer):
        await gateway.until(lambda: gateway.known("deaf"))
        before = list(gateway.log)
        began = time.monotonic()
        await gateway.adapter.stop()
        assert is_within(time.monotonic() - began, 1.5)  # the deaf one would have FAREWELL_S
        assert await polite.closed() == (1001, "the gateway stops")
        writer.write(frame(1, b'{"type":"update","data":{"led":"1"}}'))
        assert gateway.log == before
    await gateway.adapter.stop()


async def test_a_node_that_is_out_has_no_connection(gateway: Gateway) -> None:
    async with device(gateway, "?id=lamp") as lamp:
        gateway.core.gone("lamp", "closed", 1)
        gateway.expire()
        assert await lamp.closed() == (1013, "the node is out: connect again")
    assert gateway.count("gone") == 0


async def test_the_json_of_the_gateway_is_compact_text(gateway: Gateway) -> None:
    async with device(gateway, "?id=lamp", asked=False) as lamp:
        assert await lamp.connection.recv() == json.dumps({"request": "discover"}, separators=(",", ":"))
