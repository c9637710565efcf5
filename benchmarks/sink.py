# SPDX-License-Identifier: BSD-3-Clause
"""A broker that only counts and acknowledges, so that what is measured is a gateway alone.

``python -m benchmarks.sink KEYFILE``: prints its port; then answers each line of its input with the number of updates
so far, and the seconds since the last came. It does the handshake, but checks no signature of a frame.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import sys
import time

from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from benchmarks.processes import Server, Site
from pyaiot import keys
from pyaiot.wire import codec, handshake
from pyaiot.wire.messages import BrokerFrame
from pyaiot.wire.signing import SIGNATURE_CHARACTERS

FIRST = re.compile(r'"first":(\d+)')
UPDATE = '"type":"update"'
MESSAGE = '{"type":"'


class Counter:
    """All that came, of whatever gateway."""

    def __init__(self, path: str) -> None:
        self._keys = keys.load(path)
        self.updates = 0
        self.last = time.monotonic()

    async def serve(self, socket: ServerConnection) -> None:
        """One gateway."""
        broker = self._keys.broker
        assert broker is not None
        hello = handshake.make_hello(broker.public, secrets.token_bytes(handshake.NONCE_BYTES))
        await socket.send(hello)
        auth = await socket.recv()
        assert isinstance(auth, str)
        session = handshake.accept_auth(hello, auth, broker, self._keys.authorized.get)
        await socket.send(handshake.make_welcome(session, 0))
        async for frame in socket:
            assert isinstance(frame, str)
            first = FIRST.search(frame, SIGNATURE_CHARACTERS, SIGNATURE_CHARACTERS + 40)
            assert first is not None
            self.updates += frame.count(UPDATE)
            self.last = time.monotonic()
            ack = int(first[1]) + frame.count(MESSAGE) - 1
            await socket.send(session.sealer.seal(codec.encode(BrokerFrame(ack=ack))))


async def main(path: str) -> None:
    counter = Counter(path)
    async with serve(
        counter.serve, "127.0.0.1", 0, subprotocols=[Subprotocol(handshake.SUBPROTOCOL)], compression=None
    ) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, sys.stdin.readline):
            print(counter.updates, time.monotonic() - counter.last, flush=True)


class Sink(Server):
    """Such a process, with the keys of ``at``."""

    def __init__(self, at: Site) -> None:
        super().__init__([sys.executable, "-m", "benchmarks.sink", str(at.key_file)], r"^(\d+)$", stdin=True)

    def count(self) -> int:
        """Updates so far."""
        return int(self.ask("?").split()[0])

    def settled(self, quiet_s: float = 0.3) -> int:
        """The number of updates once nothing more comes."""
        for _ in range(600):
            count, quiet = self.ask("?").split()
            if float(quiet) >= quiet_s:
                return int(count)
            time.sleep(0.1)
        raise TimeoutError("updates still come after a minute")

    def wait_for(self, updates: int, within_s: float = 120) -> float:
        """Wait until so many have come; how long ago the last one was then, in seconds."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            count, quiet = self.ask("?").split()
            if int(count) >= updates:
                return float(quiet)
            time.sleep(0.01)
        raise TimeoutError(f"{self.count()} of {updates} updates came")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
