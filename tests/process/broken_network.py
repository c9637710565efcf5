# SPDX-License-Identifier: BSD-3-Clause
"""A network between a gateway and its broker that does what networks do: cuts, stalls, delays, truncates, garbles."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

CHUNK_BYTES = 4096


class Network:
    """Forwards TCP connections to ``target`` on this host, and breaks as it is told to."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server: asyncio.Server
        self._roads: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._delay_s = 0.0
        self._open = True
        #: What happens once to the next bytes from the gateway: they are cut short, or one bit of them is flipped.
        self._mishap = ""
        self.connections = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        self._server.close()
        self.cut()
        for road in self._roads:
            road.cancel()
        await asyncio.gather(*self._roads, return_exceptions=True)

    # What can be wrong

    def cut(self) -> None:
        """Every connection breaks, both ends are told so by a reset."""
        for writer in self._writers:
            writer.transport.abort()

    def refuse(self) -> None:
        """Every connection breaks, and every new one at once, until :meth:`heal`."""
        self._open = False
        self.cut()

    def stall(self) -> None:
        """Nothing gets through any more, and nobody is told: half-open connections, new ones too."""
        self._flowing.clear()

    def delay(self, seconds: float) -> None:
        """From now on all bytes take so long."""
        self._delay_s = seconds

    def truncate(self) -> None:
        """The next bytes of the gateway arrive but for their second half; then the connection breaks."""
        self._mishap = "truncate"

    def garble(self) -> None:
        """In the next bytes of the gateway one bit is flipped."""
        self._mishap = "garble"

    def heal(self) -> None:
        """All is well for new connections; what was stalled stays lost, as behind a router that was switched off."""
        self.cut()
        self._delay_s = 0.0
        self._open = True
        self._flowing.set()

    # Roads

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if not self._open:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("localhost", self._target)
        self._writers |= {writer, far_writer}
        for source, sink, from_gateway in ((reader, far_writer, True), (far_reader, writer, False)):
            road = asyncio.create_task(self._carry(source, sink, writer, far_writer, from_gateway), name="road")
            self._roads.add(road)
            road.add_done_callback(self._roads.discard)

    async def _carry(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        writer: asyncio.StreamWriter,
        far_writer: asyncio.StreamWriter,
        from_gateway: bool,
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(CHUNK_BYTES):
                stalled = not self._flowing.is_set()
                await self._flowing.wait()
                if stalled:
                    break
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                if from_gateway and self._mishap:
                    mishap, self._mishap = self._mishap, ""
                    if mishap == "truncate":
                        sink.write(data[: len(data) // 2])
                        await sink.drain()
                        break
                    middle = len(data) // 2
                    data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
                sink.write(data)
                await sink.drain()
        for end in (writer, far_writer):
            self._writers.discard(end)
            end.close()


@asynccontextmanager
async def network(target: int) -> AsyncIterator[Network]:
    """A network in front of ``target``, whole until it is told otherwise."""
    made = Network(target)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()
