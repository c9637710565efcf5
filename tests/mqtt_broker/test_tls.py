# SPDX-License-Identifier: BSD-3-Clause
"""MQTT devices by TLS, with Mosquitto's clients."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from pyaiot.mqtt_broker import connection
from pyaiot.tls.certificate import ServerCertificate
from pyaiot.tls.ports import TlsPort
from pyaiot.tls.trust import trusting
from tests.mqtt_broker.mqtt_client import running, until
from tests.patience import PATIENCE_S
from tests.tls.authority import Authority


async def publish(port: int | None, *options: str) -> int:
    """mosquitto_pub's exit code."""
    what = ("-q", "1", "-t", "node/hut/temperature", "-m", "21.5")
    command = ("mosquitto_pub", "-h", "localhost", "-p", str(port), *what, *options)
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    async with asyncio.timeout(PATIENCE_S):
        return await process.wait()


def joined(port: int | None, authority: Authority) -> ssl.SSLSocket:
    """A connection by TLS whose socket can be written to past TLS."""
    sock = socket.create_connection(("localhost", port), timeout=PATIENCE_S)
    return trusting(str(authority.file), "--ca").wrap_socket(sock, server_hostname="localhost")


@pytest.mark.needs("mosquitto_pub")
async def test_devices_publish_by_tls_and_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue("localhost")
    certificate = ServerCertificate(str(issued.certificate), str(issued.key))
    monkeypatch.setattr(connection, "CONNECT_S", 1.0)
    async with running(tmp_path, tls=TlsPort(certificate, 0)) as mqtt:
        broker, counters = mqtt.broker, certificate.faults.counters
        ports = broker.ports
        assert [scheme for scheme, _ in ports.by_scheme("mqtt", "mqtts")] == ["mqtt", "mqtts"]
        gateway = await mqtt.client("gateway")
        await gateway.subscribe("node/#")
        stalled = socket.create_connection(("localhost", ports.tls_port))
        stalled.sendall(b"\x16\x03\x01\x02")  # how a handshake begins
        assert await publish(ports.tls_port, "--cafile", str(authority.file)) == 0
        assert await publish(ports.port) == 0
        for _ in range(2):
            assert (await gateway.message()).payload == b"21.5"
        assert await publish(ports.tls_port, "--tls-use-os-certs") != 0
        await until(lambda: counters.handshakes_failed == 1)
        # Who speaks something else once TLS is there goes alone; who ends no handshake has the time of a login.
        with await asyncio.to_thread(joined, ports.tls_port, authority) as sock:
            await asyncio.to_thread(sock.sendall, b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00")
            assert (await asyncio.to_thread(sock.recv, 4))[:2] == b"\x20\x02"
            socket.socket.sendall(sock, b"\x17\x03\x03\x00\x20" + bytes(32))
            await until(lambda: counters.bad_records == 1)
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.to_thread(sock.recv, 1)
        await until(lambda: broker.counters.no_connect == 1)
        stalled.close()
        assert await publish(ports.tls_port, "--cafile", str(authority.file)) == 0
