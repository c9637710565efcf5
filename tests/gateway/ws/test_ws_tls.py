# SPDX-License-Identifier: BSD-3-Clause
"""WebSocket devices by TLS: beside those without, within the same bounds; a peer's fault is its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import ssl
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from pyaiot.gateway.adapter import WriteFailed
from pyaiot.gateway.ws import server
from pyaiot.tls import unfinished
from pyaiot.tls.certificate import ServerCertificate
from pyaiot.tls.ports import TlsPort
from pyaiot.tls.trust import trusting
from tests.gateway.ws.conftest import MakeGateway
from tests.gateway.ws.ws_devices import Device, device
from tests.patience import PATIENCE_S
from tests.tls.authority import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def shown(authority: Authority) -> ServerCertificate:
    issued = authority.issue("localhost", "127.0.0.1")
    return ServerCertificate(str(issued.certificate), str(issued.key))


def trusted(authority: Authority) -> ssl.SSLContext:
    return trusting(str(authority.file), "--ca")


async def test_a_device_by_tls_and_one_without(make_gateway: MakeGateway, authority: Authority) -> None:
    certificate = shown(authority)
    gateway = await make_gateway(tls=TlsPort(certificate, 0))
    adapter = gateway.adapter
    assert [(door.scheme, door.port, door.path) for door in adapter.doors] == [
        ("ws", adapter.port, "/node"),
        ("wss", adapter.ports.tls_port, "/node"),
    ]
    url = f"wss://localhost:{adapter.ports.tls_port}/node?id=lamp"
    async with (
        connect(url, ssl=trusted(authority), proxy=None) as connection,
        device(gateway, "?id=plain") as plain,
    ):
        lamp = Device(connection)
        assert await lamp.hear() == {"request": "discover"}
        await lamp.update({"led": 0, "text": "x" * 15_000})
        await plain.update({"led": 0})
        await gateway.until(lambda: gateway.nodes.get("lamp", {}).get("led") == 0 and "led" in gateway.nodes["plain"])
        writing = asyncio.create_task(adapter.write("lamp", "led", 1))
        assert await lamp.hear() == {"endpoint": "led", "payload": 1}
        await lamp.update({"led": 1})
        assert await writing is None
        # A certificate that comes later is shown to who comes later; who is connected notices nothing.
        before = await asyncio.to_thread(certificate_of, adapter.ports.tls_port, trusted(authority))
        authority.issue("localhost", "127.0.0.1")
        certificate.reload()
        assert await asyncio.to_thread(certificate_of, adapter.ports.tls_port, trusted(authority)) != before
        await lamp.update({"led": 2})
        await gateway.until(lambda: gateway.nodes["lamp"]["led"] == 2)
        adapter.forget("lamp")
        assert (await lamp.closed())[0] == 1013
    await gateway.until(lambda: len(adapter._server) == 0)
    assert certificate.faults.counters.bad_records == certificate.faults.counters.handshakes_failed == 0


def certificate_of(port: int | None, context: ssl.SSLContext) -> bytes | None:
    assert port is not None
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sock,
        context.wrap_socket(sock, server_hostname="localhost") as tls,
    ):
        return tls.getpeercert(binary_form=True)


async def test_by_tls_alone(make_gateway: MakeGateway, authority: Authority) -> None:
    gateway = await make_gateway(tls=TlsPort(shown(authority), 0, alone=True))
    [door] = gateway.adapter.doors
    assert (door.scheme, gateway.adapter.ports.plain) == ("wss", [])
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(b"GET /node HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await reader.read()).endswith(b"\r\n\r\nThis port speaks TLS: use https:// or wss://\n")
    writer.close()


async def test_a_peers_fault_ends_its_own_connection(
    make_gateway: MakeGateway, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pyaiot.tls")
    certificate = shown(authority)
    gateway = await make_gateway(tls=TlsPort(certificate, 0))
    counters, port = certificate.faults.counters, gateway.adapter.ports.tls_port
    url = f"wss://127.0.0.1:{port}/node?id="
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(certificate_of, port, trusting("", "--ca"))
    await gateway.until(lambda: counters.handshakes_failed == 1)
    async with (
        connect(f"{url}good", ssl=trusted(authority), proxy=None) as good,
        connect(f"{url}bad", ssl=trusted(authority), proxy=None) as bad,
    ):
        await Device(good).update({"x": 1})
        await Device(bad).update({"x": 1})
        await gateway.until(lambda: {"good", "bad"} <= gateway.nodes.keys())
        # A record that nobody has encrypted, past the TLS of the client.
        os.write(bad.transport.get_extra_info("socket").fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))
        await asyncio.wait_for(bad.wait_closed(), PATIENCE_S)
        await gateway.until(lambda: "bad" not in gateway.nodes)
        await Device(good).update({"x": 2})
        await gateway.until(lambda: gateway.nodes["good"]["x"] == 2)
    assert (counters.bad_records, counters.handshakes_failed) == (1, 1)
    assert "127.0.0.1: no TLS connection: it does not trust the certificate (unknown ca)" in caplog.messages
    assert "127.0.0.1: disconnected: it sent a bad TLS record (decryption failed or bad record mac)" in caplog.messages


@pytest.mark.one_loop
async def test_handshakes_that_stall_are_few_and_end(
    make_gateway: MakeGateway, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfinished.Unfinished.__init__, "__defaults__", (3,))
    monkeypatch.setattr(server, "REQUEST_S", 0.5)
    certificate = shown(authority)
    gateway = await make_gateway(tls=TlsPort(certificate, 0))
    adapter = gateway.adapter
    stalled = [await asyncio.open_connection("127.0.0.1", adapter.ports.tls_port) for _ in range(5)]
    for _, writer in stalled:
        writer.write(b"\x16\x03\x01\x02")  # how a handshake begins
    await gateway.until(lambda: certificate.faults.counters.handshakes_crowded_out == 2)
    async with connect(
        f"wss://localhost:{adapter.ports.tls_port}/node?id=late", ssl=trusted(authority), proxy=None
    ) as late:
        await Device(late).update({"x": 1})
        await gateway.until(lambda: "late" in gateway.nodes)
        # Those that were left have the time of any request, and no more.
        await gateway.until(lambda: len(adapter._server) == 1)
    assert adapter.counters.late_requests > 0
    for _, writer in stalled:
        writer.transport.abort()


@pytest.mark.one_loop
async def test_who_does_not_read_or_says_too_much_is_bounded_as_without_tls(
    make_gateway: MakeGateway, authority: Authority
) -> None:
    gateway = await make_gateway(tls=TlsPort(shown(authority), 0))
    adapter = gateway.adapter
    url = f"wss://localhost:{adapter.ports.tls_port}/node?id="
    async with connect(f"{url}deaf", ssl=trusted(authority), proxy=None, max_queue=1) as deaf:
        await Device(deaf).update({"x": 0})
        await gateway.until(lambda: "deaf" in gateway.nodes)
        session = adapter._residents.at("deaf")
        with contextlib.suppress(WriteFailed):
            for _ in range(1_000):  # with no turn for it to read
                session.write("x", "y" * 60_000, lambda: None)
        assert adapter.counters.slow == 1
        await gateway.until(lambda: "deaf" not in gateway.nodes)
        deaf.transport.abort()
    async with connect(f"{url}loud", ssl=trusted(authority), proxy=None) as loud:
        for number in range(1_000):
            await Device(loud).update({"x": number})
        await gateway.until(lambda: gateway.nodes.get("loud", {}).get("x") == 999, "all it said, though held back")
    assert adapter.counters.paced > 0
