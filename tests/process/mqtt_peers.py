# SPDX-License-Identifier: BSD-3-Clause
"""MQTT 3.1.1 clients that the tests have in hand, byte by byte: they know what was acknowledged, and hear all."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.patience import PATIENCE_S

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP = 2, 3, 4, 9, 13


class Refused(Exception):
    """CONNACK was not 0; the code is the only argument."""


@dataclass(frozen=True)
class Heard:
    """A message that came for a subscription."""

    topic: str
    payload: bytes
    retained: bool

    @property
    def json(self) -> Any:
        """The payload, decoded."""
        return json.loads(self.payload)


def packet(head: int, body: bytes = b"") -> bytes:
    """A control packet (MQTT 3.1.1 section 2.2)."""
    length, size = len(body), b""
    while True:
        length, digit = divmod(length, 128)
        size += bytes((digit | (0x80 if length else 0),))
        if not length:
            return bytes((head,)) + size + body


def text(value: str | bytes) -> bytes:
    """A string as MQTT spells it (section 1.5.3)."""
    raw = value.encode() if isinstance(value, str) else value
    return len(raw).to_bytes(2, "big") + raw


class MqttPeer:
    """A client with a clean session and no keepalive. ``acknowledged`` holds the packet ids of PUBACKs that came."""

    def __init__(self, client_id: str, *, user: str = "", password: str = "", will: str = "") -> None:
        self.client_id = client_id
        self._user, self._password, self._will = user, password, will
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._mid = 0
        self.heard: list[Heard] = []
        self.acknowledged: set[int] = set()
        self.granted: list[int] = []
        self.lost = False
        #: Called with the packet id of each PUBACK.
        self.on_acknowledged: Callable[[int], None] = self.acknowledged.add

    async def connect(self, port: int) -> None:
        """Connect, and wait for CONNACK. Raises OSError, EOFError and Refused."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        flags = 2 | bool(self._user) << 7 | bool(self._password) << 6 | (0x0C if self._will else 0)
        body = text("MQTT") + bytes((4, flags, 0, 0)) + text(self.client_id)
        for part in (self._will, "lost" if self._will else "", self._user, self._password):
            body += text(part) if part else b""
        self._writer.write(packet(0x10, body))
        try:
            async with asyncio.timeout(PATIENCE_S):
                _, answer = await self._packet()
        except BaseException:
            self._writer.close()
            raise
        if answer[1]:
            self._writer.close()
            raise Refused(answer[1])
        self.lost = False
        self._task = asyncio.create_task(self._read(), name=f"MQTT peer {self.client_id}")

    async def subscribe(self, *topics: str) -> None:
        """Subscribe at QoS 1, and wait for SUBACK."""
        before = len(self.granted)
        self._writer.write(packet(0x82, self._next_mid() + b"".join(text(topic) + b"\1" for topic in topics)))
        await self.until(lambda: len(self.granted) == before + len(topics), "SUBACK")

    def publish(self, topic: str, payload: str | bytes, *, retain: bool = False) -> int:
        """Publish at QoS 1; the packet id, which is among ``acknowledged`` once PUBACK came."""
        mid = self._next_mid()
        raw = payload if isinstance(payload, bytes) else payload.encode()
        self._writer.write(packet(0x32 | retain, text(topic) + mid + raw))
        return int.from_bytes(mid, "big")

    async def told(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        """Publish at QoS 1, and wait until it is acknowledged."""
        mid = self.publish(topic, payload, retain=retain)
        await self.until(lambda: mid in self.acknowledged, f"PUBACK of {topic}")

    async def until(self, so: Callable[[], Any], what: str = "", within_s: float = PATIENCE_S) -> None:
        """Wait until ``so()`` is true."""
        try:
            async with asyncio.timeout(within_s):
                while not so():
                    if self.lost:
                        raise AssertionError(f"{self.client_id} lost its connection before {what or so}")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"not within {within_s} s: {what or so}; heard {self.heard}") from None

    async def hears(self, topic: str, *, after: int = 0, payload: bytes | None = None) -> Heard:
        """Wait for a message on ``topic``, of those ``after`` so many."""

        def found() -> Heard | None:
            of_topic = (each for each in self.heard[after:] if each.topic == topic)
            return next((each for each in of_topic if payload is None or each.payload == payload), None)

        await self.until(found, f"a message on {topic}")
        heard = found()
        assert heard is not None
        return heard

    def on(self, topic: str) -> list[Heard]:
        """What came on ``topic``."""
        return [each for each in self.heard if each.topic == topic]

    async def close(self, *, orderly: bool = True) -> None:
        """Go; not ``orderly``, the will is published."""
        if self._task is None:
            return
        if orderly and not self.lost:
            self._writer.write(b"\xe0\0")
            self._writer.close()
        else:
            self._writer.transport.abort()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    def _next_mid(self) -> bytes:
        self._mid = self._mid % 65_535 + 1
        return self._mid.to_bytes(2, "big")

    async def _packet(self) -> tuple[int, bytes]:
        head = (await self._reader.readexactly(1))[0]
        length = shift = 0
        while True:
            digit = (await self._reader.readexactly(1))[0]
            length |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                return head, await self._reader.readexactly(length)

    async def _read(self) -> None:
        try:
            while True:
                self._take(*await self._packet())
                self._news.set()
        except (OSError, EOFError):
            self.lost = True
            self._news.set()

    def _take(self, head: int, body: bytes) -> None:
        kind = head >> 4
        if kind == PUBACK:
            self.on_acknowledged(int.from_bytes(body, "big"))
        elif kind == SUBACK:
            self.granted += body[2:]
        elif kind == PUBLISH:
            size = int.from_bytes(body[:2], "big")
            topic, rest = body[2 : 2 + size].decode(), body[2 + size :]
            if head & 6:
                self._writer.write(b"\x40\2" + rest[:2])
                rest = rest[2:]
            self.heard.append(Heard(topic, rest, bool(head & 1)))


@asynccontextmanager
async def peer(
    port: int, client_id: str = "peer", *topics: str, user: str = "", password: str = "", will: str = ""
) -> AsyncIterator[MqttPeer]:
    """A client that is connected and subscribed to ``topics``; it goes in order."""
    made = MqttPeer(client_id, user=user, password=password, will=will)
    await made.connect(port)
    try:
        if topics:
            await made.subscribe(*topics)
        yield made
    finally:
        await made.close()
