# SPDX-License-Identifier: BSD-3-Clause
"""The gateway that an MQTT adapter tells; an MQTT broker whose every byte a test decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from pyaiot.gateway.mqtt import packets
from pyaiot.gateway.mqtt.adapter import MqttAdapter
from pyaiot.gateway.mqtt.packets import Control, PacketReader
from pyaiot.gateway.mqtt.topics import COMMANDS
from pyaiot.wire.names import is_name
from tests.gateway.recording import RecordingGateway
from tests.patience import PATIENCE_S

#: CONNECT, PUBACK, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT.
FROM_CLIENT = frozenset((0x10, 0x40, 0x82, 0xA2, 0xC0, 0xE0))


class Gateway(RecordingGateway):
    """For an MQTT adapter."""

    adapter: MqttAdapter

    def __init__(self) -> None:
        super().__init__(MqttAdapter.protocol, MqttAdapter.title)
        #: The gateway is crowded once so many updates have come; None: never.
        self.crowded_at: int | None = None

    def seen(self, uid: str, **more: Any) -> bool:
        assert is_name(uid), "the adapter refuses such names itself"
        return super().seen(uid, **more)

    def reset(self, uid: str) -> None:
        raise AssertionError("MQTT devices do not say that")

    @property
    def crowded(self) -> bool:
        return self.crowded_at is not None and len(self.extras) >= self.crowded_at

    def relieve(self) -> None:
        """The gateway is crowded no more."""
        self.crowded_at = None
        self._changed.set()

    def updates(self) -> list[tuple[Any, ...]]:
        """The updates that came: uid, resource, data, and unit and age where there are any."""
        told = [entry[1:] for entry in self.log if entry[0] == "update"]
        return [(*entry, *extra) if any(extra) else entry for entry, extra in zip(told, self.extras, strict=True)]


class BrokerSession:
    """One connection of the gateway, from the MQTT broker's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._stream = reader
        self.writer = writer
        self._packets = PacketReader(kinds=FROM_CLIENT)
        self._ready: list[packets.Packet] = []

    async def next(self) -> packets.Packet:
        """The next packet of the gateway. Raises EOFError at its end. Nobody may look for retained commands here."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                while not self._ready:
                    data = await self._stream.read(65_536)
                    if not data:
                        raise EOFError
                    self._ready += self._packets.feed(data)
                packet = self._ready.pop(0)
                if not (isinstance(packet, Control) and packet.kind == 0x82 and COMMANDS.encode() in packet.body):
                    return packet
                self.writer.write(b"\x90\3" + packet.body[:2] + b"\x80")

    async def next_of(self, kind: int) -> Control:
        """The next packet that is no PUBLISH, which must be of ``kind``."""
        while not isinstance(packet := await self.next(), Control):
            pass
        assert packet.kind == kind, packet
        return packet

    async def admit(self, *, kept: bool = False) -> None:
        """CONNACK, SUBACK."""
        await self.next_of(0x10)
        self.writer.write(bytes((0x20, 2, kept, 0)))
        subscribe = await self.next_of(0x82)
        self.writer.write(b"\x90\5" + subscribe.body[:2] + b"\1\1\1")


Behaviour = Callable[[BrokerSession], Awaitable[None]]


@asynccontextmanager
async def broker_by_hand(*behaviours: Behaviour) -> AsyncIterator[int]:
    """A server that treats each connection by the next of ``behaviours``, the last for ever; its port.

    When a behaviour returns the connection is closed.
    """
    left = list(behaviours)
    faults: list[BaseException] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behaviour = left.pop(0) if len(left) > 1 else left[0]
        try:
            await behaviour(BrokerSession(reader, writer))
        except (EOFError, OSError, asyncio.CancelledError):
            pass
        except BaseException as fault:
            faults.append(fault)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for fault in faults:
            raise fault
