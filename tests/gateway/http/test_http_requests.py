# SPDX-License-Identifier: BSD-3-Clause
"""What devices post, and what each request is answered, over real sockets."""

from __future__ import annotations

import asyncio
import logging
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pyaiot import devices
from pyaiot.devices import Credential, Devices
from pyaiot.gateway.adapter import DeviceEvents
from pyaiot.gateway.http import handlers, request_handler
from pyaiot.gateway.http.access import Access
from pyaiot.gateway.http.adapter import HttpAdapter
from pyaiot.gateway.http.payloads import MAX_BODY_BYTES
from pyaiot.lifecycle import find_configuration_error
from pyaiot.nodes.registry import MAX_RESOURCES_PER_NODE
from tests.gateway.http.http_devices import Connection, Gateway, running
from tests.patience import PATIENCE_S

PASSWORDS = {"joe": "joe's", "ann": "ann's"}


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def store(path: Path, *names: str) -> None:
    devices.store(path, Devices({name: Credential.of("device", PASSWORDS[name].encode()) for name in names}))


@pytest.fixture
def device_file(tmp_path: Path) -> Path:
    path = tmp_path / "devices"
    store(path, "joe", "ann")
    return path


@pytest.fixture
async def guarded(device_file: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    """As on any other bind: each device needs its password."""
    monkeypatch.setattr(request_handler, "PENALTY_S", 0.05)
    async with running(trust=False, device_file=str(device_file)) as gateway:
        yield gateway


async def test_a_post_makes_a_node_with_values(gateway: Gateway) -> None:
    answer = await gateway.device("esp").post({"temperature": 21.5, "name": "hut", "led": True})
    assert (answer.status, answer.body) == (204, b"")
    assert "content-type" not in answer.headers
    expected = {"ip": "127.0.0.1", "protocol": "HTTP", "temperature": 21.5, "name": "hut", "led": True}
    await gateway.until(lambda: gateway.values("esp") == expected)
    news = [message for _, message in gateway.session.messages if message["type"] == "new"]
    assert [(each["uid"], each["protocol"]) for each in news] == [("esp", "http")]


async def test_a_value_keeps_its_unit_and_the_time_at_which_it_was_measured(gateway: Gateway) -> None:
    assert (await gateway.device("esp").post({"t": {"value": 21.5, "unit": "Cel", "age": 60_000}})).status == 204
    await gateway.until(lambda: "t" in gateway.values("esp"))
    (told,) = [message for _, message in gateway.session.messages if message.get("endpoint") == "t"]
    assert told["unit"] == "Cel"
    assert 59_000 <= time.time() * 1000 - told["at"] <= 70_000


async def test_senml_is_known_by_its_type_or_by_its_shape(gateway: Gateway) -> None:
    device = gateway.device("esp")
    pack = [{"bn": "esp/", "bt": -5, "n": "temperature", "u": "Cel", "v": 20.5}, {"n": "door", "vb": False, "t": 5}]
    assert (await device.post(pack, content_type="application/senml+json")).status == 204
    await gateway.until(lambda: gateway.values("esp").get("temperature") == 20.5)
    assert gateway.values("esp")["door"] is False
    assert (await device.post([{"n": "x", "v": 1}], content_type="application/x-www-form-urlencoded")).status == 204
    answer = await device.post({"x": 1}, content_type="application/senml+json")
    assert (answer.status, answer.text) == (400, "a SenML pack is an array of records")


async def test_what_is_refused_is_said_by_resource(gateway: Gateway) -> None:
    device = gateway.device("esp")
    answer = await device.post({"good": 1, "no name": 2, "/": 3, "deep": [[[[[[[[[[[[[1]]]]]]]]]]]]]})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert sorted(answer.json["refused"]) == ["/", "deep", "no name"]
    await gateway.until(lambda: gateway.values("esp").get("good") == 1)
    answer = await device.post({"no name": 2})
    assert (answer.status, list(answer.json["refused"])) == (400, ["no name"])
    answer = await device.post({f"r{number}": number for number in range(MAX_RESOURCES_PER_NODE + 10)})
    assert answer.status == 200
    assert len(answer.json["refused"]) >= 10
    assert gateway.adapter.counters.refused >= 14


async def test_an_empty_post_is_a_sign_of_life(gateway: Gateway) -> None:
    assert (await gateway.device("esp").ask("POST")).status == 204
    await gateway.until(lambda: gateway.values("esp") == {"ip": "127.0.0.1", "protocol": "HTTP"})


async def test_nonsense_makes_no_node_and_keeps_one_alive(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    device = gateway.device("esp")
    assert (await device.post(b"21.5")).status == 400
    assert not gateway.service.known("esp")
    assert "Node esp (127.0.0.1): refused: a bare value is of no resource" in caplog.text
    await device.post({"x": 1})
    node = gateway.service.core.registry.nodes["esp"]
    before = node.last_seen
    assert (await device.post(b"21.5")).status == 400
    assert node.last_seen > before
    assert gateway.adapter.counters.bad_bodies == 2


@pytest.mark.one_loop
async def test_a_device_that_is_silent_is_out_and_one_that_posts_or_asks_is_not() -> None:
    async with running(timeout_s=4.0) as gateway:
        await gateway.device("silent").post({"x": 1})

        def outs() -> list[tuple[str, str]]:
            return [(m["uid"], m["why"]) for _, m in gateway.session.messages if m["type"] == "out"]

        posting, asking = gateway.device("posting"), gateway.device("asking")
        rounds_after = 0
        async with asyncio.timeout(PATIENCE_S):
            while rounds_after < 3:
                assert (await posting.post({})).status == 204
                assert await asking.fetch(60) == []  # a poll ends long before its node would be out
                rounds_after += bool(outs())
        assert outs() == [("silent", "timeout")]


async def test_delete_takes_a_node_out_at_once(gateway: Gateway) -> None:
    device = gateway.device("esp")
    assert (await device.ask("DELETE")).status == 404
    await device.post({"x": 1})
    assert (await device.ask("DELETE")).status == 204
    await gateway.until(lambda: any(m["type"] == "out" for _, m in gateway.session.messages))
    out = gateway.session.messages[-1][1]
    assert (out["uid"], out["why"]) == ("esp", "deregistered")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"])
async def test_other_methods_are_not_allowed(gateway: Gateway, method: str) -> None:
    connection = await Connection.open(gateway.port)
    connection.ask(method, "/v1/nodes/esp")
    head = await asyncio.wait_for(connection.reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
    assert head.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nAllow: POST, GET, DELETE\r\n" in head
    connection.close()


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nodes", "/v1/nodes/", "/v1/nodes/a/b", "/v2/nodes/a", "/health"])
async def test_other_paths_are_not_there(gateway: Gateway, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = await gateway.device("esp").ask(method, b'{"x": 1}', path=path)
        assert answer.status == 404
        assert "/v1/nodes/<id>" in answer.text


@pytest.mark.parametrize("name", ["a%20b", "%2F", "%00", "%C3%A9", "a" * 65, "a%0d%0ab", "<b>"])
async def test_an_id_that_cannot_be_is_refused(gateway: Gateway, name: str) -> None:
    answer = await gateway.device(name).post({"x": 1})
    assert (answer.status, answer.text) == (400, "an id has 1 to 64 of the characters A-Z a-z 0-9 . _ : -")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/xml"}, 415),
        ({"Content-Type": "application/json; charset=latin-1"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Content-Encoding": "identity"}, 204),
        ({"Origin": "http://localhost:8002"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 403),
        ({"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:60.0) Gecko/20100101 Firefox/60.0"}, 403),
        ({"User-Agent": "curl/8.14.1"}, 204),
        ({"Host": "evil.example"}, 403),
        ({"Host": "iot.example:8002"}, 204),
        ({"X-Forwarded-For": "192.0.2.1"}, 401),
        ({"Forwarded": "for=192.0.2.1"}, 401),
    ],
)
async def test_headers_that_matter(gateway: Gateway, headers: dict[str, str], status: int) -> None:
    answer = await gateway.device("esp", headers).post({"x": 1})
    assert answer.status == status
    assert gateway.service.known("esp") == (status == 204)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers


async def test_a_page_takes_no_commands_either(gateway: Gateway) -> None:
    await gateway.device("esp").fetch()
    number = await gateway.write("esp", "led", "1")
    await gateway.waits()
    for headers in ({"Sec-Fetch-Site": "none"}, {"Host": "evil.example"}, {"Origin": "null"}):
        assert (await gateway.device("esp", headers).ask("GET")).status == 403
    assert [each["value"] for each in await gateway.device("esp").fetch()] == ["1"]
    await gateway.device("esp").post({"led": "1"})
    assert await gateway.result(number) == ("ok", "")


async def test_a_body_of_64_KiB_is_read_and_a_longer_one_is_not(gateway: Gateway) -> None:
    device = gateway.device("esp")
    body = b'{"x": 1}'
    assert (await device.post(body + b" " * (MAX_BODY_BYTES - len(body)))).status == 204
    for size in (MAX_BODY_BYTES + 1, 1_000_000):
        answer = await device.post(body + b" " * (size - len(body)))
        assert (answer.status, answer.text) == (413, "a body has at most 65536 bytes")
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    connection = await Connection.open(gateway.port)
    connection.ask(
        "POST", device.path, chunk * 3 + b"0\r\n\r\n", {"Transfer-Encoding": "chunked", "Content-Length": ""}
    )
    assert (await connection.answer()).status == 413
    connection.close()
    answer = await device.ask("POST", headers={"Content-Length": "99999999999"})
    assert answer.status == 413
    assert gateway.adapter.counters.oversized == 4


async def test_a_connection_is_kept_for_further_requests(gateway: Gateway) -> None:
    connection = await Connection.open(gateway.port)
    for number in range(5):
        connection.ask("POST", "/v1/nodes/esp", b'{"n": %d}' % number)
        assert (await connection.answer()).status == 204
        connection.ask("POST", "/v1/nodes/esp", b"nonsense")
        assert (await connection.answer()).status == 400
    connection.close()
    await gateway.until(lambda: gateway.values("esp").get("n") == 4)


# Passwords


async def test_each_device_speaks_for_itself(guarded: Gateway) -> None:
    for headers in (basic("joe", "joe's"), {"Authorization": "Bearer joe's"}):
        assert (await guarded.device("joe", headers).post({"x": 1})).status == 204
    answer = await guarded.device("joe", basic("ann", "ann's")).post({"x": 1})
    assert (answer.status, answer.text) == (403, "the password is another device's")
    assert (await guarded.device("joe", {"Authorization": "Bearer ann's"}).post({"x": 1})).status == 401
    assert (await guarded.device("joe", basic("ann", "ann's")).ask("GET")).status == 403
    assert (await guarded.device("joe", basic("ann", "ann's")).ask("DELETE")).status == 403


async def test_without_a_password_it_is_asked_for_one_at_once(
    guarded: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_handler, "PENALTY_S", 60 * PATIENCE_S)
    for method in ("POST", "GET", "DELETE"):
        answer = await guarded.device("joe").ask(method)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="pyaiot"'  # the last of two
    assert guarded.adapter.counters.wrong_passwords == 0


async def test_who_is_not_let_in_learns_that_and_nothing_of_the_body(guarded: Gateway) -> None:
    answer = await guarded.device("joe").post(b" " * 200_000)
    assert (answer.status, guarded.adapter.counters.oversized) == (401, 0)
    answer = await guarded.device("joe", {"Content-Type": "text/xml"}).post(b"nonsense")
    assert answer.status == 401


async def test_a_wrong_password_costs_its_sender_and_nobody_else(
    guarded: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(request_handler, "PENALTY_S", 0.5)
    monkeypatch.setattr(request_handler, "MAX_PENALTIES", 20)
    began = time.monotonic()
    wrong = [asyncio.create_task(guarded.device("joe", basic("joe", "guess")).post({"x": 1})) for _ in range(20)]
    async with asyncio.timeout(PATIENCE_S):
        while guarded.adapter.counters.wrong_passwords < 20:
            await asyncio.sleep(0.002)
    assert (await guarded.device("joe", basic("joe", "joe's")).post({"x": 1})).status == 204
    assert not any(each.done() for each in wrong)
    assert (await guarded.device("joe", basic("joe", "guess")).post({"x": 1})).status == 401  # no more are delayed
    assert not any(each.done() for each in wrong)
    assert {each.status for each in await asyncio.gather(*wrong)} == {401}
    assert time.monotonic() - began >= 0.5
    counters = guarded.adapter.counters
    assert (counters.wrong_passwords, counters.undelayed, counters.denied) == (21, 1, 21)
    began = time.monotonic()
    assert (await guarded.device("joe", basic("joe", "guess")).post({"x": 1})).status == 401
    assert time.monotonic() - began >= 0.5  # as there is room for it again
    assert "127.0.0.1: a wrong password for /v1/nodes/joe" in caplog.text
    assert "guess" not in caplog.text


async def test_a_device_that_is_not_there_is_answered_as_one_that_is(guarded: Gateway) -> None:
    answers = [await guarded.device(uid, basic(uid, "guess")).post({}) for uid in ("joe", "nobody")]
    one, other = ({**each.headers, "date": "", "body": each.text} for each in answers)
    assert one == other


async def test_a_changed_device_file_counts_from_the_next_request(guarded: Gateway, device_file: Path) -> None:
    joe = guarded.device("joe", basic("joe", "joe's"))
    assert (await joe.post({"x": 1})).status == 204
    store(device_file, "ann")
    assert (await joe.post({"x": 1})).status == 401
    device_file.write_text("nonsense")
    assert (await guarded.device("ann", basic("ann", "ann's")).post({"x": 1})).status == 204
    store(device_file, "joe")
    assert (await joe.post({"x": 1})).status == 204


async def test_a_device_that_was_removed_while_it_waited_is_given_nothing(guarded: Gateway, device_file: Path) -> None:
    joe = guarded.device("joe", basic("joe", "joe's"))
    poll = asyncio.create_task(joe.ask("GET", query="?wait=10"))
    await guarded.polled("joe")
    store(device_file, "ann")
    await guarded.write("joe", "led", "1")
    assert (await poll).status == 401
    assert guarded.adapter.counters.commands == 0


async def test_a_device_file_that_others_can_read_is_said_before_anything_starts(device_file: Path) -> None:
    device_file.chmod(0o644)
    adapter = HttpAdapter(Access(False, frozenset()), host="127.0.0.1", port=0, device_file=str(device_file))
    events: Any = object()
    with pytest.raises(Exception, match="chmod 600") as caught:
        await adapter.start(events)
    assert find_configuration_error(caught.value) is not None
    await adapter.stop()


async def test_a_gateway_for_devices_without_any_password_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with running(trust=False, device_file=str(tmp_path / "devices")):
        assert "aiot device add" in caplog.text
        assert "Listening for HTTP devices on port" in caplog.text


# Back-pressure, and the end


class Crowd:
    """Says that it is crowded until it is not; everything else is the gateway's."""

    def __init__(self, events: DeviceEvents) -> None:
        self._events = events
        self.roomy = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._events, name)

    @property
    def crowded(self) -> bool:
        return not self.roomy.is_set()

    async def room(self) -> None:
        await self.roomy.wait()


async def test_a_post_waits_while_the_broker_takes_too_little(gateway: Gateway) -> None:
    gateway.adapter._events = crowd = Crowd(gateway.service)  # type: ignore[assignment]
    post = asyncio.create_task(gateway.device("esp").post({"x": 1}))
    async with asyncio.timeout(PATIENCE_S):
        while not gateway.adapter.counters.held:
            await asyncio.sleep(0.002)
    assert not gateway.service.known("esp")
    crowd.roomy.set()
    assert (await post).status == 204
    await gateway.until(lambda: gateway.values("esp").get("x") == 1)


async def test_a_post_that_waits_in_vain_is_told_when_to_come_again(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "ROOM_S", 0.05)
    gateway.adapter._events = Crowd(gateway.service)  # type: ignore[assignment]
    answer = await gateway.device("esp").post({"x": 1})
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert not gateway.service.known("esp")


async def test_a_gateway_that_is_full_says_so(gateway: Gateway) -> None:
    gateway.service.core.registry._max_nodes = 1
    assert (await gateway.device("one").post({"x": 1})).status == 204
    for method in ("POST", "GET"):
        answer = await gateway.device("two").ask(method)
        assert (answer.status, "retry-after" in answer.headers) == (503, True)
        assert "1 nodes" in answer.text
    assert (await gateway.device("one").post({"x": 2})).status == 204


async def test_a_poll_is_answered_when_the_gateway_stops() -> None:
    async with running() as gateway:
        connection = await Connection.open(gateway.port)
        connection.ask("GET", "/v1/nodes/esp?wait=60")
        await gateway.polled("esp")
        poll = asyncio.create_task(connection.answer())
    assert (await poll).status == 204
    connection.close()
