# SPDX-License-Identifier: BSD-3-Clause
"""What devices send: /alive, /server, identity and discovery, over real UDP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
from aiocoap import Message
from aiocoap.numbers import codes
from aiocoap.numbers.types import Type

from pyaiot.gateway.adapter import Refused, WriteFailed
from pyaiot.gateway.coap import discoveries
from pyaiot.gateway.coap.adapter import CoapAdapter
from pyaiot.gateway.coap.transport import Tuning, UdpInterface
from pyaiot.lifecycle import StartupError
from tests.gateway.coap.coap_devices import Device, Gateway
from tests.patience import PATIENCE_S

MakeDevice = Callable[..., Awaitable[Device]]


async def test_py_coap_2_alive_is_answered_and_makes_a_node(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    answer = await one.post("alive", "alive:1234")
    assert (str(answer.code), answer.payload) == ("2.04 Changed", b"Received 'alive:1234'")
    assert gateway.nodes["1234"]["ip"] == "127.0.0.1"
    assert (CoapAdapter.protocol, CoapAdapter.title) == ("coap", "CoAP")


async def test_py_coap_3_server_is_answered_and_reported(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    await one.post("alive", "alive:1234", confirmable=False)
    answer = await one.post("server", "temperature:23.4°C", confirmable=False)
    assert (answer.code, answer.payload.decode()) == (codes.CHANGED, "Received 'temperature:23.4°C'")
    assert answer.mtype is Type.NON
    assert gateway.nodes["1234"]["temperature"] == "23.4°C"


async def test_py_coap_1_only_post_and_only_known_paths(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    assert (await one.get("alive")).code == codes.METHOD_NOT_ALLOWED
    assert (await one.get("server")).code == codes.METHOD_NOT_ALLOWED
    assert (await one.post("nothing")).code == codes.NOT_FOUND
    assert (await one.get("rd/nothing")).code == codes.METHOD_NOT_ALLOWED


async def test_py_coap_4_discovery_reads_all_but_the_links_themselves(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    one.resources = {"board": "b", "led": "0", "sensors/temp": "21°C"}
    one.links = "</.well-known/core>,</board>,</led>,</sensors/temp>"
    await one.post("alive", "alive:x")
    await gateway.discovered()
    assert gateway.nodes["x"] == {"ip": "127.0.0.1", "board": "b", "led": "0", "sensors/temp": "21°C"}
    assert len(one.asked(".well-known/core")) == 1


async def test_py_coap_7_py_msg_10_the_address_comes_before_the_values(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    one.resources = {"led": "0"}
    await one.post("alive", "alive:x")
    await gateway.discovered()
    assert gateway.log[:2] == [("new", "x"), ("update", "x", "led", "0")]


async def test_py_msg_11_a_leading_slash_is_no_part_of_a_resource(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    one.resources = {"led": lambda request: Message(code=codes.CHANGED)}
    await one.post("alive", "alive:x")
    await one.post("server", "/temperature:1")
    assert gateway.nodes["x"]["temperature"] == "1"
    assert await gateway.adapter.write("x", "/led", "1") == "1"


async def test_pb_05_a_beacon_of_a_known_device_makes_no_new_node_and_no_discovery(
    gateway: Gateway, device: MakeDevice
) -> None:
    one = await device()
    one.resources = {"led": "0"}
    for _ in range(4):
        await one.post("alive", "alive:x")
    await gateway.discovered()
    assert (gateway.count("new"), gateway.count("seen"), gateway.count("reset")) == (1, 3, 0)
    assert len(one.requests) == 2


async def test_py_coap_8_reset_is_reset_and_only_of_a_known_device(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    await one.post("alive", "reset:x")
    assert gateway.count("reset") == 0
    await one.post("alive", "reset:x")
    assert [line[0] for line in gateway.log if line[0] != "update"] == ["new", "seen", "reset"]
    assert gateway.count("gone") == 0


async def test_fw_3_reset_and_alive_at_once_discover_the_device_once(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    one.resources = {"led": "0"}
    await asyncio.gather(*(one.post("alive", text, confirmable=False) for text in ("reset:x", "alive:x")))
    await gateway.discovered()
    assert len(one.asked(".well-known/core")) == 1


async def test_pb_06_text_beyond_ascii_passes_in_both_directions(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    written: list[bytes] = []

    def name(request: Message) -> Message:
        if request.code == codes.PUT:
            written.append(request.payload)
            return Message(code=codes.CHANGED)
        return Message(code=codes.CONTENT, payload="Gewächshaus °".encode())

    one.resources = {"name": name}
    await one.post("alive", "alive:x")
    await gateway.discovered()
    assert gateway.nodes["x"]["name"] == "Gewächshaus °"
    assert await gateway.adapter.write("x", "name", "Küche 🌡") == "Küche 🌡"
    assert written == ["Küche 🌡".encode()]


async def test_pb_24_a_failed_get_is_no_value(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    one.resources = {
        "good": "1",
        "missing": lambda request: Message(code=codes.NOT_FOUND, payload=b"no such thing"),
        "broken": lambda request: Message(code=codes.INTERNAL_SERVER_ERROR, payload=b"oops"),
        "binary": b"\xff\xfe",
    }
    await one.post("alive", "alive:x")
    await gateway.discovered()
    assert gateway.nodes["x"] == {"ip": "127.0.0.1", "good": "1"}
    assert gateway.adapter.counters.reads_failed == 3


async def test_pb_24_a_failed_discovery_is_no_list_of_links(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    one.resources = {".well-known/core": lambda request: Message(code=codes.NOT_FOUND, payload=b"</led>")}
    await one.post("alive", "alive:x")
    await gateway.discovered()
    assert len(one.requests) == 1
    assert gateway.adapter.counters.discoveries_failed == 1


async def test_fw_1_fw_10_values_padded_or_prefixed_as_firmware_does(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    one.resources = {"temperature": "23.4°C".encode().ljust(64, b"\0"), "imu": 'imu:[{"type":"acc","values":[1,2,3]}]'}
    await one.post("alive", "alive:x")
    await gateway.discovered()
    assert gateway.nodes["x"]["temperature"] == "23.4°C"
    assert gateway.nodes["x"]["imu"] == '[{"type":"acc","values":[1,2,3]}]'


async def test_fw_2_messages_from_ports_that_change_and_no_one_reads_the_answers(gateway: Gateway) -> None:
    gateway.auto_discover = False
    one = await Device.open(("127.0.0.1", gateway.adapter.port))
    for mid, (path, text) in enumerate(
        [
            ("alive", "reset:36343b03d1b3b2a"),
            ("alive", "alive:36343b03d1b3b2a"),
            ("server", "led:0"),
            ("server", "led:1"),
        ]
    ):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            message = one.message(codes.POST, path, text, confirmable=False)
            message.mid = mid
            sock.sendto(message.encode(), ("127.0.0.1", gateway.adapter.port))
    await gateway.until(lambda: gateway.nodes.get("36343b03d1b3b2a", {}).get("led") == "1")
    # The answers went to closed ports: ICMP errors, and the gateway hears on.
    await one.post("alive", "alive:other")
    await gateway.until(lambda: "other" in gateway.nodes)
    assert gateway.adapter.counters.icmp_errors > 0
    one.close()


async def test_fw_9_old_firmware_without_a_uid(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    await one.post("alive", "Alive")
    assert list(gateway.nodes) == ["127.0.0.1"]
    await one.post("alive", "reset")
    assert gateway.count("reset", "127.0.0.1") == 1


async def test_pb_27_devices_behind_one_address_are_told_apart(gateway: Gateway, device: MakeDevice) -> None:
    a, b = await device(), await device()
    a.resources, b.resources = {"name": "A"}, {"name": "B"}
    await a.post("alive", "alive:a")
    await b.post("alive", "alive:b")
    await gateway.discovered()
    await a.post("server", "t:1")
    await b.post("server", "t:2")
    assert gateway.nodes["a"] == {"ip": "127.0.0.1", "name": "A", "t": "1"}
    assert gateway.nodes["b"] == {"ip": "127.0.0.1", "name": "B", "t": "2"}


async def test_pb_27_a_stranger_at_a_known_address_is_asked_to_register(gateway: Gateway, device: MakeDevice) -> None:
    """After a restart of the gateway the values of the second device must not go to the first."""
    a, b = await device(), await device()
    assert (await b.post("server", "t:2")).code == codes.NOT_FOUND
    await a.post("alive", "alive:a")
    await a.post("server", "t:1")
    answer = await b.post("server", "t:2")
    assert answer.code == codes.NOT_FOUND
    assert b"/alive" in answer.payload
    await b.post("alive", "alive:b")
    await b.post("server", "t:2")
    assert (gateway.nodes["a"]["t"], gateway.nodes["b"]["t"]) == ("1", "2")


async def test_pb_27_a_device_that_moves_keeps_its_uid(gateway: Gateway, device: MakeDevice) -> None:
    before, after = await device(), await device()
    before.resources = after.resources = {"led": "0"}
    await before.post("alive", "alive:x")
    await gateway.discovered()
    before.close()
    await after.post("alive", "alive:x")
    await after.post("server", "t:1")
    assert gateway.count("new") == 1
    assert gateway.nodes["x"]["t"] == "1"
    await after.until(lambda: bool(after.asked("led")))  # discovered at the new place, without being told to
    assert (await before_is_forgotten(gateway, "x")) == after.port


async def before_is_forgotten(gateway: Gateway, uid: str) -> int:
    target = gateway.adapter._contacts.target(uid)
    assert target is not None
    return target[1]


async def test_pb_28_one_socket_is_client_and_server(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    one.resources = {"a": "1", "b": "2"}
    await one.post("alive", "alive:x")
    await gateway.discovered()
    assert {request.remote[1] for request in one.requests} == {gateway.adapter.port}


async def test_pb_29_alive_is_answered_before_discovery(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    one.silent = True
    assert (await one.post("alive", "alive:x")).code == codes.CHANGED
    gateway.adapter.forget("x")


async def test_pb_30_bad_payloads_are_the_senders_fault(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    await one.post("alive", "alive:x")
    for path, payload in [("alive", b"\xff"), ("alive", b"alive:a b"), ("server", b"nocolon"), ("server", b"\xff:1")]:
        answer = await one.post(path, payload)
        assert answer.code == codes.BAD_REQUEST, payload
        assert answer.payload


async def test_pb_31_data_is_told_as_a_sign_of_life(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    await one.post("alive", "alive:x")
    for number in range(3):
        await one.post("server", f"t:{number}")
    assert [line for line in gateway.log if line[:3] == ("update", "x", "t")] == [
        ("update", "x", "t", str(n)) for n in range(3)
    ]


async def test_py_coap_6_a_node_that_went_out_registers_again(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    await one.post("alive", "alive:x")
    gateway.out("x")
    assert (await one.post("server", "t:1")).code == codes.NOT_FOUND
    await one.post("alive", "alive:x")
    assert gateway.count("new", "x") == 2


async def test_a_full_gateway_says_so(gateway: Gateway, device: MakeDevice) -> None:
    gateway.faults = {("updated", "forbidden"): Refused("the node has too many resources")}
    one, two = await device(), await device()
    await one.post("alive", "alive:x")
    gateway.full = True
    answer = await two.post("alive", "alive:y")
    assert (answer.code, answer.payload) == (codes.SERVICE_UNAVAILABLE, b"the gateway is full")
    answer = await one.post("server", "forbidden:1")
    assert (answer.code, answer.payload) == (codes.FORBIDDEN, b"the node has too many resources")


async def test_a_retransmitted_request_is_answered_likewise_and_done_once(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    await one.post("alive", "alive:x")
    message = one.message(codes.POST, "server", "t:1")
    await one.ask(message)
    first = one.inbox[-1]
    one.inbox.clear()
    one.transmit(message)
    await one.until(lambda: bool(one.inbox))
    assert one.inbox == [first]
    assert gateway.count("update", "x", "t") == 1


async def test_four_requests_at_most_are_under_way_to_a_device(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    open_now: list[Message] = []
    most = 0

    def slow(request: Message) -> None:
        nonlocal most
        # Acknowledged at once and answered later, so that only the gateway's own limit holds it back.
        one.transmit(empty_ack(request), request.remote)
        open_now.append(request)
        most = max(most, len(open_now))
        asyncio.get_running_loop().call_later(0.03, finish, request)

    def finish(request: Message) -> None:
        open_now.remove(request)
        one.reply(request, Message(code=codes.CONTENT, payload=b"1"), separate=True)

    one.resources = {f"r{number}": slow for number in range(12)}
    await one.post("alive", "alive:x")
    await gateway.discovered()
    assert len(gateway.nodes["x"]) == 13
    assert most == 4


def empty_ack(request: Message) -> Message:
    ack = Message(code=codes.EMPTY)
    ack.mtype, ack.mid = Type.ACK, request.mid
    return ack


async def test_a_value_in_blocks_is_read_whole_and_one_without_end_is_not(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    text = "".join(f"{number:04}" for number in range(500)).encode()

    def blocks(request: Message, body: bytes, more: bool = False) -> Message:
        number = 0 if request.opt.block2 is None else request.opt.block2.block_number
        part = body[number * 64 : number * 64 + 64] if not more else b"x" * 64
        last = not more and number * 64 + 64 >= len(body)
        return Message(code=codes.CONTENT, payload=part, block2=(number, not last, 2))

    one.resources = {"long": lambda r: blocks(r, text), "endless": lambda r: blocks(r, b"", more=True)}
    await one.post("alive", "alive:x")
    await gateway.discovered()
    assert gateway.nodes["x"]["long"] == text.decode()
    assert "endless" not in gateway.nodes["x"]
    assert len(one.asked("endless")) == 64 * 1024 // 64 + 1


async def test_a_failed_discovery_is_tried_again_at_a_later_sign_of_life(
    gateway: Gateway, device: MakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyaiot.gateway.coap.discovery.FIRST_REST_S", 0.0)
    one = await device()
    one.resources = {".well-known/core": lambda request: Message(code=codes.SERVICE_UNAVAILABLE)}
    await one.post("alive", "alive:x")
    await gateway.discovered()
    one.resources = {"led": "0"}
    await one.post("server", "t:1")
    await gateway.until(lambda: gateway.nodes["x"].get("led") == "0")


async def test_a_failed_discovery_is_not_tried_again_at_once(gateway: Gateway, device: MakeDevice) -> None:
    one = await device()
    one.resources = {".well-known/core": lambda request: Message(code=codes.SERVICE_UNAVAILABLE)}
    await one.post("alive", "alive:x")
    await gateway.discovered()
    for _ in range(5):
        await one.post("alive", "alive:x")
        await one.post("server", "t:1")
    assert len(one.requests) == 1


async def test_a_second_gateway_on_the_same_port_is_an_error(gateway: Gateway) -> None:
    second = CoapAdapter(port=gateway.adapter.port)
    with pytest.raises(StartupError, match=rf"UDP port {gateway.adapter.port} .*is taken"):
        await second.start(gateway)
    await second.stop()


async def test_pb_26_an_interface_that_is_not_there_is_an_error(gateway: Gateway) -> None:
    adapter = CoapAdapter(port=0, interface="nosuchif0")
    with pytest.raises(StartupError, match="nosuchif0"):
        await adapter.start(gateway)
    await adapter.stop()


async def test_pb_26_discovery_and_writes_go_through_the_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    """To a link-local device, wherever it was heard."""
    gateway = Gateway()
    gateway.adapter = adapter = CoapAdapter(port=0, interface="lo")
    sent: list[tuple[str, int, int, int]] = []
    monkeypatch.setattr(UdpInterface, "_send", lambda self, data, remote: sent.append(tuple(remote)))
    monkeypatch.setattr(Tuning, "ACK_TIMEOUT", 0.01)
    await adapter.start(gateway)
    assert adapter._endpoint is not None
    adapter.alive("x", adapter._endpoint.remote(("fe80::1", 40001, 0, 0)), reset=False)
    await gateway.discovered()
    zone = socket.if_nametoindex("lo")
    assert set(sent) == {("fe80::1", 5683, 0, zone), ("fe80::1", 40001, 0, zone)}
    sent.clear()
    with pytest.raises(WriteFailed):
        await adapter.write("x", "led", "1")
    assert set(sent) == {("fe80::1", 5683, 0, zone)}
    await adapter.stop()


@pytest.mark.parametrize(
    ("host", "family", "to"),
    [
        pytest.param("::", socket.AF_INET6, "::1", marks=pytest.mark.needs_ipv6),
        ("::", socket.AF_INET, "127.0.0.2"),
        ("0.0.0.0", socket.AF_INET, "127.0.0.1"),
        ("127.0.0.1", socket.AF_INET, "127.0.0.1"),
        pytest.param("::1", socket.AF_INET6, "::1", marks=pytest.mark.needs_ipv6),
    ],
)
async def test_it_answers_from_the_address_that_was_asked(host: str, family: int, to: str) -> None:
    gateway = Gateway()
    gateway.auto_discover = False
    adapter = CoapAdapter(port=0, host=host)
    await adapter.start(gateway)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.sendto(b"\x41\x02\x00\x01\x07\xb5alive\xffalive:x", (to, adapter.port))
        data, address = await asyncio.to_thread(sock.recvfrom, 2048)
    assert (address[:2], data[1]) == ((to, adapter.port), codes.CHANGED)
    await adapter.stop()


async def test_a_silent_device_holds_no_place_for_long_and_its_late_answer_is_taken(
    gateway: Gateway, device: MakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discoveries, "PROBE_S", 0.05)
    monkeypatch.setattr(Tuning, "ACK_TIMEOUT", 2 * PATIENCE_S)  # it is not asked again meanwhile
    one = await device()
    one.silent = True
    one.resources = {"led": "1"}
    await one.post("alive", "alive:x")
    await gateway.discovered()
    assert list(gateway.adapter._discoveries._lingering) == ["x"]
    one.silent = False
    (request,) = one.requests
    one._respond(request, request.remote)
    await gateway.until(lambda: gateway.nodes["x"].get("led") == "1")
    await one.post("alive", "alive:x")
    assert gateway.adapter._discoveries._lingering == {}


async def test_a_silent_device_that_goes_out_or_is_asked_anew_lingers_no_more(
    gateway: Gateway, device: MakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discoveries, "PROBE_S", 0.01)
    one = await device()
    one.silent = True
    await one.post("alive", "alive:x")
    await gateway.discovered()
    (first,) = gateway.adapter._discoveries._lingering.values()
    await one.post("alive", "reset:x")
    await gateway.discovered()
    (second,) = gateway.adapter._discoveries._lingering.values()
    assert first.cancelled()
    gateway.out("x")
    await asyncio.gather(second, return_exceptions=True)
    assert second.cancelled()
    assert gateway.adapter._discoveries._lingering == {}


async def test_looks_at_devices_that_move_are_bounded_and_made_up_for(
    gateway: Gateway, device: MakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discoveries, "MAX_LOOKS_PER_ADDRESS", 0)
    before, after = await device(), await device()
    before.resources = after.resources = {"led": "0"}
    await before.post("alive", "alive:x")
    await gateway.discovered()
    await after.post("alive", "alive:x")
    assert gateway.adapter._discoveries._looks == {}
    monkeypatch.setattr(discoveries, "MAX_LOOKS_PER_ADDRESS", 1)
    await after.post("server", "t:1")
    await after.until(lambda: bool(after.asked("led")))
