# SPDX-License-Identifier: BSD-3-Clause
"""The limits of what listens hold by TLS, too; who speaks plain HTTP there is told; many writes arrive whole."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tornado.web import Application
from tornado.websocket import WebSocketHandler
from websockets.asyncio.client import connect

from pyaiot import listening
from pyaiot.broker.framing import text_frame
from pyaiot.broker.websocket import Peer
from pyaiot.listening import bind, http_server, port_of
from pyaiot.tls.certificate import ServerCertificate
from pyaiot.tls.trust import trusting
from tests.patience import PATIENCE_S
from tests.test_listening import Hello, ends
from tests.tls.authority import Authority

#: More than the kernel holds for a reader that waits.
MESSAGES, BYTES = 400, 30_000


class Burst(Peer):
    """Writes at the stream, as all of the broker does."""

    def open(self, *args: str, **kwargs: str) -> None:
        super().open()
        self.limit_kernel_buffer(65_536)
        for number in range(MESSAGES):
            self.write_raw(text_frame(b"%06d" % number + b"x" * BYTES), lambda: None)


@pytest.fixture
def certificate(tmp_path: Path) -> ServerCertificate:
    issued = Authority(tmp_path).issue("localhost")
    return ServerCertificate(str(issued.certificate), str(issued.key))


@pytest.fixture
async def port(certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(listening, "MAX_CONNECTIONS", 20)
    monkeypatch.setattr(listening, "IDLE_S", 0.3)
    server = http_server(Application([("/", Hello), ("/burst", Burst)]), tls=certificate.context)
    sockets = bind("127.0.0.1", 0, "web")
    server.add_sockets(sockets)
    yield port_of(sockets)
    server.stop()
    await server.close_all_connections()


async def ask(port: int, tls: ssl.SSLContext | None) -> bytes:
    reader, writer = await asyncio.open_connection("localhost", port, ssl=tls)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.read()
    writer.close()
    return answer


async def test_who_begins_handshakes_and_ends_none_shuts_out_nobody(port: int, tmp_path: Path) -> None:
    tls = trusting(str(tmp_path / "ca.pem"), "--broker-ca")
    silent = []
    for _ in range(20):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setblocking(False)
        sock.send(b"\x16\x03\x01\x02")  # how a handshake begins
        silent.append(sock)
    assert (await ask(port, tls)).startswith(b"HTTP/1.1 200")
    async with asyncio.timeout(PATIENCE_S):
        assert await asyncio.gather(*(ends(sock) for sock in silent)) == [True] * 20
    for sock in silent:
        sock.close()


async def test_handshakes_that_stall_take_little_of_the_room(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One takes 60 KB: of 4,096 connections there may be 512 of that kind, and the oldest makes room."""
    monkeypatch.setattr(listening, "IDLE_S", PATIENCE_S)
    issued = Authority(tmp_path).issue("localhost")
    monkeypatch.setattr(listening, "MAX_AWAITED_BY_TLS", 4)
    server = http_server(
        Application([("/", Hello)]), tls=ServerCertificate(str(issued.certificate), str(issued.key)).context
    )
    sockets = bind("127.0.0.1", 0, "web")
    server.add_sockets(sockets)
    silent = [socket.create_connection(("127.0.0.1", port_of(sockets))) for _ in range(7)]
    for sock in silent:
        sock.setblocking(False)
    tls = trusting(str(tmp_path / "ca.pem"), "--broker-ca")
    # The first may come before those that were accepted with it are waited for; then they are.
    for _ in range(2):
        assert (await ask(port_of(sockets), tls)).startswith(b"HTTP/1.1 200")
    assert await asyncio.gather(*(ends(sock) for sock in silent[:4])) == [True] * 4
    for sock in silent[4:]:
        with pytest.raises(BlockingIOError):
            sock.recv(1)
    for sock in silent:
        sock.close()
    server.stop()
    await server.close_all_connections()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the old TLS
async def test_plain_http_is_told_and_other_noise_ends(
    port: int, certificate: ServerCertificate, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await ask(port, None)).endswith(b"\r\n\r\nThis port speaks TLS: use https:// or wss://\n")
    reader, writer = await asyncio.open_connection("localhost", port)
    writer.write(b"\x00\x01 no TLS at all \xff\xff")
    async with asyncio.timeout(PATIENCE_S):
        assert len(await reader.read()) <= len(b"alert..")
    writer.close()
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await ask(port, old)
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR", "CRITICAL")] == []
    assert certificate.faults.counters.handshakes_failed == 3


async def test_a_bad_record_is_told_with_whom_it_came_from(
    tmp_path: Path, port: int, certificate: ServerCertificate, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection(
        "localhost", port, ssl=trusting(str(tmp_path / "ca.pem"), "--broker-ca")
    )
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    async with asyncio.timeout(PATIENCE_S):
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        # One that nobody has encrypted, past the TLS of the client.
        os.write(writer.get_extra_info("socket").fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            await reader.read()
    writer.transport.abort()
    assert [(record.levelname, record.message) for record in caplog.records if record.levelname != "DEBUG"] == [
        ("WARNING", "127.0.0.1: disconnected: it sent a bad TLS record (decryption failed or bad record mac)")
    ]
    assert certificate.faults.counters.bad_records == 1
    assert {family.name: family.samples[0].value for family in certificate.families()}[
        "aiot_tls_bad_records_total"
    ] == 1


async def test_who_leaves_before_tls_begins_is_no_fault_of_ours(port: int, caplog: pytest.LogCaptureFixture) -> None:
    for said in (b"", b"x"):
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset ends it
            sock.sendall(said)
    assert (await ask(port, None)).startswith(b"HTTP/1.1 400")  # so both were accepted by now
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR", "CRITICAL")] == []


async def test_what_is_written_at_the_stream_arrives_whole_at_who_reads_late(port: int, tmp_path: Path) -> None:
    tls = trusting(str(tmp_path / "ca.pem"), "--broker-ca")
    assert issubclass(Burst, WebSocketHandler)
    async with connect(f"wss://localhost:{port}/burst", ssl=tls, proxy=None, max_queue=1) as client:
        async with asyncio.timeout(PATIENCE_S):
            for number in range(MESSAGES):
                assert await client.recv() == f"{number:06d}" + "x" * BYTES
