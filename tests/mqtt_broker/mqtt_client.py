# SPDX-License-Identifier: BSD-3-Clause
"""A client of MQTT 3.1.1 that says exactly what a test wants said, written from the standard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pyaiot import devices
from pyaiot.devices import Credential, Devices
from pyaiot.lifecycle import started
from pyaiot.mqtt_broker.broker import MqttBroker
from pyaiot.tls.ports import TlsPort
from tests.patience import PATIENCE_S
from tests.process.mqtt_peers import packet, text


def connect_packet(
    client_id: str = "",
    user: str | None = None,
    password: str | bytes | None = None,
    *,
    keepalive_s: int = 0,
    will: tuple[str, bytes] | None = None,
    will_flags: int = 0,
    clean: bool = True,
    level: int = 4,
) -> bytes:
    """A CONNECT."""
    flags = (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    flags |= (0x04 | will_flags if will else 0) | (0x02 if clean else 0)
    body = text("MQTT") + bytes((level, flags)) + keepalive_s.to_bytes(2, "big") + text(client_id)
    if will:
        body += text(will[0]) + text(will[1])
    body += text(user) if user is not None else b""
    body += text(password) if password is not None else b""
    return packet(0x10, body)


def publish_packet(topic: str, payload: bytes, qos: int = 0, packet_id: int = 1, retain: bool = False) -> bytes:
    """A PUBLISH."""
    number = packet_id.to_bytes(2, "big") if qos else b""
    return packet(0x30 | qos << 1 | retain, text(topic) + number + payload)


@dataclass
class Message:
    topic: str
    payload: bytes
    qos: int
    packet_id: int
    retain: bool


class Client:
    """One connection; what the broker sends is read by whoever asks for it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.messages: list[Message] = []
        self._last_id = 0

    @classmethod
    async def open(cls, port: int, host: str = "127.0.0.1") -> Client:
        """A connection on which nothing has been said."""
        return cls(*await asyncio.open_connection(host, port))

    @classmethod
    async def connect(
        cls, port: int, client_id: str = "", user: str | None = None, password: str | None = None
    ) -> Client:
        """A client that was accepted."""
        client = await cls.open(port)
        client.send(connect_packet(client_id, user, password))
        assert await client.packet() == (0x20, b"\0\0")
        return client

    def send(self, raw: bytes) -> None:
        self.writer.write(raw)

    async def packet(self) -> tuple[int, bytes]:
        """The next packet; raises IncompleteReadError when the broker has closed."""
        async with asyncio.timeout(PATIENCE_S):
            head = (await self.reader.readexactly(1))[0]
            length = shift = 0
            while True:
                digit = (await self.reader.readexactly(1))[0]
                length |= (digit & 0x7F) << shift
                shift += 7
                if digit < 0x80:
                    return head, await self.reader.readexactly(length)

    async def expect(self, head: int) -> bytes:
        """The body of the next packet that is no PUBLISH, which must begin so; messages are kept."""
        while True:
            found, body = await self.packet()
            if found & 0xF0 == 0x30:
                self.messages.append(read_publish(found, body))
                continue
            assert found == head, f"{found:#x}, not {head:#x}"
            return body

    async def message(self, *, acknowledge: bool = True) -> Message:
        """The next message, acknowledged."""
        if self.messages:
            found = self.messages.pop(0)
        else:
            head, body = await self.packet()
            assert head & 0xF0 == 0x30, f"{head:#x}"
            found = read_publish(head, body)
        if found.qos and acknowledge:
            self.send(packet(0x40, found.packet_id.to_bytes(2, "big")))
        return found

    def next_id(self) -> int:
        self._last_id = self._last_id % 65_535 + 1
        return self._last_id

    async def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> None:
        """Publish, and wait for the acknowledgement."""
        packet_id = self.next_id()
        self.send(publish_packet(topic, payload, qos, packet_id, retain))
        number = packet_id.to_bytes(2, "big")
        if qos == 1:
            assert await self.expect(0x40) == number
        elif qos == 2:
            assert await self.expect(0x50) == number
            self.send(packet(0x62, number))
            assert await self.expect(0x70) == number

    async def subscribe(self, *filters: str, qos: int = 1) -> list[int]:
        """Subscribe; the return codes."""
        number = self.next_id().to_bytes(2, "big")
        self.send(packet(0x82, number + b"".join(text(each) + bytes((qos,)) for each in filters)))
        body = await self.expect(0x90)
        assert body[:2] == number
        return list(body[2:])

    async def unsubscribe(self, *filters: str) -> None:
        number = self.next_id().to_bytes(2, "big")
        self.send(packet(0xA2, number + b"".join(map(text, filters))))
        assert await self.expect(0xB0) == number

    async def ping(self) -> None:
        self.send(packet(0xC0))
        assert await self.expect(0xD0) == b""

    async def closed(self) -> bytes:
        """Wait until the broker has closed; what it sent before."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self.reader.read(-1)
            except ConnectionError:
                return b""

    def disconnect(self) -> None:
        """Say goodbye."""
        self.send(packet(0xE0))
        self.writer.close()

    def vanish(self) -> None:
        """Go without a word."""
        self.writer.transport.abort()


def read_publish(head: int, body: bytes) -> Message:
    length = int.from_bytes(body[:2], "big")
    topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
    qos = head >> 1 & 3
    packet_id = int.from_bytes(rest[:2], "big") if qos else 0
    return Message(topic, rest[2:] if qos else rest, qos, packet_id, bool(head & 1))


class Running:
    """A broker that runs, and those who have a password there."""

    def __init__(self, broker: MqttBroker, device_file: Path) -> None:
        self.broker = broker
        self.device_file = device_file

    @property
    def port(self) -> int:
        return self.broker.port

    async def client(self, user: str | None = None, client_id: str = "") -> Client:
        """One that was accepted; ``gateway`` is the one in the process."""
        name, password = self.account(user)
        return await Client.connect(self.port, client_id, name, password)

    def account(self, user: str | None) -> tuple[str | None, str | None]:
        if user == "gateway":
            return self.broker.account
        return user, password_of(user) if user is not None else None


def password_of(user: str) -> str:
    return f"the password of {user}"


def store(path: Path, *users: str) -> None:
    """A device file with ``users``."""
    devices.store(path, Devices({user: Credential.of("device", password_of(user).encode()) for user in users}))


@asynccontextmanager
async def running(
    tmp_path: Path,
    *,
    require_password: bool = False,
    host: str = "localhost",
    alone: bool = False,
    tls: TlsPort | None = None,
) -> AsyncIterator[Running]:
    """A broker on a free port, where ``joe`` and ``ann`` have a password."""
    path = tmp_path / "private" / "devices"
    store(path, "joe", "ann")
    broker = MqttBroker(host=host, port=0, device_file=path, require_password=require_password, alone=alone, tls=tls)
    async with started(broker, "MQTT broker"):
        yield Running(broker, path)
        assert broker.counters.internal_errors == 0


async def until(is_so: object, timeout_s: float = PATIENCE_S) -> None:
    """Wait until ``is_so()`` is true."""
    async with asyncio.timeout(timeout_s):
        while not is_so():  # type: ignore[operator]
            await asyncio.sleep(0.01)
