# SPDX-License-Identifier: BSD-3-Clause
"""A gateway for devices that speak lines of text over TCP; docs/write-a-gateway.md explains it.

::

    device: porch-1 temperature 21.5     gateway: porch-1 ?          say your values, if you can
            porch-1                               porch-1 led 1      a command; the device then says what is true
            porch-1 bye                           ! no resource …    what the gateway did not take, and why
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pyaiot import lifecycle, options
from pyaiot.gateway.adapter import DeviceEvents, Refused, WriteFailed
from pyaiot.gateway.cli import make_gateway
from pyaiot.gateway.confirmation import CONFIRM_S, Confirmations
from pyaiot.gateway.questions import REPORT_S, Questions
from pyaiot.listening import bind, port_of
from pyaiot.settings import ALL_SETTINGS, GatewaySettings
from pyaiot.wire.messages import JSON

log = logging.getLogger("pyaiot.gateway.line")

MAX_CONNECTIONS = 1_000
#: Devices that one connection speaks for.
MAX_DEVICES = 64
MAX_LINE_BYTES = 1_024
#: A connection that says nothing for so long is closed, in seconds.
IDLE_S = 600.0
#: Commands that a device has not read yet, in bytes.
MAX_UNREAD_BYTES = 16_384


class LineAdapter:
    """Fulfils pyaiot.gateway.adapter.Adapter. A connection speaks for every device that it names."""

    protocol: ClassVar[str] = "line"
    title: ClassVar[str] = "Line"
    can_read: ClassVar[bool] = True

    def __init__(self, *, host: str = "localhost", port: int = 7000) -> None:
        self._host = host
        self.port = port
        self._servers: list[asyncio.Server] = []
        self._events: DeviceEvents | None = None
        self._devices: dict[str, asyncio.StreamWriter] = {}
        #: The other way round: whom each connection speaks for.
        self._uids: dict[asyncio.StreamWriter, set[str]] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._confirmations = Confirmations()
        self._questions = Questions()

    async def start(self, events: DeviceEvents) -> None:
        """Listen. Raises ConfigurationError (CannotListen)."""
        sockets = bind(self._host, self.port, "line")
        self.port = port_of(sockets)
        self._events = events
        for each in sockets:
            self._servers.append(await asyncio.start_server(self._connected, sock=each, limit=MAX_LINE_BYTES))
        log.info("Listening for line devices on port %d", self.port)

    async def stop(self) -> None:
        """Close everything; nothing is reported afterwards."""
        self._events = None
        for server in self._servers:
            server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def discover(self, uid: str) -> None:
        """Ask for all values; they come as lines like any other."""
        with contextlib.suppress(WriteFailed):
            self._send(uid, f"{uid} ?\n")

    async def write(self, uid: str, resource: str, data: JSON) -> None:
        """Send a command, and wait until the device itself reports it. Raises WriteFailed."""
        command = f"{uid} {resource} {spell(data)}\n"
        confirmed = asyncio.Event()
        with self._confirmations.expecting(uid, resource, data, confirmed.set) as expectation:
            self._send(uid, command)
            try:
                async with asyncio.timeout(CONFIRM_S):
                    await confirmed.wait()
            except TimeoutError:
                raise expectation.failure() from None

    async def read(self, uid: str, resource: str) -> None:
        """Ask for all values, and wait until the device reports this one. Raises WriteFailed."""
        reported = asyncio.Event()
        now = asyncio.get_running_loop().time()
        with self._questions.waiting(uid, resource, now, reported.set) as is_to_be_asked:
            if is_to_be_asked:
                self._send(uid, f"{uid} ?\n")
            try:
                async with asyncio.timeout(REPORT_S):
                    await reported.wait()
            except TimeoutError:
                raise WriteFailed("timeout", f"the device did not say {resource} within {REPORT_S:g} s") from None

    def _send(self, uid: str, line: str) -> None:
        writer = self._devices.get(uid)
        if writer is None:
            raise WriteFailed("offline", "the device is not connected")
        if writer.transport.get_write_buffer_size() + len(line) > MAX_UNREAD_BYTES:
            raise WriteFailed("offline", "the device does not read its commands")
        writer.write(line.encode())

    def forget(self, uid: str) -> None:
        """The node is out. Its connection may speak for others, and for it again."""
        writer = self._devices.pop(uid, None)
        if writer is not None:
            self._uids[writer].discard(uid)

    # One connection

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._events is None or len(self._connections) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._serve(self._events, reader, writer), name="line connection")
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        task.add_done_callback(lambda _: writer.transport.abort())  # also of one that was cancelled before it began

    async def _serve(self, events: DeviceEvents, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._uids[writer] = set()
        try:
            while True:
                if events.crowded:
                    await events.room()
                async with asyncio.timeout(IDLE_S):
                    line = await reader.readline()
                    if not line.endswith(b"\n"):
                        break
                    await self._take(events, line, writer)
        except (OSError, ValueError, TimeoutError) as error:  # it broke; a line was too long; nothing came
            log.info("A connection ended: %s", error or "nothing was said for too long")
        except Exception:
            log.exception("A fault of the line gateway; please report this")
        finally:
            for uid in self._uids.pop(writer):
                del self._devices[uid]
                if self._events is not None:
                    events.gone(uid, "closed")

    async def _take(self, events: DeviceEvents, line: bytes, writer: asyncio.StreamWriter) -> None:
        """One line: tell the gateway, and the device what was not taken."""
        try:
            match line.decode().split(maxsplit=2):
                case []:
                    pass
                case [uid]:
                    self._seen(events, uid, writer)
                case [uid, "bye"]:
                    events.gone(uid, "deregistered")
                case [uid, resource, text]:
                    if self._devices.get(uid) is not writer:
                        self._seen(events, uid, writer)
                    text = text.rstrip()
                    events.updated(uid, resource, text)
                    self._confirmations.reported(uid, resource, text)
                    self._questions.reported(uid, resource)
                case _:
                    raise Refused("send: <id> <resource> <value>")
        except (Refused, UnicodeDecodeError) as error:
            writer.write(f"! {error}\n".encode())
            await writer.drain()

    def _seen(self, events: DeviceEvents, uid: str, writer: asyncio.StreamWriter) -> None:
        mine = self._uids[writer]
        if uid not in mine and len(mine) >= MAX_DEVICES:
            raise Refused(f"a connection speaks for {MAX_DEVICES} devices at most")
        events.seen(uid, attributes={"ip": writer.get_extra_info("peername")[0]})
        self.forget(uid)
        self._devices[uid] = writer  # the newest connection that speaks for it is the one
        mine.add(uid)


def spell(data: JSON) -> str:
    """``data`` in a line. Raises WriteFailed."""
    text = str(int(data)) if isinstance(data, bool) else str(data)
    if not isinstance(data, str | int | float) or not text.isprintable() or len(text) > MAX_LINE_BYTES // 4:
        raise WriteFailed("unsupported", "a line has room for one short text or number")
    return text


@dataclass(frozen=True, kw_only=True)
class LineGatewaySettings(GatewaySettings):
    """The options of this gateway, besides those that all have."""

    line_host: str = options.option("localhost", "address to listen on for devices", metavar="HOST")
    line_port: int = options.option(7000, "TCP port to listen on for devices", kind="port")


def run(arguments: Sequence[str]) -> int:
    """Run the gateway with these flags; the exit code."""
    settings = options.load(
        LineGatewaySettings,
        program="line_gateway.py",
        description="A gateway for devices that speak lines of text.",
        arguments=arguments,
        known=ALL_SETTINGS,
    )
    adapter = LineAdapter(host=settings.line_host, port=settings.line_port)
    return lifecycle.run(make_gateway(adapter, settings), settings)


if __name__ == "__main__":
    sys.exit(lifecycle.main(lambda: run(sys.argv[1:])))
