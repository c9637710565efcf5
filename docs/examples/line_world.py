# SPDX-License-Identifier: BSD-3-Clause
"""How to be a device of the line gateway, for the tests that every adapter has to pass (pyaiot.testing.conformance)."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from typing import ClassVar

from docs.examples.line_gateway import LineAdapter
from pyaiot.gateway.adapter import Adapter
from pyaiot.testing.world import Device, World
from pyaiot.wire.messages import JSON

#: Lines that mean something, to be damaged.
LINES = (b"noisy\n", b"noisy temperature 21.5\n", b"noisy bye\n", b"! nonsense\n", b"noisy a b c\n", b"\n")


class LineDevice(Device):
    """A device on a connection of its own."""

    def __init__(self, port: int, uid: str) -> None:
        super().__init__(uid)
        self._port = port
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def hello(self) -> None:
        """See Device."""
        if self._writer is None:
            reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            self._reading = asyncio.create_task(self._read(reader), name=f"line device {self.uid}")
        await self._say(self.uid)

    async def report(self, resource: str, text: str) -> None:
        """See Device."""
        await self._say(f"{self.uid} {resource} {text}")

    async def leave(self) -> None:
        """See Device."""
        await self._say(f"{self.uid} bye")
        await self.vanish()

    async def vanish(self) -> None:
        """See Device."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _say(self, line: str) -> None:
        if self._writer is not None:
            self._writer.write(f"{line}\n".encode())
            await self._writer.drain()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                words = line.decode().split(maxsplit=2)
                if words == [self.uid, "?"]:
                    for resource, text in self.asked().items():
                        await self.report(resource, text)
                if len(words) == 3 and words[0] == self.uid:
                    resource, text = words[1], words[2].rstrip()
                    self.took(resource, text)
                    if self.manner != "ignore":
                        await self.report(resource, text if self.manner == "confirm" else "no")
        except OSError:
            pass
        finally:
            if self._writer is not None:
                self._writer.close()
                self._writer = None  # the next hello connects again


class LineWorld(World):
    """Line devices on loopback."""

    unsupported: ClassVar[Sequence[JSON]] = (None, [1], {"on": True}, "two\nlines", "x" * 2_000)

    def adapter(self, port: int = 0) -> LineAdapter:
        """See World."""
        return LineAdapter(host="127.0.0.1", port=port)

    def port(self, adapter: Adapter) -> int:
        """See World."""
        assert isinstance(adapter, LineAdapter)
        return adapter.port

    def device(self, adapter: Adapter, uid: str) -> LineDevice:
        """See World."""
        return LineDevice(self.port(adapter), uid)

    async def noise(self, adapter: Adapter, chance: random.Random, count: int) -> None:
        """See World: lines that are damaged, never end, or are cut short; 20 a connection."""
        for _ in range(0, count, 20):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port(adapter))
            with contextlib.suppress(OSError):
                for _ in range(20):
                    line = bytearray(chance.choice(LINES) * chance.choice((1, 1, 1, 500)))
                    for _ in range(chance.randrange(4)):
                        line[chance.randrange(len(line))] = chance.randrange(256)
                    writer.write(line)
                    await writer.drain()
                if chance.random() < 0.5:
                    writer.write_eof()
                    await reader.read()
            writer.transport.abort()
