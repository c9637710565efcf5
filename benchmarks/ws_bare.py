# SPDX-License-Identifier: BSD-3-Clause
"""The yardstick of WebSocket devices: the websockets library's own server, which only decodes what comes.

``python -m benchmarks.ws_bare json|msgspec``: a process of its own, which prints the port it listens on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource

import msgspec
import uvloop
from websockets.asyncio.server import ServerConnection, serve


async def receive_all(decoder: str) -> None:
    """Be a bare receiver, as the library's documentation shows it."""
    decode = json.loads if decoder == "json" else msgspec.json.decode

    async def receive(connection: ServerConnection) -> None:
        await connection.send('{"request":"discover"}')
        async for message in connection:
            decode(message)

    async with serve(receive, "127.0.0.1", 0, compression=None, max_size=16_384, backlog=1024) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()


def main() -> None:
    """Be that process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("decoder", choices=("json", "msgspec"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 16_384)), hard))
    uvloop.run(receive_all(parser.parse_args().decoder))


if __name__ == "__main__":
    main()
